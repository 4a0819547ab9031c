// Owns inspection without the live session, for when it is busy: the texts of cells and built-ins; refuses to know values.

import { answer, OF_LITERALS } from "../session/answer.js";
import { commentAbove, declarationOf } from "../session/definition.js";
import { signatureOf } from "../session/signature.js";
import { wordsOn } from "../session/words.js";
import { valueOf } from "./completion.js";
import { findInTexts } from "./names.js";
import { target } from "./target.js";

const LONGEST_LINE = 300;
const HEADS = /function|class/;
const FUNCTION_VALUE = /^\s*(?:const|let|var)\s+[\w$]+\s*(?::[^=]*)?=\s*(?=(?:async\b|function\b|class\b|\(|[\w$]+\s*=>))/;

/** The content of an inspect reply. */
export function explain(source, cursor, language) {
  const { name, about } = target(source, cursor, language);
  const found = about ? answer(about, "", "", "") : name === null ? null : (onDeclaration(name, source) ?? onBuiltIn(name));
  if (found === null) return { found: false, data: {}, metadata: {} };
  return { found: true, data: { "text/plain": found.plain, "text/markdown": found.markdown }, metadata: {} };
}

// The text at the cursor is the newest of all.
function onDeclaration(path, source) {
  if (path.length !== 1 || typeof path[0] !== "string") return null;
  const [name] = path;
  const look = (text) => {
    const declaration = text.includes(name) ? declarationOf(text, name) : null;
    return declaration && describe(text, declaration, name);
  };
  return look(source) ?? findInTexts(look);
}

function describe(text, { start, keyword }, name) {
  const rest = text.slice(start);
  const comment = commentAbove(text, start);
  if (HEADS.test(keyword)) {
    const { signature, comment: inside } = signatureOf(rest);
    return answer(`${name}: ${keyword.includes("class") ? "class" : "function"}`, signature, "", inside || comment);
  }
  const value = FUNCTION_VALUE.exec(rest);
  const shown = value ? `${rest.slice(0, value[0].length).trim()} ${signatureOf(rest.slice(value[0].length)).signature}` : rest.split(/[\n\r]/, 1)[0];
  return answer(`${name}: declared in a cell`, shown.slice(0, LONGEST_LINE), "", comment);
}

function onBuiltIn(path) {
  const value = valueOf(path);
  if (typeof value !== "function") return null;
  const known = wordsOn(value);
  const name = path.map((part) => (typeof part === "object" ? OF_LITERALS[part.literal] : part)).join(".");
  return answer(`${name}: function`, `${value.name}${known?.parameters ?? "()"}`, "", known?.words ?? "");
}
