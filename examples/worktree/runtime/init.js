// Runs once at the start of each session of a template that names it: what it defines is there for all that follows.
globalThis.prices = new Map([["apple", 0.4], ["pear", 0.55], ["plum", 0.25]]);
globalThis.price = (fruit) => {
  if (!prices.has(fruit)) throw new RangeError(`no price for ${fruit}`);
  return prices.get(fruit);
};
console.log(`${prices.size} prices loaded`);
