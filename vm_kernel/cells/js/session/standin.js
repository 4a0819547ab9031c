// Owns which objects the inspector may look at as they are, and what it is given in place of the others; refuses to format.
//
// The inspector reads some properties in the plain way (constructor, name, message, @@toStringTag ...) and does not know
// promises, Temporal and real proxies. An object on which such a read would run user code is shown by `plainText`.

import { create, FunctionPrototype, getOwnPropertyDescriptor, getPrototypeOf, MapClass, natives, ownKeys, PromiseClass,
  PromisePrototype, promiseThen, SetClass, setHas, stringIndexOf, uncurry } from "./intrinsics.js";
import { isKind } from "./brands.js";
import { inspect, onEachObject } from "./inspector.js";
import { nativeGetters } from "./intact.js";
import { longListText } from "./lists.js";
import { plainText } from "./plaintext.js";
import { dataValue, inherits, ownProperty } from "./reflection.js";
import { replaceEach } from "./text.js";

const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
const TAG = Symbol.toStringTag, ITERATOR = Symbol.iterator, HAS_INSTANCE = Symbol.hasInstance;
const BREAK_LENGTH = 80;

const standIns = new WeakSet();
const isStandIn = uncurry(WeakSet.prototype.has);
const addStandIn = uncurry(WeakSet.prototype.add);

/** Marks an object of our own making, whose class may be the user's, as fit for the inspector. */
export function showAsIs(object) {
  addStandIn(standIns, object);
  return object;
}

// `text(depth, options)` is asked when the inspector reaches it.
function standIn(text) {
  const object = create(null);
  object[CUSTOM] = (depth, options) => text(depth, options);
  return [showAsIs(object)];
}

onEachObject((value) => {
  if (isStandIn(standIns, value)) return undefined;
  if (natives.isProxy(value)) return proxyDetails(value);
  if (!isTame(value)) return standIn((depth) => plainText(value, depth ?? undefined));
  if (typeof value === "function") return undefined;
  const list = longListText(value);
  if (list !== undefined) return standIn(list);
  if (inherits(value, PromisePrototype)) return standIn((depth, options) => promiseText(value, depth, options));
  const text = temporalText(value) ?? iteratorText(value);
  return text === undefined ? undefined : standIn(() => text);
});

function proxyDetails(proxy) {
  const target = natives.proxyTarget(proxy);
  return target === null || target === undefined ? [null, null] : [target, natives.proxyHandler(proxy)];
}

// What the inspector reads on its way, by kind of object.
const READ = ["constructor", TAG, CUSTOM, "length", "toString", "prototype", "href"];
const READ_OF_FUNCTION = ["name"];
const READ_OF_ERROR = ["name", "message", "stack", "cause", "errors"];
const READ_OF_REGEXP = ["source", "flags", "hasIndices", "global", "ignoreCase", "multiline", "dotAll", "unicode",
  "unicodeSets", "sticky"];
const READ_OF_COLLECTION = ["size", "entries", "values", "keys"];
const READ_OF_BUFFER = ["byteLength", "byteOffset", "buffer"];
const mapEntries = MapClass.prototype.entries, setValues = SetClass.prototype.values;

/** May the inspector read `value` in its plain way? */
export function isTame(value) {
  if (!readsSafely(value, READ)) return false;
  if (typeof value === "function") return readsSafely(value, READ_OF_FUNCTION) && tameConstructor(value);
  if (isKind(value, "Error")) return readsSafely(value, READ_OF_ERROR);
  if (isKind(value, "RegExp")) return readsSafely(value, READ_OF_REGEXP);
  if (isKind(value, "Map")) return iteratesWith(value, mapEntries) && readsSafely(value, READ_OF_COLLECTION);
  if (isKind(value, "Set")) return iteratesWith(value, setValues) && readsSafely(value, READ_OF_COLLECTION);
  return !isKind(value, "DataView") && !isKind(value, "ArrayBuffer") && !isKind(value, "SharedArrayBuffer")
    || readsSafely(value, READ_OF_BUFFER);
}

