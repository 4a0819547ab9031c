// Owns which objects the inspector may look at as they are, and what it is given in place of the others; refuses to format.
//
// The inspector reads some properties in the plain way (constructor, name, message, @@toStringTag ...) and does not know
// Temporal. An object on which such a read would run user code has a shadow (shadows.js), or is shown by `plainText`. A
// method that an object has under Symbol.for("nodejs.util.inspect.custom") is called, as in Node: it was written to be
// called here. One that every object would have was not.

import { apply, create, FunctionPrototype, getPrototypeOf, MapClass, natives, ObjectPrototype, ownKeys, SetClass, setHas, uncurry } from "./intrinsics.js";
import { isKind, typedArrayTag } from "./brands.js";
import { onEachObject, waitNoMore } from "./details.js";
import { inspect } from "./inspector.js";
import { nativeGetters } from "./intact.js";
import { shortened } from "./lists.js";
import { plainText } from "./plaintext.js";
import { dataValue, ownProperty } from "./reflection.js";
import { shadowOf, withOwnShadows } from "./shadows.js";
import { viewOf } from "./views.js";

const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
const TAG = Symbol.toStringTag, ITERATOR = Symbol.iterator, HAS_INSTANCE = Symbol.hasInstance;

const standIns = new WeakSet();
const isStandIn = uncurry(WeakSet.prototype.has);
const addStandIn = uncurry(WeakSet.prototype.add);

/** Marks an object of our own making, whose class may be the user's, as fit for the inspector. */
function showAsIs(object) {
  addStandIn(standIns, object);
  return object;
}

// `make(depth, options)` is asked when the inspector reaches it: for a text, or for another object to format there.
function standIn(make) {
  const object = create(null);
  object[CUSTOM] = make;
  return showAsIs(object);
}

// How the inspection that runs was asked for.
let customs, proxies, items;

/** To be called first in every task: an inspection that was stopped has not ended. */
export function lookAsUsual() {
  customs = true;
  proxies = false;
  items = 100;
  waitNoMore();
}
lookAsUsual();

/** Runs `look` with the user's own inspectors or without, with proxies shown as such or not, and so many items of lists. */
export function lookWith(customInspect, showProxy, maxArrayLength, look) {
  const before = [customs, proxies, items];
  customs = customInspect;
  proxies = showProxy;
  items = maxArrayLength;
  try {
    return withOwnShadows(look);
  } finally {
    customs = before[0];
    proxies = before[1];
    items = before[2];
  }
}

onEachObject((value) => {
  if (isStandIn(standIns, value)) return undefined;
  if (natives.isProxy(value)) return proxyInstead(value);
  const view = viewOf(value);
  if (view !== undefined) return standIn((depth, options) => shownBy(view, value, depth, options));
  if (!isTame(value)) return shadowInstead(value) ?? standIn((depth) => plainText(value, depth ?? undefined));
  if (typeof value === "function") return undefined;
  const short = shortened(value, items);
  if (short !== undefined) return standIn(() => showAsIs(short));
  const text = temporalText(value);
  return text === undefined ? undefined : standIn(() => text);
});

function shownBy(view, value, depth, options) {
  const shown = view(value, depth, options);
  return typeof shown === "string" ? shown : showAsIs(shown);
}

// Its target is shown, as if it were there itself.
function proxyInstead(proxy) {
  if (proxies) return standIn((depth, options) => proxyText(proxy, depth, options));
  let target = proxy;
  while (natives.isProxy(target)) target = natives.proxyTarget(target);
  return target === null || target === undefined ? null : standIn(() => target);
}

function proxyText(proxy, depth, options) {
  const target = natives.proxyTarget(proxy);
  if (target === null || target === undefined) return "<Revoked Proxy>";
  if (depth < 0 && depth !== null) return "Proxy [Array]";
  const inner = { __proto__: null, ...options, depth: depth === null ? null : depth - 1 };
  return `Proxy [ ${inspect(target, inner)}, ${inspect(natives.proxyHandler(proxy), inner)} ]`;
}

// What the inspector reads on its way, by kind of object.
const READ = ["constructor", TAG, CUSTOM, "toString", "prototype", "href"];
const READ_OF_FUNCTION = ["name"];
const READ_OF_ERROR = ["name", "message", "stack", "cause", "errors"];
const READ_OF_REGEXP = ["source", "flags", "hasIndices", "global", "ignoreCase", "multiline", "dotAll", "unicode",
  "unicodeSets", "sticky"];
const READ_OF_COLLECTION = ["size", "entries", "values", "keys"];
const READ_OF_BUFFER = ["length", "byteLength", "byteOffset", "buffer", "BYTES_PER_ELEMENT"];
const mapEntries = MapClass.prototype.entries, setValues = SetClass.prototype.values;

/** Does the inspector show `value`, or something like it, in its own way? */
export const isShown = (value) => isTame(value) || shadow(value) !== undefined;

// Its constructors are asked by name, so that nothing can hide them.
function shadow(value) {
  const found = constructorsAreTame(value) ? shadowOf(value) : undefined;
  return found === undefined ? undefined : showAsIs(found);
}

// An inspector of the user's is asked about the object itself.
function shadowInstead(value) {
  const instead = shadow(value);
  return instead === undefined ? undefined : standIn((depth, options, look) => {
    const custom = customs ? dataValue(value, CUSTOM) : undefined;
    const said = typeof custom === "function" && custom !== ownProperty(ObjectPrototype, CUSTOM)?.value
      ? apply(custom, value, [depth, options, look]) : value;
    return said === value ? instead : said;
  });
}

function constructorsAreTame(value) {
  for (let at = value; at !== null; at = getPrototypeOf(at)) {
    if (natives.isProxy(at)) return false;
    const found = ownProperty(at, "constructor");
    if (typeof found?.value === "function" && !tameConstructor(found.value)) return false;
  }
  return true;
}

/** May the inspector read `value` in its plain way? */
function isTame(value) {
  if (!readsSafely(value, READ)) return false;
  if (typeof value === "function") return readsSafely(value, READ_OF_FUNCTION) && tameConstructor(value);
  if (isKind(value, "Error")) return readsSafely(value, READ_OF_ERROR) && causeReadsSafely(value);
  if (isKind(value, "RegExp")) return readsSafely(value, READ_OF_REGEXP);
  if (isKind(value, "Map")) return iteratesWith(value, mapEntries) && readsSafely(value, READ_OF_COLLECTION);
  if (isKind(value, "Set")) return iteratesWith(value, setValues) && readsSafely(value, READ_OF_COLLECTION);
  const buffer = typedArrayTag(value) !== undefined || isKind(value, "DataView") || isKind(value, "ArrayBuffer")
    || isKind(value, "SharedArrayBuffer");
  return !buffer || readsSafely(value, READ_OF_BUFFER);
}

// Its stack is compared with that of its cause, which comes to the inspector by itself only later.
function causeReadsSafely(error) {
  const cause = dataValue(error, "cause");
  return cause === null || typeof cause !== "object" || readsSafely(cause, READ_OF_ERROR);
}

// Without any the inspector takes the built-in one.
const iteratesWith = (value, method) => (dataValue(value, ITERATOR) ?? method) === method;

function readsSafely(value, keys) {
  for (let at = value; at !== null; at = getPrototypeOf(at)) {
    if (natives.isProxy(at)) return false;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i], found = ownProperty(at, key);
      if (found === undefined) continue;
      if (key === CUSTOM && (!customs || at === ObjectPrototype)) return false;
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
