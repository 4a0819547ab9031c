// Owns performance: the clock, marks and measures (High Resolution Time, User Timing); refuses to observe anything.

import { bareList, arrayPush, clockMs, create, DOMException, finish, likeness, now, setPrototypeOf, showInstances, toNumber,
  toText, TypeErrorClass } from "./given.js";
import { clone } from "./clone.js";
import { EventTarget } from "./events.js";

const KEY = create(null);
const timeOrigin = now() - clockMs();
let entries = bareList(); // by start time
let fill, detailOf;

export class PerformanceEntry {
  #own = create(null);

  constructor(key) {
    if (key !== KEY) throw new TypeErrorClass("Illegal constructor");
  }

  get name() { return this.#own.name; }
  get entryType() { return this.#own.type; }
  get startTime() { return this.#own.start; }
  get duration() { return this.#own.duration; }
  toJSON() {
    const { name, type: entryType, start: startTime, duration } = this.#own;
    return { name, entryType, startTime, duration };
  }

  static {
    fill = (entry, name, type, start, duration, detail) => {
      const own = entry.#own;
      own.name = name;
      own.type = type;
      own.start = start;
      own.duration = duration;
      own.detail = detail;
      return entry;
    };
    detailOf = (entry) => entry.#own.detail;
  }
}

export class PerformanceMark extends PerformanceEntry {
  constructor(name, options = undefined) {
    if (arguments.length === 0) throw new TypeErrorClass("The \"name\" argument must be specified");
    super(KEY);
    const start = options?.startTime;
    const ms = start === undefined ? clockMs() : toNumber(start);
    if (!(ms >= 0)) throw new TypeErrorClass("startTime must be a number of 0 or more");
    fill(this, toText(name), "mark", ms, 0, detail(options));
  }

  get detail() { return detailOf(this); }
  toJSON() { return { ...super.toJSON(), detail: detailOf(this) }; }
}

export class PerformanceMeasure extends PerformanceEntry {
  get detail() { return detailOf(this); }
  toJSON() { return { ...super.toJSON(), detail: detailOf(this) }; }
}

const detail = (options) => options?.detail === undefined || options.detail === null ? null : clone(options.detail);

function keep(entry) {
  let at = entries.length;
  while (at > 0 && entries[at - 1].startTime > entry.startTime) {
    entries[at] = entries[at - 1];
    at--;
  }
  entries[at] = entry;
  return entry;
}

// A number is a time; any other value names a mark, the last of that name.
function timeOf(mark) {
  if (typeof mark === "number") {
    if (!(mark >= 0)) throw new TypeErrorClass("a time must be a number of 0 or more");
    return mark;
  }
  const name = toText(mark);
  for (let i = entries.length - 1; i >= 0; i--) {
    if (entries[i].entryType === "mark" && entries[i].name === name) return entries[i].startTime;
  }
  throw new DOMException(`The "${name}" performance mark has not been set`, "SyntaxError");
}

function span(startOrOptions, endMark) {
  if (typeof startOrOptions !== "object" || startOrOptions === null) {
    const end = endMark === undefined ? clockMs() : timeOf(endMark);
    return { first: startOrOptions === undefined ? 0 : timeOf(startOrOptions), last: end };
  }
  const { start, end, duration } = startOrOptions;
  const empty = start === undefined && end === undefined && duration === undefined && startOrOptions.detail === undefined;
  if (empty) return { first: 0, last: endMark === undefined ? clockMs() : timeOf(endMark) };
  if (endMark !== undefined) throw new TypeErrorClass("endMark cannot stand beside options");
  if (start === undefined && end === undefined) throw new TypeErrorClass("options must have a start or an end");
  if (start !== undefined && end !== undefined && duration !== undefined) {
    throw new TypeErrorClass("options cannot have a start, an end and a duration");
  }
  const last = end !== undefined ? timeOf(end) : start !== undefined && duration !== undefined ? timeOf(start) + timeOf(toNumber(duration)) : clockMs();
  const first = start !== undefined ? timeOf(start) : duration !== undefined ? last - timeOf(toNumber(duration)) : 0;
  return { first, last };
}

function select(type, name) {
  const found = [];
  for (let i = 0; i < entries.length; i++) {
    if ((type === undefined || entries[i].entryType === type) && (name === undefined || entries[i].name === name)) arrayPush(found, entries[i]);
  }
  return found;
}

function drop(type, name) {
  const kept = bareList();
  for (let i = 0; i < entries.length; i++) {
    if (entries[i].entryType !== type || (name !== undefined && entries[i].name !== toText(name))) arrayPush(kept, entries[i]);
  }
  entries = kept;
}

export class Performance extends EventTarget {
  constructor(key) {
    if (key !== KEY) throw new TypeErrorClass("Illegal constructor");
    super();
  }

  now() { return clockMs(); }
  get timeOrigin() { return timeOrigin; }
  mark(name, options = undefined) {
    if (arguments.length === 0) throw new TypeErrorClass("The \"name\" argument must be specified");
    return keep(new PerformanceMark(name, options));
  }
  measure(name, startOrOptions = undefined, endMark = undefined) {
    if (arguments.length === 0) throw new TypeErrorClass("The \"name\" argument must be specified");
    const { first, last } = span(startOrOptions, endMark);
    const given = typeof startOrOptions === "object" ? detail(startOrOptions) : null;
    return keep(fill(new PerformanceMeasure(KEY), toText(name), "measure", first, last - first, given));
  }
  clearMarks(name = undefined) { drop("mark", name); }
  clearMeasures(name = undefined) { drop("measure", name); }
  getEntries() { return select(); }
  getEntriesByType(type) { return select(toText(type)); }
  getEntriesByName(name, type = undefined) { return select(type === undefined ? undefined : toText(type), toText(name)); }
  toJSON() { return { timeOrigin }; }
}
finish(PerformanceEntry, "PerformanceEntry");
finish(PerformanceMark, "PerformanceMark");
finish(PerformanceMeasure, "PerformanceMeasure");
finish(Performance, "Performance");

const shown = (name) => (entry) => {
  const fields = setPrototypeOf({ name: entry.name, entryType: entry.entryType, startTime: entry.startTime, duration: entry.duration }, null);
  fields.detail = detailOf(entry);
  return likeness(name, fields);
};
showInstances(PerformanceMark.prototype, shown("PerformanceMark"));
showInstances(PerformanceMeasure.prototype, shown("PerformanceMeasure"));
showInstances(Performance.prototype, () => likeness("Performance", { __proto__: null, timeOrigin }));

export const performance = new Performance(KEY);
