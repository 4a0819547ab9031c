// Owns telling whether the built-ins are still the language's own; refuses to mend them.

import { ArrayPrototype, FunctionPrototype, getOwnPropertyDescriptor, getPrototypeOf, MapClass, ObjectPrototype, ownKeys, setAdd,
  SetClass, setHas, StringPrototype } from "./intrinsics.js";
import { ownProperty } from "./reflection.js";

// Accessors of the language itself: reading them runs nothing of the user's.
export const nativeGetters = new SetClass();
const samples = [/x/, new Uint8Array(), new ArrayBuffer(), new SharedArrayBuffer(1), new DataView(new ArrayBuffer()), new Map(), new Set(),
  new Error(), Iterator.prototype, [].values(), new Map().keys(), new Set().keys(),
  "".matchAll(/x/g), (function* () {})(), (async function* () {})(), Promise.resolve(), Symbol(), function () {}, "use strict"];
for (let i = 0; i < samples.length; i++) {
  for (let at = Object(samples[i]); at !== null; at = getPrototypeOf(at)) {
    const keys = ownKeys(at);
    for (let k = 0; k < keys.length; k++) {
      const { get } = getOwnPropertyDescriptor(at, keys[k]);
      if (get !== undefined) setAdd(nativeGetters, get);
    }
  }
}

// What the inspector uses at run time and cannot have captured: [object, key, value].
const pinned = [
  [ArrayPrototype, Symbol.iterator], [getPrototypeOf([].values()), "next"], [ArrayPrototype, "includes"], [ArrayPrototype, "indexOf"],
  [ArrayPrototype, "splice"], [ArrayPrototype, "push"], [ArrayPrototype, "map"], [ArrayPrototype, "join"], [ArrayPrototype, "forEach"],
  [FunctionPrototype, "call"], [FunctionPrototype, "toString"], [RegExp.prototype, "exec"],
  [getPrototypeOf(new Map().keys()), "next"], [getPrototypeOf(new Set().keys()), "next"],
  [StringPrototype, "startsWith"], [StringPrototype, "match"], [StringPrototype, "slice"], [StringPrototype, "valueOf"],
  [Number.prototype, "valueOf"], [Boolean.prototype, "valueOf"], [BigInt.prototype, "valueOf"], [Symbol.prototype, "valueOf"],
  [ObjectPrototype, "toString"], [Date.prototype, "getTime"], [MapClass.prototype, "set"], [MapClass.prototype, "get"],
  [RegExp.prototype, Symbol.match], [RegExp.prototype, Symbol.replace], [RegExp.prototype, Symbol.split],
];
for (let i = 0; i < pinned.length; i++) pinned[i][2] = pinned[i][0][pinned[i][1]];
// What is added to these two shows through in every object; a setter among it would see plain assignments.
const known = [[ObjectPrototype, new SetClass(ownKeys(ObjectPrototype))], [ArrayPrototype, new SetClass(ownKeys(ArrayPrototype))]];

/** Are the built-ins that the inspector relies on as they were? */
export function intact() {
  for (let i = 0; i < pinned.length; i++) {
    const pin = pinned[i], found = ownProperty(pin[0], pin[1]);
    if (found === undefined || found.value !== pin[2]) return false;
  }
  for (let i = 0; i < known.length; i++) {
    const keys = ownKeys(known[i][0]);
    for (let k = 0; k < keys.length; k++) {
      if (setHas(known[i][1], keys[k])) continue;
      const found = ownProperty(known[i][0], keys[k]);
      if (found.writable !== true && (found.get === undefined || !setHas(nativeGetters, found.get))) return false;
    }
  }
  return true;
}
