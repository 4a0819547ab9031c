"use strict";
// Owns the entry of the script that the parser's context loads at the first TypeScript cell; refuses to be there before.

import { strip } from "./strip.js";

globalThis.__strip = strip;
