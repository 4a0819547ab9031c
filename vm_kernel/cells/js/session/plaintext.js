// Owns a plain text of any value, for those that the inspector must not touch; refuses options, colours and line breaking.

import { bareList, dateGetTime, dateToISOString, getOwnPropertyDescriptor, getPrototypeOf, is, isArray, mapForEach, mapSize, min, natives,
  ownKeys, quote, regExpExec, setSize, stringIndexOf, symbolToString, toText, bigIntToString, arrayPush, uncurry } from "./intrinsics.js";
import { isKind, typedArrayTag } from "./brands.js";
import { previewOf } from "./preview.js";
import { className, dataValue, functionName, ownProperty } from "./reflection.js";

const MOST_ENTRIES = 100;
const WHOLE = ["Error", "RegExp", "Date"];
const typedLength = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get);
const setForEach = uncurry(Set.prototype.forEach);
const NAME = /^[a-zA-Z_$][\w$]*$/;

/** `Foo { a: 1, b: [Getter] }`, nested down to `depth`; one line. */
export function plainText(value, depth = 2) {
  return textOf(value, typeof depth === "number" ? min(depth, 20) : 20, bareList());
}

function textOf(value, depth, above) {
  switch (typeof value) {
    case "string": return quoted(value);
    case "number": return is(value, -0) ? "-0" : toText(value);
    case "symbol": return symbolToString(value);
    case "bigint": return bigIntToString(value) + "n";
    case "object": return value === null ? "null" : objectText(value, depth, above);
    case "function": return objectText(value, depth, above);
    default: return toText(value);
  }
}

// As the inspector would, where nothing has to be escaped.
function quoted(text) {
  const json = quote(text);
  return json.length === text.length + 2 && stringIndexOf(text, "'") < 0 ? `'${text}'` : json;
}

function objectText(value, depth, above) {
  if (natives.isProxy(value)) {
    const target = natives.proxyTarget(value);
    return target === null || target === undefined ? "<Revoked Proxy>" : textOf(target, depth, above);
  }
  for (let i = 0; i < above.length; i++) if (above[i] === value) return "[Circular]";
  const list = isArray(value) || typedArrayTag(value) !== undefined;
  const head = headOf(value, list);
  if (depth < 0 && typeof value !== "function") return `[${list ? "Array" : head || "Object"}]`;
  arrayPush(above, value);
  const inside = collectionText(value, depth - 1, above), own = entriesOf(value, list, depth - 1, above);
  const entries = inside + (inside !== "" && own !== "" ? ", " : "") + own;
  above.length--;
  if (isWhole(value)) return entries === "" ? head : `${head} { ${entries} }`;
  const open = list ? "[" : "{", close = list ? "]" : "}";
  return (head === "" ? "" : head + " ") + (entries === "" ? open + close : `${open} ${entries} ${close}`);
}

// What its head says all about.
function isWhole(value) {
  if (typeof value === "function") return true;
  for (let i = 0; i < WHOLE.length; i++) if (isKind(value, WHOLE[i])) return true;
  return false;
}

function collectionText(value, depth, above) {
  let text = "", count = 0;
  const add = (part) => { if (count++ < MOST_ENTRIES) text += (count > 1 ? ", " : "") + part(); };
  if (isKind(value, "Map")) mapForEach(value, (item, key) => add(() => `${textOf(key, depth, above)} => ${textOf(item, depth, above)}`));
  else if (isKind(value, "Set")) setForEach(value, (item) => add(() => textOf(item, depth, above)));
  return count <= MOST_ENTRIES ? text : `${text}, ... ${count - MOST_ENTRIES} more`;
}

function headOf(value, list) {
  if (typeof value === "function") {
    const name = functionName(value);
    return name === "" ? "[Function (anonymous)]" : `[Function: ${name}]`;
  }
  if (isKind(value, "Error")) {
    const name = dataValue(value, "name"), message = dataValue(value, "message");
    return (typeof name === "string" ? name : (className(value) ?? "Error")) +
      (typeof message === "string" && message !== "" ? `: ${message}` : "");
  }
  if (isKind(value, "Date")) return dateText(value);
  if (isWhole(value)) return previewOf(value);
  const name = className(value);
  if (name === null) return "[Object: null prototype]";
  return name === (list ? "Array" : "Object") ? "" : name + countText(value, list);
}

const dateText = (date) => (is(dateGetTime(date), NaN) ? "Invalid Date" : dateToISOString(date));

function countText(value, list) {
  if (isKind(value, "Map")) return `(${mapSize(value)})`;
  if (isKind(value, "Set")) return `(${setSize(value)})`;
  return list ? `(${isArray(value) ? value.length : typedLength(value)})` : "";
}

// Keys of a very long list take longer than anybody waits.
const LONG = 100_000;
const indices = bareList();
for (let i = 0; i <= MOST_ENTRIES; i++) indices[i] = toText(i);

function entriesOf(value, list, depth, above) {
  const keys = list && ownProperty(value, LONG) !== undefined ? indices : ownKeys(value);
  let text = "", shown = 0, more = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i], found = ownProperty(value, key);
    if (found === undefined || !found.enumerable) continue;
    if (shown === MOST_ENTRIES) {
      more++;
      continue;
    }
    const index = list && typeof key === "string" && toText(i) === key;
    text += (shown++ > 0 ? ", " : "") + (index ? "" : keyText(key) + ": ") + partText(found, depth, above);
  }
  return more === 0 ? text : `${text}, ... ${more} more`;
}

function keyText(key) {
  if (typeof key === "symbol") return symbolToString(key);
  return regExpExec(NAME, key) === null ? quoted(key) : key;
}

function partText(found, depth, above) {
  if (found.get !== undefined) return found.set !== undefined ? "[Getter/Setter]" : "[Getter]";
  return found.set !== undefined ? "[Setter]" : textOf(found.value, depth, above);
}
