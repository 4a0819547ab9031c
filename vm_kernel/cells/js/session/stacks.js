// Owns keeping the user's `Error.prepareStackTrace` out of what we read from errors; refuses to format a stack.

import { defineProperty, ErrorClass } from "./intrinsics.js";
import { ownProperty } from "./reflection.js";

let ours;

/** The formatter to put in place while we look; given once, while booting. */
export function useFormatter(prepareStackTrace) {
  ours = { __proto__: null, value: prepareStackTrace, writable: true, enumerable: true, configurable: true };
}

/** Runs `look` with our formatter in place of whatever is there. */
export function withOurStacks(look) {
  const theirs = ownProperty(ErrorClass, "prepareStackTrace");
  if (ours === undefined || theirs === undefined || theirs.value === ours.value || !theirs.configurable) return look();
  defineProperty(ErrorClass, "prepareStackTrace", ours);
  try {
    return look();
  } finally {
    defineProperty(ErrorClass, "prepareStackTrace", theirs);
  }
}
