// Owns what can follow a name, and what a name means, in the live session; refuses to run getters, proxy traps and user code.
//
// Targets come from the parser (parser/target.js), with `cursor_start` and `cursor_end` in code points.

import { arrayPush, arraySort, bareList, create, functionToString, getPrototypeOf, globalObject, natives,
  ownKeys, quote, regExpExec, setAdd, SetClass, setHas, stringIndexOf, stringSlice, stringStartsWith, toText } from "./intrinsics.js";
import { className, dataValue, findProperty, functionName, ownProperty } from "./reflection.js";
import { inspectWith } from "./render.js";
import { signatureOf } from "./signature.js";

const MOST_MATCHES = 1000;
const LONGEST_CHAIN = 100;
const LONGEST_SOURCE = 20_000;
const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const INDEX = /^\d+$/;
const CLASS = /^class\b/;
const AS_IT_IS = { __proto__: null, customInspect: false }; // an inspector of the user's is code of the user's

// What a literal's members are looked up on; taken before any user code.
const literals = {
  __proto__: null, string: String.prototype, number: Number.prototype, bigint: BigInt.prototype, boolean: Boolean.prototype,
  regexp: RegExp.prototype, array: Array.prototype, object: Object.prototype, function: Function.prototype,
};

/** JSON content of a complete reply, nearest members first; `cursor_start` and `cursor_end` are the target's. */
export function complete(target) {
  const matches = bareList();
  try {
    collect(target, matches);
  } catch {
    // The stack was full: what was found so far.
  }
  const { cursor_start: start, cursor_end: end } = target;
  let texts = "", types = "";
  for (let i = 0; i < matches.length; i++) {
    const text = quote(matches[i].text), comma = i > 0 ? "," : "";
    texts += comma + text;
    types += `${comma}{"start":${start},"end":${end},"text":${text},"type":"${matches[i].type}"}`;
  }
  return `{"matches":[${texts}],"cursor_start":${start},"cursor_end":${end},"metadata":{"_jupyter_types_experimental":[${types}]}}`;
}

function collect({ path, prefix, quote: mark, names }, matches) {
  if (path === null) return;
  const seen = new SetClass();
  if (names !== undefined) offerNames(names, "variable", seen, matches);
  let at = path.length === 0 ? globalObject : holder(resolve(path));
  for (let i = 0; at !== null && i < LONGEST_CHAIN && !natives.isProxy(at); i++) {
    const level = bareList();
    const keys = ownKeys(at);
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k];
      if (typeof key !== "string" || !stringStartsWith(key, prefix) || setHas(seen, key)) continue;
      // Behind a dot only names can stand; the indices of a list are noise anywhere.
      if (mark ? regExpExec(INDEX, key) !== null : regExpExec(NAME, key) === null) continue;
      // Ours, not for people: hooks such as the one that `import` becomes.
      if (path.length === 0 && stringStartsWith(key, "__") && prefix === "") continue;
      setAdd(seen, key);
      const match = create(null);
      match.text = key;
      match.type = typeOf(ownProperty(at, key), path.length > 0);
      arrayPush(level, match);
    }
    arraySort(level, (a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
    for (let k = 0; k < level.length && matches.length < MOST_MATCHES; k++) arrayPush(matches, level[k]);
    at = getPrototypeOf(at);
  }
  if (names !== undefined) offerNames(names, "keyword", seen, matches);
}

// What the parser read off this very text, and keywords.
function offerNames(names, type, seen, matches) {
  for (let i = 0; i < names.length && matches.length < MOST_MATCHES; i++) {
    const { text, type: own } = names[i];
    if (own !== type || setHas(seen, text)) continue;
    setAdd(seen, text);
    arrayPush(matches, { __proto__: null, text, type });
  }
}

function typeOf(found, member) {
  if (found === undefined || found.get !== undefined || found.set !== undefined) return "property";
  if (typeof found.value !== "function") return member ? "property" : "variable";
  if (isClass(found.value)) return "class";
  return member ? "method" : "function";
}

