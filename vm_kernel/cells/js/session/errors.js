// Owns how errors read: stack traces in terms of cells, and the traceback of what a cell threw; refuses to run user code.

import { arrayPush, bareList, create, defineProperty, ErrorClass, getOwnPropertyDescriptor, getPrototypeOf, natives, quote, stringEndsWith, stringIndexOf,
  stringSlice, stringStartsWith, uncurry } from "./intrinsics.js";
import { isKind } from "./brands.js";
import { exceptionSlot } from "./exceptions.js";
import { className, dataValue, inherits } from "./reflection.js";
import { inspectWith } from "./render.js";
import { registerCell, scriptOf, sourceColumn, sourceLine } from "./scripts.js";
import { intact } from "./intact.js";
import { isShown } from "./standin.js";
import { ownStack, useFormatter, withOurStacks } from "./stacks.js";
import { linesOf, replaceEach } from "./text.js";

export { registerCell };

/** Scripts named so are ours: their frames are nobody's business. */
const OURS = "vm:";
const LONGEST_LINE = 300;
const ErrorPrototype = ErrorClass.prototype;

const callSite = callSiteMethods();
const placeGet = uncurry(WeakMap.prototype.get), placeSet = uncurry(WeakMap.prototype.set);
const places = new WeakMap();

// Taken from a real frame once: user code can reach and change their prototype later.
function callSiteMethods() {
  const before = getOwnPropertyDescriptor(ErrorClass, "prepareStackTrace");
  let frame;
  ErrorClass.prepareStackTrace = (error, frames) => { frame = frames[0]; };
  new ErrorClass().stack;
  if (before === undefined) delete ErrorClass.prepareStackTrace;
  else ErrorClass.prepareStackTrace = before.value;
  const { getScriptNameOrSourceURL, getLineNumber, getColumnNumber, toString } = getPrototypeOf(frame);
  return {
    __proto__: null, url: uncurry(getScriptNameOrSourceURL), line: uncurry(getLineNumber), column: uncurry(getColumnNumber),
    text: uncurry(toString),
  };
}

/** As V8 formats a stack, but without our frames and with the columns of the source. For `Error.prepareStackTrace`. */
export function prepareStackTrace(error, frames) {
  let text = headerOf(error);
  const lines = framesOf(error, frames);
  for (let i = 0; i < lines.length; i++) text += "\n    at " + lines[i];
  return text;
}

function framesOf(error, frames) {
  const lines = bareList();
  let length = 0;
  try {
    length = frames.length >>> 0;
  } catch {
    // Called by somebody else than V8.
  }
  for (let i = 0; i < length && i < 1000; i++) {
    let frame;
    try {
      frame = readFrame(frames[i]);
    } catch {
      frame = undefined;
    }
    if (frame === undefined) continue;
    if (frame.ours) {
      // Built-ins in between, such as the eval that runs a cell, were called by us.
      while (lines.length > 0 && lines[lines.length - 1].bare) lines.length--;
    } else arrayPush(lines, frame);
  }
  // The stack was cut off before our own frame below it.
  while (lines.length > 0 && lines[lines.length - 1].text === "eval (<anonymous>)") lines.length--;
  return textsOf(error, lines);
}

function textsOf(error, frames) {
  const texts = bareList();
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i];
    if (frame.place !== undefined && typeof error === "object" && error !== null && placeGet(places, error) === undefined) {
      placeSet(places, error, frame.place);
    }
    texts[i] = frame.text;
  }
  return texts;
}

// undefined for the wrapper's own lines, which lie behind the source's last.
function readFrame(site) {
  const frame = create(null);
  const url = callSite.url(site), line = callSite.line(site), column = callSite.column(site);
  frame.text = callSite.text(site);
  frame.ours = typeof url === "string" && stringStartsWith(url, OURS);
  frame.bare = typeof url !== "string" || stringEndsWith(frame.text, "(<anonymous>)");
  const script = typeof url === "string" ? scriptOf(url) : undefined;
  if (script === undefined) {
    // `eval at f (cell%20[3]:1:1)`: where code made from a string was made.
    if (stringIndexOf(frame.text, "eval at ") >= 0) frame.text = replaceEach(frame.text, "%20", " ");
    return frame;
  }
  if (line > 1 && sourceLine(script.source, line) === undefined) return undefined;
  const moved = sourceColumn(script, line, column);
  const place = `${script.name}:${line}:${moved}`;
  frame.text = withPlace(frame.text, `${url}:${line}:${column}`, place);
  frame.place = [script, line, moved];
  return frame;
}

// `f (URL:1:2)`, `URL:1:2`, and `eval (URL:1:2)` for the cell's top level and functions without a name.
function withPlace(text, from, to) {
  if (!stringEndsWith(text, `(${from})`)) return stringEndsWith(text, from) ? stringSlice(text, 0, -from.length) + to : text;
  const caller = stringSlice(text, 0, -from.length - 3);
  if (caller === "eval") return to;
  if (caller === "async eval") return `async ${to}`;
  return `${caller === "new eval" ? "new <anonymous>" : caller} (${to})`;
}

