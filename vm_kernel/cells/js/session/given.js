// Owns what late scripts are handed (late/given.js is its other half); refuses to hand out what user code may not have.

import * as buffers from "./buffers.js";
import * as intrinsics from "./intrinsics.js";
import { isKind, valueOf } from "./brands.js";
import { clockMs, randomBytes } from "./bridge.js";
import { currentCell } from "./current.js";
import { placeError } from "./errors.js";
import { DOMException, exceptionSlot } from "./exceptions.js";
import { inspect } from "./inspector.js";
import { replaceEach } from "./text.js";
import { nativeGetters } from "./intact.js";
import { given, load } from "./late.js";
import { inherits, ownProperty } from "./reflection.js";
import { printError } from "./run.js";
import { showNamespace } from "./namespaces.js";
import { registerCell } from "./scripts.js";
import { setTimer } from "./timers.js";
import { likeness, showInstances } from "./views.js";

const { setAdd, natives } = intrinsics;

given.intrinsics = intrinsics;
given.buffers = buffers;
given.clockMs = clockMs;
given.DOMException = DOMException;
given.exceptionSlot = exceptionSlot;
given.inherits = inherits;
given.inspect = inspect;
given.isKind = isKind;
given.isProxy = natives.isProxy;
given.likeness = likeness;
given.load = load;
given.ownProperty = ownProperty;
given.placeError = placeError;
given.primitiveOf = valueOf;
given.printError = (error) => printError(error);
given.randomBytes = randomBytes;
given.registerScript = registerCell;
given.replaceEach = replaceEach;
given.currentCell = currentCell;
given.setTimer = setTimer;
given.showInstances = showInstances;
given.showNamespace = showNamespace;
/** The inspector may run this getter; returns it. */
given.tame = (getter) => {
  setAdd(nativeGetters, getter);
  return getter;
};
