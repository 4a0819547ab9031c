// Owns what a name means in the live session: signature, comment, source, value; refuses to run getters, proxy traps and user
// code.

import { functionToString, globalObject, natives, quote, regExpExec, stringIndexOf, stringSlice } from "./intrinsics.js";
import { commentAbove, declarationOf } from "./definition.js";
import { answer, OF_LITERALS } from "./answer.js";
import { described, isClass } from "./functions.js";
import { isWaiting } from "./late.js";
import { guessed, holder, NAME, resolve } from "./members.js";
import { typeName } from "./own.js";
import { findProperty } from "./reflection.js";
import { inspectWith } from "./render.js";
import { findInSources } from "./scripts.js";
import { signatureOf, wholeOf } from "./signature.js";

const LONGEST_TEXT = 20_000;
const AS_IT_IS = { __proto__: null, customInspect: false, maxStringLength: LONGEST_TEXT }; // an inspector of the user's is code of the user's
const HEADS = /function|class/;

/** JSON `{"found", "data", "metadata"}` of an inspect reply; detail 1 adds the source of functions. */
export function inspectName(target, detail) {
  let data;
  try {
    data = target.about ? answer(target.about, "", "", "") : describe(target.name, detail);
  } catch {
    // The stack was full.
  }
  if (data === undefined) return '{"found":false,"data":{},"metadata":{}}';
  return `{"found":true,"data":{"text/plain":${quote(data.plain)},"text/markdown":${quote(data.markdown)}},"metadata":{}}`;
}

function describe(path, detail) {
  if (path === null || path === undefined || path.length === 0) return undefined;
  const last = path[path.length - 1];
  if (path.length === 1 && typeof last === "object") return undefined;
  if (path.length === 1 && last === "this") return answer("this: the session's globals", "", inspectWith(globalObject, AS_IT_IS), "");
  const owner = path.length === 1 ? globalObject : holder(resolve(path, path.length - 1));
  const found = owner === null || owner === undefined ? undefined : findProperty(owner, last);
  if (found === undefined) return undefined;
  // What cells say of a name they say of a global.
  const name = nameOf(path), declared = path.length === 1 ? last : null;
  if (found.get !== undefined || found.set !== undefined) {
    if (owner === globalObject && isWaiting(last, found)) return valueText(resolve(path), name, null, detail);
    return answer(`${name}: ${found.get === undefined ? "setter" : "getter, not run"}`, "", "", commentOn(declared));
  }
  return valueText(found.value, name, declared, detail);
}

function nameOf(path) {
  let name = "";
  for (let i = 0; i < path.length; i++) {
    const part = typeof path[i] === "object" ? OF_LITERALS[path[i].literal] : path[i];
    name += i === 0 ? part : regExpExec(NAME, part) === null ? `[${quote(part)}]` : `.${part}`;
  }
  return name;
}

function valueText(value, name, declared, detail) {
  if (typeof value === "function" && !natives.isProxy(value)) return functionText(value, name, declared, detail);
  return answer(`${name}: ${typeName(value)}`, "", cut(inspectWith(typeof value === "string" ? cut(value) : value, AS_IT_IS)), commentOn(declared));
}

function functionText(value, name, declared, detail) {
  const { signature, comment, source } = described(value, name);
  const title = `${name}: ${isClass(value) ? "class" : "function"}`;
  if (source === "") return answer(title, signature, "", comment);
  const above = commentAt(source);
  // Of TypeScript the text that ran is not the one that was written.
  const written = above === null ? textOf(declared) : null;
  const said = comment || (above ?? commentOn(declared));
  if (written === null) return answer(title, signature, detail >= 1 ? cut(source) : "", said);
  return answer(title, signatureOf(written).signature, detail >= 1 ? cut(wholeOf(written)) : "", said);
}

const cut = (text) => (text.length > LONGEST_TEXT ? stringSlice(text, 0, LONGEST_TEXT) + "\u2026" : text);

// Above the very text that a function was made of; null where no cell has it as it is.
function commentAt(text) {
  return findInSources((source) => {
    const at = stringIndexOf(source, text);
    return at < 0 ? undefined : commentAbove(source, at);
  });
}

// The newest text of a function or class of that name, and what follows it; null when there is none.
function textOf(name) {
  return name === null ? null : findInSources((source) => {
    const declaration = declarationOf(source, name);
    const heads = declaration !== null && regExpExec(HEADS, declaration.keyword) !== null;
    return heads ? stringSlice(source, declaration.start) : undefined;
  });
}

// Above the newest declaration of the name.
function commentOn(name) {
  if (name === null) return "";
  return findInSources((source) => {
    if (stringIndexOf(source, name) < 0) return undefined;
    const declaration = declarationOf(source, name);
    return declaration === null ? undefined : commentAbove(source, declaration.start);
  }) ?? "";
}
