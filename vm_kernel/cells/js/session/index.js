"use strict";
// Owns the entry into the user's context: reads an operation, does it, returns; refuses to leave a name behind.

import { defineGlobal, evaluate, globalObject, natives, parseJson, PromiseClass, promiseThen, TypeErrorClass, ErrorClass,
  defineProperty } from "./intrinsics.js";
import * as asking from "./asking.js";
import { beginTask, emit, endTask, header, holder, NEXT_TIMER_MS, OPERATION, previewEntries, promiseState, receive,
  TIMERS } from "./bridge.js";
import { hear } from "./comms.js";
import { complete } from "./completion.js";
import * as consoleMethods from "./console.js";
import { currentCell } from "./current.js";
import * as displays from "./display.js";
import * as jupyter from "./jupyter.js";
import { inspectName } from "./inspection.js";
import { ABANDON, ANSWER, COMPLETE, HEAR, INSPECT, RUN, TICK } from "./kinds.js";
import { listNames, noteBuiltIns } from "./own.js";
import { forgive, noteRejection } from "./rejections.js";
import { abandon, printError, runCell, runTimer } from "./run.js";
import * as late from "./late.js";
import "./given.js";
import * as modules from "./modules.js";
import { mendStacks } from "./stacks.js";
import { lookAsUsual } from "./standin.js";
import * as timers from "./timers.js";

timers.install();
consoleMethods.install();
displays.install();
asking.install();
jupyter.install();
late.install();
modules.install();

const resolved = PromiseClass.resolve();
defineGlobal("queueMicrotask", function queueMicrotask(callback) {
  if (typeof callback !== "function") throw new TypeErrorClass('The "callback" argument must be of type function.');
  promiseThen(resolved, () => {
    try {
      callback();
    } catch (error) {
      printError(error);
    }
  });
});
// What `%who` becomes (vm_kernel/magics.py).
defineProperty(globalObject, "__who", { __proto__: null, enumerable: false, configurable: false, writable: false, value: listNames });

function perform(operation) {
  switch (operation) {
    case RUN: return runCell(parseJson(receive()));
    case TICK: return runTimer();
    case ABANDON: return abandon(parseJson(receive()).cell);
    case COMPLETE: {
      const { request, target } = parseJson(receive());
      return emit(ANSWER, request, complete(target));
    }
    case INSPECT: {
      const { request, target, detail } = parseJson(receive());
      return emit(ANSWER, request, inspectName(target, detail));
    }
    case HEAR: return hear(parseJson(receive()));
  }
}

function entry() {
  beginTask();
  mendStacks();
  lookAsUsual();
  perform(header[OPERATION]);
  header[NEXT_TIMER_MS] = timers.nextTimerMs();
  header[TIMERS] = timers.timerCount();
  endTask();
}

noteBuiltIns();
globalThis.__entry = entry;
globalThis[0] = noteRejection;
globalThis[1] = forgive;
globalThis[2] = holder;
globalThis.__enable = () => {
  natives.promiseState = promiseState;
  natives.previewEntries = previewEntries;
};
