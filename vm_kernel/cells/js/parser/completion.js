// Owns completion without the live session, for when it is busy: names of cells, keywords, built-ins; refuses to guess at values.

import { declaredIn, KEYWORDS } from "./declared.js";
import { isRemembered, remembered } from "./names.js";
import { place } from "./target.js";

const MOST_MATCHES = 1000;
/** Globals of a session that this context does not have. */
const SESSION = ["alert", "clearImmediate", "clearInterval", "clearOutput", "clearTimeout", "confirm", "console", "display",
  "html", "image", "Jupyter", "md", "password", "progress", "prompt", "svg", "table", "queueMicrotask", "setImmediate", "setInterval",
  "setTimeout", "AbortController", "AbortSignal", "CustomEvent", "DOMException", "Event", "EventTarget", "TextDecoder", "TextEncoder",
  "URL", "URLSearchParams", "atob", "btoa", "crypto", "performance",
  "structuredClone"];
const OBJECTS = new Set(["Jupyter", "console", "crypto", "performance"]);
// Taken while this context is as V8 made it.
const STANDARD = Object.getOwnPropertyNames(globalThis);
const LITERALS = { __proto__: null, string: "", number: 0, bigint: 0n, boolean: false, regexp: /x/, array: [], object: {}, function() {} };

/** `{matches: [{text, type}], start, end}`; names of this text first, then of cells, then the language's. */
export function completeStatic(source, cursor) {
  const at = place(source, cursor);
  const found = new Map();
  const offer = (text, type) => {
    if (text.startsWith(at.prefix) && !found.has(text) && found.size < MOST_MATCHES) found.set(text, type);
  };
  if (at.path?.length === 0) offerNames(source, at, offer);
  else if (at.path) offerMembers(at, offer);
  return { matches: [...found].map(([text, type]) => ({ text, type })), start: at.start, end: at.end };
}

function offerNames(source, at, offer) {
  for (const name of declaredIn(source, at)) offer(name, "variable");
  for (const name of remembered()) offer(name, "variable");
  for (const name of SESSION) offer(name, OBJECTS.has(name) ? "variable" : /^[A-Z]/.test(name) ? "class" : "function");
  for (const name of STANDARD) offer(name, typeOf(globalThis[name], /^[A-Z]/.test(name), "function"));
  for (const word of KEYWORDS) offer(word, "keyword");
}

function offerMembers({ path, quote }, offer) {
  for (let at = valueOf(path); at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    const all = Object.getOwnPropertyDescriptors(Object(at));
    for (const name of Object.keys(all).sort()) {
      if (quote || /^[\p{ID_Start}$_]/u.test(name)) offer(name, typeOf(all[name].value, false, "method"));
    }
    if (typeof at !== "object" && typeof at !== "function") at = Object(at);
  }
}

// Built-ins only, such as `Math` and `"abc"`: this context's are those of any other.
function valueOf([head, ...rest]) {
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
