// Owns the names that this session's cells have declared; refuses to know their values.

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
