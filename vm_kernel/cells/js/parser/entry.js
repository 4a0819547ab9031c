"use strict";
/* Owns the entry into the parser's context: reads an operation and a message, answers with ASCII JSON; refuses to parse.
   Cursors arrive and leave as code points (Jupyter), and are UTF-16 units inside. */

import { header, OPERATION, receive } from "../session/bridge.js";
import { completeStatic, explain, isCompleteCell, load, target, transformCell, transformFile } from "./index.js";

const NOTHING = 0, TRANSFORM = 1, IS_COMPLETE = 2, TARGET = 3, STATIC = 4, LOAD = 5, EXPLAIN = 6, MODULE = 7;
const escapeOne = (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
const ascii = (value) => JSON.stringify(value).replace(/[\u007f-\uffff]/g, escapeOne);

/** UTF-16 index of the code point number `points`. */
function toUnits(text, points) {
  let units = 0;
  for (let i = 0; i < points && units < text.length; i++) units += text.codePointAt(units) > 0xffff ? 2 : 1;
  return units;
}

function toPoints(text, units) {
  let points = 0;
  for (let i = 0; i < units; points++) i += text.codePointAt(i) > 0xffff ? 2 : 1;
  return points;
}

function staticAnswer({ code, cursor, language }) {
  const { matches, start, end } = completeStatic(code, toUnits(code, cursor), language);
  const cursorStart = toPoints(code, start), cursorEnd = toPoints(code, end);
  const types = matches.map((match) => ({ start: cursorStart, end: cursorEnd, ...match }));
  return {
    matches: matches.map(({ text }) => text), cursor_start: cursorStart, cursor_end: cursorEnd,
    metadata: { _jupyter_types_experimental: types },
  };
}

function perform(operation, message) {
  switch (operation) {
    case TRANSFORM: {
      const parse = transformCell(message.code, message.language);
      return parse.needs ? parse : { source: message.code, ...parse };
    }
    case MODULE: {
      const parse = transformFile(message.text, message.format);
      return parse.needs ? parse : { source: message.text, ...parse };
    }
    case IS_COMPLETE: return isCompleteCell(message.code, message.language);
    case STATIC: return staticAnswer(message);
    case EXPLAIN: return explain(message.code, toUnits(message.code, message.cursor), message.language, message.detail);
    case TARGET: {
      const { code, cursor, request, detail, language } = message;
      const found = target(code, toUnits(code, cursor), language);
      const cursorStart = toPoints(code, found.start), cursorEnd = toPoints(code, found.end);
      return { request, detail, target: { ...found, cursor_start: cursorStart, cursor_end: cursorEnd } };
    }
  }
}

globalThis.__entry = () => {
  const operation = header[OPERATION], message = receive();
  if (operation === NOTHING) return undefined;
  if (operation === LOAD) return load(message);
  const parsed = JSON.parse(message);
  // A cell in the session's language is its text alone.
  return ascii(perform(operation, typeof parsed === "string" ? { code: parsed } : parsed));
};
