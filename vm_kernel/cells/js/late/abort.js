// Owns AbortController and AbortSignal (DOM standard); refuses to know what is aborted.

import { apply, arrayPush, bareList, create, DOMException, finish, likeness, setTimer, showInstances, toNumber,
  TypeErrorClass, uncurry, WeakRefClass, weakRefDeref } from "./given.js";
import { EventTarget, fire, useSignals } from "./events.js";

const KEY = create(null);
const addListener = uncurry(EventTarget.prototype.addEventListener);
const iterator = Symbol.iterator;
let abort, make, listen, depend, stateOf;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  #algorithms = bareList();
  #dependents = bareList(); // weak: a signal that nobody holds need not be told
  #sources = bareList(); // of a signal that depends on others
  #handler = null;
  #handled = false;

  constructor(key) {
    if (key !== KEY) throw new TypeErrorClass("Illegal constructor");
    super();
  }

  get aborted() { return this.#aborted; }
  get reason() { return this.#reason; }
  throwIfAborted() { if (this.#aborted) throw this.#reason; }

  get onabort() { return this.#handler; }
  set onabort(handler) {
    this.#handler = typeof handler === "function" || (typeof handler === "object" && handler !== null) ? handler : null;
    if (this.#handled || this.#handler === null) return;
    this.#handled = true;
    addListener(this, "abort", (event) => {
      if (typeof this.#handler === "function") apply(this.#handler, this, [event]);
    });
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(KEY);
    signal.#aborted = true;
    signal.#reason = orAbortError(reason);
    return signal;
  }

  static timeout(milliseconds) {
    if (arguments.length === 0) throw new TypeErrorClass("The \"delay\" argument must be specified");
    const ms = toNumber(milliseconds);
    if (!(ms >= 0 && ms <= 9007199254740991)) throw new TypeErrorClass("The \"delay\" argument must be a number from 0 to 2^53 - 1");
    const signal = new AbortSignal(KEY);
    setTimer(() => abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError")), ms);
    return signal;
  }

  static any(signals) {
    if (signals === null || signals === undefined || typeof signals[iterator] !== "function") {
      throw new TypeErrorClass("The \"signals\" argument must be iterable");
    }
    const given = [...signals];
    for (let i = 0; i < given.length; i++) if (!isSignal(given[i])) throw new TypeErrorClass("The \"signals\" argument must hold AbortSignals");
    const signal = new AbortSignal(KEY);
    for (let i = 0; i < given.length; i++) {
      if (given[i].#aborted) {
        signal.#aborted = true;
        signal.#reason = given[i].#reason;
        return signal;
      }
    }
    for (let i = 0; i < given.length; i++) depend(signal, given[i]);
    return signal;
  }

  static {
    make = () => new AbortSignal(KEY);
    stateOf = (signal) => signal.#aborted;
    listen = (signal, algorithm) => { if (!signal.#aborted) arrayPush(signal.#algorithms, algorithm); };
    depend = (signal, source) => {
      const { length } = source.#sources;
      if (length > 0) {
        for (let i = 0; i < length; i++) depend(signal, source.#sources[i]);
        return;
      }
      arrayPush(signal.#sources, source);
      arrayPush(source.#dependents, new WeakRefClass(signal));
    };
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = orAbortError(reason);
      // All that depend on it are aborted before any of their listeners runs.
      const told = bareList();
      for (let i = 0; i < signal.#dependents.length; i++) {
        const dependent = weakRefDeref(signal.#dependents[i]);
        if (dependent === undefined || dependent.#aborted) continue;
        dependent.#aborted = true;
        dependent.#reason = signal.#reason;
        arrayPush(told, dependent);
      }
      signal.#dependents = bareList();
      run(signal);
      for (let i = 0; i < told.length; i++) run(told[i]);
    };
    const run = (signal) => {
      const algorithms = signal.#algorithms;
      signal.#algorithms = bareList();
      for (let i = 0; i < algorithms.length; i++) algorithms[i]();
      fire(signal, "abort");
    };
  }
}
finish(AbortSignal, "AbortSignal");

const orAbortError = (reason) => reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;

function isSignal(value) {
  try {
    stateOf(value);
    return true;
  } catch {
    return false;
  }
}
useSignals(isSignal, (signal, algorithm) => listen(signal, algorithm));

class AbortController {
  #signal = make();

  get signal() { return this.#signal; }
  abort(reason = undefined) { abort(this.#signal, reason); }

  static {
    showInstances(AbortController.prototype, (controller) =>
      likeness("AbortController", { __proto__: null, signal: controller.#signal }));
  }
}
finish(AbortController, "AbortController");

showInstances(AbortSignal.prototype, (signal) => likeness("AbortSignal", { __proto__: null, aborted: stateOf(signal) }));

export { AbortController, AbortSignal };
