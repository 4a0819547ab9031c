// Owns the load order around node-inspect-extracted; refuses to format anything itself.

import { onEachObject, restoreGlobals } from "./inspector-hooks.js";
import { formatWithOptions, inspect } from "node-inspect-extracted";

// The package asks for a global URL when it first meets an instance of a class with a name: here, while there is one.
inspect(new (class { static name = "Sample"; })());
restoreGlobals();

export { formatWithOptions, inspect, onEachObject };
