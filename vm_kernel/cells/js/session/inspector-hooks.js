// Owns what node-inspect-extracted takes for Node's C++ side while it loads; refuses to know what values look like.
//
// The package is one script of numbered parts. Two of them imitate in JavaScript what Node asks V8 for: the kinds of
// objects, and what lies behind proxies, promises and iterators. A part that is in its table already is not made anew,
// and cells/build.py lets the package take the table from here. To be imported before the package; `restoreGlobals` is
// called after it, and says whether the parts were asked for.

import { defineProperty, getOwnPropertyDescriptor, globalObject } from "./intrinsics.js";
import * as details from "./details.js";
import * as types from "./types.js";

const PARTS = { __proto__: null, 499: types, 727: details };
const asked = { __proto__: null };

const table = { __proto__: null };

for (const number in PARTS) {
  defineProperty(table, number, {
    __proto__: null,
    get() {
      asked[number] = true;
      return { __proto__: null, exports: PARTS[number] };
    },
  });
}
defineProperty(globalObject, "__parts", { __proto__: null, value: table, configurable: true });

// Bare V8 has none; no object is an instance of this one.
const realUrl = getOwnPropertyDescriptor(globalObject, "URL");
if (realUrl === undefined) defineProperty(globalObject, "URL", { __proto__: null, value: class URL {}, configurable: true });

/** Another version of the package numbers its parts otherwise: that is seen here and not in what people are shown. */
export function restoreGlobals() {
  if (realUrl === undefined) delete globalObject.URL;
  delete globalObject.__parts;
  for (const number in PARTS) {
    if (asked[number] === undefined) throw new Error(`node-inspect-extracted did not ask for its part ${number}`);
  }
}
