// Owns making JavaScript of TypeScript and JSX with every line kept; refuses to check types and to know what a cell is.

import { transform } from "sucrase";
import { columnsOf } from "./columns.js";
import { refuseWhatIsDropped } from "./refusals.js";

const OPTIONS = {
  disableESTransforms: true,
  // An import that only a later cell uses would vanish.
  keepUnusedImports: true,
  // Without the names of files and the places of elements in what an element is called with.
  production: true,
  sourceMapOptions: { compiledFilename: "cell" },
  filePath: "cell",
};
const PRAGMA = /@jsx\s+([\w$.]+)/;
const FRAGMENT = /@jsxFrag\s+([\w$.]+)/;

/**
 * `{code, shifts}`; shifts as in parser/edits.js. Throws a SyntaxError with `pos`.
 * Elements become calls of `h`, or of what a comment `@jsx name` names.
 */
export function strip(source) {
  const options = { ...OPTIONS, jsxPragma: PRAGMA.exec(source)?.[1] ?? "h", jsxFragmentPragma: FRAGMENT.exec(source)?.[1] ?? "Fragment" };
  let failed;
  for (const attempt of [withJsx, withoutJsx, asObject]) {
    try {
      const stripped = attempt(source, options);
      if (stripped) return stripped;
    } catch (error) {
      if (!(error instanceof SyntaxError) || error.refused) throw error;
      failed ??= error;
    }
  }
  failed.message = failed.message.replace(/^Error transforming cell: /, "").replace(/ \(\d+:\d+\)$/, "");
  throw failed;
}

function withJsx(source, options) {
  const { code, sourceMap } = transform(source, { ...options, transforms: ["typescript", "jsx"] });
  refuseWhatIsDropped(source, true);
  return { code, shifts: columnsOf(sourceMap.mappings) };
}

// Only so is `<T>value` a type in front of a value.
function withoutJsx(source, options) {
  const { code, sourceMap } = transform(source, { ...options, transforms: ["typescript"] });
  refuseWhatIsDropped(source, false);
  return { code, shifts: columnsOf(sourceMap.mappings) };
}

// `{a: 1 as number, b: 2}`, which is an object only where an expression is wanted.
function asObject(source, options) {
  if (!/^\s*\{/.test(source) || /;\s*$/.test(source)) return null;
  const { code, shifts } = withJsx(`(${source}\n)`, options);
  const own = shifts.map(([line, column, delta]) => [line, line === 1 ? column - 1 : column, delta]);
  return { code: code.slice(1, -2), shifts: own };
}
