// Owns crypto.getRandomValues and crypto.randomUUID (Web Cryptography), from the system's random source; refuses to cipher.

import { bareList, Bytes, create, DOMException, finish, isKind, isView, likeness, randomBytes, showInstances, typedBuffer,
  typedBytes, typedOffset, TypeErrorClass } from "./given.js";

const MOST_BYTES = 65536;
const POOL_BYTES = 4096; // a call into the host costs more than the bytes
const INTEGERS = ["Uint8Array", "Int8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array",
  "BigInt64Array", "BigUint64Array"];
const KEY = create(null);
const HEX = bareList();
for (let i = 0; i < 256; i++) HEX[i] = (i < 16 ? "0" : "") + i.toString(16);

let pool = new Bytes(POOL_BYTES), used = POOL_BYTES;

function take(into) {
  const { length } = into;
  if (length > POOL_BYTES / 4) {
    randomBytes(into);
    return;
  }
  if (used + length > POOL_BYTES) {
    randomBytes(pool);
    used = 0;
  }
  for (let i = 0; i < length; i++) {
    into[i] = pool[used];
    pool[used++] = 0; // given once, kept nowhere
  }
}

export class Crypto {
  #own = true;

  constructor(key) {
    if (key !== KEY) throw new TypeErrorClass("Illegal constructor");
  }

  getRandomValues(array) {
    this.#own;
    let integers = false;
    for (let i = 0; i < INTEGERS.length && !integers; i++) integers = isKind(array, INTEGERS[i]);
    if (!integers && !isView(array)) throw new TypeErrorClass("The \"array\" argument must be an integer-type TypedArray");
    if (!integers) throw new DOMException("The data argument must be an integer-type TypedArray", "TypeMismatchError");
    const bytes = typedBytes(array);
    if (bytes > MOST_BYTES) {
      throw new DOMException(`The requested length exceeds ${MOST_BYTES} bytes`, "QuotaExceededError");
    }
    take(new Bytes(typedBuffer(array), typedOffset(array), bytes));
    return array;
  }

  randomUUID() {
    this.#own;
    const bytes = new Bytes(16);
    take(bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = "";
    for (let i = 0; i < 16; i++) text += (i === 4 || i === 6 || i === 8 || i === 10 ? "-" : "") + HEX[bytes[i]];
    return text;
  }
}
finish(Crypto, "Crypto");
showInstances(Crypto.prototype, () => likeness("Crypto", create(null)));

export const crypto = new Crypto(KEY);
