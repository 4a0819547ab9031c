// Owns finding where a text means certain names of its top, and not names of an inner scope; refuses to change anything.

import { boundNames, isFunction, walk, walkOwn } from "./tree.js";

/**
 * Calls `visit(node, use)` for each Identifier that means one of the top's `names`. use: `call` where it is called, or is a
 * template's tag, `first` where a statement of a list begins with that, `set` where it is assigned to (`maybe`: by `||=`
 * and the like), else `value`; key: its name where it stands for a property too, else "".
 */
export function eachReference(program, names, visit) {
  if (names.size === 0) return;
  const firsts = new Set(), keyed = new Set(), members = new Set(); // see noteParts
  const hidden = new Map(); // name -> how many scopes around here declare it
  const pending = [{ node: program, parent: null }];
  const declare = (list, by) => { for (const name of list) hidden.set(name, (hidden.get(name) ?? 0) + by); };
  while (pending.length) {
    const { node, parent, scope, by } = pending.pop();
    if (scope) {
      declare(scope, by);
      continue;
    }
    if (node.type === "Identifier") {
      if (names.has(node.name) && !hidden.get(node.name) && !isKey(node, parent)) {
        visit(node, useOf(node, parent, firsts, members), keyed.has(node) ? node.name : "");
      }
      continue;
    }
    noteParts(node, firsts, keyed, members);
    const declared = parent === null ? [] : declaredBy(node, parent).filter((name) => names.has(name));
    if (declared.length) pending.push({ scope: declared, by: -1 });
    const outside = node.type === "SwitchStatement" ? node.discriminant : null;
    const children = childrenOf(node);
    for (let i = children.length - 1; i >= 0; i--) if (children[i] !== outside) pending.push({ node: children[i], parent: node });
    if (declared.length) pending.push({ scope: declared, by: 1 });
    if (outside !== null) pending.push({ node: outside, parent: node });
  }
}

/** The names that are assigned to anywhere after their declaration; every name there is, as `null`, where `eval` may be. */
export function assignedNames(program) {
  const assigned = new Set();
  let evaluates = false;
  walk(program, (node) => {
    const target = node.type === "AssignmentExpression" ? node.left : node.type === "UpdateExpression" ? node.argument
      : node.type === "ForInStatement" || node.type === "ForOfStatement" ? node.left : null;
    if (target !== null) for (const name of boundNames(target)) assigned.add(name);
    if (node.type === "CallExpression" && node.callee.name === "eval") evaluates = true;
  });
  return evaluates ? null : assigned;
}

const LISTS = new Set(["Program", "BlockStatement", "StaticBlock", "SwitchCase"]);
const SKIPPED = new Set(["ImportDeclaration", "ExportAllDeclaration", "MetaProperty", "BreakStatement", "ContinueStatement"]);

function childrenOf(node) {
  if (SKIPPED.has(node.type)) return [];
  const children = [];
  for (const key in node) {
    if (key === "specifiers" || key === "attributes" || key === "label") continue;
    if (key === "key" && node.shorthand) continue; // its value is the same piece of text
    const value = node[key];
    for (const item of Array.isArray(value) ? value : [value]) if (item && typeof item.type === "string") children.push(item);
  }
  return children;
}

const KEYED = new Set(["Property", "MethodDefinition", "PropertyDefinition"]);

function isKey(node, parent) {
  if (parent.type === "MemberExpression") return parent.property === node && !parent.computed;
  return KEYED.has(parent.type) && parent.key === node && !parent.computed;
}

// firsts: where statements of lists start. keyed: what is the name of a property as well: `{a}`, and `{a = 1}` on the left
// of an assignment. members: properties of patterns.
function noteParts(node, firsts, keyed, members) {
  if (LISTS.has(node.type)) for (const each of node.body ?? node.consequent) firsts.add(each.start);
  else if (node.type === "ObjectPattern") for (const each of node.properties) members.add(each);
  else if (node.type === "Property" && node.shorthand) keyed.add(node.value.type === "AssignmentPattern" ? node.value.left : node.value);
}

const CONDITIONAL = new Set(["||=", "&&=", "??="]);

// Patterns here are those of assignments: what a declaration binds is hidden.
function useOf(node, parent, firsts, members) {
  switch (parent.type) {
    case "AssignmentExpression":
      if (parent.left === node) return CONDITIONAL.has(parent.operator) ? "maybe" : "set";
      break;
    case "AssignmentPattern":
    case "ForInStatement":
    case "ForOfStatement":
      if (parent.left === node) return "set";
      break;
    case "Property":
      if (members.has(parent) && parent.value === node) return "set";
      break;
    case "UpdateExpression":
    case "ArrayPattern":
    case "RestElement": return "set";
  }
  if ((parent.type === "CallExpression" && parent.callee === node) || (parent.type === "TaggedTemplateExpression" && parent.tag === node)) {
    return firsts.has(node.start) ? "first" : "call";
  }
  return "value";
}

// What a function declares in its body is not there in its parameters, nor what a `switch` declares in what it looks at.
function declaredBy(node, parent) {
  if (isFunction(node)) return ofFunction(node);
  switch (node.type) {
    case "BlockStatement": return isFunction(parent) ? [...ofList(node.body), ...varsIn(node)] : ofList(node.body);
    case "StaticBlock": return [...ofList(node.body), ...varsIn(node)];
    case "SwitchStatement": return node.cases.flatMap((each) => ofList(each.consequent));
    case "ForStatement": return node.init ? ofList([node.init]) : [];
    case "ForInStatement":
    case "ForOfStatement": return ofList([node.left]);
    case "CatchClause": return boundNames(node.param);
    case "ClassExpression": return node.id ? [node.id.name] : [];
  }
  return [];
}

function ofFunction(node) {
  const names = node.params.flatMap((each) => boundNames(each));
  if (node.type === "FunctionExpression" && node.id) names.push(node.id.name);
  return names;
}

function varsIn(root) {
  const names = [];
  for (const statement of root.body) {
    walkOwn(statement, (node) => {
      if (node.type === "VariableDeclaration" && node.kind === "var") for (const { id } of node.declarations) boundNames(id, names);
    });
  }
  return names;
}

function ofList(statements) {
  const names = [];
  for (const statement of statements) {
    if (statement.type === "VariableDeclaration" && statement.kind !== "var") {
      for (const { id } of statement.declarations) boundNames(id, names);
    } else if ((statement.type === "ClassDeclaration" || statement.type === "FunctionDeclaration") && statement.id) {
      names.push(statement.id.name);
    }
  }
  return names;
}
