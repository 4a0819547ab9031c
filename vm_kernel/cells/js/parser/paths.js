// Owns reading off tokens which value an expression means: `a.b`, `"x"`, `new Map()`; refuses to know any value.
//
// A path is a list: first a name, "this", or `{literal: "string" | "number" | "regexp" | ...}`, then names of members. It is
// null for what cannot be known without running something.

import { tokTypes } from "acorn";

const LITERALS = new Map([[tokTypes.string, "string"], [tokTypes.backQuote, "string"], [tokTypes.regexp, "regexp"],
  [tokTypes._true, "boolean"], [tokTypes._false, "boolean"]]);
const MEMBER = new Set([tokTypes.dot, tokTypes.questionDot]);

export const isWord = (token) => token.type === tokTypes.name || token.type.keyword !== undefined;
export const isMember = (token) => token !== undefined && MEMBER.has(token.type);
const wordOf = (token, text) => text.slice(token.start, token.end);

/** The path that ends with the token at `index`. */
export function pathOf(list, index, text) {
  const token = list[index];
  if (!token) return null;
  const { type } = token;
  if (type === tokTypes._this) return ["this"];
  if (LITERALS.has(type)) return [{ literal: LITERALS.get(type) }];
  if (type === tokTypes.num) return [{ literal: typeof token.value === "bigint" ? "bigint" : "number" }];
  if (isWord(token)) {
    if (!isMember(list[index - 1])) return type === tokTypes.name ? [wordOf(token, text)] : null;
    const path = pathOf(list, index - 2, text);
    return path && [...path, wordOf(token, text)];
  }
  // TypeScript's `a!.b`.
  if (type === tokTypes.prefix && token.value === "!") return pathOf(list, index - 1, text);
  if (type === tokTypes.bracketR) return afterBracket(list, index, text);
  if (type === tokTypes.parenR) return afterParenthesis(list, index, text);
  return null;
}

/** The index of the bracket that the one at `index` closes, -1 if there is none. */
export function opening(list, index, open, close) {
  let depth = 0;
  for (let i = index; i >= 0; i--) {
    if (list[i].type === close) depth++;
    else if (list[i].type === open && --depth === 0) return i;
  }
  return -1;
}

// `a["b"]` and `a[0]`, or a list.
function afterBracket(list, index, text) {
  const open = opening(list, index, tokTypes.bracketL, tokTypes.bracketR);
  if (open < 0) return null;
  const owner = list[open - 1]?.type === tokTypes.questionDot ? open - 2 : open - 1;
  const before = list[owner];
  const subscript = before && (before.type === tokTypes.name || before.type === tokTypes._this || before.type === tokTypes.bracketR ||
    before.type === tokTypes.parenR || before.type === tokTypes.string || (isWord(before) && list[owner - 1]?.type === tokTypes.dot));
  if (!subscript) return [{ literal: "array" }];
  const key = list[open + 1];
  if (index !== open + 2 || (key.type !== tokTypes.string && key.type !== tokTypes.num)) return null;
  const path = pathOf(list, owner, text);
  return path && [...path, String(key.value)];
}

// `(a.b)`, `("x")`, `(a as T)` and `new A(...)`; a call is not followed.
function afterParenthesis(list, index, text) {
  const open = opening(list, index, tokTypes.parenL, tokTypes.parenR);
  const before = list[open - 1];
  if (open < 0) return null;
  if (before && (isWord(before) || [tokTypes.parenR, tokTypes.bracketR, tokTypes.backQuote].includes(before.type))) {
    return instanceOf(list, open - 1, text);
  }
  let inside = list.slice(open + 1, index);
  const cast = inside.findIndex((token, at) => at > 0 && token.type === tokTypes.name && (token.value === "as" || token.value === "satisfies"));
  if (cast > 0) inside = inside.slice(0, cast);
  const path = inside.length ? pathOf(inside, inside.length - 1, text) : null;
  return path && spans(inside, path) ? path : null;
}

// The class whose name ends at `index`, if `new` stands before it.
function instanceOf(list, index, text) {
  const path = pathOf(list, index, text);
  if (!path || typeof path[0] !== "string") return null;
  const start = index - 2 * (path.length - 1);
  return list[start - 1]?.type === tokTypes._new ? [...path, "prototype"] : null;
}

// Are these tokens nothing but the path? A path has a name or literal for each part and something between each two.
function spans(inside, path) {
  return inside.length === 2 * path.length - 1 || (inside[0].type === tokTypes._new && path.at(-1) === "prototype");
}
