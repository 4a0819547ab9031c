// Owns what stands at a cursor: a name, a member's path, a magic, or nothing that can be completed; refuses to know any value.
//
// Positions are UTF-16 units. A path (paths.js) is `[]` for names, `["a", "b"]` for what follows `a.b.`, null for nothing (in a
// comment, a string, behind a call). What the live session cannot know comes along: `names`, `[{text, type}]` of this text and
// of the language; `guess`, what the path's first name will be (guesses.js); `name`, the path of what an inspect request at
// this cursor is about, or null; `about`, a sentence on it where it is no value.

import { tokTypes } from "acorn";
import { declaredIn, KEYWORDS, TYPE_KEYWORDS } from "./declared.js";
import { guess } from "./guesses.js";
import { MAGICS, readHead } from "./head.js";
import { isMember, isWord, pathOf } from "./paths.js";
import { tokens } from "./syntax.js";

const NOTHING = null;
const WORD = /[\p{ID_Continue}$\u200c\u200d]/u;
/** What a value ends with: no name can follow at once. */
const VALUES = new Set([tokTypes.num, tokTypes.string, tokTypes.regexp, tokTypes.backQuote, tokTypes.parenR, tokTypes.bracketR, tokTypes.braceR]);

/** `{path, prefix, start, end, quote, names, guess, name, about}`; a match replaces start to end; quote: that of `a["b`, else null. */
export function target(source, cursor, language) {
  const head = readHead(source, language);
  const magic = head.words.find(({ start, end }) => start < cursor && cursor <= end);
  if (magic || head.magic !== null) return magicTarget(source, cursor, magic);
  const at = place(head.code, cursor);
  const names = at.path?.length === 0 ? namesAt(head, at) : [];
  const { path: name } = inspectTarget(head.code, cursor);
  return { ...at, names, guess: at.path?.length ? guessAt(head.code, at, at.path[0]) : null, name, about: null };
}

function magicTarget(source, cursor, magic) {
  const nothing = { path: NOTHING, prefix: "", start: cursor, end: cursor, quote: null, names: [], guess: null, name: null, about: null };
  if (!magic) return nothing;
  const prefix = source.slice(magic.start, cursor);
  const names = Object.keys(MAGICS).filter((name) => name.startsWith(prefix)).map((text) => ({ text, type: "magic" }));
  return { ...nothing, prefix, start: magic.start, names, about: MAGICS[magic.name]?.join("\n\n") ?? null };
}

function namesAt({ code, typescript }, at) {
  const wanted = (names, type) => names.filter((text) => text.startsWith(at.prefix)).map((text) => ({ text, type }));
  const own = wanted([...declaredIn(code, at)].sort(), "variable");
  return [...own, ...wanted(typescript ? [...KEYWORDS, ...TYPE_KEYWORDS].sort() : KEYWORDS, "keyword")];
}

function guessAt(code, at, name) {
  return typeof name === "string" ? guess(tokens(code.slice(0, at.start)).list, name, code) : null;
}

/** `{path, prefix, start, end, quote}`. */
export function place(source, cursor) {
  const text = source.slice(0, cursor);
  const { list, comments, error } = tokens(text);
  const nothing = { path: NOTHING, prefix: "", start: cursor, end: cursor, quote: null };
  if (inComment(comments, text, cursor)) return nothing;
  if (error) return insideString(text, list, error, cursor) ?? nothing;
  const last = list.at(-1);
  if (last?.type === tokTypes.privateId || (last?.end === cursor && VALUES.has(last.type))) return nothing;
  const typed = last && last.end === cursor && isWord(last) ? last : null;
  const prefix = typed ? text.slice(typed.start, cursor) : "";
  const path = pathBefore(list, typed ? list.length - 1 : list.length, text);
  return path === null ? nothing : { path, prefix, start: cursor - prefix.length, end: cursor, quote: null };
}

/** `{path, start, end}` of the whole name at the cursor, or of the function whose arguments it stands in; path null: none. */
export function inspectTarget(source, cursor) {
  let end = cursor;
  while (end < source.length && WORD.test(source[end])) end++;
  const { list, comments, error } = tokens(source.slice(0, end));
  const index = list.length - 1;
  const here = list[index];
  if (here && !error && here.end === end && isWord(here) && !inComment(comments, source.slice(0, end), end)) {
    const path = isMember(list[index - 1]) ? pathOf(list, index - 2, source) : [];
    const found = path && [...path, source.slice(here.start, end)];
    if (found && !(found.length === 1 && here.type.keyword && here.type !== tokTypes._this)) return { path: found, start: here.start, end };
  }
  return calleeAround(source, cursor);
}

function calleeAround(source, cursor) {
  const { list } = tokens(source.slice(0, cursor));
  let depth = 0;
  for (let i = list.length - 1; i >= 0; i--) {
    const { type } = list[i];
    if (type === tokTypes.parenR || type === tokTypes.bracketR || type === tokTypes.braceR) depth++;
    else if (type === tokTypes.parenL && depth === 0) {
      const callee = list[i - 1];
      const path = callee && isWord(callee) ? pathOf(list, i - 1, source) : null;
      if (path) return { path, start: callee.start, end: callee.end };
    } else if (type === tokTypes.parenL || type === tokTypes.bracketL || type === tokTypes.braceL || type === tokTypes.dollarBraceL) {
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

// `a["b`: the string that the cursor is in names a member. Any other string, template or comment takes no completion.
function insideString(text, list, error, cursor) {
  const start = error.pos;
  const quote = text[start];
  if ((quote !== '"' && quote !== "'") || !/Unterminated string/.test(error.message)) return null;
  if (list.at(-1)?.type !== tokTypes.bracketL) return null;
  const path = pathOf(list, list.length - (list.at(-2)?.type === tokTypes.questionDot ? 3 : 2), text);
  const prefix = text.slice(start + 1);
  return path === null || prefix.includes("\\") ? null : { path, prefix, start: start + 1, end: cursor, quote };
}

// The path that a word at `index` follows: [] when no dot stands before it.
function pathBefore(list, index, text) {
  const before = list[index - 1];
  if (!before) return [];
  if (!isMember(before)) return declares(before) ? null : [];
  return pathOf(list, index - 2, text);
}

// A new name is being made up.
const declares = (token) => ["function", "class", "const", "var"].includes(token.type.keyword) ||
  (token.type === tokTypes.name && ["let", "enum", "interface"].includes(token.value));
