// Owns what kind of built-in an object is by its internal slots; refuses to look at prototypes and names.

import { dateGetTime, getOwnPropertyDescriptor, getPrototypeOf, isArray, mapHas, natives, ObjectPrototype, objectToString, ownKeys,
  PromisePrototype, setHas, TO_STRING_TAG, uncurry } from "./intrinsics.js";
import { inherits } from "./reflection.js";

const getter = (prototype, name) => uncurry(getOwnPropertyDescriptor(prototype, name).get);
const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
const typedArrayTag = getter(TypedArrayPrototype, Symbol.toStringTag);
const weakMapHas = uncurry(WeakMap.prototype.has);
const weakSetHas = uncurry(WeakSet.prototype.has);
const weakRefDeref = uncurry(WeakRef.prototype.deref);
const { isError } = Error;
const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
const sharedLength = getter(SharedArrayBuffer.prototype, "byteLength");
const viewBuffer = getter(DataView.prototype, "buffer");
const regExpSource = getter(RegExp.prototype, "source");
const valueOf = {
  String: uncurry(String.prototype.valueOf), Number: uncurry(Number.prototype.valueOf),
  Boolean: uncurry(Boolean.prototype.valueOf), BigInt: uncurry(BigInt.prototype.valueOf),
  Symbol: uncurry(Symbol.prototype.valueOf),
};
const probe = {};
const RegExpPrototype = RegExp.prototype;
const NO_PROMISE = 3;

// Without V8's help only the prototypes tell, and those of `Object.create(Promise.prototype)` lie.
function promiseSlot(object) {
  if (natives.promiseState === undefined ? !inherits(object, PromisePrototype)
    : natives.promiseState(object)[0] === NO_PROMISE) throw undefined;
}

// Each throws unless the object has the slot.
const probes = {
  __proto__: null,
  Map: (o) => mapHas(o, 0),
  Set: (o) => setHas(o, 0),
  WeakMap: (o) => weakMapHas(o, probe),
  WeakSet: (o) => weakSetHas(o, probe),
  WeakRef: (o) => weakRefDeref(o),
  Date: (o) => dateGetTime(o),
  RegExp: (o) => regExpSource(o),
  ArrayBuffer: (o) => bufferLength(o),
  SharedArrayBuffer: (o) => sharedLength(o),
  DataView: (o) => viewBuffer(o),
  Promise: promiseSlot,
  String: valueOf.String, Number: valueOf.Number, Boolean: valueOf.Boolean, BigInt: valueOf.BigInt, Symbol: valueOf.Symbol,
};

const prototypes = {
  __proto__: null, Map: Map.prototype, Set: Set.prototype, WeakMap: WeakMap.prototype, WeakSet: WeakSet.prototype,
  WeakRef: WeakRef.prototype, Date: Date.prototype, RegExp: RegExp.prototype, ArrayBuffer: ArrayBuffer.prototype,
  SharedArrayBuffer: SharedArrayBuffer.prototype, DataView: DataView.prototype, Promise: PromisePrototype, String: String.prototype,
  Number: Number.prototype, Boolean: Boolean.prototype, BigInt: BigInt.prototype, Symbol: Symbol.prototype,
};

/** The kinds that have slots of their own, lists and functions apart. */
export const KINDS = ownKeys(probes);

// A probe that fails makes an error, which takes long: ordinary objects are told by their prototypes. One with the slots
// of a Map that was given Object.prototype passes for ordinary.
const NO = 0, LIKELY = 1, UNKNOWN = 2;

function likelihood(object, prototype) {
  for (let at = object; !natives.isProxy(at);) {
    at = getPrototypeOf(at);
    if (at === prototype) return LIKELY;
    if (at === null) return UNKNOWN;
    if (at === ObjectPrototype) return NO;
  }
  return UNKNOWN;
}

function has(object, name) {
  try {
    probes[name](object);
    return name !== "RegExp" || object !== RegExpPrototype;
  } catch {
    return false;
  }
}

// Slots never change: an object that only probes can tell is probed once.
const known = new WeakMap();
const knownGet = uncurry(WeakMap.prototype.get), knownSet = uncurry(WeakMap.prototype.set);
// Those that Object.prototype.toString tells by their slots, where an object has no tag.
const TOLD = ["String", "Number", "Boolean", "Date", "RegExp"];

function kindOf(object) {
  if (natives.isProxy(object)) return "";
  const before = knownGet(known, object);
  if (before !== undefined) return before;
  const told = getPrototypeOf(object) === null && getOwnPropertyDescriptor(object, TO_STRING_TAG) === undefined
    && objectToString(object) === "[object Object]";
  let kind = "";
  for (let i = 0; i < KINDS.length && kind === ""; i++) {
    if ((!told || !isTold(KINDS[i])) && has(object, KINDS[i])) kind = KINDS[i];
  }
  knownSet(known, object, kind);
  return kind;
}

function isTold(name) {
  for (let i = 0; i < TOLD.length; i++) if (TOLD[i] === name) return true;
  return false;
}

/** Has `object` the internal slots of the built-in class `name`? No proxy is asked: it has none of them. */
export function isKind(object, name) {
  if (object === null || (typeof object !== "object" && typeof object !== "function")) return false;
  switch (name) {
    case "Object": return true;
    case "Function": return typeof object === "function";
    case "Array": return isArray(object);
    case "Error": return isError(object);
  }
  if (probes[name] === undefined) return typedArrayTag(object) === name;
  const likely = likelihood(object, prototypes[name]);
  return likely === LIKELY ? has(object, name) : likely === UNKNOWN && kindOf(object) === name;
}

/** `Uint8Array` and the like, else undefined. */
export { typedArrayTag };
/** The primitive inside a String, Number, Boolean, BigInt or Symbol object; throws for others. */
export { valueOf };
