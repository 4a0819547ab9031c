// Owns the V8 natives that our closures use; evaluated verbatim before they are switched off, refuses to know why they are needed.
(() => {
  "use strict";
  const natives = {
    __proto__: null,
    checkpoint() { %PerformMicrotaskCheckpoint(); },
    isProxy(value) { return %IsJSProxy(value); },
    proxyTarget(proxy) { return %JSProxyGetTarget(proxy); },
    proxyHandler(proxy) { return %JSProxyGetHandler(proxy); },
  };
  // Compiled now: V8 compiles at the first call, and then the syntax will be gone.
  const proxy = new Proxy({}, {});
  for (const name in natives) natives[name](proxy);
  return natives;
})()
