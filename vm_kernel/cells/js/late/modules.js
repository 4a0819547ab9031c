// Owns what the session calls for `import` and `require`; refuses to know how modules are found and linked.

import { toText, TypeErrorClass } from "./given.js";
import { requireFrom } from "./modules/commonjs.js";
import { ready } from "./modules/evaluation.js";
import { checkType, find, forget, requestedType } from "./modules/records.js";
import { missingName, namespaceOf } from "./modules/names.js";

/** A promise of the namespace. names: those that the importing declaration wants; undefined of `import()`. */
__made.importModule = async (folder, specifier, options, names) => {
  const text = toText(specifier), type = requestedType(options);
  const record = find(text, folder, "import");
  checkType(record, type, text);
  const waits = ready(record);
  if (waits !== undefined) await waits;
  const namespace = namespaceOf(record);
  if (names !== undefined) {
    for (let i = 0; i < names.length; i++) if (!(names[i] in namespace)) throw missingName(text, names[i], record);
  }
  return namespace;
};

__made.requireModule = (folder, specifier) => {
  if (typeof specifier !== "string") throw new TypeErrorClass('The "id" argument must be of type string.');
  return requireFrom(folder, specifier);
};

__given.forgetUnfinished = forget;
