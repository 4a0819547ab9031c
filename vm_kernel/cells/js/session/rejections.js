// Owns the promises that were rejected with nobody listening; refuses to know how V8 tells of them.

import { bareList } from "./intrinsics.js";
import { stir } from "./bridge.js";
import { currentCell, enterCell } from "./current.js";
import { emit } from "./bridge.js";
import { LEVELS } from "./kinds.js";
import { printError } from "./run.js";

const AT_MOST = 20; // shown after one turn; a flood of rejections is one sentence more
const unhandled = bareList(); // { promise, reason, cell }
let further = 0;

/** Called by the engine when a promise is rejected without a handler. */
export function noteRejection(promise, reason) {
  stir();
  if (unhandled.length >= AT_MOST) {
    further++;
    return;
  }
  unhandled[unhandled.length] = { __proto__: null, promise, reason, cell: currentCell() };
}

/** Called by the engine when a handler came after all. */
export function forgive(promise) {
  for (let i = 0; i < unhandled.length; i++) {
    if (unhandled[i].promise !== promise) continue;
    for (let k = i; k < unhandled.length - 1; k++) unhandled[k] = unhandled[k + 1];
    unhandled.length -= 1;
    return;
  }
  if (further > 0) further--;
}

/** After the reactions of a turn: what is still unhandled goes to its cell's stderr. */
export function reportUnhandled() {
  if (unhandled.length === 0) return;
  const cell = currentCell();
  for (let i = 0; i < unhandled.length; i++) {
    enterCell(unhandled[i].cell);
    printError(unhandled[i].reason, "Uncaught (in promise) ");
  }
  if (further > 0) emit(LEVELS.error, currentCell(), `${further} further promises were rejected without a handler`);
  unhandled.length = 0;
  further = 0;
  enterCell(cell);
}
