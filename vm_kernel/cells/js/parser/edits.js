// Owns changes to a text and the way back from generated columns to the source's; refuses to know why a text is changed.

const NEWLINES = /\r\n|[\n\r\u2028\u2029]/g;

/** Changes collected in any order over one source; no two may overlap. */
export class Edits {
  #source;
  #list = [];

  constructor(source) {
    this.#source = source;
  }

  insert(position, text) {
    this.#list.push({ start: position, end: position, text, order: this.#list.length });
  }

  /** Before everything else that is inserted there. */
  insertFirst(position, text) {
    this.#list.push({ start: position, end: position, text, order: -1 });
  }

  /** `text` must hold as many line ends as what it replaces. */
  replace(start, end, text) {
    this.#list.push({ start, end, text, order: this.#list.length });
  }

  /**
   * `{code, shifts, startOf, endOf}`: the changed text, the columns that moved, and where in it a node of the source
   * starts and ends (insertions at those very places are outside of it).
   * A shift `[line, column, delta, fixed]` (from 1) holds from that column to the next shift of its line: the source's
   * column is `column - delta`; with `fixed` 1 the whole stretch stands for one place of the source, `column - delta`.
   */
  apply() {
    const list = this.#list.sort((a, b) => a.start - b.start || a.end - b.end || a.order - b.order);
    const source = this.#source;
    const shifts = [];
    const marks = [];
    let code = "";
    let done = 0;
    const track = new Columns(source);
    for (const { start, end, text } of list) {
      code += source.slice(done, start);
      track.to(start);
      marks.push([start, code.length]);
      if (text.length !== end - start || text.includes("\n") || start === end) {
        const [line, column] = track.place;
        shifts.push([line, column + track.delta, track.delta, 1]);
        track.replaced(end, text);
        const [afterLine, afterColumn] = track.place;
        if (end < source.length) shifts.push([afterLine, afterColumn + track.delta, track.delta]);
      } else track.to(end);
      code += text;
      marks.push([end, code.length]);
      done = end;
    }
    code += source.slice(done);
    return { code, shifts, startOf: (position) => mapped(marks, position, true), endOf: (position) => mapped(marks, position, false) };
  }
}

// Where reading has come to in the source, and by how much its line has moved to the right in what is generated.
class Columns {
  delta = 0;
  place = [1, 1];
  #source;
  #position = 0;

  constructor(source) {
    this.#source = source;
  }

  to(position) {
    const [lines, tail] = lineEnds(this.#source.slice(this.#position, position));
    if (lines) this.delta = 0;
    this.place = lines ? [this.place[0] + lines, tail + 1] : [this.place[0], this.place[1] + tail];
    this.#position = position;
  }

  replaced(end, text) {
    const [, column] = this.place;
    const [lines, tail] = lineEnds(text);
    const generated = lines ? tail + 1 : column + this.delta + tail;
    this.to(end);
    this.delta = generated - this.place[1];
  }
}

function lineEnds(text) {
  let lines = 0;
  let last = 0;
  for (const match of text.matchAll(NEWLINES)) {
    lines++;
    last = match.index + match[0].length;
  }
  return [lines, text.length - last];
}

function mapped(marks, position, after) {
  let moved = 0;
  for (const [from, to] of marks) {
    if (from > position) break;
    moved = to - from;
    if (from === position && !after) break;
  }
  return position + moved;
}

/** `text` as blanks that keep every line end and column. */
export const blank = (text) => text.replace(/[^\n\r\u2028\u2029]/g, " ");
