// Owns the built-ins that late scripts need and the session itself does not, as they were before any user code; refuses to
// look anything up later.

import { arrayPush, bareList, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, uncurry } from "./intrinsics.js";

const getter = (prototype, name) => uncurry(getOwnPropertyDescriptor(prototype, name).get);
const buffers = ArrayBuffer.prototype, views = DataView.prototype, typed = getPrototypeOf(Uint8Array.prototype);

export const Bytes = Uint8Array, Buffer = ArrayBuffer;
export const { isView } = ArrayBuffer;
export const bufferResizable = getter(buffers, "resizable"), bufferMost = getter(buffers, "maxByteLength");
export const bufferLength = getter(buffers, "byteLength"), bufferDetached = getter(buffers, "detached");
export const bufferSlice = uncurry(buffers.slice), bufferTransfer = uncurry(buffers.transfer);
export const typedBuffer = getter(typed, "buffer"), typedOffset = getter(typed, "byteOffset");
export const typedLength = getter(typed, "length"), typedBytes = getter(typed, "byteLength"), typedSet = uncurry(typed.set);
export const viewBuffer = getter(views, "buffer"), viewOffset = getter(views, "byteOffset"), viewLength = getter(views, "byteLength");
export const { fromBase64 } = Uint8Array;
export const toBase64 = uncurry(Uint8Array.prototype.toBase64);

export const regExpSource = getter(RegExp.prototype, "source"), regExpFlags = getter(RegExp.prototype, "flags");
const generator = getPrototypeOf(function* () {}.prototype), asyncGenerator = getPrototypeOf(async function* () {}.prototype);
export const generatorNext = uncurry(generator.next), asyncGeneratorNext = uncurry(asyncGenerator.next);
export const encodePath = encodeURI;
export const setForEach = uncurry(Set.prototype.forEach);
export const WeakRefClass = WeakRef, weakRefDeref = uncurry(WeakRef.prototype.deref);
export const isEnumerable = uncurry(Object.prototype.propertyIsEnumerable);

/** Prototypes of objects with slots that no copy can have. */
export const slotted = bareList();
for (const object of [(function* () {}).prototype, (async function* () {}).prototype, new Map().keys(), new Set().keys(), [].keys()]) {
  arrayPush(slotted, getPrototypeOf(object));
}
arrayPush(slotted, Promise.prototype);
arrayPush(slotted, FinalizationRegistry.prototype);
if (typeof Temporal === "object") {
  for (const name of ownKeys(Temporal)) if (typeof Temporal[name] === "function") arrayPush(slotted, Temporal[name].prototype);
}
