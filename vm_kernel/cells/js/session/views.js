// Owns what the inspector is shown in place of instances of our late classes and of namespaces; refuses to know the classes.

import { create, defineProperty, getPrototypeOf, MapClass, mapGet, mapSet, ownKeys } from "./intrinsics.js";
import { viewOfNamespace } from "./namespaces.js";

const views = new MapClass();

/** `view(value, depth, options)`: the text of an instance with this very prototype, or an object to show in its place. */
export function showInstances(prototype, view) {
  mapSet(views, prototype, view);
}

/** How `value` is shown; undefined where the inspector may look at it. */
export function viewOf(value) {
  const prototype = getPrototypeOf(value);
  return prototype === null ? viewOfNamespace(value) : mapGet(views, prototype);
}

/** An object that the inspector shows as `name { ...fields }`. fields: an object of ours without prototype. */
export function likeness(name, fields) {
  const kind = function () {};
  defineProperty(kind, "name", { __proto__: null, value: name });
  const object = create(kind.prototype);
  const keys = ownKeys(fields);
  for (let i = 0; i < keys.length; i++) {
    defineProperty(object, keys[i], { __proto__: null, value: fields[keys[i]], writable: true, enumerable: true, configurable: true });
  }
  return object;
}
