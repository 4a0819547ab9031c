// Owns how many columns a text takes in a fixed-width font; refuses to lay anything out.

import { inspect } from "./inspector.js"; // loaded first, in the order that it needs
import inspection from "node-inspect-extracted";

void inspect;

/** Columns of `text`: wide characters count two, combining ones none (Node's own rule, which has no named export). */
export const displayWidth = inspection.getStringWidth;
