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
// Node's own frames and this file's are not the cell's.
const bare = (text) => text.replace(/\n +at (?:[^\n]*\()?(?:node:|file:|\/)[^\n]*/g, "");
const uncaught = (prefix) => (error) => { printed.push(["stderr", `${prefix}${bare(inspect(error))}\n`]); };
process.on("uncaughtException", uncaught("Uncaught "));
process.on("unhandledRejection", uncaught("Uncaught (in promise) "));

function script(code, filename) {
  return new vm.Script(code, { filename, importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER });
}

// As the REPL's default evaluation: an object literal first, then the cell as it is, with its awaits wrapped.
async function evaluate(code, name) {
  let awaits = false;
  const prepare = (text) => {
    const wrapped = text.includes("await") ? processTopLevelAwait(text) : null;
    awaits = wrapped !== null;
    return script(wrapped ?? text, name);
  };
  let made;
  if (/^\s*\{/.test(code) && !/;\s*$/.test(code)) {
    try {
      made = prepare(`(${code.trim()})\n`);
    } catch {
      // A block, then.
    }
  }
  made ??= prepare(code + "\n");
  const value = made.runInThisContext({ displayErrors: true });
  return { value: awaits ? (await value)?.value : value };
}

// The place of the first frame in a cell, or of a text that could not be compiled; `back`: so many cells ago.
function placeOf(stack, number) {
  const frame = stack.match(/\n +at (?:[^\n]*\()?cell \[(\d+)\]:(\d+):(\d+)/);
  if (frame) return { back: number - frame[1], line: Number(frame[2]), column: Number(frame[3]) };
  const head = stack.match(/^cell \[(\d+)\]:(\d+)\n[^\n]*\n( *)\^/);
  return head ? { back: number - head[1], line: Number(head[2]), column: head[3].length + 1 } : {};
}

function described(error, number) {
  if (!util.types.isNativeError(error)) return { thrown: inspect(error) };
  return { name: error.name, message: error.message, ...placeOf(String(error.stack), number) };
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
    try {
      end.value = inspect((await evaluate(code, name)).value);
    } catch (error) {
      end.error = described(error, number);
    }
    await turn();
    await turn();
    if (printed.length) end.printed = printed;
    ends.push(end);
  }
  stdout.write(stringify({ version, ends }), () => exit(0));
}

main();
