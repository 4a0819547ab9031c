// Owns reading which columns moved off where tokens stood and stand; refuses to know who moved them.

const LINE_END = /\r\n|[\n\r\u2028\u2029]/g;

/** Shifts (parser/edits.js); places: where in `code` each of the tokens of `source` begins, if it does. Lines are the same. */
export function shiftsOf(source, tokens, code, places) {
  const shifts = [];
  const before = new Reading(source);
  const after = new Reading(code);
  let line = 0;
  let delta = 0;
  for (let at = 0; at < tokens.length; at++) {
    // Of those that are all gone but for one, the last is the one that is there.
    if (places[at] === undefined || places[at] === places[at + 1]) continue;
    const moved = after.columnOf(places[at]) - before.columnOf(tokens[at].start);
    if (after.line !== line) delta = 0;
    line = after.line;
    if (moved !== delta) shifts.push([line, after.columnOf(places[at]), moved]);
    delta = moved;
  }
  return shifts;
}

// A text that is read once from its beginning to its end.
class Reading {
  line = 1;
  #start = 0;
  #ends;
  #next;

  constructor(text) {
    this.#ends = text.matchAll(LINE_END);
    this.#next = this.#ends.next();
  }

  columnOf(position) {
    while (!this.#next.done && this.#next.value.index + this.#next.value[0].length <= position) {
      this.line++;
      this.#start = this.#next.value.index + this.#next.value[0].length;
      this.#next = this.#ends.next();
    }
    return position - this.#start + 1;
  }
}
