// Owns the way of a cell's text from the language that it is written in to the session's script; refuses to run either.

import { isComplete } from "./completeness.js";
import { readHead } from "./head.js";
import { transformModule } from "./modules.js";
import { keepSource } from "./names.js";
import { sourceColumn } from "../session/scripts.js";
import { describeSyntaxError } from "./syntax.js";
import { transform } from "./transform.js";

/** The answer that asks the host for the script behind `load`; it then puts the same question again. */
const NEEDS = { needs: "typescript" };
const LINE_END = /\r\n|[\n\r\u2028\u2029]/;

let strip = null;

/** Takes in the built script `typescript.js`. */
export function load(script) {
  (0, eval)(script);
  strip = globalThis.__strip;
  delete globalThis.__strip;
}

/** As `transform`, of JavaScript or, by the session's language or the cell's head, of TypeScript. */
export function transformCell(source, language) {
  const head = readHead(source, language);
  if (head.typescript && strip === null) return NEEDS;
  keepSource(head.code);
  return head.typescript ? throughTypes(head.code, transform) : transform(head.code);
}

// What `make` makes of the text without its types, with the places of the text as it was written.
function throughTypes(source, make) {
  let plain;
  try {
    plain = strip(source);
  } catch (error) {
    return { ok: false, error: describeSyntaxError(described(error, source), source) };
  }
  const parse = make(plain.code);
  if (parse.ok) {
    const shifts = compose(parse.shifts, plain.shifts, [parse.code, parse.declare ?? ""]);
    if (!parse.requests) return { ...parse, shifts };
    // A module's: where each of its imports stands.
    const placed = ([what, which, line, column]) => [what, which, line, sourceColumn(plain, line, column)];
    return { ...parse, shifts, requests: parse.requests.map(placed), imports: parse.imports.map(placed) };
  }
  const { line, column } = parse.error;
  const text = source.split(LINE_END)[line - 1].slice(0, 1000);
  return { ok: false, error: { ...parse.error, column: sourceColumn(plain, line, column), text } };
}

/** As `transformModule`; format `ts` is TypeScript with JSX, and otherwise as `auto`. */
export function transformFile(source, format) {
  if (format !== "ts") return transformModule(source, format);
  if (strip === null) return NEEDS;
  return throughTypes(source, (code) => transformModule(code, "auto"));
}

/** As `isComplete`; a magic that takes no code is complete as it stands. */
export function isCompleteCell(source, language) {
  const head = readHead(source, language);
  if (head.magic !== null) return { status: "complete", indent: "" };
  if (head.words.at(-1)?.name.startsWith("%%") && head.code.trim() === "") return { status: "incomplete", indent: "" };
  // Of the head nothing is indented.
  const written = head.words.length ? head.code.slice(head.words.at(-1).end).replace(/^[^\S\n]+/, "") : head.code;
  if (!head.typescript) return isComplete(head.code, written);
  if (strip === null) return NEEDS;
  try {
    return isComplete(strip(head.code).code, written);
  } catch (error) {
    return isComplete(head.code, written, error);
  }
}

// Its words are not V8's, which would be about types.
function described(error, source) {
  if (!(error instanceof SyntaxError) || error.refused) return error;
  const found = /^\w+|^./u.exec(source.slice(error.pos, error.pos + 50))?.[0];
  if (found === undefined || error.message.startsWith("Unexpectedly reached the end")) error.message = "Unexpected end of input";
  else if (error.message === "Unexpected token") error.message += ` '${found}'`;
  error.refused = true;
  return error;
}

// Two transforms, one after the other, as shifts of one: column by column, in the lines that either has moved.
function compose(outer, inner, texts) {
  const outerLines = byLine(outer);
  const innerLines = byLine(inner);
  const lines = texts.map((text) => text.split(LINE_END));
  const composed = [];
  for (const line of [...new Set([...outerLines.keys(), ...innerLines.keys()])].sort((a, b) => a - b)) {
    const first = { shifts: outerLines.get(line) };
    const second = { shifts: innerLines.get(line) };
    const end = Math.max(...lines.map((each) => each[line - 1]?.length ?? 0)) + 1;
    for (let column = 1, last = 0; column <= end; column++) {
      const delta = column - sourceColumn(second, line, sourceColumn(first, line, column));
      if (delta !== last) composed.push([line, column, delta]);
      last = delta;
    }
  }
  return composed;
}

function byLine(shifts) {
  const lines = new Map();
  for (const shift of shifts) {
    if (!lines.has(shift[0])) lines.set(shift[0], []);
    lines.get(shift[0]).push(shift);
  }
  return lines;
}
