// Owns recognising pictures by their first bytes, and image(); refuses to decode them.

import { create, isFinite, named, quote, SHOW, toNumber, TypeErrorClass } from "./intrinsics.js";
import { typedArrayTag } from "./brands.js";
import { byteLength, bytesOf, toBase64 } from "./bytes.js";

/** A value is shown as a picture without being asked to up to this size. */
const MOST_BYTES = 8 * 1024 * 1024;

// What stands at the start of a file, -1 for any byte.
const SIGNATURES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38, -1, 0x61]],
  ["image/webp", [0x52, 0x49, 0x46, 0x46, -1, -1, -1, -1, 0x57, 0x45, 0x42, 0x50]],
];

function typeOf(bytes) {
  for (let i = 0; i < SIGNATURES.length; i++) {
    const start = SIGNATURES[i][1];
    let k = 0;
    while (k < start.length && (start[k] === -1 || bytes[k] === start[k])) k++;
    if (k === start.length) return SIGNATURES[i][0];
  }
  return undefined;
}

/** Members of a MIME bundle for a Uint8Array or a buffer that holds a picture; else undefined. */
export function imageMembers(value) {
  const tag = typedArrayTag(value);
  const bytes = tag === undefined || tag === "Uint8Array" ? bytesOf(value) : undefined;
  if (bytes === undefined || byteLength(bytes) > MOST_BYTES) return undefined;
  const type = typeOf(bytes);
  return type === undefined ? undefined : `"${type}":${quote(toBase64(bytes))}`;
}

const Image = named("Image", class {
  #base64;

  constructor(type, base64, bytes, size) {
    this.#base64 = base64;
    this.type = type;
    this.bytes = bytes;
    this.size = size;
  }

  [SHOW]() {
    const data = create(null), metadata = create(null);
    data[this.type] = this.#base64;
    data["text/plain"] = `[${this.type}, ${this.bytes} bytes]`;
    if (this.size !== undefined) metadata[this.type] = this.size;
    return [data, metadata];
  }
});

/** image(bytes) is a picture as the value of a cell or for display(); width and height in pixels, as it is without. */
export function image(source, options = undefined) {
  const bytes = bytesOf(source), type = bytes === undefined ? undefined : typeOf(bytes);
  if (type === undefined) throw new TypeErrorClass("image() takes the bytes of a PNG, JPEG, GIF or WebP file");
  const { width, height } = options ?? create(null);
  return new Image(type, toBase64(bytes), byteLength(bytes), sizeOf(width, height));
}

function sizeOf(width, height) {
  const size = create(null);
  if (width !== undefined) size.width = pixels(width);
  if (height !== undefined) size.height = pixels(height);
  return width === undefined && height === undefined ? undefined : size;
}

function pixels(value) {
  const count = toNumber(value);
  if (!isFinite(count) || count <= 0) throw new TypeErrorClass("width and height of an image are numbers of pixels");
  return count;
}
