"use strict";
// Owns the entry of the parser's own V8 context, which user code cannot reach; refuses to know the session's values.
// Every function takes plain arguments and returns an object that JSON can hold; none throws.

export { completeStatic } from "./completion.js";
export { isComplete } from "./completeness.js";
export { explain } from "./explain.js";
export { MAGICS } from "./head.js";
export { isCompleteCell, load, transformCell, transformFile } from "./languages.js";
export { transformModule } from "./modules.js";
export { inspectTarget, target } from "./target.js";
export { transform } from "./transform.js";
