// Owns reading the names that a text declares off its tokens, so that half-written text has names too; refuses to parse.

import { tokTypes } from "acorn";
import { opening } from "./paths.js";
import { tokens } from "./syntax.js";

export const KEYWORDS = ["async", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else",
  "extends", "false", "finally", "for", "function", "if", "import", "in", "instanceof", "let", "new", "null", "of", "return", "static",
  "super", "switch", "this", "throw", "true", "try", "typeof", "undefined", "using", "var", "void", "while", "with", "yield"];
export const TYPE_KEYWORDS = ["abstract", "any", "as", "asserts", "bigint", "boolean", "declare", "enum", "implements", "infer", "interface",
  "is", "keyof", "never", "number", "object", "private", "protected", "public", "readonly", "satisfies", "string", "symbol", "type", "unique",
  "unknown"];

const OPENING = new Set([tokTypes.braceL, tokTypes.bracketL, tokTypes.parenL, tokTypes.dollarBraceL]);
const CLOSING = new Set([tokTypes.braceR, tokTypes.bracketR, tokTypes.parenR]);

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
    const named = next?.type === tokTypes.name;
    if (type.keyword === "var" || type.keyword === "const" || (type === tokTypes.name && (value === "let" || value === "using"))) {
      if (type.keyword === "const" && next?.value === "enum") continue;
      bound(list, i + 1, names);
    } else if (named && (type.keyword === "class" || (type === tokTypes.name && value === "enum"))) names.add(next.value);
    else if (type.keyword === "function") {
      const start = next?.type === tokTypes.star ? i + 2 : i + 1;
      if (list[start]?.type === tokTypes.name) names.add(list[start].value);
      // Generics may stand between the name and the parameters.
      const open = list.findIndex((token, at) => at >= start && token.type === tokTypes.parenL);
      if (open >= 0 && open < start + 20) bound(list, open, names);
    } else if (type.keyword === "catch") bound(list, i + 1, names);
    else if (type.keyword === "import") imported(list, i + 1, names);
    else if (type === tokTypes.arrow) beforeArrow(list, i, names);
    else if (type === tokTypes.parenR && next?.type === tokTypes.braceL) method(list, i, names);
  }
}

// A declaration's names (`let a, {b: c, d = 1} = x`), or those within the bracket at `start`; with their types or without.
function bound(list, start, names) {
  const open = [];
  for (let i = start; i < list.length; i++) {
    const { type, value } = list[i];
    const next = list[i + 1]?.type;
    if (OPENING.has(type)) open.push(type);
    else if (CLOSING.has(type)) {
      open.pop();
      if (open.length === 0 && (type === tokTypes.parenR || next !== tokTypes.eq && next !== tokTypes.colon)) return;
    } else if (type === tokTypes.eq) i = endOfValue(list, i + 1, false);
    else if (type === tokTypes.colon && open.at(-1) !== tokTypes.braceL) i = endOfValue(list, i + 1, true);
    else if (open.length === 0 && (type.keyword || type === tokTypes.semi || value === "of")) return;
    else if (type === tokTypes.name && !(next === tokTypes.colon && open.at(-1) === tokTypes.braceL)) {
      names.add(value);
      // Without something that goes on behind it, a name ends the declaration.
      if (open.length === 0 && ![tokTypes.comma, tokTypes.eq, tokTypes.colon].includes(next)) return;
    }
  }
}

// The last token of a default value or, up to an equals sign, of a type.
function endOfValue(list, start, typed) {
  let depth = 0;
  for (let i = start; i < list.length; i++) {
    const { type, value } = list[i];
    if (OPENING.has(type) || (typed && value === "<")) depth++;
    else if (CLOSING.has(type) || (typed && (value === ">" || value === ">>"))) {
      depth -= value === ">>" ? 2 : 1;
      if (depth < 0) return i - 1;
    } else if (depth === 0 && (type === tokTypes.comma || type === tokTypes.semi || (typed && type === tokTypes.eq))) return i - 1;
  }
  return list.length;
}

// `import a, {b as c} from`
function imported(list, start, names) {
  for (let i = start; i < list.length; i++) {
    const { type, value } = list[i];
    const renamed = list[i + 1]?.value === "as";
    if (type === tokTypes.name && value === "from") return;
    if (type === tokTypes.name && !renamed && value !== "as" && value !== "type") names.add(value);
    else if (![tokTypes.name, tokTypes.comma, tokTypes.braceL, tokTypes.braceR, tokTypes.star].includes(type) && !type.keyword) return;
  }
}

function beforeArrow(list, arrow, names) {
  const last = list[arrow - 1];
  if (last?.type === tokTypes.name) names.add(last.value);
  if (last?.type === tokTypes.parenR) within(list, arrow - 1, names);
}

// `name(a, b) {`: what stands before such brackets is a method's name.
function method(list, close, names) {
  const open = opening(list, close, tokTypes.parenL, tokTypes.parenR);
  if (open > 0 && list[open - 1].type === tokTypes.name && list[open - 2]?.type.keyword !== "function") bound(list, open, names);
}

function within(list, close, names) {
  const open = opening(list, close, tokTypes.parenL, tokTypes.parenR);
  if (open >= 0) bound(list, open, names);
}
