// Owns JavaScript's string conversion of a value as far as it goes without user code; refuses to call a user's toString.

import { arrayPush, bareList, bigIntToString, functionToString, getOwnPropertyDescriptor, isArray, natives, stringSlice,
  symbolToString, toText, uncurry, TO_STRING_TAG } from "./intrinsics.js";
import { isKind, typedArrayTag, valueOf } from "./brands.js";
import { dataValue, ownProperty } from "./reflection.js";

const LONGEST = 10_000;
const BOXES = ["String", "Number", "Boolean", "BigInt", "Symbol"];
const dateToString = uncurry(Date.prototype.toString);
const regExpSource = uncurry(getOwnPropertyDescriptor(RegExp.prototype, "source").get);

/** `hi`, `1,2,3`, `[object Object]`, `Error: boom`; strings whole, everything else at most 10,000 characters. */
export function previewOf(value) {
  if (typeof value === "string") return value;
  const text = conversion(value, bareList());
  return text.length > LONGEST ? stringSlice(text, 0, LONGEST) + "\u2026" : text;
}

function conversion(value, above) {
  switch (typeof value) {
    case "string": return value;
    case "symbol": return symbolToString(value);
    case "bigint": return bigIntToString(value);
    case "function": return natives.isProxy(value) ? "function () { [native code] }" : functionToString(value);
    case "object": return value === null ? "null" : ofObject(value, above);
    default: return toText(value);
  }
}

function ofObject(value, above) {
  if (natives.isProxy(value)) return isArray(value) ? "[object Array]" : "[object Object]";
  if (isArray(value)) return joined(value, value.length, above);
  const typed = typedArrayTag(value);
  if (typed !== undefined) return joined(value, dataLength(value), above);
  if (isKind(value, "Date")) return dateToString(value);
  if (isKind(value, "RegExp")) return regExpText(value);
  if (isKind(value, "Error")) return errorText(value);
  for (let i = 0; i < BOXES.length; i++) if (isKind(value, BOXES[i])) return conversion(valueOf[BOXES[i]](value), above);
  const tag = dataValue(value, TO_STRING_TAG);
  return `[object ${typeof tag === "string" ? tag : "Object"}]`;
}

const dataLength = uncurry(getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length").get);

// Holes, null and undefined are empty, and so is a list inside itself.
function joined(list, length, above) {
  for (let i = 0; i < above.length; i++) if (above[i] === list) return "";
  arrayPush(above, list);
  let text = "";
  for (let i = 0; i < length && text.length <= LONGEST; i++) {
    const found = ownProperty(list, i);
    const value = found === undefined ? undefined : found.value;
    text += (i > 0 ? "," : "") + (value === undefined || value === null ? "" : conversion(value, above));
  }
  above.length--;
  return text;
}

// Each flag by its own getter: the one that joins them asks the object, which may be the user's.
const FLAGS = ["hasIndices", "global", "ignoreCase", "multiline", "dotAll", "unicode", "unicodeSets", "sticky"];
const LETTERS = "dgimsuvy";
const flagOf = bareList();
for (let i = 0; i < FLAGS.length; i++) flagOf[i] = uncurry(getOwnPropertyDescriptor(RegExp.prototype, FLAGS[i]).get);

function regExpText(value) {
  let flags = "";
  for (let i = 0; i < FLAGS.length; i++) if (flagOf[i](value)) flags += LETTERS[i];
  return `/${regExpSource(value)}/${flags}`;
}

function errorText(value) {
  const name = textOr(dataValue(value, "name"), "Error"), message = textOr(dataValue(value, "message"), "");
  return message === "" ? name : name === "" ? message : `${name}: ${message}`;
}

const textOr = (value, otherwise) => (typeof value === "string" ? value : otherwise);
