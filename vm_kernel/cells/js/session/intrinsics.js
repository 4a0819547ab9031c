// Owns the built-ins as they were before any user code; refuses to look anything up later.
//
// Every export is uncurried and safe to call after user code has replaced prototypes. Session code uses these, index
// loops and null-prototype objects only: no spread, no for-of, no array destructuring, no method of a user's object.

const { call, bind } = Function.prototype;
/** @type {(method: Function) => (self: any, ...args: any[]) => any} */
export const uncurry = bind.bind(call);

export const globalObject = globalThis;
export const evaluate = globalThis.eval;
export const natives = globalThis.__natives;

export const { apply, construct, deleteProperty, ownKeys } = Reflect;
export const {
  create, defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, preventExtensions, setPrototypeOf, is, isFrozen,
  isExtensible,
} = Object;
export const { isArray } = Array;
export const { isInteger, isFinite } = Number;
export const { min, max, floor, trunc, abs, random } = Math;
export const now = Date.now;
export const parseJson = JSON.parse;
export const stringify = JSON.stringify;
export const fromCharCode = String.fromCharCode;
export const toText = String;
export const TO_STRING_TAG = Symbol.toStringTag;
/** The method by which a value gives its MIME bundle; the name is Deno's. */
export const SHOW = Symbol.for("Jupyter.display");
export const toNumber = Number;
export const PromiseClass = Promise;
export const ErrorClass = Error;
export const { captureStackTrace } = Error;
export const TypeErrorClass = TypeError;
export const RangeErrorClass = RangeError;
export const SyntaxErrorClass = SyntaxError;
export const MapClass = Map;
export const SetClass = Set;
export const ArrayPrototype = Array.prototype;
export const ObjectPrototype = Object.prototype;
export const FunctionPrototype = Function.prototype;
export const StringPrototype = String.prototype;
export const PromisePrototype = Promise.prototype;

export const charCodeAt = uncurry(String.prototype.charCodeAt);
export const stringSlice = uncurry(String.prototype.slice);
export const stringIndexOf = uncurry(String.prototype.indexOf);
export const stringLastIndexOf = uncurry(String.prototype.lastIndexOf);
export const stringStartsWith = uncurry(String.prototype.startsWith);
export const stringEndsWith = uncurry(String.prototype.endsWith);
export const stringRepeat = uncurry(String.prototype.repeat);
export const stringTrim = uncurry(String.prototype.trim);
export const stringPadEnd = uncurry(String.prototype.padEnd);
export const stringToLowerCase = uncurry(String.prototype.toLowerCase);
export const stringIsWellFormed = uncurry(String.prototype.isWellFormed);
export const stringToWellFormed = uncurry(String.prototype.toWellFormed);
export const functionToString = uncurry(Function.prototype.toString);
export const objectToString = uncurry(Object.prototype.toString);
export const hasOwn = uncurry(Object.prototype.hasOwnProperty);
export const promiseThen = uncurry(Promise.prototype.then);
export const numberToFixed = uncurry(Number.prototype.toFixed);
export const numberToText = uncurry(Number.prototype.toString);
export const regExpExec = uncurry(RegExp.prototype.exec);
export const arrayJoin = uncurry(Array.prototype.join);
export const arraySort = uncurry(Array.prototype.sort);
export const mapGet = uncurry(Map.prototype.get);
export const mapSet = uncurry(Map.prototype.set);
export const mapHas = uncurry(Map.prototype.has);
export const mapDelete = uncurry(Map.prototype.delete);
export const mapSize = uncurry(getOwnPropertyDescriptor(Map.prototype, "size").get);
export const mapForEach = uncurry(Map.prototype.forEach);
export const mapClear = uncurry(Map.prototype.clear);
export const setHas = uncurry(Set.prototype.has);
export const setAdd = uncurry(Set.prototype.add);
export const setSize = uncurry(getOwnPropertyDescriptor(Set.prototype, "size").get);
export const setDelete = uncurry(Set.prototype.delete);
export const dateToISOString = uncurry(Date.prototype.toISOString);
export const dateGetTime = uncurry(Date.prototype.getTime);
export const symbolToString = uncurry(Symbol.prototype.toString);
export const bigIntToString = uncurry(BigInt.prototype.toString);

/** Append without a setter on Array.prototype[i] seeing it. */
export function arrayPush(list, value) {
  defineProperty(list, list.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

/** A list that inherits nothing: plain index writes are safe on it, JSON sees an array without toJSON. */
export function bareList() {
  return setPrototypeOf([], null);
}

/** A class or function under its name, which the bundler shortens. */
export function named(name, type) {
  return defineProperty(type, "name", { __proto__: null, value: name, configurable: true });
}

/** A string as JSON text; JSON.stringify consults no user code for a primitive string. */
export function quote(text) {
  return stringify(text);
}

/** Define a global as Node does: writable, configurable, not enumerable. */
export function defineGlobal(name, value) {
  if (typeof value === "function") named(name, value);
  defineProperty(globalObject, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}
