// Owns prompt, confirm, password and alert; refuses to know who answers and on which screen.

import { defineGlobal, ErrorClass, parseJson, quote, stringEndsWith, stringToLowerCase, stringTrim, toText } from "./intrinsics.js";
import { ask, emit } from "./bridge.js";
import { print } from "./console.js";
import { currentCell } from "./current.js";
import { ASK } from "./kinds.js";

/** One line from the person at the front end; throws where nobody can be asked. `by`: the function for whom. */
function request(by, text, password) {
  emit(ASK, currentCell(), `{"prompt":${quote(text)},"password":${password}}`);
  const answer = parseJson(ask());
  if (answer.refused) {
    const error = new ErrorClass(`nobody can answer ${by}(): this code runs without a front end that takes input`);
    error.name = "StdinNotImplementedError";
    throw error;
  }
  return answer.text;
}

/** prompt(text, fallback) waits for one line from the person at the front end; an empty one stands for the fallback. */
function prompt(message = "", fallback = "") {
  const otherwise = toText(fallback);
  const text = toText(message), gap = text === "" || stringEndsWith(text, " ") ? "" : " ";
  return request("prompt", otherwise === "" ? text : `${text}${gap}[${otherwise}] `, false) || otherwise;
}

/** confirm(text) is true for y and yes. */
function confirm(message = "") {
  const answer = stringToLowerCase(stringTrim(request("confirm", toText(message) + " [y/N] ", false)));
  return answer === "y" || answer === "yes";
}

/** password(text) waits for a line that neither the screen nor the record shows. */
function password(message = "") {
  return request("password", toText(message), true);
}

/** alert(text) prints the text; a notebook has no window to put it in. */
function alert(message = "") {
  print("log", toText(message));
}

export function install() {
  defineGlobal("prompt", prompt);
  defineGlobal("confirm", confirm);
  defineGlobal("password", password);
  defineGlobal("alert", alert);
}
