// Owns what may stand before a cell's code: `%%ts`, `%time` and the other magics; refuses to do what they say.
//
// The kernel does them (vm_kernel/magics.py). Those that code follows stay in a cell's text, for its errors show it.

import { blank } from "./edits.js";

/** Every magic: how it is written, what it does. As in vm_kernel/magics.py; tests/cells/test_completion.py holds that. */
export const MAGICS = {
  __proto__: null,
  "%help": ["%help", "this list"],
  "%limits": ["%limits", "what a cell may use, and what the last one used"],
  "%reset": ["%reset", "a new engine: all variables are gone, startup files run again"],
  "%run": ["%run PATH [ARGS]", "runs a file of the session's folder; ARGS, JSON, is its __ARGS__"],
  "%time": ["%time CODE", "runs the cell and prints its wall and processor time"],
  "%who": ["%who", "the session's names, with types and values"],
  "%%time": ["%%time", "as %time, for the lines below"],
  "%%ts": ["%%ts", "the cell is TypeScript, with JSX: its calls are h(tag, attributes, ...children)"],
};
const BEFORE_CODE = new Set(["%time", "%%time", "%%ts"]);
const HEAD = /^\s*(%%?\w*)/;

/**
 * `{code, typescript, magic, words}`: the text with blanks for what is not code; magic: the one that takes the whole cell, or a
 * word that is none, else null; words: `{name, start, end}` of each.
 */
export function readHead(source, language) {
  const head = { code: source, typescript: language === "typescript", magic: null, words: [] };
  for (let found = HEAD.exec(head.code); found; found = HEAD.exec(head.code)) {
    const [whole, name] = found;
    head.words.push({ name, start: whole.length - name.length, end: whole.length });
    if (!BEFORE_CODE.has(name)) {
      head.magic = name;
      return head;
    }
    if (name === "%%ts") head.typescript = true;
    head.code = blank(whole) + head.code.slice(whole.length);
  }
  return head;
}
