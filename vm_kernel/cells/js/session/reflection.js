// Owns reading objects without running anything: no getter, no proxy trap; refuses to judge what it finds.

import { bareList, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, natives, ObjectPrototype, setPrototypeOf } from "./intrinsics.js";

const LONGEST_CHAIN = 1000;

/** The own property as a descriptor that inherits nothing: a `get` on Object.prototype would make every property an accessor. */
export function ownProperty(object, key) {
  const found = getOwnPropertyDescriptor(object, key);
  return found === undefined || plain() ? found : setPrototypeOf(found, null);
}

// A change of prototype costs ten times the lookup.
const FIELDS = bareList();
for (const field of ["get", "set", "value", "writable", "enumerable", "configurable"]) FIELDS[FIELDS.length] = field;
const plain = () => {
  for (let i = 0; i < FIELDS.length; i++) if (hasOwn(ObjectPrototype, FIELDS[i])) return false;
  return true;
};

/** The nearest descriptor of `key` along the prototypes; undefined when there is none, or a proxy comes first. */
export function findProperty(object, key) {
  for (let i = 0; object !== null && i < LONGEST_CHAIN; i++) {
    if (natives.isProxy(object)) return undefined;
    const found = ownProperty(object, key);
    if (found !== undefined) return found;
    object = getPrototypeOf(object);
  }
  return undefined;
}

/** The value of a data property along the prototypes, else undefined. */
export function dataValue(object, key) {
  const found = findProperty(object, key);
  return found === undefined || found.get !== undefined || found.set !== undefined ? undefined : found.value;
}

/** The name of a function by its own data property, else "". */
export function functionName(value) {
  const name = dataValue(value, "name");
  return typeof name === "string" ? name : "";
}

/** The name of the class that an object shows; null when no prototype names one. */
export function className(object) {
  let at = object;
  for (let i = 0; at !== null && i < LONGEST_CHAIN; i++) {
    if (natives.isProxy(at)) return null;
    const found = ownProperty(at, "constructor");
    if (found !== undefined && typeof found.value === "function" && !natives.isProxy(found.value)) {
      const name = functionName(found.value);
      if (name !== "") return name;
    }
    at = getPrototypeOf(at);
  }
  return null;
}

/** Is `prototype` on the object's chain? False beyond a proxy. */
export function inherits(object, prototype) {
  for (let i = 0; i < LONGEST_CHAIN; i++) {
    if (natives.isProxy(object)) return false;
    object = getPrototypeOf(object);
    if (object === null) return false;
    if (object === prototype) return true;
  }
  return false;
}
