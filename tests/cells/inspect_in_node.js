// Owns what Node's inspector prints for a list of expressions: JSON in, JSON out; refuses to know what anybody else prints.
"use strict";
const { inspect } = require("node:util");

let text = "";
process.stdin.on("data", (chunk) => { text += chunk; }).on("end", () => {
  const sources = JSON.parse(text), texts = [];
  process.on("unhandledRejection", () => {});
  for (const source of sources) texts.push(inspect((0, eval)(`(${source}\n)`), { maxStringLength: Infinity }));
  process.stdout.write(JSON.stringify({ version: process.version, texts }));
});
