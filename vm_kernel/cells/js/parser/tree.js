// Owns walking over a tree and reading the names that patterns bind; refuses to know what a cell is.

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

export const isFunction = (node) => FUNCTIONS.has(node.type);

/** Calls `visit(node, parent)` for each node, outermost first; `false` keeps it out of the node's children. */
export function walk(root, visit) {
  const pending = [[root, null]];
  while (pending.length) {
    const [node, parent] = pending.pop();
    if (visit(node, parent) === false) continue;
    const children = childrenOf(node);
    for (let i = children.length - 1; i >= 0; i--) pending.push([children[i], node]);
  }
}

function childrenOf(node) {
  const children = [];
  for (const key in node) {
    const value = node[key];
    if (!value || typeof value !== "object") continue;
    if (Array.isArray(value)) {
      for (const item of value) if (item && typeof item.type === "string") children.push(item);
    } else if (typeof value.type === "string") children.push(value);
  }
  return children;
}

/** As `walk`, over what runs in the cell's own scope: not into functions, nor into field values and static blocks. */
export function walkOwn(root, visit) {
  walk(root, (node, parent) => {
    if (visit(node, parent) === false) return false;
    if (isFunction(node) || node.type === "StaticBlock") return false;
    // Keys of members are evaluated outside, their values inside; `await` in the latter is a syntax error anyway.
    return true;
  });
}

/** The names that a binding pattern declares, in order. */
export function boundNames(pattern, names = []) {
  switch (pattern?.type) {
    case "Identifier":
      names.push(pattern.name);
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) boundNames(property.type === "RestElement" ? property : property.value, names);
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) boundNames(element, names);
      break;
    case "RestElement":
      boundNames(pattern.argument, names);
      break;
    case "AssignmentPattern":
      boundNames(pattern.left, names);
  }
  return names;
}
