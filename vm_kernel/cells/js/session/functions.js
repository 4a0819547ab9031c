// Owns what can be said of a function: class or not, its parameters, its head; refuses to call it.

import { functionToString, natives, regExpExec, stringIndexOf, stringStartsWith, toText } from "./intrinsics.js";
import { dataValue, functionName, ownProperty } from "./reflection.js";
import { parametersOf, signatureOf } from "./signature.js";
import { wordsOn } from "./words.js";

const CLASS = /^class\b/;
const CAPITAL = /^[A-Z]/;

export const isNative = (source) => stringIndexOf(source, "[native code]") >= 0;

/** A class of the user's, or a built-in such as Map. */
export function isClass(value) {
  if (natives.isProxy(value)) return false;
  const source = functionToString(value);
  if (regExpExec(CLASS, source) !== null) return true;
  // Functions of the user's have a prototype that can be written; that of other built-ins is missing.
  const prototype = ownProperty(value, "prototype");
  return prototype !== undefined && prototype.writable === false && isNative(source) && regExpExec(CAPITAL, functionName(value)) !== null;
}

/** `(a, b = 2)`; "" where it cannot be known. */
export function parameters(value) {
  if (natives.isProxy(value)) return "";
  const source = functionToString(value);
  return wordsOn(value)?.parameters ?? (isNative(source) ? "" : parametersOf(source));
}

/** `{signature, comment, source}`; source is "" for what has none to show. */
export function described(value, name) {
  const source = functionToString(value), known = wordsOn(value), own = functionName(value) || name;
  // Our own functions have a source as well, which the bundler has shortened.
  if (known === undefined && !isNative(source)) {
    const { signature, comment } = signatureOf(source), shown = parametersOf(source);
    const built = stringStartsWith(source, "class") && shown !== "" ? `${signature} { constructor${shown} }` : signature;
    return { __proto__: null, signature: built, comment, source };
  }
  if (known !== undefined) return { __proto__: null, signature: own + known.parameters, comment: known.words, source: "" };
  const length = dataValue(value, "length"), count = typeof length === "number" ? length : 0;
  return { __proto__: null, signature: `${own}() { [native code] }, ${toText(count)} parameter${count === 1 ? "" : "s"}`, comment: "", source: "" };
}
