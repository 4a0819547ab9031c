// Owns what makes a function of a module's text, ESM or CommonJS; refuses to find modules and to run them.
//
// An ES module becomes a generator function. Its parameters are P, to be called with the getters of its own exports; what
// `import(` becomes; `import.meta`; and the namespace of each module that it requests. It runs to its one `yield` when
// modules are linked, its functions being there then, and on when it is evaluated. What it imports is read from the
// namespaces each time, so that bindings are live. Lines are those of the source, columns are but for `shifts` (edits.js).

import { Parser, tokTypes } from "acorn";
import { blank, Edits } from "./edits.js";
import { assignedNames, eachReference } from "./references.js";
import { describeSyntaxError, refuse } from "./syntax.js";
import { boundNames, walk, walkOwn } from "./tree.js";

const MODULE = { ecmaVersion: "latest", sourceType: "module", allowHashBang: true };
const COMMONJS = { ecmaVersion: "latest", sourceType: "commonjs", allowHashBang: true };
const NEWLINE = /\r\n|[\n\r\u2028\u2029]/g;

/**
 * format: `esm`, `cjs`, or `auto`: what the text parses as, CommonJS first. The answer is `{ok: true, format, code, shifts}`,
 * of a module also
 *   async: whether it awaits at its top;
 *   requests: `[specifier, type, line, column]` of each module that it asks for; type: of its attribute, "" without;
 *   imports: `[request, name, line, column]` to be checked; name "*" for all;
 *   locals: exported names that it has itself; constants: those of them that stay as they are when it has run;
 *   indirect: `[exported, request, name]`; stars: requests whose names it exports all;
 * or `{ok: false, error: {name, message, line, column, text}}`.
 */
export function transformModule(source, format) {
  let failure, module = false;
  if (format !== "esm") {
    try {
      return { ok: true, ...commonJs(source) };
    } catch (error) {
      failure = error;
    }
  }
  if (format !== "cjs") {
    try {
      return { ok: true, ...esModule(source) };
    } catch (error) {
      module = failure === undefined || (error.pos ?? 0) > (failure.pos ?? 0); // the one that came further
      if (module) failure = error;
    }
  }
  return { ok: false, error: describeSyntaxError(failure, source, module) };
}

function commonJs(source) {
  const comments = [];
  const program = Parser.parse(source, { ...COMMONJS, onComment: comments });
  const edits = new Edits(source);
  const prefix = unused(source);
  edits.insertFirst(0, `(function(exports,require,module,__filename,__dirname,${prefix}import){`);
  replaceImports(program, edits, prefix);
  settle(source, comments, edits);
  edits.insert(source.length, "\n})");
  const { code, shifts } = edits.apply();
  return { format: "cjs", code, shifts };
}

function esModule(source) {
  const program = Parser.parse(source, { ...MODULE, onToken: source.includes("<!--") ? (token) => refuseComment(source, token) : null });
  const edits = new Edits(source);
  const prefix = unused(source);
  const module = new Surface(source, prefix);
  for (const node of program.body) module.take(node, edits);
  module.close();
  replaceImports(program, edits, prefix);
  let constant = "";
  eachReference(program, module.bindings, (node, use, key) => {
    const [request, name] = module.bindings.get(node.name);
    let value = `${prefix}${request}${name === "*" ? "" : `[${JSON.stringify(name)}]`}`;
    // What cannot be assigned to; a conditional assignment finds that out by itself, and a namespace is always true.
    if (use === "set" || (use === "maybe" && name === "*")) value = `${prefix}constant`;
    if (value === `${prefix}constant`) constant = `const ${value}=1;`;
    // Called without the namespace as `this`; a line before that ends without a semicolon must not take the bracket.
    const text = use === "call" ? `(0,${value})` : use === "first" ? `;(0,${value})` : key ? `${keyOf(key)}:${value}` : value;
    // V8 places a call at its bracket then; that one is made to stand for the name.
    const open = (use === "call" || use === "first") && source[node.end] === "(" ? 1 : 0;
    edits.replace(node.start, node.end + open, text + "(".repeat(open));
  });
  const async = awaits(program);
  const parameters = [prefix, `${prefix}import`, `${prefix}meta`, ...module.requests.map((_, number) => prefix + number)];
  const getters = module.own.map(([exported, local]) => `${keyOf(JSON.stringify(exported))}:()=>${local}`);
  edits.insertFirst(0, `(${async ? "async " : ""}function*(${parameters}){"use strict";${prefix}({__proto__:null,${getters}});${constant}${module.early}yield;`);
  settle(source, [], edits);
  edits.insert(source.length, "\n})");
  const { code, shifts } = edits.apply();
  const assigned = assignedNames(program);
  return {
    format: "esm", code, shifts, async, ...module.lists(),
    constants: assigned === null ? [] : module.own.filter(([, local]) => !assigned.has(local)).map(([exported]) => exported),
  };
}

// What a module asks for and what it gives; its import and export declarations leave the text.
class Surface {
  bindings = new Map(); // local name -> [request, imported name]
  own = []; // [exported, local]
  requests = [];
  #numbers = new Map();
  #imports = [];
  #indirect = [];
  #stars = [];
  early = ""; // runs before its `yield`
  #pending = [];
  #source;
  #prefix;

  constructor(source, prefix) {
    this.#source = source;
    this.#prefix = prefix;
  }

