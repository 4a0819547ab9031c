// Owns which globals are the session's own, and the list of them that `%who` prints; refuses to run a getter or a proxy trap.

import { arrayPush, arraySort, bareList, create, functionToString, getOwnPropertyDescriptor, globalObject, is, MapClass, mapGet, mapSet,
  natives, ownKeys, stringPadEnd, stringSlice, stringStartsWith } from "./intrinsics.js";
import { emit } from "./bridge.js";
import { currentCell } from "./current.js";
import { isClass, isNative } from "./functions.js";
import { LEVELS } from "./kinds.js";
import { className, ownProperty } from "./reflection.js";
import { inspectWith } from "./render.js";
import { signatureOf } from "./signature.js";
import { linesOf } from "./text.js";

const MOST_NAMES = 1000, LONGEST_NAME = 40, LONGEST_VALUE = 100;
// An inspector of the user's is code of the user's.
const SHORT = { __proto__: null, customInspect: false, depth: 0, maxArrayLength: 5, breakLength: Infinity };

const builtIn = new MapClass();
const ACCESSOR = create(null);

/** Called once, when all that a session has by itself is there. */
export function noteBuiltIns() {
  const keys = ownKeys(globalObject);
  for (let i = 0; i < keys.length; i++) {
    const found = getOwnPropertyDescriptor(globalObject, keys[i]);
    mapSet(builtIn, keys[i], found.get === undefined && found.set === undefined ? found.value : ACCESSOR);
  }
}

/** Whether the user made this global, or put another value into one that was there. found: its own property. */
export function isOwn(key, found) {
  const before = mapGet(builtIn, key);
  if (before === undefined && key !== "undefined") return true;
  return before !== ACCESSOR && found.get === undefined && found.set === undefined && !is(before, found.value);
}

/** Prints the session's names with types and values as one line each of the cell that runs. */
export function listNames() {
  const names = bareList(), keys = ownKeys(globalObject);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === "string" && !stringStartsWith(key, "__") && isOwn(key, ownProperty(globalObject, key))) arrayPush(names, key);
  }
  arraySort(names, (a, b) => (a < b ? -1 : 1));
  const rows = bareList(), widths = [4, 4];
  arrayPush(rows, ["name", "type", "value"]);
  for (let i = 0; i < names.length && i < MOST_NAMES; i++) {
    const row = rowOf(names[i]);
    for (let k = 0; k < 2; k++) if (row[k].length > widths[k]) widths[k] = row[k].length;
    arrayPush(rows, row);
  }
  let text = names.length === 0 ? "no names yet" : "";
  for (let i = 0; i < rows.length && names.length > 0; i++) {
    const name = rows[i][0], type = rows[i][1], value = rows[i][2];
    text += `${i > 0 ? "\n" : ""}${stringPadEnd(name, widths[0])}  ${stringPadEnd(type, widths[1])}  ${value}`;
  }
  if (names.length > MOST_NAMES) text += `\nand ${names.length - MOST_NAMES} more`;
  emit(LEVELS.log, currentCell(), text);
}

function rowOf(key) {
  const found = ownProperty(globalObject, key);
  const name = key.length > LONGEST_NAME ? `${stringSlice(key, 0, LONGEST_NAME)}\u2026` : key;
  if (found === undefined || found.get !== undefined || found.set !== undefined) return [name, "accessor", "(not read)"];
  return [name, typeName(found.value), shortText(found.value)];
}

/** `number`, `null`, `Map`, `class`, `function`: what a value is, in one word. */
export function typeName(value) {
  if (value === null) return "null";
  if (typeof value === "function") return isClass(value) ? "class" : "function";
  if (typeof value !== "object") return typeof value;
  return natives.isProxy(value) ? "Proxy" : (className(value) ?? "object");
}

function shortText(value) {
  if (typeof value === "string") return cut(inspectWith(stringSlice(value, 0, LONGEST_VALUE + 1)));
  if (typeof value === "function" && !natives.isProxy(value)) {
    const source = functionToString(value);
    if (!isNative(source)) return cut(signatureOf(source).signature);
  }
  return cut(inspectWith(value, SHORT));
}

// One line.
function cut(text) {
  const lines = linesOf(text);
  let line = "";
  for (let i = 0; i < lines.length && line.length <= LONGEST_VALUE; i++) line += (i > 0 ? " " : "") + lines[i];
  return line.length > LONGEST_VALUE ? `${stringSlice(line, 0, LONGEST_VALUE)}\u2026` : line;
}
