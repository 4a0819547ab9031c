// Owns TextEncoder and TextDecoder as globals; the encodings are @exodus/bytes', the shape of the classes is the standard's.

import { TextDecoder, TextEncoder } from "@exodus/bytes/encoding-lite.js";
import { finish } from "./given.js";

__made.TextDecoder = finish(TextDecoder, "TextDecoder");
__made.TextEncoder = finish(TextEncoder, "TextEncoder");
