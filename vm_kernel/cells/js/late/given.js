// Owns the names under which late scripts know what the session hands them (session/late.js); refuses to make any of it.

export const {
  clockMs, currentCell, DOMException, exceptionSlot, fetchModule, folderOf, hostModules, inherits, inspect, isKind,
  isProxy, likeness, load, ownProperty, placeError, primitiveOf, printError, randomBytes, registerScript, replaceEach,
  setTimer, showInstances, showNamespace, tame,
} = __given;

export const {
  asyncGeneratorNext, Buffer, bufferDetached, bufferLength, bufferMost, bufferResizable, bufferSlice, bufferTransfer,
  Bytes, encodePath, fromBase64, generatorNext, isEnumerable, isView, regExpFlags, regExpSource, setForEach, slotted,
  toBase64, typedBuffer, typedBytes, typedLength, typedOffset, typedSet, viewBuffer, viewLength, viewOffset,
  WeakRefClass, weakRefDeref,
} = __given.buffers;

export const {
  apply, arrayPush, arraySort, bareList, charCodeAt, create, dateGetTime, defineProperty, ErrorClass, evaluate, freeze,
  fromCharCode, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, isArray, MapClass, mapDelete, mapForEach, mapGet,
  mapSet, now, ObjectPrototype, ownKeys, parseJson, promiseThen, quote, regExpExec, setAdd,
  SetClass, setPrototypeOf, stringIndexOf, stringSlice, SyntaxErrorClass, toNumber, toText, TypeErrorClass, uncurry,
} = __given.intrinsics;

/**
 * A class as the web's standards shape it: `name` as the tag of its instances, its members enumerable. The getters that
 * it has now may be run by the inspector.
 */
export function finish(type, name) {
  const { prototype } = type;
  const keys = ownKeys(prototype);
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] === "constructor" || typeof keys[i] === "symbol") continue;
    const found = setPrototypeOf(getOwnPropertyDescriptor(prototype, keys[i]), null);
    if (found.get !== undefined) tame(found.get);
    found.enumerable = true;
    defineProperty(prototype, keys[i], found);
  }
  defineProperty(prototype, Symbol.toStringTag,
    { __proto__: null, value: name, writable: false, enumerable: false, configurable: true });
  return type;
}

/** The same numbers on the class and its prototype, as `const` in an interface. */
export function constants(type, values) {
  const names = ownKeys(values);
  for (let i = 0; i < names.length; i++) {
    const constant = { __proto__: null, value: values[names[i]], writable: false, enumerable: true, configurable: false };
    defineProperty(type, names[i], constant);
    defineProperty(type.prototype, names[i], constant);
  }
}
