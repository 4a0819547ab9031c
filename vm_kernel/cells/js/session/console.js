// Owns the methods of `console`, one record a call; refuses to know which stream a level ends in.
//
// The set of methods and their texts follow Node's console. `profile`, `profileEnd` and `timeStamp` do nothing in Node
// without an inspector, so here.

import { create, defineGlobal, defineProperty, ErrorClass, floor, mapDelete, mapGet, mapHas, mapSet, MapClass, now,
  numberToFixed, stringIndexOf, stringSlice, stringRepeat, toText, toNumber, uncurry } from "./intrinsics.js";
import { emit } from "./bridge.js";
import { currentCell } from "./current.js";
import { CLEAR, LEVELS } from "./kinds.js";
import { formatLog, inspectWith } from "./render.js";
import { tableText } from "./table.js";
import { replaceEach } from "./text.js";

const counts = new MapClass(), starts = new MapClass();
const arraySlice = uncurry(Array.prototype.slice);
let indentation = "";

/** One console call: one record, its lines indented by the open groups. */
export function print(level, text) {
  if (indentation !== "") text = indentation + replaceEach(text, "\n", "\n" + indentation);
  emit(LEVELS[level], currentCell(), text);
}

function logger(level) {
  return { [level](...args) { print(level, formatLog(args)); } }[level];
}

function warnOf(message) {
  print("warn", "Warning: " + message);
}

function openGroup(args) {
  if (args.length > 0) print("log", formatLog(args));
  indentation += "  ";
}

/** As Node writes a duration: 0.123ms, 1.502s, 1:02.003 (m:ss.mmm), 1:02:03 (h:mm:ss). */
function durationText(ms) {
  const pad = (value) => (value < 10 ? "0" : "") + value;
  if (ms < 1000) return toText(toNumber(numberToFixed(ms, 3))) + "ms";
  if (ms < 60_000) return numberToFixed(ms / 1000, 3) + "s";
  const hours = floor(ms / 3_600_000), minutes = floor((ms % 3_600_000) / 60_000), seconds = (ms % 60_000) / 1000;
  if (hours > 0) return hours + ":" + pad(minutes) + ":" + pad(floor(seconds)) + " (h:mm:ss)";
  return minutes + ":" + (seconds < 10 ? "0" : "") + numberToFixed(seconds, 3) + " (m:ss.mmm)";
}

function elapsed(label, method) {
  const name = toText(label);
  if (!mapHas(starts, name)) {
    warnOf(`No such label '${name}' for console.${method}()`);
    return undefined;
  }
  return name + ": " + durationText(now() - mapGet(starts, name));
}

const methods = {
  log: logger("log"),
  warn: logger("warn"),
  dir(value, options) { print("dir", inspectWith(value, { __proto__: null, customInspect: false, ...options })); },
  time(label = "default") {
    const name = toText(label);
    if (mapHas(starts, name)) warnOf(`Label '${name}' already exists for console.time()`);
    else mapSet(starts, name, now());
  },
  timeEnd(label = "default") {
    const text = elapsed(label, "timeEnd");
    if (text !== undefined) {
      print("log", text);
      mapDelete(starts, toText(label));
    }
  },
  timeLog(label = "default", ...args) {
    const text = elapsed(label, "timeLog");
    if (text !== undefined) print("log", args.length > 0 ? text + " " + formatLog(args) : text);
  },
  trace(...args) {
    const error = create(null);
    const limit = ErrorClass.stackTraceLimit;
    ErrorClass.captureStackTrace(error, methods.trace);
    ErrorClass.stackTraceLimit = limit;
    const stack = toText(error.stack), cut = stringIndexOf(stack, "\n    at ");
    const text = args.length > 0 ? "Trace: " + formatLog(args) : "Trace";
    print("trace", text + (cut < 0 ? "" : stringSlice(stack, cut)));
  },
  assert(condition, ...args) {
    if (condition) return;
    if (args.length > 0 && typeof args[0] === "string") args[0] = "Assertion failed: " + args[0];
    print("warn", args.length === 0 ? "Assertion failed"
      : typeof args[0] === "string" ? formatLog(args) : "Assertion failed " + formatLog(args));
  },
  clear() { emit(CLEAR, currentCell(), "false"); },
  count(label = "default") {
    const name = toText(label), count = (mapGet(counts, name) ?? 0) + 1;
    mapSet(counts, name, count);
    print("log", `${name}: ${count}`);
  },
  countReset(label = "default") {
    const name = toText(label);
    if (!mapDelete(counts, name)) warnOf(`Count for '${name}' does not exist`);
  },
  group(...args) { openGroup(args); },
  groupEnd() { indentation = stringSlice(indentation, 2); },
  table(data, columns) {
    print("table", data === null || typeof data !== "object" ? formatLog([data]) : tableText(data, columns));
  },
  debug: logger("debug"),
  info: logger("info"),
  dirxml(...args) { print("log", formatLog(args)); },
  error: logger("error"),
  groupCollapsed(...args) { openGroup(args); },
  profile() {},
  profileEnd() {},
  timeStamp() {},
};

/** A new cell starts without open groups only if the old one closed them: groups live on, as in Node. */
export function install() {
  const console = create({});
  for (const name in methods) console[name] = methods[name];
  defineProperty(console, Symbol.toStringTag, {
    __proto__: null, value: "console", writable: false, enumerable: false, configurable: true,
  });
  defineGlobal("console", console);
}
