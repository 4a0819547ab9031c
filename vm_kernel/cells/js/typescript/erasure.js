// Owns the way from tokens to JavaScript, on what sucrase has for it; refuses to know which syntax a text is tried in.

import { HelperManager } from "sucrase/dist/esm/HelperManager.js";
import NameManager from "sucrase/dist/esm/NameManager.js";
import { TokenType as types } from "sucrase/dist/esm/parser/tokenizer/types.js";
import TokenProcessor from "sucrase/dist/esm/TokenProcessor.js";
import RootTransformer from "sucrase/dist/esm/transformers/RootTransformer.js";
import TypeScriptTransformer from "sucrase/dist/esm/transformers/TypeScriptTransformer.js";
import { shiftsOf } from "./columns.js";
import { endings } from "./endings.js";
import { refuse } from "./refusals.js";

const OPTIONS = {
  disableESTransforms: true,
  // An import that only a later cell uses would vanish.
  keepUnusedImports: true,
  // Without the names of files and the places of elements in what an element is called with.
  production: true,
};

/** `{code, shifts}` (parser/edits.js) of a parsed text; throws a SyntaxError with `pos`. */
export function erase(source, parsed, jsx) {
  const tokens = jsx ? joinNames(parsed.tokens) : parsed.tokens;
  const names = new NameManager(source, tokens);
  const helpers = new HelperManager(names);
  const reader = new Reader(source, tokens, helpers);
  const context = { tokenProcessor: reader, nameManager: names, helperManager: helpers, importProcessor: null };
  const options = { ...OPTIONS, transforms: jsx ? ["typescript", "jsx"] : ["typescript"], ...pragmas(source, tokens) };
  let result;
  try {
    const root = new RootTransformer(context, options.transforms, false, options);
    root.transformers = root.transformers.map((each) => (each instanceof TypeScriptTransformer ? new Types(root, reader) : each));
    result = root.transform();
  } catch (error) {
    // The stack's end is told as such; all else in its own words, where it stood.
    if (error instanceof SyntaxError || /call stack/.test(error.message)) throw error;
    refuse(error.message.replace(/\.$/, ""), tokens[Math.min(reader.currentIndex(), tokens.length - 1)]);
  }
  return { code: result.code, shifts: shiftsOf(source, tokens, result.code, result.mappings) };
}

// `xlink:href` as the one name that it is.
function joinNames(tokens) {
  const joined = [];
  for (const token of tokens) {
    const colon = joined.at(-1), first = joined.at(-2);
    if (colon?.type === types.colon && first.type === types.jsxName && first.end === colon.start && colon.end === token.start) {
      joined.pop();
      first.end = token.end;
    } else joined.push(token);
  }
  return joined;
}

// Of comments alone: no string and no text of an element names what makes elements.
function pragmas(source, tokens) {
  let comments = "";
  if (source.includes("@jsx")) {
    for (let at = 0, end = 0; at < tokens.length; end = tokens[at++].end) comments += source.slice(end, tokens[at].start) + "\n";
  }
  return { jsxPragma: /@jsx\s+([\w$.]+)/.exec(comments)?.[1] ?? "h", jsxFragmentPragma: /@jsxFrag\s+([\w$.]+)/.exec(comments)?.[1] ?? "Fragment" };
}

class Reader extends TokenProcessor {
  #marks;

  constructor(source, tokens, helpers) {
    super(source, tokens, false, true, helpers);
    this.#marks = endings(source, tokens, refuse);
  }

  copyToken() {
    const { type, start, end } = this.currentToken();
    const name = type === types.jsxName ? this.code.slice(start, end) : "";
    if (name.includes(":")) this.replaceToken(`'${name}'`);
    else super.copyToken();
  }

  replaceToken(text) {
    super.replaceToken((this.#marks.get(this.currentIndex()) ?? "") + text);
  }

  replaceTokenTrimmingLeftWhitespace(text) {
    super.replaceTokenTrimmingLeftWhitespace((this.#marks.get(this.currentIndex()) ?? "") + text);
  }
}

// A name's first enum of a block, or of the top, is a new one, whatever had that name; the next ones add to it.
class Types extends TypeScriptTransformer {
  #again;

  constructor(root, reader) {
    super(root, reader, false);
    this.#again = enums(reader);
  }

  processEnum(exported = false) {
    const { tokens } = this;
    tokens.removeInitialToken();
    while (tokens.matches1(types._const) || tokens.matches1(types._enum)) tokens.removeToken();
    const place = this.#again.get(tokens.currentIndex());
    const name = tokens.identifierName();
    tokens.removeToken();
    const declared = place.again ? "" : `${exported ? "export " : ""}${place.inside ? "let" : "var"} ${name}; `;
    tokens.appendCode(`${declared}(function (${name})`);
    tokens.copyExpectedToken(types.braceL);
    this.processEnumBody(name);
    tokens.copyExpectedToken(types.braceR);
    tokens.appendCode(place.again ? `)(${name});` : `)(${name} = {});`);
  }
}

// By the index of its name, of each enum: whether it is in a block, and whether it is another of a name there.
function enums({ code, tokens }) {
  const found = new Map();
  const blocks = [new Set()];
  for (let at = 0; at < tokens.length; at++) {
    const { type, isType } = tokens[at];
    if (isType) continue;
    if (type === types.braceL || type === types.dollarBraceL) blocks.push(new Set());
    else if (type === types.braceR) blocks.pop();
    else if (type === types._enum) {
      const { start, end } = tokens[at + 1];
      const name = code.slice(start, end);
      found.set(at + 1, { inside: blocks.length > 1, again: blocks.at(-1).has(name) });
      blocks.at(-1).add(name);
    }
  }
  return found;
}
