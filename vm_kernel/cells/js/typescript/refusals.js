// Owns refusing what would be dropped without a word, or would fail with one that says nothing; refuses to change anything.

import { TokenType } from "sucrase/dist/esm/parser/tokenizer/types.js";

const PARTED = new Set([TokenType.dot, TokenType.colon]);

/** Throws a SyntaxError with `pos` for the first thing in a parsed TypeScript text that no cell can run. */
export function refuseWhatIsDropped(source, { tokens }) {
  // Most cells hold none of these words.
  if (!/\b(?:namespace|module|import|export)\b|@/.test(source)) return;
  const textOf = (at) => (tokens[at] ? source.slice(tokens[at].start, tokens[at].end) : "");
  for (let at = 0; at < tokens.length; at++) {
    const { type, isType } = tokens[at];
    const next = tokens[at + 1]?.type;
    const word = textOf(at);
    if (isType && word === "declare" && ["namespace", "module", "global"].includes(textOf(at + 1))) {
      at = endOfBlock(tokens, at);
    } else if (isType && (word === "namespace" || word === "module") && ["{", "."].includes(textOf(at + 2))) {
      refuse(`'${word} ${textOf(at + 1)}' cannot be run: use an object or a module of its own`, tokens[at]);
    } else if (type === TokenType.at) {
      refuse("Decorators cannot be run: V8 has none", tokens[at]);
    } else if (type === TokenType._import && tokens[at + 2]?.type === TokenType.eq && textOf(at + 3) === "require") {
      refuse(`'import ${textOf(at + 1)} = require(...)' cannot be run: use 'import ${textOf(at + 1)} from ...'`, tokens[at]);
    } else if (type === TokenType._export && next === TokenType.eq) {
      refuse("'export =' cannot be run: a cell's names are there as they are, a file exports them by name", tokens[at]);
    }
  }
}

/** As refuseWhatIsDropped, for an element that another's tag closes. */
export function refuseOtherTags(source, { tokens }) {
  const open = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at].type === TokenType.slash && tokens[at + 1].type === TokenType.jsxTagEnd) open.pop();
    if (tokens[at].type !== TokenType.jsxTagStart) continue;
    const closes = tokens[at + 1].type === TokenType.slash;
    const start = closes ? at + 2 : at + 1;
    let end = tokens[start].type === TokenType.jsxTagEnd ? start : start + 1;
    while (PARTED.has(tokens[end].type)) end += 2;
    const name = tokens.slice(start, end).map((token) => source.slice(token.start, token.end)).join("");
    if (!closes) open.push(name);
    else {
      const opened = open.pop();
      if (opened !== name) refuse(`'<${opened}>' is closed by '</${name}>'`, tokens[at]);
      at = end;
    }
  }
}

// What is only declared is a type, whatever stands in it.
function endOfBlock(tokens, start) {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    if (tokens[at].type === TokenType.braceL) depth++;
    else if (tokens[at].type === TokenType.braceR && --depth === 0) return at;
    else if (depth === 0 && tokens[at].type === TokenType.semi) return at;
  }
  return start + 1;
}

/** Throws; the error's words are the ones to tell, its place that of the token. */
export function refuse(message, token) {
  const error = new SyntaxError(message);
  error.pos = token.start;
  error.refused = true;
  throw error;
}
