// Owns the shared buffer: records out through a ring, messages in through an inbox; refuses to know what they mean.
//
// Layout (Int32 words of the header, agreed with engine/child.py): see the constants. A record is a 12-byte header
// (kind u8, flags u8, 2 unused, id u32, length u32, little endian) and UTF-8 text, padded to 4 bytes. Offsets run freely
// and wrap at 2^32; the ring's size is a power of two.

import { charCodeAt, create, fromCharCode, apply, bareList, min } from "./intrinsics.js";

const RING_WRITE = 0, RING_READ = 1, INBOX_LENGTH = 3, INBOX_MORE = 4, HOST_OPERATION = 7;
export const OPERATION = 2, PENDING = 5, NEXT_TIMER_MS = 6, CELL = 8, TIMERS = 9;
const ENTERED = 14;
const HOST_DRAIN = 1, HOST_PULL = 2, HOST_ASK = 3, HOST_TEXT = 4, HOST_PROMISE = 5, HOST_ENTRIES = 9, HOST_STIR = 10;
const HOST_SCRIPT = 6, HOST_RANDOM = 7, HOST_CLOCK = 8; // engine/services.py
const TEXT_RECORD = 10, TEXT_ID = 11, TEXT_TAKEN = 12, FOUND = 13, QUESTION = 20, ARGUMENT = 21;

const HEADER_BYTES = 256, INBOX_BYTES = 1 << 18, RING_BYTES = 1 << 17, MASK = RING_BYTES - 1;
const RECORD_BYTES = 12, CHUNK_CHARACTERS = 1 << 15, MORE = 1;
const LONG = 1 << 16, LONGEST = 1 << 26; // texts of these lengths are fetched by the host, where it can

const shared = globalThis.__buffer;
const host = globalThis.__host;
export const header = new Int32Array(shared, 0, HEADER_BYTES / 4);
const inbox = new Uint8Array(shared, HEADER_BYTES, INBOX_BYTES);
const ring = new Uint8Array(shared, HEADER_BYTES + INBOX_BYTES, RING_BYTES);
const load = Atomics.load, store = Atomics.store;

let inTask = false, stirred = false;

/** A task of the host begins. Where one is ended by force there is no end; the next one's counts for it. */
export function beginTask() {
  header[ENTERED] += 1;
  inTask = true;
  stirred = false;
}

export function endTask() {
  inTask = false;
}

/**
 * Something happened that the host looks for after its tasks. V8 runs some reactions by itself, between tasks
 * (Atomics.waitAsync, asynchronous WebAssembly compilation, finalizers): then the host is told, once until its next task.
 */
export function stir() {
  if (inTask || stirred) return;
  stirred = true;
  header[HOST_OPERATION] = HOST_STIR;
  host();
}

let written = 0; // free-running, kept within int32

function reserve(bytes) {
  while (RING_BYTES - ((written - load(header, RING_READ)) >>> 0) < bytes) {
    header[HOST_OPERATION] = HOST_DRAIN;
    host();
  }
}

function putWord(at, word) {
  ring[at & MASK] = word;
  ring[(at + 1) & MASK] = word >>> 8;
  ring[(at + 2) & MASK] = word >>> 16;
  ring[(at + 3) & MASK] = word >>> 24;
}

/** Encode text[from, to) at `at`; a lone surrogate becomes U+FFFD. Returns the offset behind it. */
function putText(text, from, to, at) {
  for (let i = from; i < to; i++) {
    let code = charCodeAt(text, i);
    if (code < 0x80) {
      ring[at & MASK] = code;
      at = (at + 1) | 0;
    } else if (code < 0x800) {
      ring[at & MASK] = 0xc0 | (code >> 6);
      ring[(at + 1) & MASK] = 0x80 | (code & 63);
      at = (at + 2) | 0;
    } else {
      if (code >= 0xd800 && code < 0xe000) {
        const next = i + 1 < to && code < 0xdc00 ? charCodeAt(text, i + 1) : 0;
        if (next >= 0xdc00 && next < 0xe000) {
          code = 0x10000 + ((code & 1023) << 10) + (next & 1023);
          i++;
          ring[at & MASK] = 0xf0 | (code >> 18);
          ring[(at + 1) & MASK] = 0x80 | ((code >> 12) & 63);
          ring[(at + 2) & MASK] = 0x80 | ((code >> 6) & 63);
          ring[(at + 3) & MASK] = 0x80 | (code & 63);
          at = (at + 4) | 0;
          continue;
        }
        code = 0xfffd;
      }
      ring[at & MASK] = 0xe0 | (code >> 12);
      ring[(at + 1) & MASK] = 0x80 | ((code >> 6) & 63);
      ring[(at + 2) & MASK] = 0x80 | (code & 63);
      at = (at + 3) | 0;
    }
  }
  return at;
}

