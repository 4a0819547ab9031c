// Owns reading which columns moved off a source map; refuses to know who moved them.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

/** Shifts (parser/edits.js) from the `mappings` of a source map whose lines are those of its source. */
export function columnsOf(mappings) {
  const shifts = [];
  // Of columns only the generated ones start anew in each line.
  let sourceColumn = 0;
  for (const [index, line] of mappings.split(";").entries()) {
    let column = 0;
    let delta = 0;
    for (const segment of line.split(",")) {
      if (segment === "") continue;
      const [moved, , , from] = numbers(segment);
      column += moved;
      sourceColumn += from;
      if (column - sourceColumn === delta) continue;
      delta = column - sourceColumn;
      shifts.push([index + 1, column + 1, delta]);
    }
  }
  return shifts;
}

// Base 64 with five bits a digit, the sixth for "more follows", the lowest bit of all for the sign.
function numbers(segment) {
  const list = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = VALUES.get(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    list.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return list;
}
