// Owns the moment in which node-inspect-extracted takes its copies of the built-ins; refuses to know what values look like.
//
// The package keeps proxies that it made itself in a WeakMap and asks it about every object before formatting it. Its
// copy of `WeakMap.prototype.get` is ours, so each object passes `substitute` first. It tells built-in kinds by
// `instanceof` with the classes of its `globalThis`; those are ours too and look at internal slots, not at prototypes.
// To be imported before the package; `restoreGlobals` is called after it.

import { create, defineProperty, getOwnPropertyDescriptor, globalObject, ownKeys } from "./intrinsics.js";
import { isKind } from "./brands.js";

let substitute = () => undefined;

/** `judge(object)`: undefined to format the object as it is, or a list whose first item is formatted in its place. */
export function onEachObject(judge) {
  substitute = judge;
}

const realGet = getOwnPropertyDescriptor(WeakMap.prototype, "get");
const realGlobal = getOwnPropertyDescriptor(globalObject, "globalThis");

const classes = create(null), asGlobal = create(null);
const names = ownKeys(globalObject);
for (let i = 0; i < names.length; i++) {
  const name = names[i], { value } = getOwnPropertyDescriptor(globalObject, name);
  if (typeof name !== "string" || value === undefined) continue;
  asGlobal[name] = value;
  if (typeof value !== "function") continue;
  const kind = create(null);
  kind[Symbol.hasInstance] = (object) => isKind(object, name);
  classes[name] = kind;
}
asGlobal.globalThis = classes;

const asHook = { get(object) { return substitute(object); } };
defineProperty(WeakMap.prototype, "get", { __proto__: null, ...realGet, value: asHook.get });
defineProperty(globalObject, "globalThis", { __proto__: null, ...realGlobal, value: asGlobal });

// Bare V8 has none; no object is an instance of this one.
const realUrl = getOwnPropertyDescriptor(globalObject, "URL");
if (realUrl === undefined) defineProperty(globalObject, "URL", { __proto__: null, value: class URL {}, configurable: true });

export function restoreGlobals() {
  if (realUrl === undefined) delete globalObject.URL;
  defineProperty(WeakMap.prototype, "get", realGet);
  defineProperty(globalObject, "globalThis", realGlobal);
}