/** Where a value lies while the host looks at it with V8's own functions (engine/v8/holder.py). */
export const holder = create(null);
holder[0] = holder[1] = undefined;

/** Hand a long text over whole; false where the host cannot take it so. */
function handOver(kind, id, text) {
  holder[0] = text;
  header[TEXT_RECORD] = kind;
  header[TEXT_ID] = id;
  header[TEXT_TAKEN] = 0;
  header[HOST_OPERATION] = HOST_TEXT;
  host();
  holder[0] = undefined;
  return header[TEXT_TAKEN] === 1;
}

/** [state, value] of a promise, without handling it: 0 pending, 1 fulfilled, 2 rejected; 3: it is no promise. */
export function promiseState(promise) {
  return lookedAt(HOST_PROMISE, promise);
}

/** [entries, isKeyValue] of what an iterator over a Map or Set has left, without moving it; undefined for other objects. */
export function previewEntries(object) {
  const found = lookedAt(HOST_ENTRIES, object);
  return found[0] === 0 ? undefined : [found[1], found[0] === 2];
}

function lookedAt(operation, value) {
  holder[0] = value;
  header[HOST_OPERATION] = operation;
  host();
  const found = holder[1];
  holder[0] = holder[1] = undefined;
  return [header[FOUND], found];
}

/** Write one record; long texts as several with the flag MORE on all but the last. */
export function emit(kind, id, text) {
  const length = text.length;
  if (length > LONG && length < LONGEST && handOver(kind, id, text)) return;
  let from = 0;
  do {
    let to = min(length, from + CHUNK_CHARACTERS);
    if (to < length && (charCodeAt(text, to - 1) & 0xfc00) === 0xd800) to--; // keep a pair together
    reserve(RECORD_BYTES + 3 * (to - from) + 4);
    const start = (written + RECORD_BYTES) | 0;
    const end = putText(text, from, to, start);
    putWord(written, kind | (to < length ? MORE << 8 : 0));
    putWord(written + 4, id);
    putWord(written + 8, (end - start) | 0);
    written = (end + 3) & ~3;
    store(header, RING_WRITE, written);
    from = to;
  } while (from < length);
  stir();
}

// Arguments for fromCharCode, 16 and 1024 at a time: own elements, so no setter of a prototype is met.
const few = bareList(), many = bareList();
for (let i = 0; i < 16; i++) few[i] = 0;
for (let i = 0; i < 1024; i++) many[i] = 0;

/** The message that the host laid into the inbox (ASCII JSON), pulled piece by piece when it is longer. */
export function receive() {
  let text = "";
  for (;;) {
    const length = header[INBOX_LENGTH];
    let i = 0;
    for (; i + 1024 <= length; i += 1024) {
      for (let k = 0; k < 1024; k++) many[k] = inbox[i + k];
      text += apply(fromCharCode, undefined, many);
    }
    for (; i + 16 <= length; i += 16) {
      for (let k = 0; k < 16; k++) few[k] = inbox[i + k];
      text += apply(fromCharCode, undefined, few);
    }
    for (; i < length; i++) text += fromCharCode(inbox[i]);
    if (header[INBOX_MORE] === 0) return text;
    header[HOST_OPERATION] = HOST_PULL;
    host();
  }
}

/**
 * Wait for the host's answer to a record just written; blocks JavaScript, not the host. question: 0 for a line of input,
 * else the number that the answer must bear: one to a question that was given up may still be on its way.
 */
export function ask(question = 0) {
  header[QUESTION] = question;
  header[HOST_OPERATION] = HOST_ASK;
  host();
  return receive();
}

/** What the engine process itself answers at once, into the inbox (engine/services.py). */
function serve(operation, argument) {
  header[ARGUMENT] = argument;
  header[HOST_OPERATION] = operation;
  host();
}

/** The text of the late script with that number; empty where it is not there. */
export function scriptText(number) {
  serve(HOST_SCRIPT, number);
  return receive();
}

/** Fill an Uint8Array, at most as long as the inbox, with bytes from the system's random source. */
export function randomBytes(into) {
  const length = into.length;
  serve(HOST_RANDOM, length);
  for (let i = 0; i < length; i++) into[i] = inbox[i];
}

/** Milliseconds since the engine process started; never goes back. */
export function clockMs() {
  serve(HOST_CLOCK, 0);
  let ns = 0;
  for (let i = 7; i >= 0; i--) ns = ns * 256 + inbox[i];
  return ns / 1e6;
}
