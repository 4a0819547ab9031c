// Owns following a path to its value in the live session; refuses to run getters, proxy traps and user code.

import { bareList, getOwnPropertyDescriptor, globalObject, regExpExec } from "./intrinsics.js";
import { waitingValue } from "./late.js";
import { findProperty } from "./reflection.js";

export const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
export const INDEX = /^\d+$/;
const SYMBOL = Symbol.prototype;

// What a literal's members are looked up on; taken before any user code.
const literals = {
  __proto__: null, string: String.prototype, number: Number.prototype, bigint: BigInt.prototype, boolean: Boolean.prototype,
  regexp: RegExp.prototype, array: Array.prototype, object: Object.prototype, function: Function.prototype,
};

/** Where a value's members are: the object itself, or what a primitive borrows from; null when there is nothing. */
export function holder(value) {
  if (value === undefined || value === null) return null;
  return typeof value === "object" || typeof value === "function" ? value : (literals[typeof value] ?? SYMBOL);
}

/** The value of a path (parser/paths.js); undefined when it cannot be had without running something. */
export function resolve(path, length = path.length) {
  const head = path[0];
  let value = typeof head === "object" ? literals[head.literal] : head === "this" ? globalObject : valueAt(globalObject, head);
  for (let i = 1; i < length && value !== undefined; i++) value = valueAt(value, path[i]);
  return value;
}

function valueAt(value, key) {
  if (typeof value === "string" && regExpExec(INDEX, key) !== null) return value[key];
  const object = holder(value);
  if (object === null) return undefined;
  const found = findProperty(object, key);
  if (found === undefined) return undefined;
  if (found.get === undefined && found.set === undefined) return found.value;
  return object === globalObject ? waitingValue(key, found) : undefined;
}

/** The path's first names as a path of their own, with others before: what `guess` (parser/guesses.js) says of its head. */
export function guessed(path, guess) {
  const head = path[0];
  if (guess === null || guess === undefined || typeof head !== "string" || getOwnPropertyDescriptor(globalObject, head) !== undefined) return path;
  const instead = bareList();
  for (let i = 0; i < guess.path.length; i++) instead[i] = guess.path[i];
  for (let i = 1; i < path.length; i++) instead[instead.length] = path[i];
  return instead;
}
