// Owns what stands at a cursor: a name, a member's path or nothing that can be completed; refuses to know any value.
//
// Positions are UTF-16 units. A path is `[]` for names, `["a", "b"]` for what follows `a.b.`, null for nothing (in a comment,
// a string, behind a call). Its first part is a name, "this", or `{literal: "string" | "number" | "regexp" | ...}`.
// What the live session cannot know comes along: `names`, `[{text, type}]` of this text and of the language, for path `[]`
// only; and `name`, the path of what an inspect request at this cursor is about, or null.

import { tokTypes } from "acorn";
import { declaredIn, KEYWORDS } from "./declared.js";
import { tokens } from "./syntax.js";

const NOTHING = null;
const WORD = /[\p{ID_Continue}$\u200c\u200d]/u;

/** `{path, prefix, start, end, quote, names, name}`; start to end is what a match replaces, quote that of `a["b`, else null. */
export function target(source, cursor) {
  const at = place(source, cursor);
  const names = [];
  if (at.path?.length === 0) {
    for (const text of declaredIn(source, at)) if (text.startsWith(at.prefix)) names.push({ text, type: "variable" });
    for (const text of KEYWORDS) if (text.startsWith(at.prefix)) names.push({ text, type: "keyword" });
  }
  return { ...at, names, name: inspectTarget(source, cursor).path };
}

/** `{path, prefix, start, end, quote}`. */
export function place(source, cursor) {
  const text = source.slice(0, cursor);
  const { list, comments, error } = tokens(text);
  const nothing = { path: NOTHING, prefix: "", start: cursor, end: cursor, quote: null };
  if (inComment(comments, text, cursor)) return nothing;
  if (error) return insideString(text, list, error, cursor) ?? nothing;
  const last = list.at(-1);
  if (last?.type === tokTypes.privateId) return nothing;
  const typed = last && last.end === cursor && isWord(last) ? last : null;
  const prefix = typed ? text.slice(typed.start, cursor) : "";
  const path = pathBefore(list, typed ? list.length - 1 : list.length, text);
  return path === null ? nothing : { path, prefix, start: cursor - prefix.length, end: cursor, quote: null };
}

/** `{path, start, end}` of the whole name at the cursor, or of the function whose arguments it stands in; path null: none. */
export function inspectTarget(source, cursor) {
  let end = cursor;
  while (end < source.length && WORD.test(source[end])) end++;
  const here = place(source, end);
  if (here.path !== null && here.prefix !== "") return { path: [...here.path, here.prefix], start: here.start, end };
  const { list } = tokens(source.slice(0, cursor));
  let depth = 0;
  for (let i = list.length - 1; i >= 0; i--) {
    const { type } = list[i];
    if (type === tokTypes.parenR || type === tokTypes.bracketR || type === tokTypes.braceR) depth++;
    else if (type === tokTypes.parenL && depth === 0) {
      const callee = list[i - 1];
      const path = callee && isWord(callee) ? pathBefore(list, i - 1, source) : null;
      if (path) return { path: [...path, wordOf(callee, source)], start: callee.start, end: callee.end };
      break;
    } else if (type === tokTypes.parenL || type === tokTypes.bracketL || type === tokTypes.braceL) {
      if (depth > 0) depth--;
    }
  }
  return { path: null, start: cursor, end: cursor };
}

function inComment(comments, text, cursor) {
  const last = comments.at(-1);
  if (!last) return false;
  return last.type === "Line" ? last.end === cursor : last.end >= cursor && !text.endsWith("*/");
}

const isWord = (token) => token.type === tokTypes.name || token.type.keyword !== undefined;
const wordOf = (token, text) => text.slice(token.start, token.end);

// `a["b`: the string that the cursor is in names a member. Any other string, template or comment takes no completion.
function insideString(text, list, error, cursor) {
  const start = error.pos;
  const quote = text[start];
  if ((quote !== '"' && quote !== "'") || !/Unterminated string/.test(error.message)) return null;
  if (list.at(-1)?.type !== tokTypes.bracketL) return null;
  const path = pathOf(list, list.length - 2, text);
  const prefix = text.slice(start + 1);
  return path === null || prefix.includes("\\") ? null : { path, prefix, start: start + 1, end: cursor, quote };
}

// The path that a word at `index` follows: [] when no dot stands before it.
function pathBefore(list, index, text) {
  const before = list[index - 1];
  if (!before) return [];
  if (before.type !== tokTypes.dot && before.type !== tokTypes.questionDot) return declares(before) ? null : [];
  return pathOf(list, index - 2, text);
}

// A new name is being made up.
const declares = (token) => ["function", "class", "const", "var"].includes(token.type.keyword) ||
  (token.type === tokTypes.name && token.value === "let");

// The path that ends with the token at `index`; null when it cannot be known without running something.
function pathOf(list, index, text) {
  const token = list[index];
  if (!token) return null;
  const { type } = token;
  if (type === tokTypes._this) return ["this"];
  if (type === tokTypes._true || type === tokTypes._false) return [{ literal: "boolean" }];
  if (isWord(token)) {
    const before = list[index - 1];
    const member = before && (before.type === tokTypes.dot || before.type === tokTypes.questionDot);
    if (!member) return type === tokTypes.name ? [wordOf(token, text)] : null;
    const path = pathOf(list, index - 2, text);
    return path && [...path, wordOf(token, text)];
  }
  if (type === tokTypes.string) return [{ literal: "string" }];
  if (type === tokTypes.backQuote) return [{ literal: "string" }];
  if (type === tokTypes.num) return [{ literal: typeof token.value === "bigint" ? "bigint" : "number" }];
  if (type === tokTypes.regexp) return [{ literal: "regexp" }];
  if (type === tokTypes.bracketR) return afterBracket(list, index, text);
  if (type === tokTypes.parenR) return afterParenthesis(list, index, text);
  return null;
}

function opening(list, index, open, close) {
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
  let owner = open - 1;
  if (list[owner]?.type === tokTypes.questionDot) owner--;
  const before = list[owner];
  const subscript = before && (before.type === tokTypes.name || before.type === tokTypes._this || before.type === tokTypes.bracketR ||
    before.type === tokTypes.parenR || before.type === tokTypes.string || (isWord(before) && list[owner - 1]?.type === tokTypes.dot));
  if (!subscript) return [{ literal: "array" }];
  const key = list[open + 1];
  if (index !== open + 2 || (key.type !== tokTypes.string && key.type !== tokTypes.num)) return null;
  const path = pathOf(list, owner, text);
  return path && [...path, String(key.value)];
}

// `(a.b)` and `("x")`: one thing in parentheses, that no function is called with.
function afterParenthesis(list, index, text) {
  const open = opening(list, index, tokTypes.parenL, tokTypes.parenR);
  const before = list[open - 1];
  const called = before && (isWord(before) || [tokTypes.parenR, tokTypes.bracketR, tokTypes.backQuote].includes(before.type));
  if (open < 0 || called) return null;
  const inside = list.slice(open + 1, index);
  const path = inside.length ? pathOf(inside, inside.length - 1, text) : null;
  return path && spans(inside, path) ? path : null;
}

// Are these tokens nothing but the path? A path has a name or literal for each part and something between each two.
function spans(inside, path) {
  return inside.length === 2 * path.length - 1;
}
