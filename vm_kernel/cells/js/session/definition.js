// Owns finding in a cell's text where a name is declared and what the comment above says; refuses to parse.

import { regExpExec, stringIndexOf, stringLastIndexOf, stringSlice, stringStartsWith, stringTrim } from "./intrinsics.js";
import { linesOf } from "./text.js";

const NAME_CHARACTER = /[\p{ID_Continue}$\u200c\u200d]/u;
const DECLARES = /(?:^|[\s;{}(])((?:async\s+)?function\s*\*?|class|const|let|var|using|enum|interface|type)\s+$/;
/** What may stand on a line between its beginning and a value that its comment is about: `const add = `, `static async `. */
const LEADS = /^\s*(?:(?:export|default|declare|abstract|static|public|private|protected|readonly|override|async|get|set|const|let|var)\s+)*(?:[\w$.#"'[\]]+\s*(?::[^=]*)?[=:]\s*)?(?:async\s*)?\*?\s*$/;
const LONGEST_LEAD = 300, MOST_LOOKS = 20_000;

/** Where the declaration of `name` begins that comes last in the text: `{start, keyword}`; null when there is none. */
export function declarationOf(source, name) {
  let looks = 0;
  for (let at = stringLastIndexOf(source, name); at >= 0 && looks < MOST_LOOKS; looks++, at = at === 0 ? -1 : stringLastIndexOf(source, name, at - 1)) {
    const next = source[at + name.length];
    if (next !== undefined && regExpExec(NAME_CHARACTER, next) !== null) continue;
    const from = at > 60 ? at - 60 : 0;
    const found = regExpExec(DECLARES, stringSlice(source, from, at));
    if (found === null) continue;
    const start = stringLastIndexOf(source, found[1], at - 1);
    return { __proto__: null, start, keyword: found[1] };
  }
  return null;
}

/** The text of the comment that ends right before what begins at `position`, or before its line; "" when none does. */
export function commentAbove(source, position) {
  const lineStart = stringLastIndexOf(source, "\n", position - 1) + 1;
  let lead = position === 0 ? "" : stringSlice(source, lineStart, position);
  const inline = stringLastIndexOf(lead, "*/");
  if (inline >= 0) {
    const end = lineStart + inline + 2, start = stringLastIndexOf(source, "/*", end - 2);
    lead = stringSlice(lead, inline + 2);
    return start >= 0 && leads(lead) ? commentText(stringSlice(source, start, end)) : "";
  }
  if (!leads(lead) || lineStart === 0) return "";
  return commentBefore(source, lineStart - 1);
}

const leads = (text) => text.length < LONGEST_LEAD && regExpExec(LEADS, text) !== null;

// A block that ends on the line that ends at `end`, or the lines of `//` up to there.
function commentBefore(source, end) {
  let start = end;
  for (;;) {
    const lineStart = start === 0 ? 0 : stringLastIndexOf(source, "\n", start - 1) + 1;
    const line = stringTrim(stringSlice(source, lineStart, start));
    if (start === end && stringSlice(line, line.length - 2) === "*/") {
      const open = stringLastIndexOf(source, "/*", end);
      return open < 0 ? "" : commentText(stringSlice(source, open, end));
    }
    if (!stringStartsWith(line, "//")) return commentText(stringTrim(stringSlice(source, start, end)));
    if (lineStart === 0) return commentText(stringTrim(stringSlice(source, 0, end)));
    start = lineStart - 1;
  }
}

/** What the comment says that `text` begins with, without its marks and the stars of its lines; "" when there is none. */
export function commentText(text) {
  const block = stringStartsWith(text, "/*");
  if (!block && !stringStartsWith(text, "//")) return "";
  const end = block ? stringIndexOf(text, "*/") : text.length;
  if (end < 0) return "";
  const lines = linesOf(stringSlice(text, block ? (stringStartsWith(text, "/**") ? 3 : 2) : 0, end));
  let comment = "";
  for (let i = 0; i < lines.length; i++) {
    const line = stringTrim(lines[i]);
    if (!block && !stringStartsWith(line, "//")) break;
    const said = block ? (stringStartsWith(line, "*") ? stringSlice(line, 1) : line) : stringSlice(line, stringStartsWith(line, "///") ? 3 : 2);
    comment += (i > 0 ? "\n" : "") + stringTrim(said);
  }
  return stringTrim(comment);
}
