// Owns how declarations at a cell's top become names of the session; refuses to know how the rest of the cell is wrapped.
//
// In a plain cell `let`, `const` and `class` become `var`: they may be declared again, and one that fails leaves no dead name.
// Where the cell's code cannot declare globals itself (`assign`: it is inside a function or a block, or strict), the names
// are declared beforehand and declarations become assignments.

import { boundNames, isFunction, walkOwn } from "./tree.js";

const LISTS = new Set(["Program", "BlockStatement", "SwitchCase"]);

/** Edits the cell and returns the names that it declares. */
export function rewriteDeclarations(program, edits, cell) {
  const names = [];
  for (const node of program.body) {
    if (node.type === "FunctionDeclaration") rewriteFunction(node, edits, cell, names);
    else if (node.type === "ClassDeclaration") rewriteClass(node, edits, cell, names);
    else if (node.type === "VariableDeclaration") rewriteVariables(node, "statement", edits, cell, names);
    else rewriteNested(node, program, edits, cell, names);
  }
  return names;
}

function rewriteFunction(node, edits, { assign, strict, source }, names) {
  names.push(node.id.name);
  if (!assign || !strict) return;
  // `declare` is sloppy, for its names to be global; the function stays strict, whatever its parameters. Replaced, not
  // inserted: the wrapper has to move with the function's text.
  edits.replace(node.start, node.start + 1, `${node.id.name}=function(){"use strict";return ${source[node.start]}`);
  edits.replace(node.end - 1, node.end, "}}();");
}

function rewriteClass(node, edits, { assign }, names) {
  names.push(node.id.name);
  edits.insert(node.start, `${assign ? ";" : "var "}${node.id.name}=`);
  edits.insert(node.end, ";");
}

// `var`, and functions in blocks of sloppy code, belong to the cell wherever they stand.
function rewriteNested(root, program, edits, cell, names) {
  walkOwn(root, (node, parent) => {
    if (node.type === "VariableDeclaration" && node.kind === "var") {
      rewriteVariables(node, placeOf(node, parent ?? program), edits, cell, names);
    } else if (node.type === "FunctionDeclaration" && !cell.strict && !node.async && !node.generator) {
      names.push(node.id.name);
      if (cell.assign && LISTS.has(parent.type)) edits.insert(node.end, `;this.${node.id.name}=${node.id.name};`);
    }
    return !isFunction(node);
  });
}

function placeOf(node, parent) {
  if (parent.type === "ForStatement" && parent.init === node) return "head";
  if ((parent.type === "ForInStatement" || parent.type === "ForOfStatement") && parent.left === node) return "target";
  return LISTS.has(parent.type) ? "statement" : "only";
}

// place: `statement` of a list, the `only` statement of a branch, a for statement's `head`, or a for-in/of `target`.
function rewriteVariables(node, place, edits, { assign, source }, names) {
  for (const { id } of node.declarations) boundNames(id, names);
  if (node.kind.endsWith("using")) return rewriteUsing(node, edits);
  const plain = node.kind === "let" && place === "statement" ? node.declarations.filter(({ init }) => !init) : [];
  // Run again, `let x;` makes x undefined again. With a value it would go on into a line that begins with a bracket.
  const unended = source[node.end - 1] === ";" ? null : node.declarations.at(-1);
  for (const each of plain) edits.insert(each.id.end, each === unended ? "=void 0;" : "=void 0");
  const keywordEnd = node.start + node.kind.length;
  if (!assign) {
    if (node.kind !== "var") edits.replace(node.start, keywordEnd, "var".padEnd(node.kind.length));
  } else if (place === "head" || place === "target") {
    edits.replace(node.start, keywordEnd, " ".repeat(node.kind.length));
  } else {
    // The new keyword is as long as the old one, so that no column moves.
    const pattern = node.declarations.some(({ id }) => id.type !== "Identifier");
    const keyword = (place === "statement" ? ";" : "").padEnd(node.kind.length - 1) + (pattern ? "(" : " ");
    edits.replace(node.start, keywordEnd, keyword);
    if (pattern) edits.insert(node.declarations.at(-1).end, ")");
  }
}

// The resource is disposed of when the cell ends; its name stays, for the cell's functions too.
function rewriteUsing(node, edits) {
  for (const { id } of node.declarations) edits.insert(id.start, `__using${id.start}=`);
}
