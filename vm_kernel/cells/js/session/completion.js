// Owns what can follow a name in the live session; refuses to run getters, proxy traps and user code.
//
// Targets come from the parser (parser/target.js), with `cursor_start` and `cursor_end` in code points.

import { arrayPush, arraySort, bareList, charCodeAt, create, getOwnPropertyDescriptor, getPrototypeOf, globalObject, isArray, natives,
  ObjectPrototype, ownKeys, quote, regExpExec, setAdd, SetClass, setHas, stringSlice, stringStartsWith, stringToLowerCase, uncurry }
  from "./intrinsics.js";
import { typedArrayTag } from "./brands.js";
import { isClass, parameters } from "./functions.js";
import { isWaiting } from "./late.js";
import { guessed, holder, INDEX, NAME, resolve } from "./members.js";
import { isOwn } from "./own.js";
import { ownProperty } from "./reflection.js";

const MOST_MATCHES = 1000, MOST_SIGNATURES = 200, LONGEST_SIGNATURE = 200, LONGEST_CHAIN = 100, LONGEST_MATCH = 500;
const CAPITAL = /^[A-Z]/;

/** JSON content of a complete reply, nearest members first; `cursor_start` and `cursor_end` are the target's. */
export function complete(target) {
  const matches = bareList();
  try {
    collect(target, matches);
  } catch {
    // The stack was full: what was found so far.
  }
  const { cursor_start: start, cursor_end: end } = target;
  let texts = "", types = "";
  for (let i = 0; i < matches.length; i++) {
    const { text: key, type, found } = matches[i];
    const text = quote(target.quote ? escaped(key, target.quote) : key), comma = i > 0 ? "," : "";
    const signature = i < MOST_SIGNATURES ? signatureOf(found) : "";
    texts += comma + text;
    types += `${comma}{"start":${start},"end":${end},"text":${text},"type":"${type}"${signature}}`;
  }
  return `{"matches":[${texts}],"cursor_start":${start},"cursor_end":${end},"metadata":{"_jupyter_types_experimental":[${types}]}}`;
}

function signatureOf(found) {
  if (found === undefined || typeof found.value !== "function") return "";
  const text = parameters(found.value);
  return text === "" ? "" : `,"signature":${quote(text.length > LONGEST_SIGNATURE ? stringSlice(text, 0, LONGEST_SIGNATURE) + "\u2026" : text)}`;
}

function collect(target, matches) {
  const { path, prefix, names, guess } = target;
  const offer = offering(matches);
  if (path === null) {
    offerNames(names, "magic", offer);
  } else if (path.length === 0) {
    offerNames(names, "variable", offer);
    offerGlobals(prefix, offer);
    offerNames(names, "keyword", offer);
  } else {
    const whole = guessed(path, guess);
    if (whole !== path && path.length === 1) {
      for (let i = 0; i < guess.keys.length; i++) if (stringStartsWith(guess.keys[i], prefix)) offer(guess.keys[i], "property");
    }
    offerMembers(holder(resolve(whole)), prefix, target.quote, offer);
  }
}

// Each text once, and only so many.
function offering(matches) {
  const seen = new SetClass();
  return (text, type, found) => {
    if (matches.length >= MOST_MATCHES || text.length > LONGEST_MATCH || setHas(seen, text)) return;
    setAdd(seen, text);
    arrayPush(matches, { __proto__: null, text, type, found });
  };
}

// What the parser read off this very text, and the words of the language; of a name that is there already its type.
function offerNames(names, type, offer) {
  if (names === undefined) return;
  for (let i = 0; i < names.length; i++) {
    if (names[i].type !== type) continue;
    const found = type === "variable" ? ownProperty(globalObject, names[i].text) : undefined;
    offer(names[i].text, found === undefined ? type : typeOf(found, false), found);
  }
}

// The user's own first. What the global object inherits is left out: `hasOwnProperty` as a name of its own is noise.
function offerGlobals(prefix, offer) {
  const own = bareList(), others = bareList(), all = membersOf(globalObject, prefix, false);
  for (let i = 0; i < all.length; i++) {
    // Ours, not for people: hooks such as the one that `import` becomes.
    if (stringStartsWith(all[i].text, "__") && prefix === "") continue;
    arrayPush(isOwn(all[i].text, all[i].found) ? own : others, all[i]);
  }
  for (let i = 0; i < own.length; i++) offer(own[i].text, typeOf(own[i].found, false), own[i].found);
  for (let i = 0; i < others.length; i++) offer(others[i].text, globalType(others[i]), others[i].found);
}

function globalType({ text, found }) {
  return isWaiting(text, found) ? (regExpExec(CAPITAL, text) === null ? "variable" : "class") : typeOf(found, false);
}

function offerMembers(start, prefix, mark, offer) {
  for (let at = start, i = 0; at !== null && i < LONGEST_CHAIN && !natives.isProxy(at); at = getPrototypeOf(at), i++) {
    const level = membersOf(at, prefix, mark);
    for (let k = 0; k < level.length; k++) {
      // Every object has `__defineGetter__` and its like.
      if (at === ObjectPrototype && stringStartsWith(level[k].text, "__") && !stringStartsWith(prefix, "__")) continue;
      offer(level[k].text, typeOf(level[k].found, true), level[k].found);
    }
  }
}

// The names of a long list would be a million indices, which are no matches.
const LONG = 100_000, NAMES_OF_LISTS = ["length"];
const typedLength = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), "length").get);

function namesOf(object) {
  const long = isArray(object) ? object.length > LONG : typedArrayTag(object) !== undefined && typedLength(object) > LONG;
  return long ? NAMES_OF_LISTS : ownKeys(object);
}

// Own names with the prefix, in the order of the alphabet, those with an underscore last.
function membersOf(object, prefix, mark) {
  const level = bareList(), keys = namesOf(object);
  for (let k = 0; k < keys.length; k++) {
    const text = keys[k];
    if (typeof text !== "string" || !stringStartsWith(text, prefix)) continue;
    // Behind a dot only names can stand; the indices of a list are noise anywhere.
    if (mark ? regExpExec(INDEX, text) !== null : regExpExec(NAME, text) === null) continue;
    const match = create(null);
    match.text = text;
    match.found = ownProperty(object, text);
    match.order = (charCodeAt(text, 0) === 95 ? "1" : "0") + stringToLowerCase(text);
    arrayPush(level, match);
  }
  return arraySort(level, (a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : a.text < b.text ? -1 : 1));
}

function typeOf(found, member) {
  if (found === undefined || found.get !== undefined || found.set !== undefined) return "property";
  if (typeof found.value !== "function") return member ? "property" : "variable";
  if (isClass(found.value)) return "class";
  return member ? "method" : "function";
}

// As it has to stand between the quotes.
function escaped(text, mark) {
  const json = quote(text);
  let done = "";
  for (let i = 1; i < json.length - 1; i++) {
    if (json[i] === "\\" && json[i + 1] === '"') done += mark === '"' ? '\\"' : '"';
    else if (json[i] === "\\") done += json[i] + json[i + 1];
    else done += json[i] === mark ? "\\" + mark : json[i];
    if (json[i] === "\\") i++;
  }
  return done;
}
