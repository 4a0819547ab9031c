// Owns Event, CustomEvent and EventTarget (DOM standard, without a tree); refuses to know who dispatches.

import { apply, arrayPush, bareList, clockMs, constants, create, defineProperty, DOMException, finish, likeness,
  printError, showInstances, tame, toText, TypeErrorClass } from "./given.js";

let state; // of an event: read and written by EventTarget too
/** Was it made by Event, or EventTarget, whatever its prototype is now? */
export let isEvent, isTarget;
const AT_TARGET = 2;

export class Event {
  #state = create(null);

  static {
    state = (event) => event.#state;
    isEvent = (object) => #state in object;
  }

  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new TypeErrorClass("The \"type\" argument must be specified");
    const own = this.#state;
    own.type = toText(type);
    own.bubbles = flag(options, "bubbles");
    own.cancelable = flag(options, "cancelable");
    own.composed = flag(options, "composed");
    own.target = own.currentTarget = null;
    own.phase = 0;
    own.stopped = own.stoppedAtOnce = own.canceled = own.passive = own.dispatching = false;
    own.time = clockMs();
    defineProperty(this, "isTrusted", { __proto__: null, get: isTrusted, enumerable: true, configurable: false });
  }

  get type() { return this.#state.type; }
  get target() { return this.#state.target; }
  get srcElement() { return this.#state.target; }
  get currentTarget() { return this.#state.currentTarget; }
  get eventPhase() { return this.#state.phase; }
  get bubbles() { return this.#state.bubbles; }
  get cancelable() { return this.#state.cancelable; }
  get composed() { return this.#state.composed; }
  get timeStamp() { return this.#state.time; }
  get defaultPrevented() { return this.#state.canceled; }
  get returnValue() { return !this.#state.canceled; }
  set returnValue(value) { if (!value) this.preventDefault(); }
  get cancelBubble() { return this.#state.stopped; }
  set cancelBubble(value) { if (value) this.#state.stopped = true; }
  composedPath() { return this.#state.currentTarget === null ? [] : [this.#state.currentTarget]; }
  stopPropagation() { this.#state.stopped = true; }
  stopImmediatePropagation() { this.#state.stopped = this.#state.stoppedAtOnce = true; }
  preventDefault() { if (this.#state.cancelable && !this.#state.passive) this.#state.canceled = true; }
  initEvent(type, bubbles = false, cancelable = false) {
    const own = this.#state;
    if (own.dispatching) return;
    own.type = toText(type);
    own.bubbles = !!bubbles;
    own.cancelable = !!cancelable;
    own.target = null;
    own.stopped = own.stoppedAtOnce = own.canceled = false;
  }
}
const isTrusted = tame(() => false);
finish(Event, "Event");
constants(Event, { __proto__: null, NONE: 0, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 });

export class CustomEvent extends Event {
  #detail;

  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new TypeErrorClass("The \"type\" argument must be specified");
    super(type, options);
    const detail = options?.detail;
    this.#detail = detail === undefined ? null : detail;
  }

  get detail() { return this.#detail; }
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    if (state(this).dispatching) return;
    this.initEvent(type, bubbles, cancelable);
    this.#detail = detail;
  }
}
finish(CustomEvent, "CustomEvent");

function flag(options, name) {
  if (options === undefined || options === null) return false;
  if (typeof options !== "object" && typeof options !== "function") throw new TypeErrorClass("The \"options\" argument must be an object");
  return !!options[name];
}

export class EventTarget {
  #listeners = bareList(); // of {type, callback, capture, once, passive, removed}

  static { isTarget = (object) => #listeners in object; }

  addEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) throw new TypeErrorClass("addEventListener needs a type and a listener");
    const listener = create(null);
    listener.type = toText(type);
    listener.capture = typeof options === "object" && options !== null ? !!options.capture : !!options;
    listener.once = listener.passive = listener.removed = false;
    let signal;
    if (typeof options === "object" && options !== null) {
      listener.once = !!options.once;
      listener.passive = !!options.passive;
      signal = options.signal;
    }
    if (callback !== null && callback !== undefined && typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeErrorClass("The \"listener\" argument must be a function or an object");
    }
    if (signal !== undefined && (signal === null || !isSignal(signal))) {
      throw new TypeErrorClass("The \"options.signal\" property must be an instance of AbortSignal");
    }
    if (callback === null || callback === undefined || (signal !== undefined && signal.aborted)) {
      this.#listeners; // throws for a receiver that is none
      return;
    }
    listener.callback = callback;
    if (this.#indexOf(listener.type, callback, listener.capture) >= 0) return;
    arrayPush(this.#listeners, listener);
    if (signal !== undefined) onAbort(signal, () => this.#remove(listener));
  }

  removeEventListener(type, callback, options = undefined) {
    if (arguments.length < 2) throw new TypeErrorClass("removeEventListener needs a type and a listener");
    const capture = typeof options === "object" && options !== null ? !!options.capture : !!options;
    const at = this.#indexOf(toText(type), callback, capture);
    if (at >= 0) this.#remove(this.#listeners[at]);
  }

  dispatchEvent(event) {
    this.#listeners;
    const own = eventState(event);
    if (own.dispatching) throw new DOMException("The event is already being dispatched", "InvalidStateError");
    own.dispatching = true;
    own.target = own.currentTarget = this;
    own.phase = AT_TARGET;
    if (!own.stopped) {
      // At the target capturing listeners come first; those added meanwhile are not asked.
      const listeners = this.#listeners, count = listeners.length, asked = bareList();
      for (let i = 0; i < count; i++) asked[i] = listeners[i];
      for (let capturing = 1; capturing >= 0; capturing--) {
        if (capturing === 0 && own.stopped) break;
        for (let i = 0; i < count && !own.stoppedAtOnce; i++) {
          const listener = asked[i];
          if (!listener.removed && listener.type === own.type && listener.capture === (capturing === 1)) this.#call(listener, event, own);
        }
      }
    }
    own.phase = 0;
    own.currentTarget = null;
    own.dispatching = own.stopped = own.stoppedAtOnce = false;
    return !own.canceled;
  }

  #call(listener, event, own) {
    if (listener.once) this.#remove(listener);
    own.passive = listener.passive;
    try {
      const { callback } = listener;
      if (typeof callback === "function") apply(callback, this, [event]);
      else {
        const { handleEvent } = callback;
        if (typeof handleEvent !== "function") throw new TypeErrorClass("handleEvent is not a function");
        apply(handleEvent, callback, [event]);
      }
    } catch (error) {
      printError(error); // and the other listeners hear it all the same
    }
    own.passive = false;
  }

  #indexOf(type, callback, capture) {
    const listeners = this.#listeners;
    for (let i = 0; i < listeners.length; i++) {
      if (listeners[i].type === type && listeners[i].callback === callback && listeners[i].capture === capture) return i;
    }
    return -1;
  }

  #remove(listener) {
    listener.removed = true;
    const listeners = this.#listeners;
    let kept = 0;
    for (let i = 0; i < listeners.length; i++) if (listeners[i] !== listener) listeners[kept++] = listeners[i];
    listeners.length = kept;
  }
}
finish(EventTarget, "EventTarget");

function eventState(event) {
  try {
    return state(event);
  } catch {
    throw new TypeErrorClass("The \"event\" argument must be an instance of Event");
  }
}

// AbortSignal is an EventTarget and comes after it.
let isSignal = () => false, onAbort;
export function useSignals(is, on) {
  isSignal = is;
  onAbort = on;
}

const dispatch = EventTarget.prototype.dispatchEvent;

/** Dispatch an event of ours. */
export function fire(target, type) {
  apply(dispatch, target, [new Event(type)]);
}

const shown = (name) => (event) => {
  const own = state(event), fields = create(null);
  fields.type = own.type;
  fields.defaultPrevented = own.canceled;
  fields.cancelable = own.cancelable;
  fields.timeStamp = own.time;
  return likeness(name, fields);
};
showInstances(Event.prototype, shown("Event"));
showInstances(CustomEvent.prototype, shown("CustomEvent"));
