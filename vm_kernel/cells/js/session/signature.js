// Owns reading a function's source up to its body: its head, its parameters and the comment inside; refuses to know the function.

import { create, regExpExec, stringIndexOf, stringSlice, stringStartsWith, stringTrim } from "./intrinsics.js";
import { commentText } from "./definition.js";
import { linesOf } from "./text.js";

const BLANK = /\s/, NAME_CHARACTER = /[\w$]/;
const LONGEST = 50_000; // of a class, when its constructor is looked for

/** `{signature, comment}`; comment is a block comment at the body's start or before the head, "" when there is none. */
export function signatureOf(source) {
  const end = bodyStart(source);
  const read = create(null);
  read.signature = oneLine(stringTrim(stringSlice(source, 0, end)));
  // What a class begins with is about its first member.
  const inside = stringStartsWith(source, "class") ? "" : block(stringSlice(source, end + (source[end] === "{" ? 1 : 0)));
  read.comment = inside || block(source);
  return read;
}

function block(text) {
  const start = stringTrim(text);
  return stringStartsWith(start, "/*") ? commentText(start) : "";
}

/** The function or class that `text` begins with, to the end of its body. */
export function wholeOf(text) {
  const start = bodyStart(text);
  return stringSlice(text, 0, start < text.length ? closing(text, start) + 1 : start);
}

/** `(a, b = 2)`; of a class those of its constructor; "" where there are none to be seen. */
export function parametersOf(source) {
  if (stringStartsWith(source, "class")) return constructorParameters(source);
  const end = bodyStart(source), head = stringSlice(source, 0, end);
  const open = stringIndexOf(head, "(");
  if (open < 0) return stringIndexOf(head, "=>") < 0 ? "" : `(${stringTrim(stringSlice(head, 0, stringIndexOf(head, "=>")))})`;
  return oneLine(stringSlice(head, open, closing(head, open) + 1));
}

function constructorParameters(source) {
  let depth = 0;
  for (let i = 0; i < source.length && i < LONGEST; i++) {
    const after = skipped(source, i);
    if (after !== i) i = after;
    else if (source[i] === "{" || source[i] === "(") depth++;
    else if (source[i] === "}" || source[i] === ")") depth--;
    else if (depth === 1 && source[i] === "c" && stringSlice(source, i, i + 11) === "constructor" && regExpExec(NAME_CHARACTER, source[i - 1]) === null) {
      const open = stringIndexOf(source, "(", i);
      return open < 0 ? "" : oneLine(stringSlice(source, open, closing(source, open) + 1));
    }
  }
  return "";
}

// The bracket that closes the one at `open`.
function closing(source, open) {
  let depth = 0;
  for (let i = open; i < source.length; i++) {
    const after = skipped(source, i);
    if (after !== i) i = after;
    else if (source[i] === "(" || source[i] === "{" || source[i] === "[") depth++;
    else if ((source[i] === ")" || source[i] === "}" || source[i] === "]") && --depth === 0) return i;
  }
  return source.length;
}

// The `{` of the body, or the end of `=>`; classes end their head at the first `{` outside of brackets, but for one of a type.
function bodyStart(source) {
  let depth = 0, last = "";
  for (let i = 0; i < source.length; i++) {
    const character = source[i], after = skipped(source, i);
    if (after !== i) i = after;
    else if (character === "(" || character === "[") depth++;
    else if (character === ")" || character === "]") depth--;
    else if (character === "{") {
      if (depth === 0 && last !== ":") return i;
      depth++;
    } else if (character === "}") depth--;
    else if (depth === 0 && character === "=" && source[i + 1] === ">") return afterArrow(source, i + 2);
    if (regExpExec(BLANK, character) === null) last = character;
  }
  return source.length;
}

function afterArrow(source, from) {
  let at = from;
  while (at < source.length && regExpExec(BLANK, source[at]) !== null) at++;
  return source[at] === "{" ? at : from;
}

// The last character of the string or comment that begins at `at`; `at` itself where none does.
function skipped(source, at) {
  const character = source[at];
  if (character === "'" || character === '"' || character === "`") return skipString(source, at, character);
  return character === "/" && (source[at + 1] === "*" || source[at + 1] === "/") ? skipComment(source, at) : at;
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
