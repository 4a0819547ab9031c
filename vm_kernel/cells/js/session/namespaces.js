// Owns how the namespace of a module is shown, its exports by their values; refuses to know how modules run.

import { create, defineProperty, ownKeys, TO_STRING_TAG, uncurry } from "./intrinsics.js";
import { ownProperty } from "./reflection.js";

const entryOf = uncurry(WeakMap.prototype.get), setEntry = uncurry(WeakMap.prototype.set);
const readers = new WeakMap(); // namespace -> what reads an export of it
const likenesses = new WeakMap(); // namespace -> what is shown in its place
const shownFor = new WeakMap(); // the other way round
const UNINITIALIZED = create(null);

/** `read(name)`: an export's value now; it throws for one that has none yet, and runs nothing of the user's. */
export function showNamespace(namespace, read) {
  setEntry(readers, namespace, read);
}

/** Is this what stands for a namespace in front of the inspector? */
export const isLikeness = (value) => entryOf(shownFor, value) !== undefined;

/** As views.js has them, of an object without prototype. */
export function viewOfNamespace(value) {
  if (value === UNINITIALIZED) return () => "<uninitialized>";
  return entryOf(readers, value) === undefined ? undefined : likenessOf;
}

// Always the same object, so that circles are seen, with what the exports are now.
function likenessOf(namespace) {
  let shown = entryOf(likenesses, namespace);
  if (shown === undefined) {
    shown = create(null);
    defineProperty(shown, TO_STRING_TAG, { __proto__: null, value: "Module" });
    setEntry(likenesses, namespace, shown);
    setEntry(shownFor, shown, namespace);
  }
  const keys = ownKeys(namespace);
  for (let i = 0; i < keys.length; i++) {
    if (typeof keys[i] === "symbol") continue;
    const value = valueIn(namespace, keys[i]);
    defineProperty(shown, keys[i], { __proto__: null, value, enumerable: true, configurable: true, writable: true });
  }
  return shown;
}

function valueIn(namespace, name) {
  const found = ownProperty(namespace, name);
  if (found !== undefined && found.get === undefined && found.set === undefined) return found.value;
  try {
    return entryOf(readers, namespace)(name);
  } catch {
    return UNINITIALIZED;
  }
}
