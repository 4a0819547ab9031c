// Owns the names that this session's cells have declared, and the newest texts; refuses to know values.

const MOST = 20_000;
const declared = new Map();

/** Keeps `names` as newest; the oldest go when there are too many. */
export function remember(names) {
  for (const name of names) {
    declared.delete(name);
    declared.set(name, true);
  }
  for (const name of declared.keys()) {
    if (declared.size <= MOST) break;
    declared.delete(name);
  }
}

export const remembered = () => declared.keys();
export const isRemembered = (name) => declared.has(name);

const MOST_CHARACTERS = 4 * 1024 * 1024;
const sources = [];
let characters = 0;

/** Keeps a cell's text as the newest. */
export function keepSource(source) {
  sources.push(source);
  characters += source.length;
  while (characters > MOST_CHARACTERS && sources.length > 1) characters -= sources.shift().length;
}

/** What `look(source)` finds in the newest text in which it finds something, else null. */
export function findInTexts(look) {
  for (let i = sources.length - 1; i >= 0; i--) {
    const found = look(sources[i]);
    if (found !== null) return found;
  }
  return null;
}
