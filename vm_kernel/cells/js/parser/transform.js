// Owns what makes a notebook cell of a script: names outlive it, `await` works, the last value comes back; refuses to run it.
//
// The session runs what comes out by indirect eval, with the same `//# sourceURL=` each time:
// 1. `declare`, unless it is empty: names as `var` and functions of a cell whose `code` cannot declare them itself;
// 2. `code`. Its value is the last expression's if `shows`; with `async` it is a promise of `{0: value}` (prototype null, so
//    that neither a promise nor a `then` of the user's is adopted), or of undefined if not `shows`.
// Lines are those of the source. Columns are, but for `shifts` (edits.js); both texts share one map.

import { remember } from "./names.js";
import { blank, Edits } from "./edits.js";
import { rewriteDeclarations } from "./declarations.js";
import { describeSyntaxError, parseObject, parseScript, refuse } from "./syntax.js";
import { walk, walkOwn } from "./tree.js";

const NEWLINE = /\r\n|[\n\r\u2028\u2029]/g;

/**
 * `{ok: true, code, declare, async, names, shows, shifts}`, or `{ok: false, error: {name, message, line, column, text}}`.
 * hook: global function that `import` becomes: called with the specifier, then the options (undefined: none), then, for a
 * declaration only, the list of exported names that it wants.
 */
export function transform(source, name, hook = "__import") {
  try {
    const done = transformCell(source, hook);
    remember(done.names);
    return { ok: true, ...done };
  } catch (error) {
    return { ok: false, error: describeSyntaxError(error, source) };
  }
}

function transformCell(source, hook) {
  const object = parseObject(source);
  if (object) return transformObject(source, object, hook);
  const comments = [];
  const program = parseScript(source, comments);
  const cell = survey(program);
  const edits = new Edits(source);
  const names = rewriteDeclarations(program, edits, { source, assign: cell.assign, strict: cell.strict });
  for (const node of program.body) {
    if (node.type === "ImportDeclaration") replaceImport(node, edits, source, hook, names);
  }
  replaceDynamicImports(program, edits, hook);
  const last = lastExpression(program);
  if (cell.async) wrapAsync(last, edits, source);
  else if (cell.using) wrapBlock(program, edits, source);
  if (cell.async || cell.using) settleComments(comments, edits, source);
  const generated = edits.apply();
  const { code, shifts } = generated;
  const parts = cell.assign ? separate(program, generated, names) : { code, declare: "" };
  return { ...parts, async: cell.async, names: [...new Set(names)], shows: last !== null, shifts };
}

// `{a: 1}` alone is an object, as in Node's REPL.
function transformObject(source, expression, hook) {
  const awaits = hasAwait(expression);
  check(expression);
  const edits = new Edits(source);
  const { start, end } = expression;
  replaceDynamicImports(expression, edits, hook);
  edits.insert(start, awaits ? "(async()=>({__proto__:null,[0]:(0," : "(");
  edits.insert(end, awaits ? ")}))()" : ")");
  if (source.startsWith("#!")) edits.replace(0, 2, "//");
  const { code, shifts } = edits.apply();
  return { code, declare: "", async: awaits, names: [], shows: true, shifts };
}

// What kind of cell it is; refuses what a cell cannot be.
function survey(program) {
  const async = hasAwait(program);
  const using = program.body.some((node) => node.type === "VariableDeclaration" && node.kind.endsWith("using"));
  const strict = program.body.some((node) => node.directive === "use strict" && node.expression.raw.length === '"use strict"'.length);
  check(program);
  return { async, using, strict, assign: async || using || strict };
}

function hasAwait(root) {
  let found = false;
  walkOwn(root, (node) => {
    if (node.type === "AwaitExpression" || node.type === "ImportDeclaration") found = true;
    else if (node.type === "ForOfStatement" && node.await) found = true;
    else if (node.type === "VariableDeclaration" && node.kind === "await using") found = true;
  });
  return found;
}

