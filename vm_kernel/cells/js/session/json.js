// Owns the JSON text of a value as JSON.stringify would give it; refuses getters, proxies and every toJSON but Date's.

import { charCodeAt, create, dateGetTime, dateToISOString, isArray, isFinite, natives, ownKeys, quote, RangeErrorClass,
  setAdd, SetClass, setDelete, setHas, stringify, stringIndexOf, stringSlice, toNumber, toText } from "./intrinsics.js";
import { isKind, typedArrayTag, valueOf } from "./brands.js";
import { findProperty, ownProperty } from "./reflection.js";

const MOST_CHARACTERS = 256 * 1024;
const MOST_DEPTH = 200, MOST_DIGITS = 300;
const BOXES = ["String", "Number", "Boolean", "BigInt"];
const nativeDateToJson = Date.prototype.toJSON;

/** As JSON.stringify gives it, the user's toJSON and getters included. RangeError for what would end the engine that sent it. */
export function jsonByUser(value) {
  const text = stringify(value);
  if (text !== undefined) check(text);
  return text;
}

// Who reads it goes so deep. JSON.rawJSON makes numbers of any size, and no reader has those beyond a double's.
function check(text) {
  for (let i = 0, depth = 0; i < text.length; i++) {
    const code = charCodeAt(text, i);
    if (code === 0x22) i = stringEnd(text, i);
    else if (code === 0x7b || code === 0x5b) { // { [
      if (++depth > MOST_DEPTH) throw new RangeErrorClass(`JSON nested deeper than ${MOST_DEPTH} levels`);
    } else if (code === 0x7d || code === 0x5d) depth--;
    else if (code >= 0x30 && code <= 0x39) i = numberEnd(text, i);
  }
}

// Where the last character of the number is whose first digit is at `start`.
function numberEnd(text, start) {
  let end = start, isPower = false;
  for (let code; (code = charCodeAt(text, end + 1)) !== 0x2c && code !== 0x5d && code !== 0x7d && end + 1 < text.length; end++) {
    if ((code | 0x20) === 0x65) isPower = true; // e E
  }
  if (end - start >= MOST_DIGITS || (isPower && !isFinite(toNumber(stringSlice(text, start, end + 1))))) {
    throw new RangeErrorClass("JSON with a number that is larger than Number.MAX_VALUE or too long");
  }
  return end;
}

// Where the string that begins at `start` ends: at a quotation mark behind an even number of backslashes.
function stringEnd(text, start) {
  for (let end = stringIndexOf(text, '"', start + 1); ; end = stringIndexOf(text, '"', end + 1)) {
    let before = end;
    while (charCodeAt(text, before - 1) === 0x5c) before--;
    if ((end - before) % 2 === 0) return end;
  }
}

/** The text, or undefined for functions, symbols, NaN, cycles, what would run user code, and what is too large. */
export function jsonOf(value, most = MOST_CHARACTERS) {
  if (value === undefined) return "null";
  if (typeof value === "number" && !isFinite(value)) return undefined;
  const writer = create(null);
  writer.left = most;
  writer.above = new SetClass();
  writer.depth = 0;
  try {
    return textOf(value, writer);
  } catch {
    return undefined;
  }
}

// Caught by jsonOf; nothing of the user's runs in between.
function refuse() {
  throw undefined;
}

function spend(text, writer) {
  writer.left -= text.length;
  return writer.left < 0 ? refuse() : text;
}

// undefined: left out of an object, `null` in a list.
function textOf(value, writer) {
  switch (typeof value) {
    case "string": return value.length > writer.left ? refuse() : spend(quote(value), writer);
    case "number": return spend(isFinite(value) ? toText(value) : "null", writer);
    case "boolean": return spend(value ? "true" : "false", writer);
    case "bigint": return refuse();
    case "object": return value === null ? spend("null", writer) : objectText(value, writer);
    default: return undefined;
  }
}

function objectText(value, writer) {
  if (natives.isProxy(value) || setHas(writer.above, value) || writer.depth >= MOST_DEPTH) return refuse();
  const custom = findProperty(value, "toJSON");
  if (isKind(value, "Date")) {
    if (custom === undefined || custom.value !== nativeDateToJson) return refuse();
    return spend(isFinite(dateGetTime(value)) ? quote(dateToISOString(value)) : "null", writer);
  }
  if (custom !== undefined && (custom.get !== undefined || typeof custom.value === "function")) return refuse();
  const primitive = unboxed(value);
  if (primitive !== undefined) return textOf(primitive, writer);
  setAdd(writer.above, value);
  writer.depth++;
  const text = isArray(value) ? listText(value, writer) : membersText(value, writer);
  writer.depth--;
  setDelete(writer.above, value);
  return text;
}

function unboxed(value) {
  for (let i = 0; i < BOXES.length; i++) if (isKind(value, BOXES[i])) return valueOf[BOXES[i]](value);
  return undefined;
}

function listText(list, writer) {
  spend("[]", writer);
  const { length } = list;
  if (length > writer.left) return refuse();
  let text = "[";
  for (let i = 0; i < length; i++) {
    const found = ownProperty(list, i) ?? findProperty(list, i);
    if (found !== undefined && (found.get !== undefined || found.set !== undefined)) return refuse();
    text += (i > 0 ? "," : "") + ((found === undefined ? undefined : textOf(found.value, writer)) ?? "null");
  }
  return text + "]";
}

function membersText(object, writer) {
  spend("{}", writer);
  // A typed array has at least five characters of JSON for each element; do not list the keys of a long one.
  if (typedArrayTag(object) !== undefined && ownProperty(object, writer.left) !== undefined) return refuse();
  const keys = ownKeys(object);
  let text = "{";
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] !== "string") continue;
    const found = ownProperty(object, keys[i]);
    if (found === undefined || !found.enumerable) continue;
    if (found.get !== undefined || found.set !== undefined) return refuse();
    const member = textOf(found.value, writer);
    if (member !== undefined) text += (text === "{" ? "" : ",") + spend(quote(keys[i]), writer) + ":" + member;
  }
  return text + "}";
}
