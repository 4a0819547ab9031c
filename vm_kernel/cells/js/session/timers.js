// Owns setTimeout, setInterval, setImmediate and their clears; refuses to know when the host calls `turn`.
//
// A timer belongs to the cell whose code made it, and so does what it prints. Delays as in browsers and Node: below 1 or
// above 2^31-1 counts as 1 ms. The list is kept sorted by due time, then by number, so the next one is the first.

import { apply, bareList, create, defineGlobal, isInteger, now, PromiseClass, promiseThen, stringRepeat, toNumber,
  TypeErrorClass, max } from "./intrinsics.js";
import { stir } from "./bridge.js";
import { currentCell } from "./current.js";

const timers = bareList(); // sorted
let lastId = 0;

function insert(timer) {
  let i = timers.length;
  while (i > 0 && (timers[i - 1].due > timer.due || (timers[i - 1].due === timer.due && timers[i - 1].id > timer.id))) {
    timers[i] = timers[i - 1];
    i--;
  }
  timers[i] = timer;
}

function removeAt(index) {
  for (let i = index; i < timers.length - 1; i++) timers[i] = timers[i + 1];
  timers.length -= 1;
}

function indexOf(id) {
  for (let i = 0; i < timers.length; i++) if (timers[i].id === id) return i;
  return -1;
}

function add(callback, delay, repeat, rest) {
  if (typeof callback !== "function") throw new TypeErrorClass('The "callback" argument must be of type function.');
  let ms = toNumber(delay);
  if (!(ms >= 1 && ms <= 2147483647)) ms = 1;
  const timer = create(null);
  timer.id = ++lastId;
  timer.due = now() + ms;
  timer.every = repeat ? ms : 0;
  timer.callback = callback;
  timer.rest = rest;
  timer.cell = currentCell();
  insert(timer);
  stir();
  return timer.id;
}

/** `callback()` once, after so many milliseconds, for the cell that runs now. */
export function setTimer(callback, ms) {
  return add(callback, ms, false, bareList());
}

function clear(handle) {
  const id = typeof handle === "object" || typeof handle === "symbol" ? 0 : toNumber(handle);
  const at = isInteger(id) ? indexOf(id) : -1;
  if (at >= 0) removeAt(at);
}

/** Milliseconds until the next timer is due, 0 when one is, -1 without any. */
export function nextTimerMs() {
  return timers.length === 0 ? -1 : max(0, timers[0].due - now());
}

export function timerCount() {
  return timers.length;
}

/** The first timer that is due, taken off the list (an interval is put back); undefined when none is. */
export function takeDue() {
  if (timers.length === 0 || timers[0].due > now()) return undefined;
  const timer = timers[0];
  removeAt(0);
  if (timer.every > 0) {
    timer.due = max(timer.due + timer.every, now());
    insert(timer);
  }
  return timer;
}

/** Forget the timers of one cell (0: of all). */
export function cancelTimers(cell) {
  let kept = 0;
  for (let i = 0; i < timers.length; i++) if (cell !== 0 && timers[i].cell !== cell) timers[kept++] = timers[i];
  timers.length = kept;
}

export function install() {
  defineGlobal("setTimeout", function setTimeout(callback, delay, ...rest) { return add(callback, delay, false, rest); });
  defineGlobal("setInterval", function setInterval(callback, delay, ...rest) { return add(callback, delay, true, rest); });
  defineGlobal("setImmediate", function setImmediate(callback, ...rest) { return add(callback, 0, false, rest); });
  defineGlobal("clearTimeout", function clearTimeout(id) { clear(id); });
  defineGlobal("clearInterval", function clearInterval(id) { clear(id); });
  defineGlobal("clearImmediate", function clearImmediate(id) { clear(id); });
}
