// Owns the text of lists that the inspector would take seconds over, and of Float16Array; refuses to format items itself.

import { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, isArray, min, ownKeys, regExpExec, setPrototypeOf, stringIndexOf,
  stringSlice, uncurry } from "./intrinsics.js";
import { typedArrayTag } from "./brands.js";
import { inspect } from "./inspector.js";
import { ownProperty } from "./reflection.js";
import { showAsIs } from "./standin.js";

// The inspector collects every index of a list before it shows the first hundred: it gets a short one.
const LONG = 2000, SHOWN = 101;
const typedLength = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get);
const ArrayClass = Array;

/** Text for a list that the inspector would take long over or does not know; undefined for any other value. */
export function longListText(value) {
  if (isArray(value)) {
    if (value.length <= LONG) return undefined;
    return (depth, options) => inspect(showAsIs(shortened(value)), { __proto__: null, ...options, depth });
  }
  const tag = typedArrayTag(value);
  if (tag === undefined || (tag !== "Float16Array" && typedLength(value) <= LONG)) return undefined;
  return (depth, options) => typedText(value, tag, options);
}

// The same length and prototype, without most of its items; further properties of very long lists are not looked for.
function shortened(list) {
  const short = setPrototypeOf(new ArrayClass(), null);
  const { length } = list;
  for (let i = 0; i < SHOWN; i++) copyProperty(list, short, i);
  short.length = length;
  if (length <= 100_000) {
    const keys = ownKeys(list);
    for (let i = keys.length - 1; i >= 0 && (typeof keys[i] === "symbol" || regExpExec(INDEX, keys[i]) === null); i--) {
      if (keys[i] !== "length") copyProperty(list, short, keys[i]);
    }
  }
  return setPrototypeOf(short, getPrototypeOf(list));
}

const INDEX = /^\d+$/;

function copyProperty(from, to, key) {
  const found = ownProperty(from, key);
  if (found !== undefined) defineProperty(to, key, found);
}

function typedText(value, tag, options) {
  const length = typedLength(value), count = min(length, SHOWN);
  // A copy, made without asking the user's class; the inspector knows no Float16Array.
  const short = new typedClasses[tag](count);
  for (let i = 0; i < count; i++) short[i] = value[i];
  const text = inspect(short, { __proto__: null, ...options });
  const from = stringIndexOf(text, "["), more = stringIndexOf(text, "... 1 more item");
  const head = length === 0 ? `${tag}(0) ` : `${tag}(${length}) `;
  if (more < 0 || length <= SHOWN) return head + stringSlice(text, from);
  return `${head}${stringSlice(text, from, more)}... ${length - SHOWN + 1} more items` +
    stringSlice(text, more + "... 1 more item".length);
}

const typedClasses = { __proto__: null, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  Float16Array: Float32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array };
