// Owns the expressions whose values a client wants with the end of its cell; refuses to let one of them fail the cell.

import { evaluate, natives, ownKeys, quote } from "./intrinsics.js";
import { bundleOf } from "./bundles.js";
import { describeError, errorMembers, registerCell } from "./errors.js";
import { renderValue } from "./render.js";

/**
 * The member of the cell's outcome that holds them: each a value or an error. They run in the cell's own task, so that its
 * limits and its stop hold for them too. `wanted`: expressions by name, or null.
 */
export function expressionsMember(wanted) {
  if (wanted === null) return "";
  const names = ownKeys(wanted);
  let members = "";
  for (let i = 0; i < names.length; i++) {
    members += `${i > 0 ? "," : ""}${quote(names[i])}:${outcomeOf(`expression [${i + 1}]`, wanted[names[i]])}`;
  }
  return `,"expressions":{${members}}`;
}

function outcomeOf(name, source) {
  const url = registerCell(name, source, [[1, 1, 1]]); // of the bracket before it
  let value, thrown = false;
  try {
    value = evaluate(`(${source}\n)\n//# sourceURL=${url}`);
  } catch (error) {
    thrown = true;
    value = error;
  }
  natives.checkpoint();
  if (thrown) return `{${errorMembers(describeError(value))}}`;
  const { type, text } = renderValue(value), bundle = bundleOf(value);
  const mime = bundle === undefined || bundle.promise !== undefined ? "" : `,"mime":{${bundle.members}},"metadata":${bundle.metadata}`;
  return `{"type":${quote(type)},"text":${quote(text)}${mime}}`;
}

