// Owns atob and btoa (HTML standard); refuses to know bytes that are no characters.

import { Bytes, charCodeAt, DOMException, fromBase64, fromCharCode, toBase64, toText, TypeErrorClass } from "./given.js";

/** The characters U+0000 to U+00FF that `data` encodes. */
export function atob(data) {
  if (arguments.length === 0) throw new TypeErrorClass("The \"data\" argument must be specified");
  let bytes;
  const text = toText(data);
  try {
    bytes = fromBase64(text); // "loose", white space skipped: the standard's forgiving decode
  } catch {
    throw new DOMException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");
  }
  let decoded = "";
  for (let i = 0; i < bytes.length; i++) decoded += fromCharCode(bytes[i]);
  return decoded;
}

export function btoa(data) {
  if (arguments.length === 0) throw new TypeErrorClass("The \"data\" argument must be specified");
  const text = toText(data);
  const bytes = new Bytes(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = charCodeAt(text, i);
    if (code > 255) throw new DOMException("Invalid character", "InvalidCharacterError");
    bytes[i] = code;
  }
  return toBase64(bytes);
}