function isClass(value) {
  if (natives.isProxy(value)) return false;
  if (regExpExec(CLASS, functionToString(value)) !== null) return true;
  // A built-in such as Map; functions of the user's have a prototype that can be written.
  const prototype = ownProperty(value, "prototype");
  return prototype !== undefined && prototype.writable === false;
}

// Where a value's members are: the object itself, or what a primitive borrows from; null when there is nothing.
function holder(value) {
  if (value === undefined || value === null) return null;
  return typeof value === "object" || typeof value === "function" ? value : (literals[typeof value] ?? SYMBOL);
}
const SYMBOL = Symbol.prototype;

function resolve(path) {
  const head = path[0];
  let value = typeof head === "object" ? literals[head.literal] : head === "this" ? globalObject : valueAt(globalObject, head);
  for (let i = 1; i < path.length && value !== undefined; i++) value = valueAt(value, path[i]);
  return value;
}

function valueAt(value, key) {
  if (typeof value === "string" && regExpExec(INDEX, key) !== null) return value[key];
  const object = holder(value);
  return object === null ? undefined : dataValue(object, key);
}

/** JSON `{"found", "data", "metadata"}` of an inspect reply; detail 1 adds the source of functions. */
export function inspectName(target, detail) {
  const text = describe(target.name, detail);
  return text === undefined ? '{"found":false,"data":{},"metadata":{}}'
    : `{"found":true,"data":{"text/plain":${quote(text)}},"metadata":{}}`;
}

function describe(path, detail) {
  if (path === null || path === undefined || path.length === 0) return undefined;
  try {
    const name = nameOf(path);
    if (path.length === 1 && typeof path[0] === "object") return undefined;
    const owner = path.length === 1 ? globalObject : holder(resolveOwner(path));
    if (path.length === 1 && path[0] === "this") return `this: ${inspectWith(globalObject, AS_IT_IS)}`;
    const found = owner === null || owner === undefined ? undefined : findProperty(owner, path[path.length - 1]);
    if (found === undefined) return undefined;
    if (found.get !== undefined || found.set !== undefined) return `${name}: ${found.get === undefined ? "setter" : "getter, not run"}`;
    return typeof found.value === "function" && !natives.isProxy(found.value)
      ? functionText(found.value, name, detail) : valueText(found.value, name);
  } catch {
    return undefined;
  }
}

function resolveOwner(path) {
  const owner = bareList();
  for (let i = 0; i + 1 < path.length; i++) owner[i] = path[i];
  return resolve(owner);
}

function nameOf(path) {
  let name = "";
  for (let i = 0; i < path.length; i++) {
    const part = typeof path[i] === "object" ? `<${path[i].literal}>` : path[i];
    name += i === 0 ? part : regExpExec(NAME, part) === null ? `[${quote(part)}]` : `.${part}`;
  }
  return name;
}

function valueText(value, name) {
  const type = value === null ? "null" : typeof value;
  const kind = type === "object" && !natives.isProxy(value) ? (className(value) ?? "object") : type;
  const text = inspectWith(value, AS_IT_IS);
  return `${name}: ${kind}\n\n${text.length > LONGEST_SOURCE ? stringSlice(text, 0, LONGEST_SOURCE) + "\u2026" : text}`;
}

function functionText(value, name, detail) {
  const source = functionToString(value);
  const native = stringIndexOf(source, "[native code]") >= 0;
  const { signature, comment } = native ? nativeSignature(value, name) : signatureOf(source);
  let text = `${name}: ${isClass(value) ? "class" : "function"}\n\n${signature}`;
  if (comment !== "") text += `\n\n${comment}`;
  if (detail >= 1 && !native) text += `\n\n${source.length > LONGEST_SOURCE ? stringSlice(source, 0, LONGEST_SOURCE) + "\u2026" : source}`;
  return text;
}

function nativeSignature(value, name) {
  const length = dataValue(value, "length"), own = functionName(value) || name;
  const count = typeof length === "number" ? length : 0;
  return { __proto__: null, signature: `${own}() { [native code] }, ${toText(count)} parameter${count === 1 ? "" : "s"}`, comment: "" };
}
