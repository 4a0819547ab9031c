// Owns what Node asks V8 about an object's inside (its `internalBinding("util")`); refuses to format and to run user code.

import { arrayPush, getOwnPropertyDescriptor, getPrototypeOf, isArray, natives, ownKeys, PromiseClass, promiseThen, regExpExec,
  uncurry } from "./intrinsics.js";
import { isKind, KINDS, typedArrayTag } from "./brands.js";
import { dataValue } from "./reflection.js";

const kPending = Symbol("kPending"), kRejected = Symbol("kRejected");
const ONLY_ENUMERABLE = 2;
export const constants = { kPending, kRejected, ALL_PROPERTIES: 0, ONLY_ENUMERABLE };
const { Proxy } = globalThis;
export { Proxy };
export const getExternalValue = () => 0n;

let substitute = () => undefined;

/** `judge(object)`: undefined to format the object as it is, or what is formatted in its place. */
export function onEachObject(judge) {
  substitute = judge;
}

/** Asked about each object before it is formatted; null for a revoked proxy. */
export function getProxyDetails(value, full = true) {
  if (full) return undefined; // asked for by nobody: render.js shows proxies in its own way
  return substitute(value);
}

let waits = false;

/** To be called first in every task: one that was stopped while it rendered has not ended. */
export function waitNoMore() {
  waits = false;
}

/** Runs `render` when promise reactions may run: a promise's state can then be found out without V8's help. */
export function mayWait(render) {
  waits = true;
  try {
    return render();
  } finally {
    waits = false;
  }
}

/** `[state, value]`: 0 pending, 1 fulfilled, 2 rejected. */
function promiseState(promise) {
  if (natives.promiseState !== undefined) return natives.promiseState(promise);
  const state = [0, undefined];
  // `then` looks for the constructor of what it returns: only where that is no code of the user's.
  if (!waits || dataValue(promise, "constructor") !== PromiseClass) return state;
  promiseThen(promise, (value) => { state[0] = 1; state[1] = value; }, (reason) => { state[0] = 2; state[1] = reason; });
  natives.checkpoint();
  return state;
}

export function getPromiseDetails(promise) {
  const state = promiseState(promise);
  return [state[0] === 0 ? kPending : state[0] === 2 ? kRejected : undefined, state[1]];
}

/** What an iterator over a Map or Set has left, which is not used up by looking; with `isIterator` `[entries, isKeyValue]`. */
export function previewEntries(value, isIterator = false) {
  const found = natives.previewEntries === undefined ? undefined : natives.previewEntries(value);
  const entries = found === undefined ? [] : found[0];
  return isIterator ? [entries, found !== undefined && found[1]] : entries;
}

// Indices come first among the keys, and of a very long list collecting them takes seconds: it has no others then.
const LONGEST = 100_000, INDEX = /^(?:0|[1-9]\d{0,9})$/;
const typedLength = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get);

export function getOwnNonIndexProperties(list, filter) {
  const found = [];
  if ((isArray(list) ? list.length : typedLength(list)) > LONGEST) return found;
  const keys = ownKeys(list);
  let first = keys.length;
  while (first > 0 && (typeof keys[first - 1] === "symbol" || !isIndex(keys[first - 1]))) first--;
  for (let i = first; i < keys.length; i++) {
    if (filter !== ONLY_ENUMERABLE || getOwnPropertyDescriptor(list, keys[i]).enumerable) arrayPush(found, keys[i]);
  }
  return found;
}

const isIndex = (key) => regExpExec(INDEX, key) !== null && +key < 4294967295;

export function getConstructorName(value) {
  if (typeof value === "function") return "Function";
  if (isArray(value)) return "Array";
  for (let i = 0; i < KINDS.length; i++) if (isKind(value, KINDS[i])) return KINDS[i];
  return typedArrayTag(value) ?? "Object";
}
