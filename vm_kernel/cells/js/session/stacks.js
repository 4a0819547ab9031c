// Owns `Error.prepareStackTrace`, ours unless the user has set another and ours alone while we look, and reading an error's stack;
// refuses to format.
//
// V8 asks for the property whenever a stack is read for the first time. Where there is none, or no function, it would
// write stacks in its own way, with our frames: so what is there is never nothing.

import { defineProperty, ErrorClass, getOwnPropertyDescriptor, uncurry } from "./intrinsics.js";
import { ownProperty } from "./reflection.js";

const NAME = "prepareStackTrace";
let ours, theirs, looking = false;

const accessor = {
  __proto__: null, configurable: true, enumerable: false,
  get() { return looking || theirs === undefined ? ours : theirs; },
  set(formatter) { theirs = typeof formatter === "function" ? formatter : undefined; },
};

/** Puts our formatter in place; once, while booting. */
export function useFormatter(prepareStackTrace) {
  ours = prepareStackTrace;
  defineProperty(ErrorClass, NAME, accessor);
}

/** To be called first in every task: a look that was stopped has not ended, and `delete` left V8's own way. */
export function mendStacks() {
  looking = false;
  if (ownProperty(ErrorClass, NAME) !== undefined) return;
  theirs = undefined;
  defineProperty(ErrorClass, NAME, accessor);
}

/** Runs `look` with our formatter in place of whatever is there. */
export function withOurStacks(look) {
  const found = ownProperty(ErrorClass, NAME) ?? accessor;
  const replaced = found.get !== accessor.get;
  if (replaced && !found.configurable) return look();
  if (replaced || found === accessor) defineProperty(ErrorClass, NAME, accessor);
  const before = looking;
  looking = true;
  try {
    return look();
  } finally {
    looking = before;
    if (replaced) defineProperty(ErrorClass, NAME, found);
  }
}

const stackGetter = getOwnPropertyDescriptor(new ErrorClass(), "stack").get;
const readStack = stackGetter === undefined ? undefined : uncurry(stackGetter);

/** The stack that V8 or an assignment has given an error; undefined where it is no text. */
export function ownStack(error) {
  try {
    const own = ownProperty(error, "stack");
    const stack = own === undefined || own.get === stackGetter ? readStack(error) : own.value;
    if (typeof stack === "string") return stack;
  } catch {
    // Deep recursion, or a stack that user code made of something else.
  }
  return undefined;
}
