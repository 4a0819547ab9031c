// Owns what the inspector looks at in place of an object whose class has accessors where the inspector reads in the plain way;
// refuses to run them and to format.
//
// `get [Symbol.toStringTag]()`, `get name()` of an error, `get href()` or `*[Symbol.iterator]()` of a Map are no rare things
// in classes. A shadow has the object's own properties and its insides, and between it and its class stands one object more,
// which hides them.

import { create, defineProperty, ErrorClass, getPrototypeOf, isArray, MapClass, mapDelete, mapForEach, mapGet, mapSet, mapSize, natives,
  ownKeys, setAdd, SetClass, setHas, setPrototypeOf, setSize, uncurry } from "./intrinsics.js";
import { isKind, KINDS, typedArrayTag } from "./brands.js";
import { nativeGetters } from "./intact.js";
import { className, findProperty, ownProperty } from "./reflection.js";
import { ownStack } from "./stacks.js";

const TAG = Symbol.toStringTag, CUSTOM = Symbol.for("nodejs.util.inspect.custom"), ITERATOR = Symbol.iterator;
const { entries, values, keys } = MapClass.prototype, { entries: pairs, values: members } = SetClass.prototype;
const natural = {
  __proto__: null, Map: { __proto__: null, entries, values, keys, iterator: entries },
  Set: { __proto__: null, entries: pairs, values: members, keys: members, iterator: members },
};
const setForEach = uncurry(SetClass.prototype.forEach);
const LONGEST = 100_000;
const MASKED = [TAG, ITERATOR, "toString", "prototype", "href", "constructor"];
const ArrayClass = Array;

let shadows = new MapClass();

/** Runs `look`; what an object looks like is taken once in it, so that it is known again in a circle. */
export function withOwnShadows(look) {
  const before = shadows;
  shadows = new MapClass();
  try {
    return look();
  } finally {
    shadows = before;
  }
}

/** A safe likeness of `value`, which is no proxy and whose constructors are safe to ask; undefined where there can be none. */
export function shadowOf(value) {
  const known = mapGet(shadows, value);
  if (known !== undefined) return known;
  const prototype = getPrototypeOf(value);
  if (prototype === null || typeof value === "function" || typedArrayTag(value) !== undefined) return undefined;
  const kind = kindOf(value);
  const copy = COPIES[kind]?.(value), mask = copy === undefined ? undefined : maskOf(value, prototype, kind);
  if (mask === undefined) return undefined;
  mapSet(shadows, value, copy); // before its cause is looked at, which may be itself
  if (!copyOwn(value, copy, kind)) {
    mapDelete(shadows, value);
    return undefined;
  }
  return setPrototypeOf(copy, mask);
}

function kindOf(value) {
  if (isArray(value)) return "Array";
  if (isKind(value, "Error")) return "Error";
  for (let i = 0; i < KINDS.length; i++) if (isKind(value, KINDS[i])) return KINDS[i];
  return "Object";
}

// Of a very long one copying would take longer than showing the part that is shown.
const COPIES = {
  __proto__: null,
  Object: () => create(null),
  Array: (list) => (list.length > LONGEST ? undefined : new ArrayClass()),
  Error: () => new ErrorClass(),
  Map(map) {
    if (mapSize(map) > LONGEST) return undefined;
    const copy = new MapClass();
    mapForEach(map, (item, key) => mapSet(copy, key, item));
    return copy;
  },
  Set(set) {
    if (setSize(set) > LONGEST) return undefined;
    const copy = new SetClass();
    setForEach(set, (item) => setAdd(copy, item));
    return copy;
  },
};

const MORE = {
  __proto__: null, Error: ["name", "message"], Map: ["size", "entries", "values", "keys"], Set: ["size", "entries", "values", "keys"],
};

function instead(value, kind, key) {
  if (kind === "Error") return key === "name" ? (className(value) ?? "Error") : "";
  if (key === "size") return kind === "Map" ? mapSize(value) : setSize(value);
  return natural[kind][key];
}

// undefined where something cannot be hidden: an accessor of its own is shown, and so is a cause.
function maskOf(value, prototype, kind) {
  if (ownProperty(value, CUSTOM) !== undefined) return undefined;
  if (kind === "Error" && (isAccessor(findProperty(value, "cause")) || isAccessor(findProperty(value, "errors")))) return undefined;
  const mask = create(prototype);
  const hide = (key, shown) => {
    if (isAccessor(ownProperty(value, key))) return false;
    if (isAccessor(findProperty(prototype, key))) defineProperty(mask, key, { __proto__: null, value: shown });
    return true;
  };
  for (let i = 0; i < MASKED.length; i++) if (!hide(MASKED[i], undefined)) return undefined;
  const more = MORE[kind] ?? [];
  for (let i = 0; i < more.length; i++) if (!hide(more[i], instead(value, kind, more[i]))) return undefined;
  if (natural[kind] !== undefined) {
    if (ownProperty(value, ITERATOR) !== undefined) return undefined;
    defineProperty(mask, ITERATOR, { __proto__: null, value: natural[kind].iterator });
  }
  if (findProperty(prototype, CUSTOM) !== undefined) defineProperty(mask, CUSTOM, { __proto__: null, value: undefined });
  return mask;
}

function meetsProxy(value) {
  for (let at = value; at !== null; at = getPrototypeOf(at)) if (natives.isProxy(at)) return true;
  return false;
}

const isAccessor = (found) => found !== undefined && (found.get !== undefined ? !setHas(nativeGetters, found.get) : found.set !== undefined);

function copyOwn(value, copy, kind) {
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i], found = ownProperty(value, key);
    if (found === undefined) continue;
    if (kind === "Error" && key === "stack") {
      const stack = ownStack(value);
      if (stack === undefined) return false;
      defineProperty(copy, key, { __proto__: null, value: stack, writable: true, enumerable: false, configurable: true });
    } else if (kind === "Error" && key === "cause" && typeof found.value === "object" && found.value !== null) {
      // The inspector compares the stacks of both.
      const cause = meetsProxy(found.value) ? undefined : isKind(found.value, "Error") ? shadowOf(found.value) : found.value;
      if (cause === undefined) return false;
      defineProperty(copy, key, { __proto__: null, value: cause, writable: true, enumerable: found.enumerable, configurable: true });
    } else defineProperty(copy, key, found);
  }
  if (kind === "Error" && ownProperty(value, "stack") === undefined) delete copy.stack;
  return true;
}
