// Run with `exec run-file`: adds up a basket from __ARGS__ with the prices that runtime/init.js has loaded.
const basket = __ARGS__.basket ?? { apple: 2 };
let total = 0;
for (const [fruit, count] of Object.entries(basket)) {
  const cost = count * price(fruit);
  console.log(`${count} x ${fruit}`, cost.toFixed(2));
  total += cost;
}
({ total: Number(total.toFixed(2)) });
