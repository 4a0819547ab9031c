"use strict";
// Owns what the tests see of the session's JavaScript; refuses to be part of an asset.

import { complete } from "../../vm_kernel/cells/js/session/completion.js";
import { describeError, describeSyntaxError, registerCell } from "../../vm_kernel/cells/js/session/errors.js";
import { create, evaluate, natives, promiseThen, quote } from "../../vm_kernel/cells/js/session/intrinsics.js";
import { inspectName } from "../../vm_kernel/cells/js/session/inspection.js";
import { noteBuiltIns } from "../../vm_kernel/cells/js/session/own.js";
import { formatLog, inspectWith, renderValue } from "../../vm_kernel/cells/js/session/render.js";

const stringify = JSON.stringify;
const parse = JSON.parse;

Object.defineProperty(globalThis, "__import", {
  value(specifier, options, wanted) {
    if (specifier === "missing") throw new Error(`cannot import ${specifier}`);
    return Promise.resolve({ default: `default of ${specifier}`, a: 1, b: 2, options, wanted });
  },
});

noteBuiltIns();

function failed({ name, message, traceback, stack }) {
  let lines = "";
  for (let i = 0; i < traceback.length; i++) lines += (i > 0 ? "," : "") + quote(traceback[i]);
  return `{"status":"error","name":${quote(name)},"message":${quote(message)},"traceback":[${lines}],"stack":${quote(stack)}}`;
}

function finished(shows, value) {
  if (!shows) return '{"status":"ok","text":null}';
  const { type, text, preview, json } = renderValue(value);
  return `{"status":"ok","type":"${type}","text":${quote(text)},"preview":${quote(preview)},"json":${quote(json) ?? "null"}}`;
}

/** One cell, as the parser transformed it, the way the engine runs it; JSON text. */
export function run(cell) {
  const { name, source } = cell;
  const url = "\n//# sourceURL=" + registerCell(name, source, cell.shifts);
  if (!cell.ok) return failed(describeSyntaxError(cell.error, name, source));
  let value;
  try {
    if (cell.declare !== "") evaluate(cell.declare + url);
    value = evaluate(cell.code + url);
  } catch (error) {
    natives.checkpoint();
    return failed(describeError(error));
  }
  natives.checkpoint();
  if (!cell.async) return finished(cell.shows, value);
  const end = create(null);
  promiseThen(value, (box) => { end.box = box === undefined ? [undefined] : box; }, (error) => { end.error = [error]; });
  natives.checkpoint();
  if (end.error !== undefined) return failed(describeError(end.error[0]));
  return end.box === undefined ? '{"status":"pending"}' : finished(cell.shows, end.box[0]);
}

/** What the console would print for what `source` evaluates to, a list of arguments; JSON text. */
export const logged = (source) => quote(formatLog(evaluate(source)));
export const inspected = (source, options) => quote(inspectWith(evaluate(source), options));
export { complete, inspectName, parse, stringify };
