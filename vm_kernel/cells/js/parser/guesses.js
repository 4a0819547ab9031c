// Owns what a name of this very text will be, read off what it is declared with; refuses to go beyond plain cases.

import { tokTypes } from "acorn";
import { isWord, pathOf } from "./paths.js";

const OPENING = new Set([tokTypes.braceL, tokTypes.bracketL, tokTypes.parenL, tokTypes.dollarBraceL]);
const CLOSING = new Set([tokTypes.braceR, tokTypes.bracketR, tokTypes.parenR]);
const ENDS = new Set([tokTypes.semi, tokTypes.comma, tokTypes.braceR, tokTypes.eof]);

/** `{path, keys}` of the value that `name` is declared with last; keys: of an object literal, else empty. Null: not known. */
export function guess(list, name, text) {
  for (let i = list.length - 1; i > 0; i--) {
    if (list[i].type !== tokTypes.eq || list[i - 1].value !== name || list[i - 1].type !== tokTypes.name) continue;
    const before = list[i - 2];
    const declares = before?.type.keyword === "const" || before?.type.keyword === "var" || before?.value === "let";
    if (declares || before?.type === tokTypes.comma) return valueAt(list, i + 1, text);
  }
  return null;
}

function valueAt(list, start, text) {
  const end = endOf(list, start, text);
  if (end < start) return null;
  if (list[start].type === tokTypes.braceL && list[end].type === tokTypes.braceR) {
    return { path: [{ literal: "object" }], keys: keysOf(list.slice(start + 1, end)) };
  }
  const path = pathOf(list, end, text);
  return path && startsAt(list, start, end, path) ? { path, keys: [] } : null;
}

// The last token of the expression, which has to fill the rest of its statement.
function endOf(list, start, text) {
  let depth = 0;
  for (let i = start; i < list.length; i++) {
    const { type } = list[i];
    if (depth === 0 && i > start && (ENDS.has(type) || newLine(list, i, text))) return i - 1;
    if (OPENING.has(type)) depth++;
    else if (CLOSING.has(type) && --depth < 0) return i - 1;
  }
  return depth === 0 ? list.length - 1 : -1;
}

const newLine = (list, i, text) => /[\n\r]/.test(text.slice(list[i - 1].end, list[i].start)) && (isWord(list[i]) || list[i].type.startsExpr);

// `1 + a` ends with a path, too.
function startsAt(list, start, end, path) {
  const { type } = list[start];
  if (end === start) return true;
  if (type === tokTypes._new) return path.at(-1) === "prototype";
  if (type === tokTypes.bracketL || type === tokTypes.backQuote) return typeof path[0] === "object" && list[end].type !== tokTypes.name;
  return end - start === 2 * (path.length - 1);
}

function keysOf(inside) {
  const keys = [];
  let depth = 0;
  for (let i = 0; i < inside.length; i++) {
    const { type, value } = inside[i];
    if (depth === 0 && (i === 0 || inside[i - 1].type === tokTypes.comma)) {
      if (type === tokTypes.name || type === tokTypes.string) keys.push(value);
      else if (type.keyword) keys.push(type.keyword);
    }
    if (OPENING.has(type)) depth++;
    else if (CLOSING.has(type)) depth--;
  }
  return keys;
}
