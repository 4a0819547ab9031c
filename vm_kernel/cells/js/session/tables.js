// Owns lists of objects as tables: which lists are, how much of one is shown, its HTML; refuses getters and proxies.

import { bareList, create, defineProperty, getPrototypeOf, isArray, MapClass, mapHas, mapSet, mapSize, min, named, natives, ObjectPrototype,
  ownKeys, quote, SHOW, stringSlice, toText, TypeErrorClass } from "./intrinsics.js";
import { ownProperty } from "./reflection.js";
import { inspectWith } from "./render.js";
import { tableText } from "./table.js";
import { escapeHtml } from "./text.js";

const MOST_ROWS = 100, MOST_COLUMNS = 30, LONGEST_CELL = 120, LONGEST_HTML = 64 * 1024;

const isObject = (value) => value !== null && typeof value === "object" && !natives.isProxy(value);

function isPlainObject(value) {
  if (!isObject(value)) return false;
  const prototype = getPrototypeOf(value);
  return prototype === ObjectPrototype || prototype === null;
}

/** {rows, names, total, columns}: the rows that are shown and the names of their columns, of so many in all; undefined: no table. */
function layout(list, isRow, wanted) {
  if (!isArray(list) || natives.isProxy(list)) return undefined;
  const rows = bareList(), names = bareList(), seen = new MapClass();
  const add = (name) => {
    if (mapHas(seen, name)) return;
    mapSet(seen, name, true);
    if (names.length < MOST_COLUMNS) names[names.length] = name;
  };
  for (let r = 0; r < list.length && r < MOST_ROWS; r++) {
    const row = ownProperty(list, r)?.value;
    if (!isRow(row)) return undefined;
    rows[r] = row;
    const keys = wanted === undefined ? ownKeys(row) : bareList();
    for (let k = 0; k < keys.length; k++) if (typeof keys[k] === "string" && ownProperty(row, keys[k])?.enumerable) add(keys[k]);
  }
  for (let i = 0; wanted !== undefined && i < wanted.length; i++) add(toText(wanted[i]));
  return mapSize(seen) === 0 && list.length > 0 ? undefined : { __proto__: null, rows, names, total: list.length, columns: mapSize(seen) };
}

function cellText(row, name) {
  const found = ownProperty(row, name);
  if (found === undefined) return "";
  if (found.get !== undefined || found.set !== undefined) return "[Getter]";
  const { value } = found;
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  return inspectWith(value, { __proto__: null, maxArrayLength: 3, breakLength: 1 / 0, depth: 0 });
}

const cell = (tag, text) =>
  `<${tag}>${escapeHtml(text.length > LONGEST_CELL ? stringSlice(text, 0, LONGEST_CELL) + "\u2026" : text)}</${tag}>`;

function htmlOf({ rows, names, total, columns }) {
  let html = "<table>\n<thead><tr><th></th>", shown = 0;
  for (let c = 0; c < names.length; c++) html += cell("th", names[c]);
  html += "</tr></thead>\n<tbody>\n";
  for (; shown < rows.length && (shown === 0 || html.length < LONGEST_HTML); shown++) {
    html += "<tr>" + cell("th", toText(shown));
    for (let c = 0; c < names.length; c++) html += cell("td", cellText(rows[shown], names[c]));
    html += "</tr>\n";
  }
  const more = moreText(total - shown, columns - names.length);
  return html + "</tbody>\n</table>" + (more === "" ? "" : `\n<p>${more}</p>`);
}

const counted = (count, what) => `${count} more ${what}${count === 1 ? "" : "s"}`;

function moreText(rows, columns) {
  if (rows === 0 && columns === 0) return "";
  return "\u2026 " + (rows > 0 ? counted(rows, "row") : "") + (rows > 0 && columns > 0 ? ", " : "") +
    (columns > 0 ? counted(columns, "column") : "");
}

/** Members of a MIME bundle for a list of plain objects; else undefined. */
export function listMembers(value) {
  const table = layout(value, isPlainObject, undefined);
  return table === undefined || table.total === 0 ? undefined : `"text/html":${quote(htmlOf(table))}`;
}

const Table = named("Table", class {
  #text;
  #html;

  constructor(text, html) {
    this.#text = text;
    this.#html = html;
  }

  toString() {
    return this.#text;
  }

  [SHOW]() {
    const data = create(null);
    data["text/html"] = this.#html;
    data["text/plain"] = this.#text;
    return data;
  }
});

/** table(rows, columns) is a list of objects or lists as a table, with these columns only; for display() or as a cell's value. */
export function table(rows, columns = undefined) {
  if (columns !== undefined && !isArray(columns)) throw new TypeErrorClass("the columns of a table are a list of names");
  const found = layout(rows, isObject, columns);
  if (found === undefined) throw new TypeErrorClass("table() takes a list of objects or of lists");
  return new Table(textOf(found), htmlOf(found));
}

// What console.table would print of the part that is shown.
function textOf({ rows, names, total, columns }) {
  const shown = bareList();
  for (let r = 0; r < rows.length; r++) {
    shown[r] = create(null);
    for (let c = 0; c < names.length; c++) {
      const value = ownProperty(rows[r], names[c])?.value;
      if (value !== undefined) defineProperty(shown[r], names[c], { __proto__: null, value, enumerable: true });
    }
  }
  const more = moreText(total - rows.length, columns - min(columns, MOST_COLUMNS));
  return tableText(shown, names) + (more === "" ? "" : "\n" + more);
}
