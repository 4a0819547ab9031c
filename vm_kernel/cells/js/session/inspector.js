// Owns the load order around node-inspect-extracted; refuses to format anything itself.

import { restoreGlobals } from "./inspector-hooks.js";
import { freeze } from "./intrinsics.js";
import { formatWithOptions, inspect } from "node-inspect-extracted";

// The package asks for a global URL when it first meets an instance of a class with a name: here, while there is one.
inspect(new (class { static name = "Sample"; })());
restoreGlobals();
// Taken now: an inspector of the user's is handed this function and may set others.
export const defaults = { __proto__: null, ...inspect.defaultOptions };
freeze(inspect);

export { formatWithOptions, inspect };
