// Owns the session's ends of comms and the targets that its cells answer; refuses to know what is at the other end.

import { apply, arrayPush, bareList, create, defineProperty, ErrorClass, isArray, MapClass, mapDelete, mapGet, mapHas, mapSet, mapSize, named, quote, RangeErrorClass, toText,
  TypeErrorClass } from "./intrinsics.js";
import { emit } from "./bridge.js";
import { jsonObject } from "./bundles.js";
import { bytesOf, fromBase64, toBase64 } from "./bytes.js";
import { currentCell } from "./current.js";
import { newId } from "./display.js";
import { jsonByUser } from "./json.js";
import { COMM } from "./kinds.js";
import { runTurn } from "./run.js";

// The kernel keeps a line of each, outside of the engine's memory limit.
const MOST = 10_000, LONGEST_NAME = 1000;
const comms = new MapClass(), targets = new MapClass();

function tell(op, members) {
  emit(COMM, currentCell(), `{"op":"${op}"${members}}`);
}

/** Members of a message: its data, and of its options metadata and buffers; options may be the list of buffers itself. */
function said(data, options) {
  const { metadata, buffers = bareList() } = isArray(options) ? { buffers: options } : options ?? create(null);
  const json = data === undefined ? "{}" : jsonByUser(data);
  if (json === undefined) throw new TypeErrorClass("what is sent on a comm has a JSON form");
  if (!isArray(buffers)) throw new TypeErrorClass("the buffers of a message are a list");
  let list = "";
  for (let i = 0; i < buffers.length; i++) {
    const bytes = bytesOf(buffers[i]);
    if (bytes === undefined) throw new TypeErrorClass("the buffers of a message are typed arrays, DataViews or ArrayBuffers");
    list += (i > 0 ? "," : "") + quote(toBase64(bytes));
  }
  return `,"data":${json},"metadata":${jsonObject(metadata, "metadata")},"buffers":[${list}]`;
}

/** The session's end of a comm. `onMessage` and `onClose` are called with {data, metadata, buffers}. */
const Comm = named("Comm", class {
  #open = true;
  onMessage = undefined;
  onClose = undefined;

  constructor(id, target) {
    // The kernel knows it by this id: another would speak for another comm, or for none.
    defineProperty(this, "id", { __proto__: null, value: id, enumerable: true });
    defineProperty(this, "target", { __proto__: null, value: target, enumerable: true });
  }

  /** send(data, [buffer, ...]) or send(data, {metadata, buffers}) */
  send(data, options = undefined) {
    if (!this.#open) throw new ErrorClass("this comm is closed");
    tell("msg", `,"comm_id":${quote(this.id)}${said(data, options)}`);
  }

  close(data = undefined, options = undefined) {
    if (!this.#open) return;
    tell("close", `,"comm_id":${quote(this.id)}${said(data, options)}`);
    Comm.end(this);
  }

  static end(comm) {
    comm.#open = false;
    mapDelete(comms, comm.id);
  }
});

function begin(id, target) {
  const comm = new Comm(id, target);
  mapSet(comms, id, comm);
  return comm;
}

function nameOf(target) {
  const name = toText(target);
  if (name.length > LONGEST_NAME) throw new RangeErrorClass(`the name of a target has at most ${LONGEST_NAME} characters`);
  return name;
}

function room(map, what) {
  if (mapSize(map) >= MOST) throw new RangeErrorClass(`a session has at most ${MOST} ${what}`);
}

/** Opens a comm to what the front end has registered as `target`. */
function open(target, data = undefined, options = undefined) {
  const id = newId(), name = nameOf(target);
  room(comms, "open comms");
  tell("open", `,"comm_id":${quote(id)},"target_name":${quote(name)}${said(data, options)}`);
  return begin(id, name);
}

/** handler(comm, message) is called for each comm that a front end opens to `target`. */
function register(target, handler) {
  if (typeof handler !== "function") throw new TypeErrorClass("register() takes a target's name and a function");
  const name = nameOf(target);
  if (!mapHas(targets, name)) room(targets, "targets");
  mapSet(targets, name, handler);
  tell("register", `,"target_name":${quote(name)}`);
}

function unregister(target) {
  const name = toText(target);
  if (mapDelete(targets, name)) tell("unregister", `,"target_name":${quote(name)}`);
}

export const api = { open: named("open", open), register: named("register", register), unregister: named("unregister", unregister) };

/** A message from a front end, as a turn of the cell that opened the comm or registered the target. */
export function hear({ request, cell, op, comm_id: id, target_name: target, data, metadata, buffers }) {
  emit(COMM, cell, `{"op":"taken","request":${request}}`);
  const bytes = [];
  for (let i = 0; i < buffers.length; i++) arrayPush(bytes, fromBase64(buffers[i]));
  const message = { data, metadata, buffers: bytes };
  runTurn(cell, () => {
    if (op === "open") return opened(id, target, message);
    const comm = mapGet(comms, id);
    if (comm === undefined) return undefined;
    if (op === "close") Comm.end(comm);
    const handler = op === "close" ? comm.onClose : comm.onMessage;
    return typeof handler === "function" ? apply(handler, comm, [message]) : undefined;
  });
}

// A handler that throws has not taken the comm.
function opened(id, target, message) {
  const comm = begin(id, target);
  try {
    apply(mapGet(targets, target), undefined, [comm, message]);
  } catch (error) {
    comm.close();
    throw error;
  }
}
