// Owns how a cell's text becomes a tree and how a syntax error gets its words and place; refuses to change anything.

import { getLineInfo, Parser, tokTypes } from "acorn";

// `await` and `import` may stand at the top of a cell; everything else is a classic script.
const OPTIONS = {
  ecmaVersion: "latest",
  sourceType: "script",
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
  allowReturnOutsideFunction: false,
  allowHashBang: true,
};

// A cell's top level is run inside a block or a function when it has `using`, which a script's top level refuses.
class CellParser extends Parser {
  get allowUsing() {
    return super.allowUsing || this.currentScope() === this.scopeStack[0];
  }
}

// Words of V8's that come from compiling the cell as a function body, or from natives syntax.
const OF_THE_WRAPPER = /^Cannot use '?import|^Single function literal| is not defined$/;

const AsyncFunction = (async () => {}).constructor;

/** The tree of `source`; throws what `describeSyntaxError` understands. `comments` are filled in when given. */
export function parseScript(source, comments) {
  const options = comments ? { ...OPTIONS, onComment: comments } : OPTIONS;
  try {
    return CellParser.parse(source, options);
  } catch (error) {
    // `await` as a plain name, as scripts allow.
    if (error instanceof SyntaxError && source.includes("await")) {
      try {
        return CellParser.parse(source, { ...options, allowAwaitOutsideFunction: false });
      } catch {
        // The first error is the one to tell.
      }
    }
    throw error;
  }
}

/** The one expression that `source` consists of, for `{a: 1}`; null when it is something else; `errors` takes the reason. */
export function parseObject(source, errors = []) {
  const start = firstToken(source);
  if (start === null || source[start] !== "{" || /;\s*$/.test(source)) return null;
  try {
    const expression = CellParser.parseExpressionAt(source, start, OPTIONS);
    const rest = CellParser.tokenizer(source.slice(expression.end), OPTIONS).getToken();
    return rest.type === tokTypes.eof ? expression : null;
  } catch (error) {
    errors.push(error);
    return null;
  }
}

function firstToken(source) {
  try {
    const token = CellParser.tokenizer(source, OPTIONS).getToken();
    return token.type === tokTypes.eof ? null : token.start;
  } catch {
    return null;
  }
}

/** `{list, comments, error}`: the tokens of any text, up to the first that cannot be read; its error then, else null. */
export function tokens(source) {
  const list = [];
  const comments = [];
  try {
    const reader = CellParser.tokenizer(source, { ...OPTIONS, onComment: comments });
    for (let token = reader.getToken(); token.type !== tokTypes.eof; token = reader.getToken()) list.push(token);
  } catch (error) {
    return { list, comments, error };
  }
  joinChain(list, source);
  return { list, comments, error: null };
}

// `?.` at the very end, which might become `?.5` and so is read as two tokens.
function joinChain(list, source) {
  const [mark, dot] = list.slice(-2);
  if (mark?.type !== tokTypes.question || dot?.type !== tokTypes.dot || mark.end !== dot.start || dot.end !== source.length) return;
  list.pop();
  mark.type = tokTypes.questionDot;
  mark.end = dot.end;
}

/** Our own refusal, with the place where the refused text starts. */
export function refuse(message, position) {
  const error = new SyntaxError(message);
  error.pos = position;
  error.refused = true;
  return error;
}

/** `{name, message, line, column, text}` of what a parse threw; line and column count from 1. module: V8 cannot be asked. */
export function describeSyntaxError(error, source, module = false) {
  const name = error instanceof RangeError ? "RangeError" : "SyntaxError";
  const position = Math.min(placeOf(error, source), source.length);
  const message = messageOf(error, source, module);
  const { line, column } = getLineInfo(source, position);
  const start = position - column;
  const text = source.slice(start).split(/\r\n|[\n\r\u2028\u2029]/, 1)[0];
  return { name, message, line, column: column + 1, text: text.slice(0, 1000) };
}

// Of a pattern and a template acorn tells where their text begins, which is behind the mark that opens it.
function placeOf({ pos = 0, message }, source) {
  const opened = /regular expression/i.test(message) ? "/" : message.startsWith("Unterminated template") ? "`" : undefined;
  return opened !== undefined && source[pos - 1] === opened ? pos - 1 : pos;
}

// V8's words are those that people search for; acorn knows the place. Nothing runs: the function is only compiled.
function messageOf(error, source, module) {
  if (/^Not enough stack|call stack/.test(error.message)) return "the cell is nested too deeply to be parsed";
  if (error.refused || !(error instanceof SyntaxError)) return error.message;
  const own = error.message.replace(/ \(\d+:\d+\)$/, "");
  if (own === "'return' outside of function") return "Illegal return statement";
  if (own === "Unterminated template") return "Unterminated template literal";
  const ends = own === "Unexpected token" && error.pos >= source.length;
  try {
    if (!module) new AsyncFunction(source);
  } catch (native) {
    // The wrapper goes on where the text ends.
    if (ends && /^Unexpected /.test(native.message)) return "Unexpected end of input";
    if (native instanceof SyntaxError && !OF_THE_WRAPPER.test(native.message)) return native.message;
  }
  if (ends) return "Unexpected end of input";
  if (own === "Assigning to rvalue") return "Invalid left-hand side in assignment"; // V8 finds that out when it runs
  return own === "Unexpected token" ? `${own} '${/^(\w+|.)/u.exec(source.slice(error.pos, error.pos + 50))?.[0] ?? ""}'` : own;
}
