// Owns progress(iterable): a bar that is updated in place while something is iterated; refuses to change what is iterated.

import { apply, create, floor, isArray, isFinite, mapSize, max, min, named, now, numberToFixed, setSize, stringRepeat, toNumber, toText,
  TypeErrorClass } from "./intrinsics.js";
import { isKind, typedArrayTag } from "./brands.js";
import { display } from "./display.js";
import { escapeHtml } from "./text.js";

const BETWEEN_MS = 100, WIDTH = 30;
const ITERATOR = Symbol.iterator, ASYNC_ITERATOR = Symbol.asyncIterator;

/** What is shown of one iteration: at its start, at its end, and at most every BETWEEN_MS between. */
class Bar {
  #label; #total; #handle; #started = now(); #shownAt = 0; #count = 0; #ended = false;

  constructor(label, total) {
    this.#label = label;
    this.#total = total;
    this.#show();
  }

  advance() {
    this.#count++;
    const since = now() - this.#shownAt;
    if (since >= BETWEEN_MS || since < 0) this.#show();
  }

  end() {
    if (this.#ended) return;
    this.#ended = true;
    this.#show();
  }

  #show() {
    this.#shownAt = now();
    const data = create(null);
    data["text/plain"] = this.#text();
    data["text/html"] = this.#html();
    if (this.#handle === undefined) this.#handle = display(data, { __proto__: null, raw: true });
    else this.#handle.update(data, { __proto__: null, raw: true });
  }

  #text() {
    const head = this.#label === "" ? "" : this.#label + " ";
    if (this.#total === undefined) return `${head}${this.#count} ${this.#times()}`;
    const part = this.#total === 0 ? 1 : min(1, this.#count / this.#total), full = floor(part * WIDTH);
    const bar = stringRepeat("\u2588", full) + stringRepeat("\u2591", WIDTH - full);
    return `${head}${floor(part * 100)}% |${bar}| ${this.#count}/${this.#total} ${this.#times()}`;
  }

  #html() {
    const known = this.#total !== undefined;
    const state = known ? `value="${min(this.#count, this.#total)}" max="${max(this.#total, 1)}"` : this.#ended ? 'value="1" max="1"' : "";
    const count = known ? `${this.#count}/${this.#total}` : this.#count;
    return `<div>${escapeHtml(this.#label)} <progress ${state}></progress> ${count} ${escapeHtml(this.#times())}</div>`;
  }

  // [gone<left, per second]
  #times() {
    const gone_s = max(0, this.#shownAt - this.#started) / 1000, rate = gone_s > 0 ? this.#count / gone_s : 0;
    const left = this.#total === undefined || this.#ended || rate === 0 ? "" : "<" + clock((this.#total - this.#count) / rate);
    return `[${clock(gone_s)}${left}${rate === 0 ? "" : `, ${numberToFixed(rate, rate < 10 ? 2 : 0)}/s`}]`;
  }
}

function clock(seconds) {
  const whole = floor(max(0, seconds)), minutes = floor(whole / 60), rest = whole % 60;
  return `${minutes < 10 ? "0" : ""}${minutes}:${rest < 10 ? "0" : ""}${rest}`;
}

const Progress = named("Progress", class {
  #iterable; #label; #total;

  constructor(iterable, label, total) {
    this.#iterable = iterable;
    this.#label = label;
    this.#total = total;
  }

  [ITERATOR]() {
    const inner = this.#iterable[ITERATOR](), bar = new Bar(this.#label, this.#total);
    let begun = false;
    return {
      next() {
        if (begun) bar.advance();
        begun = true;
        try {
          const step = inner.next();
          if (step.done) bar.end();
          return step;
        } catch (error) {
          bar.end();
          throw error;
        }
      },
      return(value) {
        bar.end();
        return leave(inner, value);
      },
    };
  }

  [ASYNC_ITERATOR]() {
    const waits = typeof this.#iterable[ASYNC_ITERATOR] === "function";
    const inner = this.#iterable[waits ? ASYNC_ITERATOR : ITERATOR](), bar = new Bar(this.#label, this.#total);
    let begun = false;
    return {
      async next() {
        if (begun) bar.advance();
        begun = true;
        try {
          const step = await inner.next(), done = step.done;
          if (done) bar.end();
          return { done, value: waits ? step.value : await step.value };
        } catch (error) {
          bar.end();
          throw error;
        }
      },
      async return(value) {
        bar.end();
        return leave(inner, value);
      },
    };
  }
});

// `break` and errors of the loop's body reach what is iterated, as without a bar.
function leave(inner, value) {
  const close = inner.return;
  return close === undefined || close === null ? { done: true, value } : apply(close, inner, [value]);
}

function lengthOf(iterable) {
  if (typeof iterable === "string" || isArray(iterable) || typedArrayTag(iterable) !== undefined) return iterable.length;
  if (isKind(iterable, "Map")) return mapSize(iterable);
  return isKind(iterable, "Set") ? setSize(iterable) : undefined;
}

/** progress(iterable, {label, total}) is to be iterated in its place, with for...of or for await. */
export function progress(iterable, options = undefined) {
  const { label = "", total = lengthOf(iterable) } = options ?? create(null);
  if (iterable === undefined || iterable === null ||
      (typeof iterable[ITERATOR] !== "function" && typeof iterable[ASYNC_ITERATOR] !== "function")) {
    throw new TypeErrorClass("progress() takes something to iterate over");
  }
  const count = total === undefined ? undefined : toNumber(total);
  return new Progress(iterable, toText(label), count !== undefined && isFinite(count) && count >= 0 ? count : undefined);
}
