// Owns structuredClone (HTML standard): values by their internal slots, cycles, transfer of buffers; refuses to serialize.

import { arrayPush, bareList, Buffer, bufferDetached, bufferLength, bufferMost, bufferResizable, bufferSlice, bufferTransfer, Bytes,
  create, dateGetTime, defineProperty, DOMException, ErrorClass, exceptionSlot, getPrototypeOf, inherits, isArray, isEnumerable, isKind,
  isProxy, MapClass, mapForEach, mapGet, mapSet, ObjectPrototype, ownKeys, ownProperty, primitiveOf, regExpFlags, regExpSource, setAdd, SetClass,
  setForEach, setPrototypeOf, slotted, toText, typedBuffer, TypeErrorClass, typedLength, typedOffset, typedSet, viewBuffer, viewLength,
  viewOffset } from "./given.js";

const { DataView: View, Date: DateClass, RegExp: RegExpClass, Object: ObjectClass } = globalThis;
const ofTyped = { __proto__: null, buffer: typedBuffer, offset: typedOffset, length: typedLength };
const ofView = { __proto__: null, buffer: viewBuffer, offset: viewOffset, length: viewLength };

const TYPED = ["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float16Array",
  "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"];
const constructors = create(null);
for (let i = 0; i < TYPED.length; i++) if (globalThis[TYPED[i]] !== undefined) constructors[TYPED[i]] = globalThis[TYPED[i]];
const { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError } = globalThis;
const ERRORS = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const WRAPPERS = ["String", "Number", "Boolean", "BigInt", "Symbol"];
/** What has slots that cannot be copied. */
const UNCOPIED = ["WeakMap", "WeakSet", "WeakRef"];

function refuse(value) {
  let text;
  if (typeof value === "symbol" || typeof value === "function") text = toText(value);
  else {
    let name = "Object";
    for (let at = value; at !== null && !isProxy(at); at = getPrototypeOf(at)) {
      const found = ownProperty(at, "constructor");
      if (found === undefined || typeof found.value !== "function" || isProxy(found.value)) continue;
      const own = ownProperty(found.value, "name");
      if (own !== undefined && typeof own.value === "string" && own.value !== "") name = own.value;
      break;
    }
    text = `#<${name}>`;
  }
  throw new DOMException(`${text} could not be cloned.`, "DataCloneError");
}

/** A deep copy; throws DataCloneError for what cannot be copied. */
export function clone(value, memory = new MapClass()) {
  if (typeof value === "symbol" || typeof value === "function") refuse(value);
  if (typeof value !== "object" || value === null) return value;
  const known = mapGet(memory, value);
  if (known !== undefined) return known;
  if (isProxy(value)) refuse(value);
  const remember = (copy) => {
    mapSet(memory, value, copy);
    return copy;
  };
  if (isArray(value)) {
    const copy = remember([]);
    copy.length = value.length;
    return copyProperties(value, copy, memory);
  }
  const prototype = getPrototypeOf(value);
  if (isArguments(value)) refuse(value);
  if (prototype === ObjectPrototype || prototype === null) return copyProperties(value, remember({}), memory);
  for (let i = 0; i < WRAPPERS.length; i++) {
    if (!isKind(value, WRAPPERS[i])) continue;
    if (WRAPPERS[i] === "Symbol") refuse(value);
    return remember(ObjectClass(primitiveOf[WRAPPERS[i]](value)));
  }
  if (isKind(value, "Date")) return remember(new DateClass(dateGetTime(value)));
  if (isKind(value, "RegExp")) return remember(new RegExpClass(regExpSource(value), regExpFlags(value)));
  if (isKind(value, "SharedArrayBuffer")) return remember(value);
  if (isKind(value, "ArrayBuffer")) return remember(copyBuffer(value));
  const view = isKind(value, "DataView") ? "DataView" : typedName(value);
  if (view !== undefined) return remember(copyView(value, view, memory));
  if (isKind(value, "Map")) return copyMap(value, remember(new MapClass()), memory);
  if (isKind(value, "Set")) return copySet(value, remember(new SetClass()), memory);
  if (isKind(value, "Error")) return copyError(value, remember, memory);
  for (let i = 0; i < UNCOPIED.length; i++) if (isKind(value, UNCOPIED[i])) refuse(value);
  for (let i = 0; i < slotted.length; i++) if (inherits(value, slotted[i])) refuse(value);
  for (let i = 0; i < platform.length; i++) if (platform[i](value)) refuse(value);
  return copyProperties(value, remember({}), memory);
}

