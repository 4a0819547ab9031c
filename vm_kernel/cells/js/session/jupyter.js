// Owns the names under which rich output and comms are reached; refuses to know how any of it works.

import { defineGlobal, SHOW } from "./intrinsics.js";
import { api } from "./comms.js";
import { display } from "./display.js";
import { image } from "./images.js";
import { html, md, svg } from "./markup.js";
import { progress } from "./progress.js";
import { table } from "./tables.js";

const functions = { __proto__: null, display, html, svg, md, image, table, progress };

export function install() {
  const Jupyter = { $display: SHOW, comms: api };
  for (const name in functions) {
    Jupyter[name] = functions[name];
    if (name !== "display") defineGlobal(name, functions[name]);
  }
  defineGlobal("Jupyter", Jupyter);
}
