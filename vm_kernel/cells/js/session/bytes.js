// Owns which values are bytes, and bytes as base64; refuses to know what they mean.

import { getOwnPropertyDescriptor, getPrototypeOf, uncurry } from "./intrinsics.js";
import { isKind, typedArrayTag } from "./brands.js";

const Bytes = Uint8Array;
const getter = (prototype, name) => uncurry(getOwnPropertyDescriptor(prototype, name).get);
const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
const typed = { __proto__: null, buffer: getter(TypedArrayPrototype, "buffer"), start: getter(TypedArrayPrototype, "byteOffset"),
  length: getter(TypedArrayPrototype, "byteLength") };
const view = { __proto__: null, buffer: getter(DataView.prototype, "buffer"), start: getter(DataView.prototype, "byteOffset"),
  length: getter(DataView.prototype, "byteLength") };

export const byteLength = typed.length;
export const toBase64 = uncurry(Uint8Array.prototype.toBase64);
export const { fromBase64 } = Uint8Array;

/** The bytes of a typed array, a DataView or a buffer as a Uint8Array over the same memory; undefined for anything else. */
export function bytesOf(value) {
  const tag = typedArrayTag(value);
  if (tag === "Uint8Array") return value;
  if (isKind(value, "ArrayBuffer") || isKind(value, "SharedArrayBuffer")) return new Bytes(value);
  const reader = tag !== undefined ? typed : isKind(value, "DataView") ? view : undefined;
  return reader === undefined ? undefined : new Bytes(reader.buffer(value), reader.start(value), reader.length(value));
}
