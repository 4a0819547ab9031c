// Owns Node's questions about the kind of an object, answered by internal slots; refuses to run anything of the object's.
//
// The names are those of Node's internal/util/types, which the inspector imports.

import { functionToString, getOwnPropertyDescriptor, getPrototypeOf, isArray, natives, regExpExec } from "./intrinsics.js";
import { isKind, typedArrayTag } from "./brands.js";
import { isLikeness } from "./namespaces.js";
import { inherits } from "./reflection.js";

const AsyncFunctionPrototype = getPrototypeOf(async () => {}), GeneratorFunctionPrototype = getPrototypeOf(function* () {});
const AsyncGeneratorFunctionPrototype = getPrototypeOf(async function* () {});
const FunctionPrototype = getPrototypeOf(() => {});
const MapIteratorPrototype = getPrototypeOf(new Map().keys()), SetIteratorPrototype = getPrototypeOf(new Set().keys());
const ASYNC = /^async(?![\w$\s]*\([^)]*\)\s*\{)/, GENERATOR = /^(async\s+)?function\s*\*/;

// A function whose prototype was changed is told by its text.
function byPrototype(value, one, other, pattern) {
  if (typeof value !== "function" || natives.isProxy(value)) return false;
  const prototype = getPrototypeOf(value);
  if (prototype === one || prototype === other) return true;
  return prototype !== FunctionPrototype && regExpExec(pattern, functionToString(value)) !== null;
}

export const isAsyncFunction = (value) => byPrototype(value, AsyncFunctionPrototype, AsyncGeneratorFunctionPrototype, ASYNC);
export const isGeneratorFunction = (value) =>
  byPrototype(value, GeneratorFunctionPrototype, AsyncGeneratorFunctionPrototype, GENERATOR);

const kind = (name) => (value) => isKind(value, name);
export const isArrayBuffer = kind("ArrayBuffer");
export const isAnyArrayBuffer = (value) => isKind(value, "ArrayBuffer") || isKind(value, "SharedArrayBuffer");
export const isDataView = kind("DataView");
export const isMap = kind("Map");
export const isSet = kind("Set");
export const isWeakMap = kind("WeakMap");
export const isWeakSet = kind("WeakSet");
export const isRegExp = kind("RegExp");
export const isDate = kind("Date");
export const isPromise = kind("Promise");
export const isNativeError = kind("Error");
export const isStringObject = kind("String");
export const isNumberObject = kind("Number");
export const isBooleanObject = kind("Boolean");
export const isBigIntObject = kind("BigInt");
export const isSymbolObject = kind("Symbol");
export const isBoxedPrimitive = (value) => isNumberObject(value) || isStringObject(value) || isBooleanObject(value) ||
  isBigIntObject(value) || isSymbolObject(value);
export const isTypedArray = (value) => typedArrayTag(value) !== undefined;
export const isMapIterator = (value) => inherits(value, MapIteratorPrototype) && value !== MapIteratorPrototype;
export const isSetIterator = (value) => inherits(value, SetIteratorPrototype) && value !== SetIteratorPrototype;
export const isExternal = () => false;

export function isArgumentsObject(value) {
  if (typeof value !== "object" || isArray(value)) return false;
  const callee = getOwnPropertyDescriptor(value, "callee"), length = getOwnPropertyDescriptor(value, "length");
  return callee !== undefined && !callee.enumerable && length !== undefined && !length.enumerable;
}

export const isModuleNamespaceObject = isLikeness;
