// Owns the scripts that are loaded when something of theirs is first used, and the globals that wait for them; refuses to
// know what they do.
//
// Until then such a global is an accessor; from then on a data property as any other. A late script runs in the user's
// context, possibly after prototypes were changed: it is handed what it needs (`given`), the built-ins as they were at
// boot among it, and nothing that user code may not have.

import { create, defineProperty, ErrorClass, evaluate, getOwnPropertyDescriptor, globalObject, ownKeys } from "./intrinsics.js";
import { scriptText } from "./bridge.js";

/** In the order of cells/bundle.py's LATE. */
const SCRIPTS = ["web.js", "encoding.js", "url.js", "idna.js", "modules.js"];
const GLOBALS = {
  __proto__: null,
  "web.js": ["AbortController", "AbortSignal", "Crypto", "CustomEvent", "Event", "EventTarget", "Performance", "PerformanceEntry",
    "PerformanceMark", "PerformanceMeasure", "atob", "btoa", "crypto", "performance", "structuredClone"],
  "encoding.js": ["TextDecoder", "TextEncoder"],
  "url.js": ["URL", "URLSearchParams"],
};

/** What late scripts are handed; filled by index.js. */
export const given = create(null);
const loaded = create(null);

// The `globalThis` of late scripts: the language's own as it was at boot, so that they find neither what user code made of
// it nor each other's globals.
const language = create(null);
const builtIns = ownKeys(globalObject);
for (let i = 0; i < builtIns.length; i++) {
  const found = getOwnPropertyDescriptor(globalObject, builtIns[i]);
  if ("value" in found) language[builtIns[i]] = found.value;
}

/** What the script puts into its `__made`; it runs once. */
export function load(name) {
  if (loaded[name] !== undefined) return loaded[name];
  let number = 0;
  while (SCRIPTS[number] !== name) number++;
  const text = scriptText(number);
  if (text === "") throw new ErrorClass(`the engine's script ${name} is missing: install the package again`);
  const made = create(null);
  evaluate(`(function(__given,__made,globalThis){${text}\n})\n//# sourceURL=vm:${name}`)(given, made, language);
  const names = GLOBALS[name] ?? [];
  for (let i = 0; i < names.length; i++) { // the bundler makes names shorter
    if (typeof made[names[i]] === "function") defineProperty(made[names[i]], "name", { __proto__: null, value: names[i], configurable: true });
  }
  return (loaded[name] = made);
}

export function install() {
  const scripts = ownKeys(GLOBALS);
  for (let i = 0; i < scripts.length; i++) {
    for (let k = 0; k < GLOBALS[scripts[i]].length; k++) wait(GLOBALS[scripts[i]][k], scripts[i]);
  }
}

function wait(name, script) {
  getters[name] = () => {
    const made = load(script);
    settle(script, made);
    return made[name];
  };
  const set = (value) => define(name, value);
  defineProperty(globalObject, name, { __proto__: null, get: getters[name], set, enumerable: false, configurable: true });
}
const getters = create(null);

/** Whether a global's own property still waits for its script. */
export const isWaiting = (name, found) => found.get !== undefined && found.get === getters[name];
/** Its value then, for which the script is loaded; else undefined. */
export const waitingValue = (name, found) => (isWaiting(name, found) ? getters[name]() : undefined);

// All of the script's globals that are still waiting, in one go.
function settle(script, made) {
  for (let i = 0; i < GLOBALS[script].length; i++) {
    const name = GLOBALS[script][i], found = getOwnPropertyDescriptor(globalObject, name);
    if (found !== undefined && found.get === getters[name]) define(name, made[name]);
  }
}

function define(name, value) {
  try {
    defineProperty(globalObject, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  } catch {
    // The global object is frozen: the accessor goes on.
  }
}
