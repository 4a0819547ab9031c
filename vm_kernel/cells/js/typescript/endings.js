// Owns finding where what is erased has to leave a mark behind; refuses to erase.
//
// TypeScript ends a statement where a type ends its line; without the type JavaScript may go on into the next line. So a
// `;` is put where a statement or a class member is erased, and where an `as` or `satisfies` tail is whose statement ends
// with it. It takes the erased text's own place: no column moves.

import { ContextualKeyword as words } from "sucrase/dist/esm/parser/tokenizer/keywords.js";
import { TokenType as types } from "sucrase/dist/esm/parser/tokenizer/types.js";

const LINE_END = /[\n\r\u2028\u2029]/;
/** A type that such a token begins belongs to something that stays. */
const OF_SOMETHING = new Set([types.colon, types.question, types.bang, types.lessThan, types.typeParameterStart, types.bitShiftL, types._this,
  types._implements]);
/** Begin a line that goes on with what was before a type; after a tail the others are operators to TypeScript too. */
const AFTER_TAIL = new Set([types.parenL, types.bracketL, types.backQuote]);
const JOINING = new Set([...AFTER_TAIL, types.plus, types.minus, types.regexp, types.slash, types.star, types.lessThan]);
const JOINING_MEMBERS = new Set([types.bracketL, types.star]);
const MODIFIERS = new Set([types._public, types._protected, types._private, types._readonly, types._override, types._abstract]);
const BEFORE_MODIFIERS = new Set([...MODIFIERS, types._static, types._async, types._declare]);
const PREFIXES = new Set([words._get, words._set, words._static]);
const AFTER_FIELD = new Set([types.eq, types.parenL, types.semi, types.braceR]);
const OPENING = new Set([types.parenL, types.bracketL, types.braceL, types.dollarBraceL]);
const CLOSING = new Set([types.parenR, types.bracketR, types.braceR]);
/** A type's last token, and words that look like one and are not. */
const ENDS = new Set([types.name, types.string, types.num, types.greaterThan, types.parenR, types.bracketR, types.braceR, types._this,
  types._null, types._void, types._true, types._false, types.backQuote]);
const OPERATORS = new Set([words._keyof, words._readonly, words._unique, words._infer, words._is, words._asserts]);
const OPENS_TYPES = new Set([types.lessThan, types.typeParameterStart]);
const RESTRICTED = new Set([types._return, types._throw]);

/** A map of the index of an erased token to what is written in its place. `refuse(message, token)` throws. */
export function endings(source, tokens, refuse) {
  const marks = new Map();
  const classes = new Set();
  const open = [];
  const brokenBetween = (first, second) => LINE_END.test(source.slice(tokens[first].end, tokens[second].start));
  for (let at = 0; at < tokens.length; at++) {
    const { type, contextId } = tokens[at];
    const inClass = open.at(-1) === types._class;
    if (tokens[at].isType) {
      const next = endOfTypes(tokens, at);
      const mark = inClass ? memberEnd(tokens, at, next, brokenBetween) : statementEnd(tokens, at, next, brokenBetween);
      if (mark >= 0) marks.set(mark, ";");
      if (at > 0 && OPENS_TYPES.has(type) && !brokenBetween(at - 1, at) && LINE_END.test(source.slice(tokens[at].start, tokens[next].start))) {
        // What is returned has to begin in the line of `return`.
        if (RESTRICTED.has(tokens[at - 1].type)) marks.set(at, "0,");
        else if (tokens[at - 1].type === types._yield) refuse("A type between 'yield' and its value has to end in the line of 'yield'", tokens[at]);
      }
      at = next - 1;
    } else if (type === types._class) classes.add(contextId);
    else if (OPENING.has(type)) open.push(type === types.braceL && classes.has(contextId) ? types._class : type);
    else if (CLOSING.has(type)) open.pop();
    else if (inClass && (type === types._declare || type === types._abstract)) marks.set(at, ";");
    else if (inClass && MODIFIERS.has(type) && !BEFORE_MODIFIERS.has(tokens[at - 1].type)) {
      let next = at;
      while (MODIFIERS.has(tokens[next].type)) next++;
      if (JOINING_MEMBERS.has(tokens[next].type)) marks.set(at, ";");
    } else if (type === types._import || type === types._export) {
      const next = endOfTypeImport(tokens, at);
      if (next > at && JOINING.has(tokens[next].type)) marks.set(at, ";");
    }
  }
  return marks;
}

