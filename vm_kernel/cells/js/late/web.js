// Owns which of the web's globals come together in one late script; refuses to define a global.

import { AbortController, AbortSignal } from "./abort.js";
import { atob, btoa } from "./base64.js";
import { neverCloned, structuredClone } from "./clone.js";
import { Crypto, crypto } from "./crypto.js";
import { CustomEvent, Event, EventTarget, isEvent, isTarget } from "./events.js";
import { Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure } from "./performance.js";
import { inherits } from "./given.js";

neverCloned(isEvent);
neverCloned(isTarget);
neverCloned((object) => inherits(object, Crypto.prototype) || inherits(object, AbortController.prototype)
  || inherits(object, PerformanceEntry.prototype));

const made = __made;
made.AbortController = AbortController;
made.AbortSignal = AbortSignal;
made.atob = atob;
made.btoa = btoa;
made.Crypto = Crypto;
made.crypto = crypto;
made.CustomEvent = CustomEvent;
made.Event = Event;
made.EventTarget = EventTarget;
made.Performance = Performance;
made.performance = performance;
made.PerformanceEntry = PerformanceEntry;
made.PerformanceMark = PerformanceMark;
made.PerformanceMeasure = PerformanceMeasure;
made.structuredClone = structuredClone;
