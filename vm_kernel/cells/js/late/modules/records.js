// Owns the modules of the session, each by the real path of its file, and how a specifier leads to one; refuses to run them.

import { bareList, create, currentCell, defineProperty, encodePath, ErrorClass, fetchModule, folderOf, hasOwn, hostModules, MapClass,
  mapDelete, mapForEach, mapGet, mapSet, parseJson, placeError, quote, registerScript, replaceEach, stringIndexOf,
  stringSlice, SyntaxErrorClass, toText, TypeErrorClass } from "../given.js";

const LONGEST_SPECIFIER = 4096;

/** States of a record, in their order; FAILED ones are out of the tables. */
export const NEW = 0, LINKED = 1, RUNS = 2, WAITS = 3, DONE = 4, FAILED = 5;

const records = new MapClass(); // real path, and what follows `?` -> record
const known = new MapClass(); // folder, specifier -> record

/**
 * The module that `specifier` means for a file of `folder`; by: `import` or `require`. It is read, and parsed, at most once.
 * Fields: format (`esm`, `cjs`, `json`, `host`), state, path, filename, url, folder, cell, namespace, and those of its format.
 */
export function find(specifier, folder, by) {
  if (specifier.length > LONGEST_SPECIFIER) throw new ErrorClass(`Invalid module: a specifier of ${specifier.length} characters`);
  const key = `${folder}\n${by}\n${specifier}`;
  const before = mapGet(known, key);
  if (before !== undefined && before.state !== FAILED) return before;
  const found = hasOwn(hostModules, specifier) ? ofHost(specifier) : ofFile(specifier, folder, by);
  mapSet(known, key, found);
  return found;
}

function ofFile(specifier, folder, by) {
  // What follows a question mark makes it another module of the same file, as everywhere.
  const mark = by === "import" ? stringIndexOf(specifier, "?") : -1;
  const query = mark < 0 ? "" : stringSlice(specifier, mark);
  const answer = fetchModule(mark < 0 ? specifier : stringSlice(specifier, 0, mark), folder, by);
  if (answer.problem !== undefined) throw withCode(new ErrorClass(answer.problem), answer.code);
  const key = answer.path + query;
  const before = mapGet(records, key);
  if (before !== undefined) return before;
  const record = made(answer.format, answer.path, answer.filename);
  record.key = key;
  record.url = `file://${replaceEach(replaceEach(encodePath(answer.filename), "?", "%3F"), "#", "%23")}${encodePath(query)}`;
  if (answer.format === "json") {
    registerScript(record.path, answer.text, null, record.url);
    record.value = valueOf(answer.text, record, answer.place);
  } else {
    registerScript(record.path, answer.source, answer.shifts, record.url);
    if (answer.ok !== true) throw syntaxError(answer.error.message, record, answer.error.line, answer.error.column);
    if (answer.format === "esm" && answer.esm !== true) throw new ErrorClass(`${record.path} is an ES module, and those are switched off in this session (runtime.esm)`);
    record.parse = answer;
  }
  mapSet(records, key, record);
  return record;
}

function ofHost(name) {
  const before = mapGet(records, `host:${name}`);
  if (before !== undefined) return before;
  const record = made("host", name, name);
  record.key = `host:${name}`;
  record.url = `host:${name}`;
  record.value = hostModules[name]();
  mapSet(records, record.key, record);
  return record;
}

function made(format, path, filename) {
  const record = create(null);
  record.format = format;
  record.state = NEW;
  record.path = path;
  record.filename = filename;
  record.folder = folderOf(path);
  record.cell = currentCell();
  record.namespace = undefined;
  record.requested = bareList(); // records, by the numbers of the parse's requests
  record.own = undefined; // the exported names that it has itself, as a map
  record.getters = undefined; // of an ES module's own exports, once it is linked
  record.body = undefined; // its generator
  record.waits = undefined; // a promise while it awaits
  record.module = undefined; // of CommonJS
  return record;
}

function valueOf(text, record, place) {
  try {
    return parseJson(text);
  } catch (error) {
    throw syntaxError(toText(error.message), record, place[0], place[1]);
  }
}

export function syntaxError(message, record, line, column) {
  const error = new SyntaxErrorClass(message);
  placeError(error, record.url, line, column);
  return error;
}

export function withCode(error, code) {
  return defineProperty(error, "code", { __proto__: null, value: code, writable: true, enumerable: true, configurable: true });
}

/** The type that the options of an import ask for: "" or "json". */
export function requestedType(options) {
  if (options === undefined) return "";
  if (options === null || typeof options !== "object") throw new TypeErrorClass("The second argument of import() must be an object");
  const attributes = options.with;
  if (attributes === undefined) return "";
  if (attributes === null || typeof attributes !== "object") throw new TypeErrorClass("The 'with' option must be an object");
  const type = attributes.type;
  if (type === undefined) return "";
  if (type !== "json") throw new TypeErrorClass(`Import attribute "type" with value "${toText(type)}" is not supported`);
  return type;
}

export function checkType(record, type, specifier) {
  if (record.format === "json" && type !== "json") {
    throw withCode(new TypeErrorClass(`Module ${quote(specifier)} needs an import attribute: with {type: "json"}`), "ERR_IMPORT_ATTRIBUTE_MISSING");
  }
  if (record.format !== "json" && type !== "") {
    throw withCode(new TypeErrorClass(`Module ${quote(specifier)} is not of type "json"`), "ERR_IMPORT_ATTRIBUTE_TYPE_INCOMPATIBLE");
  }
}

/** It will not be finished: the next who asks for it reads its file again. */
export function drop(record) {
  record.state = FAILED;
  if (mapGet(records, record.key) === record) mapDelete(records, record.key);
}

/** Drops what the cell (0: any) has left half done. */
export function forget(cell) {
  mapForEach(records, (record) => {
    if (record.state !== DONE && (cell === 0 || record.cell === cell)) drop(record);
  });
}
