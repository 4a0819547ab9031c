// Owns how a value becomes text: Node's inspector's words, JavaScript's string conversion and JSON; refuses to run user code.
//
// Nothing here throws, and no getter, proxy trap, `toString` or `toJSON` of the user's is called: what the inspector would
// run into is put aside beforehand (standin.js). The exceptions are Node's: an object's own inspector, `%s` in a console
// format, and getters where `console.dir` is told to call them.

import { apply, bareList, bigIntToString, create, is, quote, regExpExec, stringIndexOf, stringIsWellFormed, stringSlice, toText }
  from "./intrinsics.js";
import { mayWait } from "./details.js";
import { defaults, formatWithOptions, inspect } from "./inspector.js";
import { jsonOf } from "./json.js";
import { plainText } from "./plaintext.js";
import { previewOf } from "./preview.js";
import { withOurStacks } from "./stacks.js";
import { intact } from "./intact.js";
import { lookWith } from "./standin.js";

const LONG_STRING = 1_000_000;
const ESCAPED = /[\x00-\x1f\x27\x5c\x7f-\x9f]/; // and lone surrogates

// Twice now, because V8 interprets a pattern at its first use, and that may be a string of megabytes.
regExpExec(ESCAPED, "");
regExpExec(ESCAPED, "");

/** Is the text of this string the string itself between single quotes? */
export function isPlain(value) {
  return regExpExec(ESCAPED, value) === null && stringIsWellFormed(value);
}

/** `{type, text, preview, json}` of the value of a cell; json is undefined where the value has no JSON form. */
export function renderValue(value) {
  const rendered = create(null);
  rendered.type = value === null ? "null" : typeof value;
  rendered.text = mayWait(() => inspectWith(value));
  rendered.preview = attempt(previewOf, value, "[object Object]");
  rendered.json = attempt(jsonOf, value, undefined);
  return rendered;
}

/** What Node's `util.inspect(value, options)` prints, but strings are whole. */
export function inspectWith(value, options) {
  const simple = options?.numericSeparator ? undefined : simpleText(value);
  if (simple !== undefined) return simple;
  const chosen = settings(options);
  return inspected(() => looked(chosen, () => inspect(value, chosen)), value);
}

/** What Node's console prints for a list of arguments: `%s` and the like in the first, one blank between the others. */
export function formatLog(args) {
  const { length } = args;
  if (length === 0) return "";
  if (length === 1) return typeof args[0] === "string" ? args[0] : inspectWith(args[0]);
  const list = bareList(), chosen = settings(undefined);
  list[0] = chosen;
  for (let i = 0; i < length; i++) list[i + 1] = args[i];
  if (typeof args[0] === "string" && stringIndexOf(args[0], "%o") >= 0) formatWhole(list);
  return inspected(() => looked(chosen, () => apply(formatWithOptions, undefined, list)), args, plainTexts);
}

// `%o` shows proxies as such and what is hidden, which is ours to do: the argument becomes its text.
function formatWhole(list) {
  const format = list[1];
  let text = "", done = 0, next = 2;
  for (let i = stringIndexOf(format, "%"); i >= 0 && i + 1 < format.length; i = stringIndexOf(format, "%", i + 2)) {
    const letter = format[i + 1];
    if (letter === "o" && next < list.length) {
      list[next] = inspectWith(list[next], WHOLE);
      text += stringSlice(format, done, i) + "%s";
      done = i + 2;
    }
    if (stringIndexOf("sdijfoOc", letter) >= 0) next++;
  }
  list[1] = text + stringSlice(format, done);
}

// Values that most cells end in never reach the inspector.
function simpleText(value) {
  switch (typeof value) {
    case "string":
      if (isPlain(value)) return `'${value}'`;
      // Node puts each line of a long string on its own; of very long ones that takes seconds.
      return value.length > LONG_STRING ? quote(value) : undefined;
    case "number":
      return is(value, -0) ? "-0" : toText(value);
    case "bigint":
      return bigIntToString(value) + "n";
    case "boolean":
      return value ? "true" : "false";
    case "undefined":
      return "undefined";
    default:
      return value === null ? "null" : undefined;
  }
}

// Where built-ins that the inspector itself runs on were replaced, or it fails, a plainer text of our own.
function inspected(format, value, plain = plainText) {
  if (intact()) {
    try {
      const text = withOurStacks(format);
      if (typeof text === "string") return text;
    } catch {
      // Falls through: the stack was full, or a value that nobody thought of.
    }
  }
  return attempt(plain, value, "[value that cannot be shown]");
}

// The arguments of a console call without the inspector: strings as they are, one blank between all.
function plainTexts(args) {
  let text = "";
  for (let i = 0; i < args.length; i++) {
    text += (i > 0 ? " " : "") + (typeof args[i] === "string" ? args[i] : simpleText(args[i]) ?? plainText(args[i]));
  }
  return text;
}

function attempt(make, value, otherwise) {
  try {
    return make(value);
  } catch {
    return otherwise;
  }
}

const OPTIONS = ["customInspect", "depth", "maxStringLength", "showHidden", "showProxy", "maxArrayLength", "breakLength", "compact", "sorted", "getters",
  "numericSeparator"];
const WHOLE = { __proto__: null, showHidden: true, showProxy: true, depth: 4 };

// Every option, so that no default counts that an inspector of the user's might have changed.
function settings(chosen) {
  const all = create(null);
  for (const key in defaults) all[key] = defaults[key];
  all.maxStringLength = Infinity;
  if (chosen !== undefined && chosen !== null) {
    for (let i = 0; i < OPTIONS.length; i++) {
      const value = chosen[OPTIONS[i]];
      if (value !== undefined && typeof value !== "function") all[OPTIONS[i]] = value;
    }
  }
  return all;
}

// The stand-ins are inspectors of our own, so the package always asks for them; what the user chose counts there.
function looked(chosen, look) {
  const { customInspect, showProxy, maxArrayLength } = chosen;
  chosen.customInspect = true;
  chosen.showProxy = false;
  return lookWith(customInspect !== false, showProxy === true, maxArrayLength ?? Infinity, look);
}
