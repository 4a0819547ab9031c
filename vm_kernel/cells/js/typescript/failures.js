// Owns parsing with the error that lies furthest in the text; refuses to know what is tried.
//
// sucrase goes back to try a text as something else, an arrow function's `(...)` as an expression for one, and then tells
// what is wrong with the last thing it tried. What it found before is in the states that it leaves.

import { parse } from "sucrase/dist/esm/parser/index.js";
import State from "sucrase/dist/esm/parser/tokenizer/state.js";
import { TokenType as types } from "sucrase/dist/esm/parser/tokenizer/types.js";

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

// Where sucrase asks whether a `:` begins the type of what an arrow function returns, and where the answer is to be no.
const asked = new Set();
const denied = new Set();
const { snapshot } = State.prototype;

State.prototype.snapshot = function () {
  const before = snapshot.call(this);
  if (this.type !== types.colon) return before;
  asked.add(this.start);
  if (denied.has(this.start)) {
    // As after an error: what follows is not read, and then taken back.
    this[ERROR] = NONE;
    this.type = types.eof;
  }
  return before;
};

/** What looked like an element and has no end may be no element: a generic arrow function, a type in front of a value. */
const isUnended = ({ message }) => message.startsWith("Unterminated JSX");
const ELEMENTS = /<\/|\/>|<[\w$.]+\s+[\w$-]+=|<[\w$.]*>\s*(?:[\n\r]|$)/;
/** Types of a small letter are these; of that letter tags are not. */
const TAG = /(?<![\w$\])])<(?!(?:any|bigint|boolean|const|keyof|never|null|number|object|readonly|string|symbol|typeof|undefined|unknown|void)\b)[a-z]/;
const GENERIC = /(?<![\w$\])])<[^<>]*>\s*\(/;

/** Without types behind them: `x as number < y` compares. Of the same length, and what is erased is read in no other way. */
const COMPARED = /\b((?:as|satisfies)\s+)(any|bigint|boolean|never|number|object|string|symbol|undefined|unknown)(?=\s*<)/g;
const NO_COLON = /expected ":"/;
/** Attempts that did not help, and characters read in all. */
const MOST_VAIN = 32;
const MOST_READ = 4 << 20;

/**
 * What a text consists of; throws the SyntaxError, with `pos`, that lies furthest.
 *
 * In `a ? (b) : c => d` sucrase reads `(b): c => d`, and misses the conditional's `:`. It is read again then, until no
 * such arrow function takes a `:` away from one.
 */
export function parseTypes(source, jsx) {
  const text = source.replace(COMPARED, (_, before, type) => before + "1".repeat(type.length));
  denied.clear();
  let failed, colon, vain = 0;
  try {
    for (let read = source.length; ; read += source.length) {
      asked.clear();
      try {
        return attempt(text, jsx);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        // It helped if the text could be read further.
        if (failed === undefined || error.pos > failed.pos) {
          failed = error;
          failed.colons = NO_COLON.test(error.message) ? [...asked].filter((at) => at < error.pos && !denied.has(at)) : [];
        } else {
          denied.delete(colon);
          vain++;
        }
        colon = failed.colons.pop();
        if (colon === undefined || vain > MOST_VAIN || read > MOST_READ) throw failed;
        denied.add(colon);
      }
    }
  } finally {
    asked.clear();
    denied.clear();
  }
}

function attempt(source, jsx) {
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
