// Owns CommonJS: `require`, `module`, and running such a module; refuses to find files.

import { apply, bareList, currentCell, defineProperty, ErrorClass, evaluate, folderOf, TypeErrorClass } from "../given.js";
import { importHook, ready } from "./evaluation.js";
import { giveExports, namespaceOf } from "./names.js";
import { DONE, drop, find, NEW, RUNS, withCode } from "./records.js";

/** What `require(specifier)` in a file of `folder` gives. */
export function requireFrom(folder, specifier) {
  const record = find(specifier, folder, "require");
  switch (record.format) {
    case "cjs": return runCommonJs(record);
    case "esm": {
      if (ready(record) !== undefined) {
        throw withCode(new ErrorClass(`require() cannot wait for ${record.path}, which awaits at its top: use await import()`), "ERR_REQUIRE_ASYNC_MODULE");
      }
      return namespaceOf(record);
    }
    default: return record.value;
  }
}

/** Its exports; while it runs, those that it has so far. */
export function runCommonJs(record) {
  if (record.state !== NEW) return record.module.exports;
  record.state = RUNS;
  record.cell = currentCell();
  const require = requireOf(record);
  const module = record.module = {
    id: record.filename, path: folderOf(record.filename), exports: {}, filename: record.filename, loaded: false, children: [],
    paths: [], require,
  };
  try {
    const body = evaluate(`${record.parse.code}\n//# sourceURL=${record.url}`);
    const parameters = bareList();
    parameters[0] = module.exports;
    parameters[1] = require;
    parameters[2] = module;
    parameters[3] = record.filename;
    parameters[4] = module.path;
    parameters[5] = importHook(record);
    apply(body, module.exports, parameters);
    record.state = DONE;
    module.loaded = true;
    giveExports(record, module.exports);
  } catch (error) {
    drop(record);
    throw error;
  }
  return module.exports;
}

function requireOf(record) {
  const check = (id) => {
    if (typeof id !== "string") throw new TypeErrorClass('The "id" argument must be of type string.');
    return id;
  };
  const require = (id) => requireFrom(record.folder, check(id));
  defineProperty(require, "name", { __proto__: null, value: "require", configurable: true });
  require.resolve = (id) => find(check(id), record.folder, "require").filename;
  return require;
}
