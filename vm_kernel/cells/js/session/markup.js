// Owns html, svg and md: texts that a front end renders; refuses to check them.
//
// Usable as template tags, which escape what is inserted, and as functions, which take markup as it is.

import { create, defineProperty, isArray, SHOW, toText } from "./intrinsics.js";
import { escapeHtml } from "./text.js";

function kindOf(name, mime) {
  return { [name]: class {
    #text;

    constructor(text) {
      this.#text = text;
      defineProperty(this, "text", { __proto__: null, value: text, enumerable: true });
    }

    static textOf(value) {
      return typeof value === "object" && value !== null && #text in value ? value.#text : undefined;
    }

    toString() {
      return this.#text;
    }

    [SHOW]() {
      const data = create(null);
      data[mime] = data["text/plain"] = this.#text;
      return data;
    }
  } }[name];
}

const Html = kindOf("Html", "text/html"), Svg = kindOf("Svg", "image/svg+xml"), Markdown = kindOf("Markdown", "text/markdown");
const markupOf = (value) => Html.textOf(value) ?? Svg.textOf(value);

function insertedInHtml(value) {
  return isArray(value) ? joined(value, insertedInHtml) : markupOf(value) ?? escapeHtml(plain(value));
}

function insertedInMarkdown(value) {
  return isArray(value) ? joined(value, insertedInMarkdown) : Markdown.textOf(value) ?? markupOf(value) ?? plain(value);
}

const plain = (value) => (value === undefined || value === null ? "" : toText(value));

function joined(list, inserted) {
  let text = "";
  for (let i = 0; i < list.length; i++) text += inserted(list[i]);
  return text;
}

function assemble(strings, values, inserted) {
  if (typeof strings === "string") return strings;
  if (!isArray(strings) || !isArray(strings.raw)) return inserted(strings);
  let text = "";
  for (let i = 0; i < strings.length; i++) {
    text += (strings[i] ?? strings.raw[i]) + (i < values.length ? inserted(values[i]) : ""); // no cooked text: a stray \u
  }
  return text;
}

export function html(strings, ...values) {
  return new Html(assemble(strings, values, insertedInHtml));
}

export function svg(strings, ...values) {
  return new Svg(assemble(strings, values, insertedInHtml));
}

export function md(strings, ...values) {
  return new Markdown(assemble(strings, values, insertedInMarkdown));
}
