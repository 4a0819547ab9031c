// Owns running cells in Node the way its REPL does: JSON list of cells in, JSON ends out; refuses to know who compares them.
//
// To be run with --expose-internals: the transform of a cell that awaits is the REPL's own.
"use strict";
const vm = require("node:vm");
const util = require("node:util");
const { Writable } = require("node:stream");
const { Console } = require("node:console");
const { processTopLevelAwait } = require("internal/repl/await");

let printed = []; // [stream, text] of the cell that runs
const sink = (name) => new Writable({
  write(chunk, _encoding, done) {
    printed.push([name, String(chunk)]);
    done();
  },
});
globalThis.console = new Console({ stdout: sink("stdout"), stderr: sink("stderr") });

const { stringify, parse } = JSON;
const { stdin, stdout, exit, version } = process; // a cell may replace any global
const inspect = (value) => util.inspect(value, { maxStringLength: Infinity });
// Without stack frames: they hold the driver's own, and the numbers of cells.
const bare = (text) => text.replace(/\n +at .*/g, "");
const uncaught = (prefix) => (error) => { printed.push(["stderr", `${prefix}${bare(inspect(error))}\n`]); };
process.on("uncaughtException", uncaught("Uncaught "));
process.on("unhandledRejection", uncaught("Uncaught (in promise) "));

function script(code, filename) {
  return new vm.Script(code, { filename, importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER });
}

// As the REPL's default evaluation: an object literal first, then the cell as it is, with its awaits wrapped.
function prepared(code, name) {
  const made = (text, moved) => {
    const wrapped = text.includes("await") ? processTopLevelAwait(text) : null;
    return { run: script(wrapped ?? text, name), awaits: wrapped !== null, moved: moved || wrapped !== null };
  };
  if (/^\s*\{/.test(code) && !/;\s*$/.test(code)) {
    try {
      return made(`(${code.trim()})\n`, true);
    } catch {
      // A block, then.
    }
  }
  return made(code + "\n", false);
}

// The place of the first frame in a cell: `back` says how many cells ago it stands. Where the REPL changed the text, its
// columns are not the cell's; where it could not be compiled, V8 and other parsers differ about the column.
function placeOf(stack, number, moved) {
  const frame = stack.match(/\n +at (?:[^\n]*\()?cell \[(\d+)\]:(\d+):(\d+)/);
  if (frame) {
    const place = { back: number - frame[1], line: Number(frame[2]) };
    return moved && place.back === 0 ? place : { ...place, column: Number(frame[3]) };
  }
  const head = stack.match(/^cell \[(\d+)\]:(\d+)\n[^\n]*\n *\^/);
  return head ? { back: number - head[1], line: Number(head[2]) } : {};
}

function described(error, number, moved) {
  if (!(error instanceof Error) || !Object.hasOwn(error, "stack")) return { thrown: bare(inspect(error)) };
  const message = error.message.replace(/^\n[^]*\n *\^+\n\n/, ""); // the transform's own picture of the place
  return { name: error.name, message, ...placeOf(String(error.stack), number, moved) };
}

const { setImmediate } = globalThis;
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function main() {
  let text = "";
  for await (const chunk of stdin) text += chunk;
  const ends = [];
  let number = 0;
  for (const code of parse(text)) {
    const name = `cell [${++number}]`;
    printed = [];
    const end = {};
    let cell = { moved: false };
    try {
      cell = prepared(code, name);
      const value = cell.run.runInThisContext();
      end.value = bare(inspect(cell.awaits ? (await value)?.value : value));
    } catch (error) {
      end.error = described(error, number, cell.moved);
    }
    await turn();
    await turn();
    if (printed.length) end.printed = printed;
    ends.push(end);
  }
  stdout.write(stringify({ version, ends }), () => exit(0));
}

main();
