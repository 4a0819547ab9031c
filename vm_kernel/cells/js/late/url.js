// Owns URL and URLSearchParams as globals; the parser is whatwg-url's, how they are shown is Node's.

import { URL, URLSearchParams } from "whatwg-url";
import { create, inspect, likeness, showInstances } from "./given.js";

const FIELDS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "searchParams", "hash"];
const LONGEST_LINE = 76;

showInstances(URL.prototype, (url) => {
  const fields = create(null);
  for (let i = 0; i < FIELDS.length; i++) fields[FIELDS[i]] = read[FIELDS[i]](url);
  return likeness("URL", fields);
});
const read = create(null);
for (let i = 0; i < FIELDS.length; i++) read[FIELDS[i]] = Function.prototype.call.bind(Object.getOwnPropertyDescriptor(URL.prototype, FIELDS[i]).get);

const each = Function.prototype.call.bind(URLSearchParams.prototype.forEach);
showInstances(URLSearchParams.prototype, (params, depth, options) => {
  if (depth < 0) return "[URLSearchParams]";
  let text = "", broken = "", empty = true;
  each(params, (value, name) => {
    const pair = `${inspect(name, options)} => ${inspect(value, options)}`;
    text += (empty ? " " : ", ") + pair;
    broken += `${empty ? "" : ","}\n  ${pair}`;
    empty = false;
  });
  if (empty) return "URLSearchParams {}";
  return text.length > LONGEST_LINE ? `URLSearchParams {${broken} }` : `URLSearchParams {${text} }`;
});

__made.URL = URL;
__made.URLSearchParams = URLSearchParams;
