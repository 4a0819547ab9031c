// Owns which names a module exports, and its namespace object; refuses to run modules.

import { arrayPush, arraySort, bareList, create, defineProperty, freeze, getPrototypeOf, MapClass, mapGet, mapSet, ownKeys, ownProperty, quote,
  showNamespace, SyntaxErrorClass } from "../given.js";
import { DONE, syntaxError } from "./records.js";

const { ReferenceError: ReferenceErrorClass } = globalThis;
const ReferenceErrorPrototype = ReferenceErrorClass.prototype;
const AMBIGUOUS = create(null);
const TAG = Symbol.toStringTag;

/** The namespace object; complete when the module has run. */
export function namespaceOf(record) {
  if (record.namespace !== undefined) return record.namespace;
  const namespace = record.namespace = create(null);
  defineProperty(namespace, TAG, { __proto__: null, value: "Module", writable: false, enumerable: false, configurable: false });
  showNamespace(namespace, (name) => readResolved(record, name));
  if (record.format === "json") {
    give(namespace, "default", record.value);
    freeze(namespace);
  } else if (record.format === "host") giveExports(record, record.value);
  return namespace;
}

/** Its exports as they are now; the last time when it has run. */
export function giveExports(record, exports) {
  const namespace = namespaceOf(record);
  if ((typeof exports === "object" && exports !== null) || typeof exports === "function") {
    const keys = arraySort(ownKeys(exports), byCodeUnits);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (typeof key !== "string" || key === "default" || ownProperty(exports, key)?.enumerable !== true) continue;
      give(namespace, key, exports[key]);
    }
  }
  give(namespace, "default", exports);
  if (record.state === DONE) freeze(namespace);
}

const byCodeUnits = (a, b) => (typeof a !== "string" || typeof b !== "string" ? 0 : a < b ? -1 : a > b ? 1 : 0);

function give(namespace, name, value) {
  defineProperty(namespace, name, { __proto__: null, value, writable: false, enumerable: true, configurable: true });
}

/** Gives an ES module's namespace a getter for each name that is known before anything runs. */
export function declareNames(record) {
  const names = arraySort(exportedNames(record, bareList()), byCodeUnits);
  for (let i = 0; i < names.length; i++) declareName(record, names[i]);
}

function declareName(record, name) {
  const found = resolve(record, name, bareList());
  if (found === null || found === AMBIGUOUS) return;
  defineProperty(namespaceOf(record), name, { __proto__: null, get: () => read(found.record, found.name), enumerable: true, configurable: true });
}

/** Its dependencies have run: names that come from CommonJS are known now, and what is wanted of it can be checked. */
export function completeNames(record) {
  const namespace = namespaceOf(record), { stars } = record.parse;
  for (let i = 0; i < stars.length; i++) {
    const from = record.requested[stars[i]];
    const keys = ownKeys(namespaceOf(from));
    for (let k = 0; k < keys.length; k++) {
      const name = keys[k];
      if (typeof name === "string" && name !== "default" && !(name in namespace)) declareName(record, name);
    }
  }
  checkImports(record, true);
}

/** It has run: what cannot change any more becomes a plain property, so that it can be looked at without running anything. */
export function sealNames(record) {
  const namespace = namespaceOf(record), { constants } = record.parse;
  for (let i = 0; i < constants.length; i++) give(namespace, constants[i], record.getters[constants[i]]());
  const keys = ownKeys(namespace);
  for (let i = 0; i < keys.length; i++) {
    const name = keys[i], found = ownProperty(namespace, name);
    if (found.get === undefined) continue;
    const source = resolve(record, name, bareList());
    const there = source === null || source === AMBIGUOUS || source.record === record || source.name === "*" ? undefined
      : ownProperty(namespaceOf(source.record), source.name);
    if (source !== null && source.name === "*") give(namespace, name, namespaceOf(source.record));
    else if (there !== undefined && "value" in there && source.record.state === DONE) give(namespace, name, there.value);
  }
  freeze(namespace);
}

/** Throws for a name that a module it imports does not export. late: those of CommonJS, which show when it has run. */
export function checkImports(record, late) {
  const { imports, requests } = record.parse;
  for (let i = 0; i < imports.length; i++) {
    const wanted = imports[i], from = record.requested[wanted[0]], name = wanted[1];
    if (name === "*") continue;
    if (from.format !== "esm" ? late && from.state === DONE && !(name in namespaceOf(from))
      : missing(from, name, late)) throw missingName(requests[wanted[0]][0], name, from, record, wanted);
  }
}

