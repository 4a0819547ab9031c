// Owns DOMException, the error of the web's standards; refuses to know who throws it.
//
// An instance is a real Error (it has a stack, and V8 knows it as one) whose name, message and code are read through the
// prototype, as the standard has it. What they say lies where user code cannot reach.

import { create, defineGlobal, defineProperty, ErrorClass, getOwnPropertyDescriptor, setAdd, setPrototypeOf,
  toText, TypeErrorClass, uncurry } from "./intrinsics.js";
import { nativeGetters } from "./intact.js";

const slots = new WeakMap();
const slotOf = uncurry(WeakMap.prototype.get), setSlot = uncurry(WeakMap.prototype.set);

/** Names in the order of their old codes, from 1; empty where a code has no name any more. */
const NAMES = ["IndexSizeError", "", "HierarchyRequestError", "WrongDocumentError", "InvalidCharacterError", "",
  "NoModificationAllowedError", "NotFoundError", "NotSupportedError", "InUseAttributeError", "InvalidStateError", "SyntaxError",
  "InvalidModificationError", "NamespaceError", "InvalidAccessError", "", "TypeMismatchError", "SecurityError", "NetworkError",
  "AbortError", "URLMismatchError", "QuotaExceededError", "TimeoutError", "InvalidNodeTypeError", "DataCloneError"];
const CONSTANTS = ["INDEX_SIZE_ERR", "DOMSTRING_SIZE_ERR", "HIERARCHY_REQUEST_ERR", "WRONG_DOCUMENT_ERR", "INVALID_CHARACTER_ERR",
  "NO_DATA_ALLOWED_ERR", "NO_MODIFICATION_ALLOWED_ERR", "NOT_FOUND_ERR", "NOT_SUPPORTED_ERR", "INUSE_ATTRIBUTE_ERR",
  "INVALID_STATE_ERR", "SYNTAX_ERR", "INVALID_MODIFICATION_ERR", "NAMESPACE_ERR", "INVALID_ACCESS_ERR", "VALIDATION_ERR",
  "TYPE_MISMATCH_ERR", "SECURITY_ERR", "NETWORK_ERR", "ABORT_ERR", "URL_MISMATCH_ERR", "QUOTA_EXCEEDED_ERR", "TIMEOUT_ERR",
  "INVALID_NODE_TYPE_ERR", "DATA_CLONE_ERR"];

/** `{name, message}` of a DOMException; undefined for every other object. */
export const exceptionSlot = (error) => slotOf(slots, error);

function slot(exception) {
  const found = slotOf(slots, exception);
  if (found === undefined) throw new TypeErrorClass("Illegal invocation");
  return found;
}

export class DOMException {
  constructor(message = "", options = "Error") {
    const parts = create(null);
    parts.message = toText(message);
    let cause;
    if (typeof options === "object" && options !== null) {
      parts.name = options.name === undefined ? "Error" : toText(options.name);
      cause = getOwnPropertyDescriptor(options, "cause");
    } else parts.name = toText(options);
    const error = setPrototypeOf(new ErrorClass(), new.target.prototype);
    setSlot(slots, error, parts);
    if (cause !== undefined) {
      defineProperty(error, "cause", { __proto__: null, value: options.cause, writable: true, enumerable: false, configurable: true });
    }
    return error;
  }

  get name() { return slot(this).name; }
  get message() { return slot(this).message; }
  get code() {
    const { name } = slot(this);
    for (let i = 0; i < NAMES.length; i++) if (NAMES[i] === name && name !== "") return i + 1;
    return 0;
  }
}
defineProperty(DOMException, "name", { __proto__: null, value: "DOMException", configurable: true }); // the bundler makes it shorter
setPrototypeOf(DOMException.prototype, ErrorClass.prototype);

for (const key of ["name", "message", "code"]) {
  const found = getOwnPropertyDescriptor(DOMException.prototype, key);
  setAdd(nativeGetters, found.get);
  defineProperty(DOMException.prototype, key, { ...found, enumerable: true });
}
for (let i = 0; i < CONSTANTS.length; i++) {
  const constant = { __proto__: null, value: i + 1, writable: false, enumerable: true, configurable: false };
  defineProperty(DOMException, CONSTANTS[i], constant);
  defineProperty(DOMException.prototype, CONSTANTS[i], constant);
}
defineProperty(DOMException.prototype, Symbol.toStringTag,
  { __proto__: null, value: "DOMException", writable: false, enumerable: false, configurable: true });

defineGlobal("DOMException", DOMException);
