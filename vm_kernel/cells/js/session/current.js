// Owns which cell the running code belongs to; refuses to know who runs it.

import { CELL, header } from "./bridge.js";

export function currentCell() {
  return header[CELL];
}

export function enterCell(cell) {
  header[CELL] = cell;
}
