// Owns completion without the live session, for when it is busy: names of cells, keywords, built-ins; refuses to know values.

import { isRemembered, remembered } from "./names.js";
import { target } from "./target.js";
import { wordsOn } from "../session/words.js";

const MOST_MATCHES = 1000;
/** Globals of a session that this context does not have. */
const SESSION = ["alert", "clearImmediate", "clearInterval", "clearOutput", "clearTimeout", "confirm", "console", "display",
  "html", "image", "Jupyter", "md", "password", "progress", "prompt", "require", "svg", "table", "queueMicrotask", "setImmediate", "setInterval",
  "setTimeout", "AbortController", "AbortSignal", "Crypto", "CustomEvent", "DOMException", "Event", "EventTarget", "Performance",
  "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "TextDecoder", "TextEncoder",
  "URL", "URLSearchParams", "atob", "btoa", "crypto", "performance",
  "structuredClone"];
const OBJECTS = new Set(["Jupyter", "console", "crypto", "performance"]);
// Taken while this context is as V8 made it.
const STANDARD = Object.getOwnPropertyNames(globalThis).sort();
const LITERALS = { __proto__: null, string: "", number: 0, bigint: 0n, boolean: false, regexp: /x/, array: [], object: {}, function() {} };

/** `{matches: [{text, type, signature?}], start, end}`; names of this text first, then of cells, then the language's. */
export function completeStatic(source, cursor, language) {
  const at = target(source, cursor, language);
  const found = new Map();
  const offer = (text, type, value) => {
    if (!text.startsWith(at.prefix) || found.has(text) || found.size >= MOST_MATCHES) return;
    const signature = typeof value === "function" ? wordsOn(value)?.parameters : undefined;
    found.set(text, signature === undefined ? { text, type } : { text, type, signature });
  };
  if (at.path === null || at.path.length === 0) offerNames(at, offer);
  else offerMembers(at, offer);
  return { matches: [...found.values()], start: at.start, end: at.end };
}

function offerNames({ path, names }, offer) {
  const words = (type) => names.filter((name) => name.type === type).forEach(({ text }) => offer(text, type));
  words("magic");
  if (path === null) return;
  words("variable");
  for (const name of [...remembered()].sort()) offer(name, "variable");
  for (const name of SESSION) offer(name, OBJECTS.has(name) ? "variable" : /^[A-Z]/.test(name) ? "class" : "function");
  for (const name of STANDARD) offer(name, typeOf(globalThis[name], /^[A-Z]/.test(name), "function"), globalThis[name]);
  words("keyword");
}

function offerMembers({ path, quote, guess, prefix }, offer) {
  const whole = wholePath(path, guess);
  if (whole !== path && path.length === 1) for (const key of guess.keys) offer(key, "property");
  let at = valueOf(whole);
  if (at === undefined || at === null) return;
  for (at = Object(at); at !== null; at = Object.getPrototypeOf(at)) {
    const all = Object.getOwnPropertyDescriptors(at);
    for (const name of Object.keys(all).sort()) {
      if (at === Object.prototype && name.startsWith("__") && !prefix.startsWith("__")) continue;
      if (quote ? !/^\d+$/.test(name) : /^[\p{ID_Start}$_]/u.test(name)) offer(name, typeOf(all[name].value, false, "method"), all[name].value);
    }
  }
}

/** With what a name of this text will be in its place, where it is not known otherwise. */
function wholePath(path, guess) {
  const known = typeof path[0] === "object" || STANDARD.includes(path[0]) || isRemembered(path[0]);
  return guess === null || known ? path : [...guess.path, ...path.slice(1)];
}

/** Built-ins only, such as `Math` and `"abc"`: this context's are those of any other. */
export function valueOf([head, ...rest]) {
  let value = typeof head === "object" ? LITERALS[head.literal] : undefined;
  if (typeof head === "string" && STANDARD.includes(head) && !isRemembered(head)) value = globalThis[head];
  for (const key of rest) {
    if (value === undefined || value === null) return undefined;
    let owner = Object(value);
    while (owner && !Object.hasOwn(owner, key)) owner = Object.getPrototypeOf(owner);
    value = owner ? Object.getOwnPropertyDescriptor(owner, key).value : undefined;
  }
  return value;
}

function typeOf(value, capital, callable) {
  if (typeof value !== "function") return callable === "method" ? "property" : "variable";
  return capital ? "class" : callable;
}
