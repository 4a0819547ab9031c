// Owns reading the names that a text declares off its tokens, so that half-written text has names too; refuses to parse.

import { tokTypes } from "acorn";
import { tokens } from "./syntax.js";

export const KEYWORDS = ["async", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else",
  "extends", "false", "finally", "for", "function", "if", "import", "in", "instanceof", "let", "new", "null", "of", "return", "static",
  "super", "switch", "this", "throw", "true", "try", "typeof", "undefined", "using", "var", "void", "while", "with", "yield"];

/** Names that the text declares before or behind the cursor, whether or not it can be parsed. */
export function declaredIn(source, at) {
  const names = new Set();
  const read = (text) => collectNames(tokens(text).list, names);
  read(source.slice(0, at.start));
  // Behind a half-written word or string the tokens start anew.
  read(source.slice(at.end));
  return names;
}

function collectNames(list, names) {
  for (let i = 0; i < list.length; i++) {
    const { type, value } = list[i];
    const next = list[i + 1];
    if (type.keyword === "var" || type.keyword === "const" || (type === tokTypes.name && (value === "let" || value === "using"))) {
      bindings(list, i + 1, names);
    } else if (type.keyword === "class" && next?.type === tokTypes.name) names.add(next.value);
    else if (type.keyword === "function") {
      const start = next?.type === tokTypes.star ? i + 2 : i + 1;
      if (list[start]?.type === tokTypes.name) names.add(list[start].value);
      parameters(list, list[start]?.type === tokTypes.name ? start + 1 : start, names);
    } else if (type.keyword === "catch" || type.keyword === "import") parameters(list, i + 1, names);
    else if (type === tokTypes.arrow) beforeArrow(list, i, names);
  }
}

// `let a, {b: c, d = 1} = x`: up to the first `=` outside of brackets, and again behind each comma there.
function bindings(list, start, names) {
  let depth = 0;
  let binding = true;
  for (let i = start; i < list.length; i++) {
    const { type, value } = list[i];
    if (type === tokTypes.braceL || type === tokTypes.bracketL || type === tokTypes.parenL) depth++;
    else if (type === tokTypes.braceR || type === tokTypes.bracketR || type === tokTypes.parenR) {
      if (--depth < 0) return;
    } else if (depth === 0 && type === tokTypes.comma) binding = true;
    else if (depth === 0 && (type === tokTypes.eq || type === tokTypes._in)) binding = false;
    else if (depth === 0 && (type === tokTypes.semi || (type === tokTypes.name && value === "of"))) return;
    else if (type === tokTypes.name && binding && list[i + 1]?.type !== tokTypes.colon) {
      names.add(value);
      // Without a comma or an equals sign behind it, a name ends the declaration.
      if (depth === 0 && ![tokTypes.comma, tokTypes.eq, tokTypes._in].includes(list[i + 1]?.type)) return;
    }
  }
}

function parameters(list, start, names) {
  const first = list[start]?.type;
  if (first !== tokTypes.parenL && first !== tokTypes.braceL && first !== tokTypes.name) return;
  let depth = 0;
  for (let i = start; i < list.length; i++) {
    const { type, value } = list[i];
    if (type === tokTypes.parenL || type === tokTypes.braceL || type === tokTypes.bracketL) depth++;
    else if (type === tokTypes.parenR || type === tokTypes.braceR || type === tokTypes.bracketR) depth--;
    else if (type === tokTypes.name && list[i + 1]?.type !== tokTypes.colon && value !== "as" && value !== "from") names.add(value);
    if (depth === 0) return;
  }
}

function beforeArrow(list, arrow, names) {
  const last = list[arrow - 1];
  if (last?.type === tokTypes.name) names.add(last.value);
  if (last?.type !== tokTypes.parenR) return;
  let depth = 0;
  for (let i = arrow - 1; i >= 0; i--) {
    if (list[i].type === tokTypes.parenR) depth++;
    else if (list[i].type === tokTypes.parenL && --depth === 0) return parameters(list, i, names);
  }
}
