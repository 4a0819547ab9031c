// Owns telling which script of the session called us; refuses to know why that is asked.

import { captureStackTrace, create, defineProperty, deleteProperty, ErrorClass } from "./intrinsics.js";
import { scriptUrl } from "./errors.js";
import { ownProperty } from "./reflection.js";
import { scriptOf } from "./scripts.js";

const FRAMES = 50;

/** The name of the nearest script on the stack that is a cell, a file or a module; "" where there is none. */
export function callerName() {
  let name = "";
  look((frames) => {
    for (let i = 0; i < frames.length; i++) {
      const script = scriptOf(scriptUrl(frames[i]));
      if (script !== undefined) {
        name = script.name;
        return;
      }
    }
  });
  return name;
}

// User code may have a formatter of its own and its own number of frames; both are put back.
function look(take) {
  const formatter = ownProperty(ErrorClass, "prepareStackTrace"), limit = ownProperty(ErrorClass, "stackTraceLimit");
  try {
    defineProperty(ErrorClass, "stackTraceLimit", data(FRAMES));
    defineProperty(ErrorClass, "prepareStackTrace", data((_, frames) => take(frames)));
    const place = create(null);
    captureStackTrace(place);
    place.stack; // formats
  } catch {
    // They are not to be changed: nobody is known as the caller.
  }
  put("prepareStackTrace", formatter);
  put("stackTraceLimit", limit);
}

const data = (value) => ({ __proto__: null, value, writable: true, enumerable: true, configurable: true });

function put(key, found) {
  try {
    if (found === undefined) deleteProperty(ErrorClass, key);
    else defineProperty(ErrorClass, key, found);
  } catch {
    // It was not changed either.
  }
}
