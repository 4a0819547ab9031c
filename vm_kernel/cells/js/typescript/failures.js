// Owns parsing with the error that lies furthest in the text; refuses to know what is tried.
//
// sucrase goes back to try a text as something else, an arrow function's `(...)` as an expression for one, and then tells
// what is wrong with the last thing it tried. What it found before is in the states that it leaves.

import { parse } from "sucrase/dist/esm/parser/index.js";
import State from "sucrase/dist/esm/parser/tokenizer/state.js";

const ERROR = Symbol("error");
const NONE = { pos: -1 };
let furthest = NONE;
let unended = null;

Object.defineProperty(State.prototype, "error", {
  get() {
    return this[ERROR];
  },
  set(error) {
    this[ERROR] = error;
    if (error === null) return;
    if (isUnended(error)) unended = error;
    else furthest = further(furthest, error);
  },
});

/** What looked like an element and has no end may be no element: a generic arrow function, a type in front of a value. */
const isUnended = ({ message }) => message.startsWith("Unterminated JSX");
const ELEMENTS = /<\/|\/>|<[\w$.]+\s+[\w$-]+=|<[\w$.]*>\s*(?:[\n\r]|$)/;
/** Types of a small letter are these; of that letter tags are not. */
const TAG = /(?<![\w$\])])<(?!(?:any|bigint|boolean|const|keyof|never|null|number|object|readonly|string|symbol|typeof|undefined|unknown|void)\b)[a-z]/;
const GENERIC = /(?<![\w$\])])<[^<>]*>\s*\(/;

/** What a text consists of; throws the SyntaxError, with `pos`, that lies furthest. */
export function parseTypes(source, jsx) {
  furthest = NONE;
  unended = null;
  try {
    // Of a text's very last word sucrase does not see that it is a keyword.
    return parse(`${source}\n`, jsx, true, false);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const isElement = unended !== null && (ELEMENTS.test(source) || TAG.test(source)) && !GENERIC.test(source);
    const told = isElement ? unended : further(error, furthest);
    told.pos = isElement ? source.length : Math.min(told.pos, source.length);
    told.message = told.message.replace(/ \(\d+:\d+\)$/, "");
    throw told;
  } finally {
    furthest = NONE;
    unended = null;
  }
}

/** The one of two errors that lies further in the text, the first if neither does. */
export function further(one, other) {
  return other.pos > one.pos ? other : one;
}
