// Owns display, clearOutput and prompt; refuses to know how a front end shows or asks.

import { charCodeAt, create, defineGlobal, ErrorClass, parseJson, quote, stringify, toText, TypeErrorClass } from "./intrinsics.js";
import { ask, emit } from "./bridge.js";
import { currentCell } from "./current.js";
import { ASK, CLEAR, DISPLAY } from "./kinds.js";
import { renderValue } from "./render.js";

/** JSON of what the user handed over; their toJSON and getters run, as in JSON.stringify, while the cell runs. */
function jsonObject(value, what) {
  if (value === undefined) return "{}";
  if (value === null || typeof value !== "object") throw new TypeErrorClass(`${what} must be an object`);
  const text = stringify(value);
  if (text === undefined || charCodeAt(text, 0) !== 0x7b) throw new TypeErrorClass(`${what} must be an object`); // {
  return text;
}

/**
 * display(value) shows a value; display(bundle, {raw: true}) a MIME bundle. Options: metadata, display_id, update;
 * page: in the front end's pager, as the `page` payload of the reply, instead of below the cell.
 */
function display(value, options = undefined) {
  const { raw, update, page, display_id: displayId, metadata } = options ?? create(null);
  const data = raw ? jsonObject(value, "a MIME bundle") : `{"text/plain":${quote(renderValue(value).text)}}`;
  const transient = displayId === undefined ? "{}" : `{"display_id":${quote(toText(displayId))}}`;
  if (update && displayId === undefined) throw new TypeErrorClass("display with update needs a display_id");
  emit(DISPLAY, currentCell(), `{"data":${data},"metadata":${jsonObject(metadata, "metadata")},` +
    `"transient":${transient},"update":${update ? "true" : "false"},"page":${page ? "true" : "false"}}`);
}

function clearOutput(options = undefined) {
  const wait = options === true || (typeof options === "object" && options !== null && options.wait === true);
  emit(CLEAR, currentCell(), wait ? "true" : "false");
}

function request(prompt, password) {
  emit(ASK, currentCell(), `{"prompt":${quote(prompt)},"password":${password}}`);
  const answer = parseJson(ask());
  if (answer.refused) {
    const error = new ErrorClass("this front end cannot answer prompt(): it runs the cell with allow_stdin false");
    error.name = "StdinNotImplementedError";
    throw error;
  }
  return answer.text;
}

/** prompt(text) waits for one line from the person at the front end. */
function prompt(message = "", fallback = "") {
  const text = request(toText(message), false);
  return text === "" ? toText(fallback) : text;
}

export function install() {
  defineGlobal("display", display);
  defineGlobal("clearOutput", clearOutput);
  defineGlobal("prompt", prompt);
}
