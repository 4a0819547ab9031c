// Owns recognising Vega and Vega-Lite specifications and their MIME types; refuses to check or draw them.

import { apply, charCodeAt, isArray, regExpExec } from "./intrinsics.js";
import { jsonByUser, jsonOf } from "./json.js";
import { dataValue, ownProperty } from "./reflection.js";

const SCHEMA = /^https?:\/\/vega\.github\.io\/schema\/(vega|vega-lite)\/v(\d+)[\d.a-z-]*\.json$/;
/** What a builder's toSpec() stands for when it names no schema. */
const UNNAMED = "application/vnd.vegalite.v5+json";
const MOST_CHARACTERS = 32 * 1024 * 1024;

/** Members of a MIME bundle for an object with a `$schema` of Vega's, or one whose `toSpec()` gives such; else undefined. */
export function chartMembers(value) {
  if (isArray(value)) return undefined;
  const type = typeOf(value);
  if (type !== undefined) return member(type, value);
  const toSpec = dataValue(value, "toSpec");
  if (typeof toSpec !== "function") return undefined;
  const spec = apply(toSpec, value, []);
  if (spec === null || typeof spec !== "object") return undefined;
  return member(typeOf(spec) ?? UNNAMED, spec);
}

function typeOf(spec) {
  const schema = ownProperty(spec, "$schema")?.value;
  if (typeof schema !== "string" || schema.length > 200) return undefined;
  const found = regExpExec(SCHEMA, schema);
  return found === null ? undefined : `application/vnd.${found[1] === "vega" ? "vega" : "vegalite"}.v${found[2]}+json`;
}

// A spec with a toJSON of its own, such as a chart builder's, is asked for it.
function member(type, spec) {
  const json = jsonOf(spec, MOST_CHARACTERS) ?? jsonByUser(spec);
  return json === undefined || charCodeAt(json, 0) !== 0x7b ? undefined : `"${type}":${json}`; // {
}