function headerOf(error) {
  const kind = typeof error;
  if (error === null || (kind !== "object" && kind !== "function")) return inspectWith(error);
  const name = nameOf(error), message = messageOf(error);
  return message === "" ? name : name === "" ? message : `${name}: ${message}`;
}

function nameOf(error) {
  const name = exceptionSlot(error)?.name ?? dataValue(error, "name");
  return typeof name === "string" ? name : ((isKind(error, "Error") ? className(error) : null) ?? "Error");
}

function messageOf(error) {
  const message = exceptionSlot(error)?.message ?? dataValue(error, "message");
  return message === undefined ? "" : typeof message === "string" ? message : inspectWith(message);
}

/**
 * `{name, message, traceback, stack}` of what a cell threw; no ANSI, no frame of ours.
 * prefix: stands before the words of an error that no cell is waiting for.
 */
export function describeError(thrown, prefix = undefined) {
  thrown = behindProxies(thrown);
  const described = create(null);
  described.traceback = bareList();
  described.stack = "";
  if (!isErrorLike(thrown)) {
    described.name = "Uncaught";
    described.message = inspectWith(thrown);
    pushLines(described.traceback, (prefix ?? "Uncaught ") + described.message);
    return described;
  }
  described.name = nameOf(thrown) || "Error";
  described.message = messageOf(thrown);
  described.stack = withOurStacks(() => stackOf(thrown));
  const place = placeGet(places, thrown);
  if (place !== undefined) pushSource(described.traceback, place[0].name, place[1], place[2], sourceLine(place[0].source, place[1]));
  pushLines(described.traceback, (prefix ?? "") + (isShown(thrown) && intact() ? inspectWith(thrown) : described.stack));
  return described;
}

export const scriptUrl = callSite.url;

/** Say that `error`, whose stack nobody has read yet, comes from this place of a registered script. */
export function placeError(error, url, line, column) {
  const script = scriptOf(url);
  if (script === undefined) return;
  placeSet(places, error, [script, line, column]);
  const header = headerOf(error), stack = withOurStacks(() => stackOf(error));
  const rest = stringStartsWith(stack, header) ? stringSlice(stack, header.length) : "";
  defineProperty(error, "stack", {
    __proto__: null, value: `${header}\n    at ${script.name}:${line}:${column}${rest}`, writable: true, enumerable: false, configurable: true,
  });
}

// Errors made as before there were classes inherit from Error.prototype only.
function isErrorLike(thrown) {
  if (isKind(thrown, "Error")) return true;
  return typeof thrown === "object" && thrown !== null && inherits(thrown, ErrorPrototype) &&
    typeof dataValue(thrown, "message") === "string";
}

/** A proxy around an error is told as that error, as it is shown. */
function behindProxies(thrown) {
  let at = thrown;
  while (at !== null && (typeof at === "object" || typeof at === "function") && natives.isProxy(at)) at = natives.proxyTarget(at);
  return at !== null && at !== undefined && isErrorLike(at) ? at : thrown;
}

/** The members of the JSON that tells of a described error. */
export function errorMembers({ name, message, traceback, stack }) {
  let lines = "";
  for (let i = 0; i < traceback.length; i++) lines += (i > 0 ? "," : "") + quote(traceback[i]);
  return `"name":${quote(name)},"message":${quote(message)},"traceback":[${lines}],"stack":${quote(stack)}`;
}

const stackOf = (error) => ownStack(error) ?? headerOf(error);

/** The same for a text that the parser refused: `{name, message, line, column, text}`. */
export function describeSyntaxError(error, name, source) {
  const described = create(null);
  described.name = error.name;
  described.message = error.message;
  described.traceback = bareList();
  described.stack = `${error.name}: ${error.message}\n    at ${name}:${error.line}:${error.column}`;
  pushSource(described.traceback, name, error.line, error.column, sourceLine(source, error.line) ?? error.text);
  pushLines(described.traceback, `${error.name}: ${error.message}`);
  return described;
}

// The place, the line and a caret under the column; of a long line the part around it.
function pushSource(lines, name, line, column, text) {
  if (text === undefined) return;
  let at = column - 1;
  if (text.length > LONGEST_LINE) {
    const start = at > LONGEST_LINE / 2 ? at - LONGEST_LINE / 2 : 0;
    text = (start > 0 ? "\u2026" : "") + stringSlice(text, start, start + LONGEST_LINE);
    at -= start > 0 ? start - 1 : 0;
  }
  let indent = "";
  for (let i = 0; i < at && i < text.length; i++) indent += text[i] === "\t" ? "\t" : " ";
  arrayPush(lines, `${name}:${line}:${column}`);
  arrayPush(lines, text);
  arrayPush(lines, indent + "^");
  arrayPush(lines, "");
}

function pushLines(lines, text) {
  const more = linesOf(text);
  for (let i = 0; i < more.length; i++) arrayPush(lines, more[i]);
}

useFormatter(prepareStackTrace);