function missing(record, name, late) {
  const found = resolve(record, name, bareList());
  if (found === AMBIGUOUS) return true;
  return found === null && (late || !mayGain(record, bareList()));
}

/** importer, wanted: the module and the `[request, name, line, column]` in which it says so; undefined: a cell does. */
export function missingName(specifier, name, record, importer = undefined, wanted = undefined) {
  const ambiguous = record.format === "esm" && resolve(record, name, bareList()) === AMBIGUOUS;
  const words = ambiguous ? `contains conflicting star exports for name ${quote(name)}` : `does not provide an export named ${quote(name)}`;
  const message = `The requested module ${quote(specifier)} ${words}`;
  return wanted === undefined ? new SyntaxErrorClass(message) : syntaxError(message, importer, wanted[2], wanted[3]);
}

function read(record, name) {
  if (name === "*") return namespaceOf(record);
  if (record.format !== "esm") return namespaceOf(record)[name];
  const getter = record.getters?.[name];
  try {
    return getter();
  } catch (error) { // nothing but a name that has no value yet, or no stack is left
    if (getter !== undefined && getPrototypeOf(error) !== ReferenceErrorPrototype) throw error;
    throw new ReferenceErrorClass(`Cannot access '${name}' before initialization`); // and not our own name of `default`
  }
}

function readResolved(record, name) {
  const found = resolve(record, name, bareList());
  return read(found.record, found.name);
}

// `{record, name}` of the module that has it; null: none has; AMBIGUOUS: two have.
function resolve(record, name, asked) {
  for (let i = 0; i < asked.length; i += 2) if (asked[i] === record && asked[i + 1] === name) return null;
  arrayPush(asked, record);
  arrayPush(asked, name);
  if (record.format !== "esm") return record.state === DONE && !(name in namespaceOf(record)) ? null : { __proto__: null, record, name };
  if (mapGet(ownNames(record), name)) return { __proto__: null, record, name };
  const { indirect, stars } = record.parse;
  for (let i = 0; i < indirect.length; i++) {
    if (indirect[i][0] !== name) continue;
    const from = record.requested[indirect[i][1]];
    return indirect[i][2] === "*" ? { __proto__: null, record: from, name: "*" } : resolve(from, indirect[i][2], asked);
  }
  if (name === "default") return null;
  let found = null;
  for (let i = 0; i < stars.length; i++) {
    const from = record.requested[stars[i]];
    if (from.format !== "esm" && from.state !== DONE) continue; // its names are not known yet
    const one = resolve(from, name, asked);
    if (one === null) continue;
    if (one === AMBIGUOUS || (found !== null && (found.record !== one.record || found.name !== one.name))) return AMBIGUOUS;
    found = one;
  }
  return found;
}

function ownNames(record) {
  if (record.own !== undefined) return record.own;
  const { locals } = record.parse;
  record.own = new MapClass();
  for (let i = 0; i < locals.length; i++) mapSet(record.own, locals[i], true);
  return record.own;
}

// Whether names may come to it from CommonJS modules that have not run.
function mayGain(record, asked) {
  for (let i = 0; i < asked.length; i++) if (asked[i] === record) return false;
  arrayPush(asked, record);
  if (record.format !== "esm") return record.state !== DONE;
  const { stars } = record.parse;
  for (let i = 0; i < stars.length; i++) if (mayGain(record.requested[stars[i]], asked)) return true;
  return false;
}

function exportedNames(record, asked) {
  const names = bareList();
  for (let i = 0; i < asked.length; i++) if (asked[i] === record) return names;
  arrayPush(asked, record);
  const { locals, indirect, stars } = record.parse;
  const seen = new MapClass();
  const add = (name) => {
    if (mapGet(seen, name)) return;
    mapSet(seen, name, true);
    arrayPush(names, name);
  };
  for (let i = 0; i < locals.length; i++) add(locals[i]);
  for (let i = 0; i < indirect.length; i++) add(indirect[i][0]);
  for (let i = 0; i < stars.length; i++) {
    const from = record.requested[stars[i]];
    if (from.format !== "esm") continue;
    const more = exportedNames(from, asked);
    for (let k = 0; k < more.length; k++) if (more[k] !== "default") add(more[k]);
  }
  return names;
}
