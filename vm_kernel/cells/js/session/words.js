// Owns a line on each of the built-ins that people use most; refuses to be a reference.

import { create, globalObject, MapClass, mapGet, mapSet, stringIndexOf, stringSlice } from "./intrinsics.js";
import { dataValue } from "./reflection.js";
import { linesOf } from "./text.js";

// Path, parameters, what it does.
const TEXT = `Math.abs(x) the number without its sign
Math.ceil(x) the next whole number that is not smaller
Math.floor(x) the next whole number that is not larger
Math.round(x) the nearest whole number; halves go up
Math.trunc(x) the whole part
Math.sign(x) -1, 0 or 1
Math.sqrt(x) the square root
Math.cbrt(x) the cube root
Math.pow(base, exponent) as base ** exponent
Math.exp(x) e to the power of x
Math.log(x) the natural logarithm
Math.log2(x) the logarithm to the base 2
Math.log10(x) the logarithm to the base 10
Math.max(...values) the largest of the numbers; -Infinity of none
Math.min(...values) the smallest of the numbers; Infinity of none
Math.random() a number from 0 up to, but not, 1
Math.hypot(...values) the square root of the sum of squares
Math.sin(x) the sine of an angle in radians
Math.cos(x) the cosine of an angle in radians
Math.tan(x) the tangent of an angle in radians
Math.atan2(y, x) the angle of the point (x, y), in radians
JSON.parse(text, reviver?) the value that JSON text stands for
JSON.stringify(value, replacer?, space?) the value as JSON text; undefined where it has no such form
Object.keys(object) the names of its own enumerable properties
Object.values(object) the values of its own enumerable properties
Object.entries(object) [name, value] of each own enumerable property
Object.assign(target, ...sources) copies own enumerable properties into target and returns it
Object.freeze(object) makes its properties unchangeable and returns it
Object.fromEntries(entries) an object of [name, value] pairs
Object.create(prototype, properties?) a new object with that prototype
Object.groupBy(items, keyOf) an object of lists, by what keyOf(item, index) returns
Array.from(items, map?) a list of anything that can be iterated or has a length
Array.isArray(value) whether it is a list
Array.of(...items) a list of its arguments
Array.prototype.at(index) the item there; a negative index counts from the end
Array.prototype.concat(...items) a new list with the items, or those of lists, behind its own
Array.prototype.every(test) whether test(item, index) holds for each
Array.prototype.fill(value, start?, end?) puts the value into each place and returns the list
Array.prototype.filter(test) a new list of those for which test(item, index) holds
Array.prototype.find(test) the first for which test(item, index) holds
Array.prototype.findIndex(test) the index of the first for which test(item, index) holds, or -1
Array.prototype.findLast(test) the last for which test(item, index) holds
Array.prototype.flat(depth = 1) a new list with the items of lists in their place
Array.prototype.flatMap(map) map, then flat
Array.prototype.forEach(callback) calls callback(item, index, list) for each
Array.prototype.includes(item, from?) whether it is in the list
Array.prototype.indexOf(item, from?) the index of the first that is the same, or -1
Array.prototype.join(separator = ",") the items as one text
Array.prototype.map(callback) a new list of what callback(item, index, list) returns
Array.prototype.pop() takes the last item away and returns it
Array.prototype.push(...items) puts items at the end; returns the new length
Array.prototype.reduce(callback, initial?) callback(result, item, index) over all, from the first
Array.prototype.reverse() turns the list itself around
Array.prototype.shift() takes the first item away and returns it
Array.prototype.slice(start?, end?) a new list of a part
Array.prototype.some(test) whether test(item, index) holds for one
Array.prototype.sort(compare?) sorts the list itself, as text without compare(a, b)
Array.prototype.splice(start, count?, ...items) takes items out, puts others in; returns those taken out
Array.prototype.toSorted(compare?) a new list, sorted
Array.prototype.toReversed() a new list, turned around
Array.prototype.unshift(...items) puts items at the front; returns the new length
Array.prototype.with(index, value) a new list with another item there
String.prototype.at(index) the character there; a negative index counts from the end
String.prototype.codePointAt(index) the code point there
String.prototype.endsWith(text, end?) whether it ends so
String.prototype.includes(text, from?) whether the text is in it
String.prototype.indexOf(text, from?) where the text is first, or -1
String.prototype.match(pattern) what the pattern finds first, or with the flag g all of it
String.prototype.matchAll(pattern) an iterator of all that the pattern finds
String.prototype.padEnd(length, fill = " ") filled at the end
String.prototype.padStart(length, fill = " ") filled at the beginning
String.prototype.repeat(count) so many times
String.prototype.replace(pattern, by) with the first found, or with the flag g each, replaced
String.prototype.replaceAll(pattern, by) with each found replaced
String.prototype.slice(start?, end?) a part; negative places count from the end
String.prototype.split(separator, limit?) the parts between separators, as a list
String.prototype.startsWith(text, from?) whether it begins so
String.prototype.toLowerCase() in small letters
String.prototype.toUpperCase() in capital letters
String.prototype.trim() without blanks at both ends
Number.prototype.toFixed(digits = 0) as text with so many digits behind the point
Number.prototype.toLocaleString(locales?, options?) as people of a language write it
Number.isInteger(value) whether it is a whole number
Number.isNaN(value) whether it is NaN
parseFloat(text) the number that the text begins with
parseInt(text, radix?) the whole number that the text begins with
isNaN(value) whether it becomes NaN as a number
Promise.all(promises) fulfilled with all values, or rejected with the first reason
Promise.allSettled(promises) fulfilled with the end of each
Promise.any(promises) fulfilled with the first value
Promise.race(promises) settled as the first that settles
Promise.resolve(value) a promise of the value
Promise.reject(reason) a promise that is rejected
Promise.withResolvers() {promise, resolve, reject}
Promise.prototype.then(fulfilled?, rejected?) a promise of what the callback returns
Promise.prototype.catch(rejected) then(undefined, rejected)
Promise.prototype.finally(callback) the same promise, after the callback
Map(entries?) keys of any kind with values, in the order of their coming
Map.prototype.get(key) the value, or undefined
Map.prototype.set(key, value) keeps the value and returns the map
Map.prototype.has(key) whether there is such a key
Map.prototype.delete(key) takes it away; whether it was there
Set(items?) different items, in the order of their coming
Set.prototype.add(item) keeps the item and returns the set
Set.prototype.has(item) whether it is there
Set.prototype.union(other) a new set of the items of both
Set.prototype.intersection(other) a new set of the items that both have
Set.prototype.difference(other) a new set of the items that other has not
Date(value?) a moment; now without a value
Date.now() milliseconds since 1970
Date.prototype.toISOString() as 2026-02-08T10:43:00.000Z
RegExp(pattern, flags?) a pattern for texts
RegExp.prototype.test(text) whether it finds something
RegExp.prototype.exec(text) what it finds, or null
Symbol(description?) a new symbol
Symbol.for(key) the symbol of that key, the same each time
Error(message?, {cause}?) an error
Proxy(target, handler) an object whose handler answers for it
WeakMap(entries?) values for objects that it does not keep alive
WeakRef(object) a reference that does not keep the object alive
BigInt(value) a whole number of any size
encodeURIComponent(text) as a part of an address
decodeURIComponent(text) a part of an address as text
display(value, {raw, update, display_id, metadata}?) shows a value below the cell; gives a handle to update it
clearOutput({wait}?) clears the cell's output
html(text) markup to be shown; as a tag, what is inserted is escaped
svg(text) an SVG picture to be shown; as a tag, what is inserted is escaped
md(text) Markdown to be shown
image(bytes, {width, height}?) a PNG, JPEG, GIF or WebP picture
table(rows, columns?) a list of objects or of lists as a table
progress(iterable, {label, total}?) the same iterable with a bar that moves
prompt(text?, fallback?) asks for a line of text
confirm(text?) asks for yes or no
password(text?) asks for a line that is not shown
alert(text?) prints the text
require(specifier) what a CommonJS module or JSON file of the worktree holds
setTimeout(callback, ms?, ...values) calls callback(...values) once, later
setInterval(callback, ms?, ...values) calls callback(...values) again and again
setImmediate(callback, ...values) calls callback(...values) as soon as possible
clearTimeout(timer) takes back a setTimeout
clearInterval(timer) ends a setInterval
clearImmediate(timer) takes back a setImmediate
queueMicrotask(callback) calls callback() before anything else that waits
console.log(...values) prints the values, the first of them with %s, %d and the like
console.info(...values) prints the values
console.debug(...values) prints the values
console.warn(...values) prints the values on standard error
console.error(...values) prints the values on standard error
console.dir(value, options?) prints a value as it is shown in depth
console.table(rows, columns?) prints rows as a table
console.time(label?) starts a clock
console.timeLog(label?, ...values) prints what the clock says
console.timeEnd(label?) prints what the clock says and ends it
console.assert(condition, ...values) prints the values where the condition is false
console.count(label?) prints how often it was called
console.countReset(label?) begins to count anew
console.group(...label) indents what is printed from here on
console.groupEnd() ends a group
console.trace(...values) prints where the call stands
Jupyter.comms.open(target, data?, {metadata, buffers}?) opens a comm to the front end
Jupyter.comms.register(target, handler) handler(comm, message) takes the comms that a front end opens
Jupyter.comms.unregister(target) takes no more of them
Reflect.ownKeys(object) names and symbols of all its own properties`;

let known = null;

/** `{parameters, words}` on a built-in function; undefined for those that have none. */
export function wordsOn(value) {
  if (known === null) read();
  return mapGet(known, value);
}

function read() {
  known = new MapClass();
  const lines = linesOf(TEXT);
  for (let i = 0; i < lines.length; i++) {
    const open = stringIndexOf(lines[i], "("), close = stringIndexOf(lines[i], ") ");
    const entry = create(null);
    entry.parameters = stringSlice(lines[i], open, close + 1);
    entry.words = stringSlice(lines[i], close + 2);
    const value = lookUp(stringSlice(lines[i], 0, open));
    if (typeof value === "function") mapSet(known, value, entry);
  }
}

function lookUp(path) {
  let value = globalObject, from = 0;
  while (from <= path.length && (typeof value === "object" || typeof value === "function") && value !== null) {
    const dot = stringIndexOf(path, ".", from), end = dot < 0 ? path.length : dot;
    value = dataValue(value, stringSlice(path, from, end));
    from = end + 1;
  }
  return value;
}
