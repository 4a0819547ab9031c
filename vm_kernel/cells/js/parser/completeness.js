// Owns whether a text could be run as it is or waits for more lines; refuses to know who asks.

import { tokTypes } from "acorn";
import { parseObject, parseScript, tokens } from "./syntax.js";

const STEP = "  ";
const OPENING = new Set([tokTypes.braceL, tokTypes.bracketL, tokTypes.parenL, tokTypes.dollarBraceL]);
const CLOSING = new Set([tokTypes.braceR, tokTypes.bracketR, tokTypes.parenR]);

/**
 * `{status: "complete" | "incomplete" | "invalid", indent}`; indent is that of the line to come, "" unless incomplete.
 * written: the text that `source` was made of, with the same lines. failed: why nothing could be made of it.
 */
export function isComplete(source, written = source, failed = null) {
  const errors = failed ? [failed] : [];
  if (!failed && parsed(source, errors)) return { status: "complete", indent: "" };
  return errors.some((error) => wantsMore(error, source))
    ? { status: "incomplete", indent: indentAfter(written) }
    : { status: "invalid", indent: "" };
}

function parsed(source, errors) {
  if (parseObject(source, errors)) return true;
  try {
    parseScript(source);
  } catch (error) {
    errors.push(error);
    return false;
  }
  // As a plain name it would be no more than an error when it is run.
  const { list } = tokens(source);
  const last = list.at(-1);
  const waits = last?.type === tokTypes.name && last.value === "await" && list.at(-2)?.type !== tokTypes.dot;
  if (waits) errors.push(Object.assign(new SyntaxError("await of nothing"), { pos: source.length }));
  return !waits;
}

// A parser that stopped at the very end, or inside something that may go over lines.
function wantsMore(error, source) {
  if (!(error instanceof SyntaxError)) return false;
  if (/^Unterminated (template|comment)/.test(error.message)) return true;
  if (error.message.startsWith("Unterminated string")) return /\\(\r\n|[\n\r])?$/.test(source);
  return error.pos >= source.length;
}

function indentAfter(source) {
  const open = [];
  for (const token of tokens(source).list) {
    if (OPENING.has(token.type)) open.push(token.start);
    else if (CLOSING.has(token.type)) open.pop();
    else if (token.type === tokTypes.backQuote) {
      // Blanks inside a template would become part of it.
      if (open.at(-1) === -1) open.pop();
      else open.push(-1);
    }
  }
  const start = open.at(-1);
  if (start === -1) return "";
  if (start === undefined) return indentOfLine(source.trimEnd(), source.trimEnd().length);
  return indentOfLine(source, start) + STEP;
}

function indentOfLine(source, position) {
  const start = Math.max(source.lastIndexOf("\n", position - 1), source.lastIndexOf("\r", position - 1)) + 1;
  return /^[ \t]*/.exec(source.slice(start, position))[0];
}
