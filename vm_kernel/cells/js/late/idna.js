// Owns tr46 as a late script; refuses to change it.

import { toASCII, toUnicode } from "tr46";

__made.toASCII = toASCII;
__made.toUnicode = toUnicode;
