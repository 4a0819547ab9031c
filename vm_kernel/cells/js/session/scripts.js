// Owns the cells whose code is in the engine: their names, texts and moved columns; refuses to know errors.

import { create, MapClass, mapDelete, mapForEach, mapGet, mapSet, mapSize, stringIndexOf, stringSlice } from "./intrinsics.js";
import { replaceEach } from "./text.js";

const MOST_CHARACTERS = 32 * 1024 * 1024;
const scripts = new MapClass();
let characters = 0;

/**
 * Keeps a cell and returns what belongs behind `//# sourceURL=`: V8 takes no name with blanks, stack traces show it with them.
 * shifts: of the parser (edits.js): `[line, column, delta, fixed]`. url: of a module, which a file that was run as a cell
 * is not to be taken for.
 */
export function registerCell(name, source, shifts, url = replaceEach(name, " ", "%20")) {
  const script = create(null);
  script.name = name;
  script.source = source;
  script.shifts = shifts;
  script.lines = -1;
  const before = mapGet(scripts, url);
  if (before !== undefined) characters -= before.source.length;
  mapDelete(scripts, url);
  mapSet(scripts, url, script);
  characters += source.length;
  if (characters > MOST_CHARACTERS) forgetOldest();
  return url;
}

// The newest stays, whatever its size.
function forgetOldest() {
  mapForEach(scripts, (script, url) => {
    if (characters <= MOST_CHARACTERS || mapSize(scripts) === 1) return;
    characters -= script.source.length;
    mapDelete(scripts, url);
  });
}

export const scriptOf = (url) => mapGet(scripts, url);

/** What `look(source)` finds in the newest cell in which it finds something; null if it does in none. */
export function findInSources(look) {
  let newest = null;
  mapForEach(scripts, ({ source }) => {
    newest = look(source) ?? newest;
  });
  return newest;
}

/** The source's column of a place in generated code; both from 1. */
export function sourceColumn(script, line, column) {
  const { shifts } = script;
  if (shifts === undefined || shifts === null) return column;
  let moved = column;
  for (let i = 0; i < shifts.length; i++) {
    const shift = shifts[i];
    if (shift[0] > line) break;
    if (shift[0] < line) continue;
    if (shift[1] > column) break;
    moved = shift.length > 3 ? shift[1] - shift[2] : column - shift[2];
  }
  return moved < 1 ? 1 : moved;
}

/** One line of a cell's source, from 1; undefined when there is none. */
export function sourceLine(source, line) {
  let start = 0;
  for (let at = 1; at < line; at++) {
    start = lineEnd(source, start);
    if (start >= source.length) return undefined;
    start += stringSlice(source, start, start + 2) === "\r\n" ? 2 : 1;
  }
  return stringSlice(source, start, lineEnd(source, start));
}

const ENDS = ["\n", "\r", "\u2028", "\u2029"];

function lineEnd(source, from) {
  let nearest = source.length;
  for (let i = 0; i < ENDS.length; i++) {
    const at = stringIndexOf(source, ENDS[i], from);
    if (at >= 0 && at < nearest) nearest = at;
  }
  return nearest;
}
