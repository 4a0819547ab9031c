// Owns a short copy of lists whose holes the inspector would take seconds over; refuses to format.

import { defineProperty, getPrototypeOf, isArray, setPrototypeOf } from "./intrinsics.js";
import { ownProperty } from "./reflection.js";

// Where it meets a hole among the first hundred, the inspector collects the indices of the whole list.
const LONG = 100_000, FURTHEST = 300_000;
const ArrayClass = Array;

/** The first items of a long list with holes, at the length of the whole; undefined for any other value. */
export function shortened(list, shown) {
  if (!isArray(list) || list.length <= LONG || shown > LONG) return undefined;
  const short = setPrototypeOf(new ArrayClass(), null);
  let count = 0, i = 0;
  for (; count <= shown && i < FURTHEST; i++) {
    const found = ownProperty(list, i);
    if (found === undefined) continue;
    defineProperty(short, i, found);
    count++;
  }
  if (i === count || count <= shown) return undefined; // no holes; or so many that collecting is quick
  short.length = list.length;
  return setPrototypeOf(short, getPrototypeOf(list));
}