function check(root) {
  walk(root, (node, parent) => {
    if (node.type === "MetaProperty" && node.meta.name === "import") {
      throw refuse("Cannot use 'import.meta' in a cell: a cell is no module", node.start);
    }
    if (node.type.startsWith("Export")) {
      throw refuse("Cannot use 'export' in a cell: its names are there for later cells as they are", node.start);
    }
    if (node.type === "ImportDeclaration" && parent.type !== "Program") {
      throw refuse("An import declaration may only stand at the top of a cell; use 'await import(...)' here", node.start);
    }
  });
}

function lastExpression(program) {
  for (let i = program.body.length - 1; i >= 0; i--) {
    const node = program.body[i];
    if (node.type === "EmptyStatement") continue;
    return node.type === "ExpressionStatement" ? node : null;
  }
  return null;
}

function wrapAsync(last, edits, source) {
  edits.insertFirst(0, "(async()=>{");
  if (last) {
    edits.insert(last.start, "return {__proto__:null,[0]:(0,");
    edits.insert(source[last.end - 1] === ";" ? last.end - 1 : last.end, ")}");
  }
  edits.insert(source.length, "\n})()");
}

// A block may hold `using`, and its value is that of its last expression.
function wrapBlock(program, edits, source) {
  edits.insertFirst(program.body.find((node) => !node.directive).start, "{");
  edits.insert(source.length, "\n}");
}

// `#!` and `-->` are comments only where a script or a line begins, which the wrapper has taken.
function settleComments(comments, edits, source) {
  for (const { start } of comments) {
    if (source.startsWith("#!", start)) edits.replace(start, start + 2, "//");
    else if (source.startsWith("-->", start)) edits.replace(start, start + 3, "// ");
  }
}

// Functions leave the code for `declare`, where they are global like all names, so that they call each other's newest
// version; each text keeps the other's place as blanks.
function separate(program, { code, startOf, endOf }, names) {
  let declare = "";
  let rest = "";
  let done = 0;
  for (const node of program.body) {
    if (node.type !== "FunctionDeclaration") continue;
    const start = startOf(node.start);
    const end = endOf(node.end);
    declare += blank(code.slice(done, start)) + code.slice(start, end);
    rest += code.slice(done, start) + blank(code.slice(start, end));
    done = end;
  }
  rest += code.slice(done);
  if (names.length) declare += `\n;var ${[...new Set(names)].join()}`;
  return { code: rest, declare };
}

function replaceImport(node, edits, source, hook, names) {
  const wanted = [];
  const parts = [];
  let whole = "";
  for (const specifier of node.specifiers) {
    const local = specifier.local.name;
    names.push(local);
    if (specifier.type === "ImportNamespaceSpecifier") {
      whole = local;
      continue;
    }
    const imported = specifier.type === "ImportDefaultSpecifier" ? "default" : (specifier.imported.name ?? specifier.imported.value);
    const key = JSON.stringify(imported);
    wanted.push(key);
    parts.push(`${key}:${local}`);
  }
  const attributes = (node.attributes ?? []).map((item) => `${JSON.stringify(item.key.name ?? item.key.value)}:${item.value.raw}`);
  const options = attributes.length ? `{with:{${attributes}}}` : "void 0";
  const load = `await ${hook}(${node.source.raw},${options},[${wanted}])`;
  const target = (whole ? `${whole}=` : "") + (parts.length ? `{${parts}}=` : "");
  const lines = source.slice(node.start, node.end).match(NEWLINE) ?? [];
  edits.replace(node.start, node.end, `;(${target}${load});${lines.join("")}`);
}

function replaceDynamicImports(root, edits, hook) {
  walk(root, (node) => {
    if (node.type !== "ImportExpression") return;
    if (node.phase) throw refuse(`Cannot use 'import.${node.phase}' in a cell`, node.start);
    edits.replace(node.start, node.start + "import".length, hook);
  });
}
