// Owns what a value shows besides its text: its own MIME bundle, a table, a chart, an image; refuses to send it.
//
// Of the user's code only what was made for showing runs: `[Symbol.for("Jupyter.display")]()` and `toSpec()`.

import { apply, charCodeAt, getOwnPropertyDescriptor, isArray, natives, ownKeys, PromisePrototype, quote, SHOW,
  stringEndsWith, toText, TypeErrorClass } from "./intrinsics.js";
import { bytesOf, toBase64 } from "./bytes.js";
import { chartMembers } from "./charts.js";
import { currentCell } from "./current.js";
import { imageMembers } from "./images.js";
import { jsonByUser } from "./json.js";
import { dataValue, inherits } from "./reflection.js";
import { printError } from "./run.js";
import { listMembers } from "./tables.js";

/** members: JSON of the bundle without its braces; hasText: whether text/plain is among them; metadata: JSON. */
function bundle(members, hasText = false, metadata = "{}") {
  return { __proto__: null, members, hasText, metadata, promise: undefined };
}

/** The value's bundle, undefined for one that is shown as text; with `promise` set it is that promise's. Never throws. */
export function bundleOf(value) {
  if (value === null || (typeof value !== "object" && typeof value !== "function") || natives.isProxy(value)) return undefined;
  const show = dataValue(value, SHOW);
  try {
    if (typeof show === "function") return shown(apply(show, value, []));
    if (typeof value === "function") return undefined;
    const members = listMembers(value) ?? chartMembers(value) ?? imageMembers(value);
    return members === undefined ? undefined : bundle(members);
  } catch (error) {
    return complain(error);
  }
}

function shown(given) {
  if (given === null || typeof given !== "object") throw new TypeErrorClass("it gives no MIME bundle");
  if (!inherits(given, PromisePrototype)) return checked(given);
  const waiting = bundle("");
  const cell = currentCell();
  waiting.promise = (async () => {
    try {
      return checked(await given);
    } catch (error) {
      return complain(error, cell);
    }
  })();
  return waiting;
}

/** Like IPython's, a bundle or a list of a bundle and its metadata. */
function checked(given) {
  return isArray(given) ? bundleFrom(given[0], given[1]) : bundleFrom(given);
}

// It is shown as text instead, and says why.
function complain(error, cell) {
  printError(error, "Shown as text, because what the value shows itself with failed: ", cell);
  return undefined;
}

/** The bundle in an object of the user's: strings and JSON values by MIME type, bytes as base64; its getters and toJSON run. */
export function bundleFrom(given, metadata) {
  if (given === null || typeof given !== "object" || isArray(given)) throw new TypeErrorClass("a MIME bundle must be an object");
  const keys = ownKeys(given);
  let members = "", hasText = false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i], found = typeof key === "string" ? getOwnPropertyDescriptor(given, key) : undefined;
    if (found === undefined || !found.enumerable) continue;
    const text = memberText(key, given[key]);
    if (text === undefined) continue;
    members += (members === "" ? "" : ",") + quote(key) + ":" + text;
    hasText ||= key === "text/plain";
  }
  return bundle(members, hasText, jsonObject(metadata, "metadata"));
}

function memberText(key, value) {
  if (typeof value === "string") return quote(value);
  const bytes = bytesOf(value);
  if (bytes !== undefined) return quote(toBase64(bytes));
  if (typeof value === "object" || stringEndsWith(key, "json")) return jsonByUser(value);
  return value === undefined || typeof value === "function" ? undefined : quote(toText(value)); // front ends read text
}

/** JSON of an object of the user's; their toJSON and getters run, as in JSON.stringify. */
export function jsonObject(value, what) {
  if (value === undefined) return "{}";
  const text = value === null || typeof value !== "object" ? undefined : jsonByUser(value);
  if (text === undefined || charCodeAt(text, 0) !== 0x7b) throw new TypeErrorClass(`${what} must be an object`); // {
  return text;
}
