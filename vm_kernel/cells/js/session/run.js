// Owns one cell's way through the user's context: evaluate, settle, render, report; refuses to parse and to time.

import { apply, bareList, create, defineGlobal, deleteProperty, evaluate, globalObject, natives, ownKeys, promiseThen,
  quote } from "./intrinsics.js";
import { emit, header, PENDING, stir } from "./bridge.js";
import { bundleOf } from "./bundles.js";
import { currentCell, enterCell } from "./current.js";
import { isHandle } from "./display.js";
import { forgetUnfinished } from "./modules.js";
import { LEVELS, OUTCOME, TEXT } from "./kinds.js";
import { describeError, describeSyntaxError, errorMembers, registerCell } from "./errors.js";
import { expressionsMember } from "./expressions.js";
import { inspectWith, isPlain, renderValue } from "./render.js";
import { reportUnhandled } from "./rejections.js";
import { cancelTimers, takeDue } from "./timers.js";

let pending; // the cell whose promise, or whose value's bundle, is awaited: { cell, shows, state, value, rich, shown }

function settled(run, state, value) {
  run.state = state;
  run.value = value;
  stir();
}

/** End of every entry: run the promise reactions inside the task, where they can be cancelled, then report. */
function settle() {
  natives.checkpoint();
  while (pending !== undefined && pending.state !== "pending") {
    const done = pending;
    pending = undefined;
    enterCell(done.cell);
    if (done.state !== "ok") reportError(done.cell, done.value);
    else if (done.rich) reportRendered(done.cell, done.shown, done.value, done.expressions);
    else reportValue(done.cell, done.shows, done.value, done.expressions);
    natives.checkpoint();
  }
  header[PENDING] = pending === undefined ? 0 : 1;
  if (pending === undefined) takeBack();
  reportUnhandled();
}

let lent = bareList(); // names of the globals that are there for this cell only

/** variables: null, or a plain object of JSON values. */
function lend(variables) {
  if (variables === null) return;
  lent = ownKeys(variables);
  for (let i = 0; i < lent.length; i++) defineGlobal(lent[i], variables[lent[i]]);
}

function takeBack() {
  if (lent.length === 0) return;
  for (let i = 0; i < lent.length; i++) deleteProperty(globalObject, lent[i]);
  lent = bareList();
}

function reportError(cell, thrown) {
  emit(OUTCOME, cell, `{"status":"error",${errorMembers(describeError(thrown))}}`);
}

/** The value goes out as its text (a record of its own, so that 10 MB need no escaping) and a short JSON head. */
function reportValue(cell, shows, value, expressions) {
  if (!shows || value === undefined || isHandle(value)) {
    emit(OUTCOME, cell, `{"status":"ok"${expressionsMember(expressions)}}`);
    return;
  }
  if (typeof value === "string") {
    reportString(cell, value, expressions);
    return;
  }
  const bundle = bundleOf(value);
  if (bundle !== undefined && bundle.promise !== undefined) awaitBundle(cell, value, bundle.promise, expressions);
  else reportRendered(cell, value, bundle, expressions);
}

/** bundle: what is shown besides the text, undefined for nothing. */
function reportRendered(cell, value, bundle, expressions) {
  const { type, text, preview, json } = renderValue(value);
  emit(TEXT, cell, text);
  emit(OUTCOME, cell, `{"status":"ok","type":${quote(type)},` +
    `"preview":${preview === text ? "null" : quote(preview)}` +
    (json === undefined ? "" : `,"json":${quote(json)}`) +
    (bundle === undefined ? "" : `,"mime":{${bundle.members}},"metadata":${bundle.metadata}`) +
    expressionsMember(expressions) + "}");
}

/** The cell's value is `value`, once the promise of its bundle has settled. */
function awaitBundle(cell, value, promise, expressions) {
  const run = awaited(cell, promise, expressions, (bundle) => bundle);
  run.rich = true;
  run.shown = value;
}

/** Makes the cell wait for a promise; unbox: what of its value is kept. */
function awaited(cell, promise, expressions, unbox) {
  const run = create(null);
  run.cell = cell;
  run.expressions = expressions;
  run.state = "pending";
  run.rich = run.shows = false;
  run.value = run.shown = undefined;
  pending = run;
  try {
    promiseThen(promise, (given) => settled(run, "ok", unbox(given)), (error) => settled(run, "error", error));
  } catch (error) { // user code broke Promise itself
    run.state = "error";
    run.value = error;
  }
  return run;
}

/** A string goes out once where its text is itself between quotes, and never as JSON: that is the string again. */
function reportString(cell, value, expressions) {
  const plain = isPlain(value);
  emit(TEXT, cell, plain ? value : inspectWith(value));
  emit(OUTCOME, cell, `{"status":"ok","type":"string",${plain ? '"plain":true' : `"preview":${quote(value)}`}` +
    expressionsMember(expressions) + "}");
}

/** message: what the parser made of the cell: {cell, name, source, ok, declare, code, async, shows, shifts} or {error}. */
export function runCell(message) {
  const { cell, name, source } = message;
  enterCell(cell);
  lend(message.variables);
  const url = registerCell(name, source, message.shifts); // V8 takes no blank in a script's name
  if (!message.ok) {
    emit(OUTCOME, cell, `{"status":"error",${errorMembers(describeSyntaxError(message.error, name, source))}}`);
    header[PENDING] = 0;
    takeBack();
    return;
  }
  let value, thrown = false;
  try {
    if (message.declare !== "") evaluate(message.declare + "\n//# sourceURL=" + url);
    value = evaluate(message.code + "\n//# sourceURL=" + url);
  } catch (error) {
    thrown = true;
    value = error;
  }
  if (thrown) {
    natives.checkpoint();
    reportError(cell, value);
  } else if (message.async) {
    awaited(cell, value, message.expressions, (box) => (box === undefined ? undefined : box[0])).shows = message.shows;
  } else {
    natives.checkpoint();
    reportValue(cell, message.shows, value, message.expressions);
  }
  settle();
}

/** One timer that is due, as one turn of its own cell. */
export function runTimer() {
  const timer = takeDue();
  runTurn(timer === undefined ? currentCell() : timer.cell, () => {
    if (timer !== undefined) apply(timer.callback, undefined, timer.rest);
  });
}

/** Code of a cell that is called from outside: its errors go to that cell's stderr. */
export function runTurn(cell, act) {
  enterCell(cell);
  try {
    act();
  } catch (error) {
    printError(error);
  }
  settle();
}

/** Stop waiting for the cell that was stopped, and forget its timers; 0: whatever runs. */
export function abandon(cell) {
  if (pending !== undefined && (cell === 0 || pending.cell === cell)) pending = undefined;
  header[PENDING] = pending === undefined ? 0 : 1;
  if (pending === undefined) takeBack();
  forgetUnfinished(cell);
  cancelTimers(cell);
}

/** Show an error that no cell is waiting for on its cell's stderr, as one that ends a cell is shown. */
export function printError(error, prefix = "Uncaught ", cell = currentCell()) {
  const { traceback } = describeError(error, prefix);
  let text = "";
  for (let i = 0; i < traceback.length; i++) text += (i > 0 ? "\n" : "") + traceback[i];
  emit(LEVELS.error, cell, text);
}
