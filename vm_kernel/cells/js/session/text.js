// Owns changes to strings without patterns: a replaced RegExp.prototype.exec would see those; refuses to know what they mean.

import { arrayPush, bareList, stringIndexOf, stringSlice } from "./intrinsics.js";

/** `text` with every `what` as `by`. */
export function replaceEach(text, what, by) {
  let at = stringIndexOf(text, what);
  if (at < 0) return text;
  let done = "", from = 0;
  for (; at >= 0; at = stringIndexOf(text, what, from)) {
    done += stringSlice(text, from, at) + by;
    from = at + what.length;
  }
  return done + stringSlice(text, from);
}

/** The lines of `text`, without their `\n`. */
export function linesOf(text) {
  const lines = bareList();
  let start = 0;
  for (let end = stringIndexOf(text, "\n"); end >= 0; end = stringIndexOf(text, "\n", start)) {
    arrayPush(lines, stringSlice(text, start, end));
    start = end + 1;
  }
  arrayPush(lines, stringSlice(text, start));
  return lines;
}

const MARKS = ["&", "&amp;", "<", "&lt;", ">", "&gt;", '"', "&quot;", "'", "&#39;"];

/** A text that HTML shows as it is, between tags and in quoted attributes. */
export function escapeHtml(text) {
  for (let i = 0; i < MARKS.length; i += 2) text = replaceEach(text, MARKS[i], MARKS[i + 1]);
  return text;
}
