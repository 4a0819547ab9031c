// Owns display, the handle that it gives, and clearOutput; refuses to know how a front end shows things.

import { create, defineGlobal, named, quote, random, stringSlice, numberToText, toText, TypeErrorClass } from "./intrinsics.js";
import { emit } from "./bridge.js";
import { bundleFrom, bundleOf, jsonObject } from "./bundles.js";
import { currentCell } from "./current.js";
import { CLEAR, DISPLAY } from "./kinds.js";
import { inspectWith } from "./render.js";

// Front ends keep ids of earlier sessions with the outputs of a notebook: no two sessions may use the same.
let session = "", displays = 0;

/** A new id that no other session uses. */
export function newId() {
  if (session === "") for (let i = 0; i < 3; i++) session += stringSlice(numberToText(random(), 36), 2, 8);
  return `${session}-${++displays}`;
}

const DisplayHandle = named("DisplayHandle", class {
  #shown = true;

  constructor(id) {
    this.display_id = id;
  }

  /** Shows `value` in place of what this display shows now, everywhere. */
  update(value, options = undefined) {
    const { raw, metadata } = options ?? create(null);
    return display(value, { __proto__: null, raw, metadata, display_id: this.display_id, update: true });
  }

  static is(value) {
    return typeof value === "object" && value !== null && #shown in value;
  }
});

/** Is it what display() gives? As the value of a cell it is not shown: the display was. */
export const isHandle = DisplayHandle.is;

/**
 * display(value) shows a value; display(bundle, {raw: true}) a MIME bundle. Options: metadata, display_id, update;
 * page: in the front end's pager, as the `page` payload of the reply, instead of below the cell.
 * Gives a handle with `display_id` and `update(value)`; a promise of it where the value's bundle is a promise.
 */
export function display(value, options = undefined) {
  const { raw, update, page, display_id: given, metadata } = options ?? create(null);
  if (update && given === undefined) throw new TypeErrorClass("display with update needs a display_id");
  const handle = new DisplayHandle(given === undefined ? newId() : toText(given));
  const send = (members, own) => emit(DISPLAY, cell, `{"data":{${members}},"metadata":${metadata === undefined ? own :
    jsonObject(metadata, "metadata")},"transient":{"display_id":${quote(handle.display_id)}},` +
    `"update":${update ? "true" : "false"},"page":${page ? "true" : "false"}}`);
  const cell = currentCell();
  if (raw) {
    const { members } = bundleFrom(value);
    send(members, "{}");
    return handle;
  }
  const sendBundle = (bundle) => {
    if (bundle === undefined) send(plainMember(value), "{}");
    else send((bundle.hasText ? "" : plainMember(value) + ",") + bundle.members, bundle.metadata);
    return handle;
  };
  const bundle = bundleOf(value);
  return bundle === undefined || bundle.promise === undefined ? sendBundle(bundle) : later(bundle.promise, sendBundle);
}

const plainMember = (value) => `"text/plain":${quote(inspectWith(value))}`;

async function later(promise, then) {
  return then(await promise);
}

function clearOutput(options = undefined) {
  const wait = options === true || (typeof options === "object" && options !== null && options.wait === true);
  emit(CLEAR, currentCell(), wait ? "true" : "false");
}

export function install() {
  defineGlobal("display", display);
  defineGlobal("clearOutput", clearOutput);
}
