// Owns `require` and what `import` in cells becomes, up to the script behind them; refuses to know what a module is.

import { create, defineGlobal, defineProperty, ErrorClass, globalObject, parseJson, quote, setPrototypeOf, stringLastIndexOf, stringSlice }
  from "./intrinsics.js";
import { ask, emit } from "./bridge.js";
import { callerName } from "./caller.js";
import { currentCell } from "./current.js";
import { FETCH } from "./kinds.js";
import { given, load } from "./late.js";

/** Modules that the host grants, by the name that `require` and `import` know: functions that make what is exported. */
export const hostModules = create(null);

let asked = 0;

/** What the host finds for a specifier, as vm_kernel/imports.py says it; JavaScript waits. */
function fetchModule(specifier, folder, by) {
  asked = (asked % 0x7fffffff) + 1;
  emit(FETCH, currentCell(), `{"number":${asked},"specifier":${quote(specifier)},"from":${quote(folder)},"by":"${by}"}`);
  const answer = setPrototypeOf(parseJson(ask(asked)), null);
  if (answer.refused) throw new ErrorClass("the module was not read: the cell is to end");
  return answer;
}

/** The folder of a path in the worktree, without a slash at its end; "" for its root. */
function folderOf(path) {
  const slash = stringLastIndexOf(path, "/");
  return slash < 0 ? "" : stringSlice(path, 0, slash);
}

export function install() {
  given.fetchModule = fetchModule;
  given.folderOf = folderOf;
  given.hostModules = hostModules;
  defineGlobal("require", function require(id) {
    return load("modules.js").requireModule(folderOf(callerName()), id);
  });
  defineProperty(globalObject, "__import", {
    __proto__: null, enumerable: false, configurable: false, writable: false,
    value(specifier, options, names) { return load("modules.js").importModule(folderOf(callerName()), specifier, options, names); },
  });
}

/** Forget what the cell (0: any) had begun to load and will not finish. */
export function forgetUnfinished(cell) {
  given.forgetUnfinished?.(cell);
}
