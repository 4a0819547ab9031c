// Owns the TextEncoder and TextDecoder that whatwg-url finds as globals when it is built in; refuses to take the user's.

export { TextDecoder, TextEncoder } from "@exodus/bytes/encoding-lite.js";