// An exotic object; its two hidden properties tell.
function isArguments(value) {
  const callee = ownProperty(value, "callee"), length = ownProperty(value, "length");
  return callee !== undefined && !callee.enumerable && length !== undefined && !length.enumerable;
}

const platform = bareList();
/** Instances for which `is` holds are objects of the platform, which cannot be copied. */
export function neverCloned(is) {
  arrayPush(platform, is);
}

function typedName(value) {
  for (let i = 0; i < TYPED.length; i++) if (isKind(value, TYPED[i])) return TYPED[i];
  return undefined;
}

function copyProperties(value, copy, memory) {
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key !== "string" || !isEnumerable(value, key)) continue;
    const item = clone(value[key], memory);
    defineProperty(copy, key, { __proto__: null, value: item, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

function copyBuffer(buffer) {
  if (bufferDetached(buffer)) throw new DOMException("An ArrayBuffer is detached and could not be cloned.", "DataCloneError");
  if (!bufferResizable(buffer)) return bufferSlice(buffer, 0);
  const copy = new Buffer(bufferLength(buffer), { __proto__: null, maxByteLength: bufferMost(buffer) });
  typedSet(new Bytes(copy), new Bytes(buffer));
  return copy;
}

// A view over the copy of its whole buffer; one that follows its buffer's length goes on doing so.
function copyView(view, name, memory) {
  const read = name === "DataView" ? ofView : ofTyped;
  const buffer = read.buffer(view);
  let offset, length;
  try {
    offset = read.offset(view);
    length = read.length(view);
  } catch { // out of its buffer's bounds
    throw new DOMException("A view is out of bounds and could not be cloned.", "DataCloneError");
  }
  const copy = clone(buffer, memory);
  const type = name === "DataView" ? View : constructors[name];
  return follows(view, buffer, type, offset, length) ? new type(copy, offset) : new type(copy, offset, length);
}

// Whether a view follows its buffer's length cannot be read; one that ends where a resizable buffer does is taken to.
function follows(view, buffer, type, offset, length) {
  if (!isKind(buffer, "ArrayBuffer") || !bufferResizable(buffer)) return false;
  const size = type === View ? 1 : type.BYTES_PER_ELEMENT;
  return offset + (length + 1) * size > bufferLength(buffer);
}

function copyMap(map, copy, memory) {
  const items = bareList(); // taken before any getter of the user's can change the map
  mapForEach(map, (item, key) => { arrayPush(items, key); arrayPush(items, item); });
  for (let i = 0; i < items.length; i += 2) mapSet(copy, clone(items[i], memory), clone(items[i + 1], memory));
  return copy;
}

function copySet(set, copy, memory) {
  const items = bareList();
  setForEach(set, (item) => { arrayPush(items, item); });
  for (let i = 0; i < items.length; i++) setAdd(copy, clone(items[i], memory));
  return copy;
}

function copyError(error, remember, memory) {
  const parts = exceptionSlot(error);
  if (parts !== undefined) {
    const copy = remember(new DOMException(parts.message, parts.name));
    return hide(copy, "stack", error.stack);
  }
  const name = error.name;
  const type = typeof name === "string" && ERRORS[name] !== undefined ? ERRORS[name] : ErrorClass;
  const copy = remember(setPrototypeOf(new ErrorClass(), type.prototype));
  const message = ownProperty(error, "message");
  if (message !== undefined && "value" in message) hide(copy, "message", toText(message.value));
  hide(copy, "stack", typeof error.stack === "string" ? error.stack : "");
  const cause = ownProperty(error, "cause");
  if (cause !== undefined && "value" in cause) hide(copy, "cause", clone(cause.value, memory));
  return copy;
}

function hide(object, key, value) {
  return defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

export function structuredClone(value, options = undefined) {
  if (arguments.length === 0) throw new TypeErrorClass("The \"value\" argument must be specified");
  if (options !== undefined && options !== null && typeof options !== "object") throw new TypeErrorClass("The \"options\" argument must be an object");
  const list = options?.transfer;
  const moved = list === undefined ? [] : [...list];
  for (let i = 0; i < moved.length; i++) {
    if (!isKind(moved[i], "ArrayBuffer") || bufferDetached(moved[i])) {
      throw new DOMException(`Value at index ${i} of the transfer list could not be transferred.`, "DataCloneError");
    }
    for (let k = 0; k < i; k++) {
      if (moved[k] === moved[i]) throw new DOMException("An ArrayBuffer is twice in the transfer list.", "DataCloneError");
    }
  }
  const copy = clone(value);
  for (let i = 0; i < moved.length; i++) bufferTransfer(moved[i], 0); // what was copied is there; the original is detached
  return copy;
}
