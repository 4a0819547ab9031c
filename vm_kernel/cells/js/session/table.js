// Owns the text of console.table, laid out as Node lays it out; refuses to print it.

import { arrayJoin, bareList, create, isArray, max, mapForEach, MapClass, mapGet, mapHas, mapSet, ownKeys, SetClass,
  stringIsWellFormed, stringRepeat, toText, uncurry, getOwnPropertyDescriptor } from "./intrinsics.js";
import { previewEntries } from "./details.js";
import { isMapIterator, isSetIterator } from "./types.js";
import { displayWidth } from "./width.js";
import { inspectWith } from "./render.js";

const setForEach = uncurry(Set.prototype.forEach);
const mapSizeOf = uncurry(getOwnPropertyDescriptor(Map.prototype, "size").get);
const setSizeOf = uncurry(getOwnPropertyDescriptor(Set.prototype, "size").get);

function brandOf(data) {
  try { mapSizeOf(data); return "map"; } catch { /* not a Map */ }
  try { setSizeOf(data); return "set"; } catch { /* not a Set */ }
  return isMapIterator(data) || isSetIterator(data) ? "iterator" : "plain";
}

/** String keys of own enumerable properties, in order. */
function keysOf(value) {
  const keys = ownKeys(value), found = bareList();
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] !== "string") continue;
    const descriptor = getOwnPropertyDescriptor(value, keys[i]);
    if (descriptor !== undefined && descriptor.enumerable) found[found.length] = keys[i];
  }
  return found;
}

function cellText(value) {
  const shallow = value !== null && typeof value === "object" && !isArray(value) && keysOf(value).length > 2 ? -1 : 0;
  return inspectWith(value, { __proto__: null, maxArrayLength: 3, breakLength: Infinity, depth: shallow });
}

function isRow(value) {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

/** Rows as [label, value] pairs with the heading of the label column. */
function rowsOf(data) {
  const rows = bareList(), brand = brandOf(data);
  const add = (label, value, key) => { rows[rows.length] = { __proto__: null, label, value, key }; };
  if (brand === "iterator") {
    const [entries, isPairs] = previewEntries(data, true), pairs = isPairs && isMapIterator(data);
    for (let i = 0; i < entries.length; i += pairs ? 2 : 1) add(toText(rows.length), entries[pairs ? i + 1 : i], entries[i]);
    return { __proto__: null, rows, brand: pairs ? "map" : "set", heading: "(iteration index)" };
  }
  if (brand === "map") mapForEach(data, (value, key) => add(toText(rows.length), value, key));
  else if (brand === "set") setForEach(data, (value) => add(toText(rows.length), value));
  else {
    const keys = keysOf(data);
    for (let i = 0; i < keys.length; i++) add(keys[i], data[keys[i]]);
  }
  return { __proto__: null, rows, brand, heading: brand === "plain" ? "(index)" : "(iteration index)" };
}

function line(left, middle, right, widths) {
  let text = left;
  for (let i = 0; i < widths.length; i++) {
    text += stringRepeat("─", widths[i] + 2) + (i === widths.length - 1 ? right : middle);
  }
  return text;
}

function rowText(texts, widths) {
  let text = "│";
  for (let i = 0; i < widths.length; i++) {
    text += " " + texts[i] + stringRepeat(" ", widths[i] - displayWidth(texts[i])) + " │";
  }
  return text;
}

function draw(columns) {
  const widths = bareList(), count = columns[0].length;
  for (let c = 0; c < columns.length; c++) {
    let width = 0;
    for (let r = 0; r < count; r++) width = max(width, displayWidth(columns[c][r]));
    widths[c] = width;
  }
  let text = line("┌", "┬", "┐", widths);
  for (let r = 0; r < count; r++) {
    const texts = bareList();
    for (let c = 0; c < columns.length; c++) texts[c] = columns[c][r];
    text += "\n" + rowText(texts, widths);
    if (r === 0) text += "\n" + line("├", "┼", "┤", widths);
  }
  return text + "\n" + line("└", "┴", "┘", widths);
}

/** `data` is an object; `wanted` an optional list of column names. */
export function tableText(data, wanted) {
  const { rows, brand, heading } = rowsOf(data);
  const labels = bareList(), keys = bareList(), values = bareList(), columns = bareList(), byName = new MapClass();
  labels[0] = heading;
  keys[0] = "Key";
  values[0] = "Values";
  let hasValues = false;
  const column = (name) => {
    if (!mapHas(byName, name)) {
      const texts = bareList();
      texts[0] = name;
      mapSet(byName, name, texts);
      columns[columns.length] = texts;
    }
    return mapGet(byName, name);
  };
  if (isArray(wanted)) for (let i = 0; i < wanted.length; i++) column(toText(wanted[i]));
  for (let r = 0; r < rows.length; r++) {
    const { label, value, key } = rows[r];
    labels[r + 1] = label;
    keys[r + 1] = brand === "map" ? cellText(key) : "";
    values[r + 1] = "";
    if (isRow(value) && brand === "plain") {
      const own = isArray(wanted) ? wanted : keysOf(value);
      for (let k = 0; k < own.length; k++) {
        const name = toText(own[k]);
        if (getOwnPropertyDescriptor(value, name) !== undefined) column(name)[r + 1] = cellText(value[name]);
      }
    } else {
      hasValues = true;
      values[r + 1] = cellText(value);
    }
  }
  const all = bareList();
  all[0] = labels;
  if (brand === "map") all[all.length] = keys;
  for (let c = 0; c < columns.length; c++) all[all.length] = columns[c];
  if (hasValues) all[all.length] = values;
  for (let c = 0; c < all.length; c++) for (let r = 0; r <= rows.length; r++) all[c][r] ??= "";
  return draw(all);
}