  take(node, edits) {
    switch (node.type) {
      case "ImportDeclaration": {
        const request = this.#request(node);
        for (const each of node.specifiers) {
          const name = each.type === "ImportNamespaceSpecifier" ? "*" : each.type === "ImportDefaultSpecifier" ? "default" : textOf(each.imported);
          this.bindings.set(each.local.name, [request, name]);
          this.#imports.push([request, name, ...this.#place(each)]);
        }
        return this.#remove(node, edits);
      }
      case "ExportAllDeclaration": {
        const request = this.#request(node);
        if (node.exported) this.#indirect.push([textOf(node.exported), request, "*"]);
        else this.#stars.push(request);
        return this.#remove(node, edits);
      }
      case "ExportNamedDeclaration": return this.#named(node, edits);
      case "ExportDefaultDeclaration": return this.#default(node, edits);
    }
  }

  #named(node, edits) {
    if (node.declaration) {
      const { declaration } = node;
      const names = declaration.type === "VariableDeclaration" ? declaration.declarations.flatMap(({ id }) => boundNames(id)) : [declaration.id.name];
      for (const name of names) this.own.push([name, name]);
      edits.replace(node.start, node.start + "export".length, ";     ");
      return;
    }
    const request = node.source ? this.#request(node) : -1;
    for (const each of node.specifiers) {
      const local = textOf(each.local), exported = textOf(each.exported);
      if (node.source) {
        this.#indirect.push([exported, request, local]);
        this.#imports.push([request, local, ...this.#place(each)]);
      } else this.#pending.push([exported, local]);
    }
    this.#remove(node, edits);
  }

  #default(node, edits) {
    const { declaration } = node;
    const isFunction = declaration.type === "FunctionDeclaration";
    const keyword = node.start + tokenEnd(this.#source.slice(node.start), "default");
    if (declaration.id) { // a declaration as any other
      this.own.push(["default", declaration.id.name]);
      edits.replace(node.start, keyword, ";" + blank(this.#source.slice(node.start + 1, keyword)));
      return;
    }
    const local = `${this.#prefix}default`;
    this.own.push(["default", local]);
    const lines = (this.#source.slice(node.start, keyword).match(NEWLINE) ?? []).join("");
    if (isFunction) {
      // There before anything runs, as all declared functions, with its own text.
      const make = `${this.#prefix}make`;
      this.early = `const ${local}=${make}();`;
      edits.replace(node.start, keyword, `;function ${make}(){return{default:${lines}`);
      edits.insert(node.end, "}.default}");
      return;
    }
    // In an object it gets the name that the standard gives it.
    edits.replace(node.start, keyword, `;const ${local}={default:${lines}`);
    const end = this.#source[node.end - 1] === ";" && declaration.end < node.end ? node.end - 1 : node.end;
    edits.insert(end, "}.default;");
  }

  #request(node) {
    const type = node.attributes?.find((each) => textOf(each.key) === "type")?.value.value ?? "";
    const specifier = node.source.value;
    const key = JSON.stringify([specifier, type]);
    if (!this.#numbers.has(key)) {
      this.#numbers.set(key, this.requests.length);
      this.requests.push([specifier, type, ...this.#place(node.source)]);
    }
    return this.#numbers.get(key);
  }

  #remove(node, edits) {
    edits.replace(node.start, node.end, ";" + blank(this.#source.slice(node.start + 1, node.end)));
  }

  #place({ start }) {
    const lines = this.#source.slice(0, start).split(NEWLINE);
    return [lines.length, lines.at(-1).length + 1];
  }

  /** After all declarations: what `export {a}` means, which may stand before the import of `a`. */
  close() {
    for (const [exported, local] of this.#pending) {
      const binding = this.bindings.get(local);
      if (binding) this.#indirect.push([exported, ...binding]);
      else this.own.push([exported, local]);
    }
  }

  lists() {
    return {
      requests: this.requests, imports: this.#imports, locals: this.own.map(([exported]) => exported), indirect: this.#indirect,
      stars: this.#stars,
    };
  }
}

// A property of that name, and not the prototype.
const keyOf = (text) => (text === "__proto__" || text === '"__proto__"' ? '["__proto__"]' : text);
const textOf = (node) => node.name ?? node.value;

// Where in `text` the first token `word` ends; comments may stand before it.
function tokenEnd(text, word) {
  for (const token of Parser.tokenizer(text, MODULE)) if (text.slice(token.start, token.end) === word) return token.end;
  return 0;
}

// A beginning for names that stand nowhere in the text.
function unused(source) {
  let prefix = "__vm";
  while (source.includes(prefix)) prefix += "_";
  return prefix;
}

function replaceImports(program, edits, prefix) {
  walk(program, (node) => {
    if (node.type === "ImportExpression") edits.replace(node.start, node.start + "import".length, `${prefix}import`);
    if (node.type === "MetaProperty" && node.meta.name === "import") edits.replace(node.start, node.end, `${prefix}meta`);
  });
}

function awaits(program) {
  let found = false;
  walkOwn(program, (node) => {
    if (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await)) found = true;
    else if (node.type === "VariableDeclaration" && node.kind === "await using") found = true;
  });
  return found;
}

// V8 takes the mark for one in any text, and refuses it in a module.
function refuseComment(source, { type, start }) {
  if (type === tokTypes.relational && source.startsWith("<!--", start)) throw refuse("HTML comments are not allowed in modules", start);
}

// `#!` and `-->` are comments only where a script or a line begins, which the wrapper has taken.
function settle(source, comments, edits) {
  if (source.startsWith("#!")) edits.replace(0, 2, "//");
  for (const { start } of comments) if (source.startsWith("-->", start)) edits.replace(start, start + 3, "// ");
}