// Without any the inspector takes the built-in one.
const iteratesWith = (value, method) => (dataValue(value, ITERATOR) ?? method) === method;

function readsSafely(value, keys) {
  for (let at = value; at !== null; at = getPrototypeOf(at)) {
    if (natives.isProxy(at)) return false;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i], found = ownProperty(at, key);
      if (found === undefined) continue;
      if (key === CUSTOM) return false;
      if (found.get !== undefined ? !setHas(nativeGetters, found.get) : found.set !== undefined) return false;
      if (key === "constructor" && typeof found.value === "function" && !tameConstructor(found.value)) return false;
    }
  }
  return true;
}

const nativeHasInstance = FunctionPrototype[Symbol.hasInstance];

// `instanceof` and `.name` are asked of it.
function tameConstructor(constructor) {
  if (natives.isProxy(constructor)) return false;
  const name = ownProperty(constructor, "name");
  if (name !== undefined && name.get !== undefined) return false;
  for (let at = constructor; at !== null; at = getPrototypeOf(at)) {
    if (natives.isProxy(at)) return false;
    const found = ownProperty(at, HAS_INSTANCE);
    if (found !== undefined) return found.value === nativeHasInstance;
  }
  return true;
}

let waits = false;

/** Runs `render` at a moment when promise reactions may run: a promise's state can then be found out. */
export function mayWait(render) {
  waits = true;
  try {
    return render();
  } finally {
    waits = false;
  }
}

// [state, value]: 0 pending, 1 fulfilled, 2 rejected.
function promiseState(promise) {
  if (natives.promiseState !== undefined) return natives.promiseState(promise);
  const state = [0, undefined];
  // `then` looks for the constructor of what it returns: only where that is no code of the user's.
  if (!waits || dataValue(promise, "constructor") !== PromiseClass) return state;
  promiseThen(promise, (value) => { state[0] = 1; state[1] = value; }, (reason) => { state[0] = 2; state[1] = reason; });
  natives.checkpoint();
  return state;
}

function promiseText(promise, depth, options) {
  if (depth < 0 && depth !== null) return "[Promise]";
  const state = promiseState(promise);
  if (state[0] === 0) return "Promise { <pending> }";
  const text = inspect(state[1], { __proto__: null, ...options, depth: depth === null ? null : depth - 1 });
  const shown = state[0] === 1 ? text : `<rejected> ${text}`;
  const long = shown.length + "Promise {".length + 12 > BREAK_LENGTH || stringIndexOf(shown, "\n") >= 0;
  return long ? `Promise {\n  ${replaceEach(shown, "\n", "\n  ")}\n}` : `Promise { ${shown} }`;
}


// Looking at an iterator's entries would use them up, unless the engine can look without.
const MapIteratorPrototype = getPrototypeOf(new Map().keys()), SetIteratorPrototype = getPrototypeOf(new Set().keys());

function iteratorText(value) {
  const prototype = getPrototypeOf(value);
  if (prototype === MapIteratorPrototype) return "[Map Iterator] { <entries not shown> }";
  return prototype === SetIteratorPrototype ? "[Set Iterator] { <entries not shown> }" : undefined;
}

const temporals = new MapClass();
const temporalNames = typeof Temporal === "object" ? ownKeys(Temporal) : [];
for (let i = 0; i < temporalNames.length; i++) {
  const type = Temporal[temporalNames[i]];
  if (typeof type === "function") temporals.set(type.prototype, [`Temporal.${temporalNames[i]} `, uncurry(type.prototype.toString)]);
}
const temporalOf = uncurry(MapClass.prototype.get);

function temporalText(value) {
  const prototype = getPrototypeOf(value);
  const known = prototype === null ? undefined : temporalOf(temporals, prototype);
  if (known === undefined) return undefined;
  try {
    return known[0] + known[1](value);
  } catch {
    return undefined;
  }
}
