// Owns what may stand before a cell's code: `%%ts`, `%time` and the other magics; refuses to do what they say.
//
// The kernel does them (vm_kernel/magics.py). Those that code follows stay in a cell's text, for its errors show it.

import { blank } from "./edits.js";

/** Every magic with what it does, as its inspection says. tests/kernel/test_magics.py holds that the kernel has the same. */
export const MAGICS = {
  __proto__: null,
  "%help": "the magics, and what a cell can do",
  "%limits": "what a cell may use, and what the last one used",
  "%reset": "a new engine: all variables are gone, startup files run again",
  "%run": "%run PATH [ARGS]: runs a file of the session's folder; ARGS, JSON, is its __ARGS__",
  "%time": "%time CODE: runs the cell and prints its wall and processor time",
  "%who": "the session's names, with types and values",
  "%%time": "as %time, for the lines below",
  "%%ts": "the cell is TypeScript, with JSX",
};
const BEFORE_CODE = new Set(["%time", "%%time", "%%ts"]);
const HEAD = /^\s*(%%?\w*)/;

/**
 * `{code, typescript, magic, word}`: the text with blanks for what is not code; magic: the one that takes the whole cell, or a
 * word that is none; word: `[start, end]` of the last one, null where none is.
 */
export function readHead(source, language) {
  const head = { code: source, typescript: language === "typescript", magic: null, word: null };
  for (let found = HEAD.exec(head.code); found; found = HEAD.exec(head.code)) {
    const [whole, name] = found;
    head.word = [whole.length - name.length, whole.length];
    if (!BEFORE_CODE.has(name)) {
      head.magic = name;
      return head;
    }
    if (name === "%%ts") head.typescript = true;
    head.code = blank(whole) + head.code.slice(whole.length);
  }
  return head;
}
