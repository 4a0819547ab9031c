// Owns the numbers of record kinds and operations (agreed with engine/records.py and engine/child.py); refuses to act on them.

export const LEVELS = { __proto__: null, log: 1, info: 2, debug: 3, warn: 4, error: 5, trace: 6, dir: 7, table: 8, system: 9 };
export const DISPLAY = 32, CLEAR = 33, ASK = 34, OUTCOME = 35, TEXT = 36, ANSWER = 37, COMM = 38, FETCH = 39;
export const RUN = 1, TICK = 2, ABANDON = 3, COMPLETE = 4, INSPECT = 5, HEAR = 7;