function endOfTypes(tokens, at) {
  while (tokens[at].isType) at++;
  return at;
}

function memberEnd(tokens, at, next, brokenBetween) {
  if (isTail(tokens[at])) {
    if (AFTER_TAIL.has(tokens[next].type)) return at;
    // An operator, unless another member is erased in between.
    return tokens[next].type === types.star && holdsMember(tokens, at + 2, next, brokenBetween) ? at : -1;
  }
  if (!OF_SOMETHING.has(tokens[at].type)) return at;
  // A field of such a name, which is no longer one before a name of its own.
  const field = PREFIXES.has(tokens[at - 1].contextualKeyword) && !AFTER_FIELD.has(tokens[next].type);
  return field ? at : -1;
}

function statementEnd(tokens, at, next, brokenBetween) {
  const { type } = tokens[next];
  if (!JOINING.has(type)) return -1;
  if (!isTail(tokens[at]) && !OF_SOMETHING.has(tokens[at].type)) return at;
  let tail = isTail(tokens[at]) ? at : -1;
  for (let index = at + 1, depth = 0; index < next; index++) {
    const token = tokens[index];
    if (OPENING.has(token.type)) depth++;
    else if (CLOSING.has(token.type)) depth--;
    else if (depth > 0) continue;
    else if (beginsStatement(tokens, index) && (brokenBetween(index - 1, index) || tokens[index - 1].type === types.braceR)) return index;
    else if (tail < 0 && OPENS_TYPES.has(tokens[at].type) && isTail(token)) tail = index;
  }
  return AFTER_TAIL.has(type) ? tail : -1;
}

const isTail = ({ contextualKeyword }) => contextualKeyword === words._as || contextualKeyword === words._satisfies;

function beginsStatement(tokens, at) {
  const { type, contextualKeyword } = tokens[at];
  if (type === types._declare || type === types._function || type === types._export) return true;
  const next = tokens[at + 1];
  if (contextualKeyword === words._async) return next.type === types._function;
  return (contextualKeyword === words._type || contextualKeyword === words._interface) && next.type === types.name && next.isType;
}

function holdsMember(tokens, start, end, brokenBetween) {
  for (let at = start, depth = 0; at < end; at++) {
    const { type } = tokens[at];
    if (depth === 0 && ENDS.has(tokens[at - 1].type) && !OPERATORS.has(tokens[at - 1].contextualKeyword) &&
      (type === types.name || type === types.bracketL || BEFORE_MODIFIERS.has(type)) && brokenBetween(at - 1, at)) return true;
    if (OPENING.has(type)) depth++;
    else if (CLOSING.has(type)) depth--;
  }
  return false;
}

// Behind `import type ... from "x"` and `export type {...}`; at itself for any other.
function endOfTypeImport(tokens, at) {
  let next = at + 1;
  if (tokens[next].contextualKeyword !== words._type) return at;
  const named = tokens[next + 1];
  if (tokens[at].type === types._export && named.type !== types.braceL && named.type !== types.star) return at;
  if (named.type === types.comma || (named.contextualKeyword === words._from && tokens[next + 2].type === types.string)) return at;
  if (tokens[next + 2].type === types.eq) return tokens[next + 4].type === types.parenL ? at + 8 : at;
  const closes = tokens[at].type === types._export && named.type === types.braceL ? types.braceR : types.string;
  while (tokens[next].type !== closes) {
    if (++next === tokens.length - 1) return at;
  }
  next++;
  return tokens[next].contextualKeyword === words._from && tokens[next + 1].type === types.string ? next + 2 : next;
}
