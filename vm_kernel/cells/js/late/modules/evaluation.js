// Owns the way of a module and all that it requests to having run: read, linked, run in order, awaited; refuses to find files.

import { apply, arrayPush, asyncGeneratorNext, bareList, create, currentCell, ErrorClass, evaluate, folderOf,
  generatorNext, ownProperty, placeError, promiseThen } from "../given.js";
import { runCommonJs } from "./commonjs.js";
import { checkImports, completeNames, declareNames, namespaceOf, sealNames } from "./names.js";
import { checkType, DONE, drop, FAILED, find, LINKED, NEW, RUNS, WAITS } from "./records.js";

/** Makes it run, unless it has; a promise where one of the modules awaits at its top, else undefined. */
export function ready(record) {
  if (record.state === NEW && record.format === "esm") link(record);
  return run(record);
}

// All that can be said before anything runs: files, names, syntax.
function link(root) {
  const graph = bareList();
  collect(root, graph);
  for (let i = 0; i < graph.length; i++) declareNames(graph[i]);
  for (let i = 0; i < graph.length; i++) checkImports(graph[i], false);
  try {
    for (let i = 0; i < graph.length; i++) instantiate(graph[i]);
  } catch (error) {
    // A text that V8 does not take: nothing may run that imports from it.
    for (let i = 0; i < graph.length; i++) drop(graph[i]);
    throw error;
  }
}

function collect(record, graph) {
  if (record.format !== "esm" || record.state !== NEW) return;
  for (let i = 0; i < graph.length; i++) if (graph[i] === record) return;
  arrayPush(graph, record);
  const { requests } = record.parse;
  for (let i = 0; i < requests.length; i++) {
    const request = requests[i];
    let found;
    try {
      found = find(request[0], record.folder, "import");
      checkType(found, request[1], request[0]);
    } catch (error) {
      // One about the text of the module that is asked for has its place already.
      if (ownProperty(error, "code") !== undefined) placeError(error, record.url, request[2], request[3]);
      throw error;
    }
    record.requested[i] = found;
    collect(found, graph);
  }
}

function instantiate(record) {
  const { parse, url } = record;
  const make = evaluate(`${parse.code}\n//# sourceURL=${url}`);
  const parameters = bareList();
  parameters[0] = (getters) => { record.getters = getters; };
  parameters[1] = importHook(record);
  parameters[2] = metaOf(record);
  for (let i = 0; i < record.requested.length; i++) parameters[3 + i] = namespaceOf(record.requested[i]);
  record.body = apply(make, undefined, parameters);
  step(record); // to its `yield`
  record.state = LINKED;
}

const step = (record) => record.parse.async ? asyncGeneratorNext(record.body) : generatorNext(record.body);

/** What `import(` becomes in a module's text. */
export function importHook(record) {
  return (specifier, options) => __made.importModule(record.folder, specifier, options);
}

function metaOf(record) {
  const meta = create(null);
  meta.dirname = folderOf(record.filename);
  meta.filename = record.filename;
  meta.url = record.url;
  return meta;
}

function run(record) {
  if (record.format !== "esm") {
    if (record.format === "cjs") runCommonJs(record);
    else record.state = DONE;
    return undefined;
  }
  switch (record.state) {
    case WAITS: return record.waits;
    case LINKED: break;
    case FAILED: throw new ErrorClass(`${record.path} did not run to its end before`);
    default: return undefined; // it has run, or it is what asks for this, over others
  }
  record.state = RUNS;
  record.cell = currentCell();
  const waits = bareList();
  try {
    for (let i = 0; i < record.requested.length; i++) {
      const wait = run(record.requested[i]);
      if (wait !== undefined) arrayPush(waits, wait);
    }
    if (waits.length === 0 && !record.parse.async) {
      completeNames(record);
      step(record);
      finish(record);
      return undefined;
    }
  } catch (error) {
    drop(record);
    throw error;
  }
  record.state = WAITS;
  record.waits = runLater(record, waits);
  promiseThen(record.waits, undefined, () => {}); // whoever imports it hears of a failure
  return record.waits;
}

async function runLater(record, waits) {
  try {
    for (let i = 0; i < waits.length; i++) await waits[i];
    completeNames(record);
    if (record.parse.async) await step(record);
    else step(record);
    finish(record);
  } catch (error) {
    drop(record);
    throw error;
  }
}

function finish(record) {
  record.state = DONE;
  record.body = record.waits = undefined;
  sealNames(record);
}
