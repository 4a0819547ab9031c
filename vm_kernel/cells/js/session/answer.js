// Owns how an answer to an inspection is laid out; refuses to know what it is about.

import { create, stringIndexOf } from "./intrinsics.js";

/** What a literal's members are called by. */
export const OF_LITERALS = {
  __proto__: null, string: "String.prototype", number: "Number.prototype", bigint: "BigInt.prototype", boolean: "Boolean.prototype",
  regexp: "RegExp.prototype", array: "Array.prototype", object: "Object.prototype",
};

/** `{plain, markdown}`: what it is, how it is called, what its comment says, its value or source; "" for what there is not. */
export function answer(title, signature, code, comment) {
  const made = create(null);
  made.plain = title;
  made.markdown = stringIndexOf(title, "\n") < 0 ? `\`${title}\`` : title;
  if (signature !== "") {
    made.plain += `\n\n${signature}`;
    made.markdown += fenced(signature);
  }
  if (comment !== "") {
    made.plain += `\n\n${comment}`;
    made.markdown += `\n\n${comment}`;
  }
  if (code !== "") {
    made.plain += `\n\n${code}`;
    made.markdown += fenced(code);
  }
  return made;
}

function fenced(text) {
  let fence = "```";
  while (stringIndexOf(text, fence) >= 0) fence += "`";
  return `\n\n${fence}js\n${text}\n${fence}`;
}
