// Owns reading a function's source up to its body: its head and the comment that documents it; refuses to know the function.

import { create, regExpExec, stringIndexOf, stringSlice, stringStartsWith, stringTrim } from "./intrinsics.js";
import { linesOf } from "./text.js";

const BLANK = /\s/;

/** `{signature, comment}`; comment is the first block comment before the body or at its start, "" when there is none. */
export function signatureOf(source) {
  const end = bodyStart(source);
  const read = create(null);
  read.signature = oneLine(stringTrim(stringSlice(source, 0, end)));
  read.comment = leadingComment(stringTrim(stringSlice(source, end + (source[end] === "{" ? 1 : 0)))) ||
    leadingComment(stringTrim(source));
  return read;
}

// The `{` of the body, or the end of `=>`; classes end their head at the first `{` outside of brackets.
function bodyStart(source) {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const character = source[i];
    if (character === "'" || character === '"' || character === "`") i = skipString(source, i, character);
    else if (character === "/" && (source[i + 1] === "*" || source[i + 1] === "/")) i = skipComment(source, i);
    else if (character === "(" || character === "[") depth++;
    else if (character === ")" || character === "]") depth--;
    else if (character === "{") {
      if (depth === 0) return i;
      depth++;
    } else if (character === "}") depth--;
    else if (depth === 0 && character === "=" && source[i + 1] === ">") return afterArrow(source, i + 2);
  }
  return source.length;
}

function afterArrow(source, from) {
  let at = from;
  while (at < source.length && regExpExec(BLANK, source[at]) !== null) at++;
  return source[at] === "{" ? at : from;
}

function skipString(source, start, mark) {
  let at = start + 1;
  while (at < source.length && source[at] !== mark) at += source[at] === "\\" ? 2 : 1;
  return at;
}

function skipComment(source, start) {
  const line = source[start + 1] === "/";
  const end = stringIndexOf(source, line ? "\n" : "*/", start + 2);
  return end < 0 ? source.length : end + (line ? 0 : 1);
}

function oneLine(text) {
  const lines = linesOf(text);
  let joined = "";
  for (let i = 0; i < lines.length; i++) joined += (i > 0 ? " " : "") + stringTrim(lines[i]);
  return joined;
}

// Without the stars at the beginning of its lines.
function leadingComment(text) {
  if (!stringStartsWith(text, "/*")) return "";
  const end = stringIndexOf(text, "*/");
  if (end < 0) return "";
  const lines = linesOf(stringSlice(text, stringStartsWith(text, "/**") ? 3 : 2, end));
  let comment = "";
  for (let i = 0; i < lines.length; i++) {
    const line = stringTrim(lines[i]);
    comment += (i > 0 ? "\n" : "") + (stringStartsWith(line, "*") ? stringTrim(stringSlice(line, 1)) : line);
  }
  return stringTrim(comment);
}
