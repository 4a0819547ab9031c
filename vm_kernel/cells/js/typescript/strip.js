// Owns in which syntax a text of TypeScript and JSX is read, lines kept; refuses to check types and to know what a cell is.

import { erase } from "./erasure.js";
import { further, parseTypes } from "./failures.js";
import { refuseOtherTags, refuseWhatIsDropped } from "./refusals.js";

/**
 * `{code, shifts}`; shifts as in parser/edits.js. Throws a SyntaxError with `pos`.
 * Elements become calls of `h`, or of what a comment `@jsx name` names.
 */
export function strip(source) {
  let failed = null;
  for (const attempt of [withJsx, withoutJsx, asObject]) {
    try {
      const stripped = attempt(source);
      if (stripped) return stripped;
    } catch (error) {
      if (!(error instanceof SyntaxError) || error.refused) throw error;
      failed = failed ? further(failed, error) : error;
    }
  }
  throw failed;
}

const withJsx = (source) => read(source, true);

// Only so is `<T>value` a type in front of a value.
const withoutJsx = (source) => read(source, false);

function read(source, jsx) {
  const parsed = parseTypes(source, jsx);
  refuseWhatIsDropped(source, parsed);
  if (jsx) refuseOtherTags(source, parsed);
  return erase(source, parsed, jsx);
}

// `{a: 1 as number, b: 2}`, which is an object only where an expression is wanted.
function asObject(source) {
  if (!/^\s*\{/.test(source) || /;\s*$/.test(source)) return null;
  let wrapped;
  try {
    wrapped = withJsx(`(${source}\n)`);
  } catch (error) {
    if (error instanceof SyntaxError) error.pos = Math.min(error.pos - 1, source.length);
    throw error;
  }
  const { code, shifts } = wrapped;
  const own = shifts.map(([line, column, delta]) => [line, line === 1 ? column - 1 : column, delta]);
  return { code: code.slice(1, -2), shifts: own };
}
