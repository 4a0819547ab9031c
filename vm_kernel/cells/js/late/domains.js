// Owns domain names for whatwg-url in place of tr46: plain ASCII here, all others by tr46 itself, a late script of its own
// because its tables are five times the rest; refuses to know URLs.

import { load } from "./given.js";

const PLAIN = /^[\x00-\x7f]*$/;
const PUNYCODE = /(^|\.)xn--/i;

/** What tr46 says: the name in its ASCII form, null where it has none. */
export function toASCII(domain, options) {
  // Of ASCII without punycode nothing is left to check: whatwg-url refuses forbidden characters itself, and the lengths of
  // labels only where it is strict.
  if (PLAIN.test(domain) && !PUNYCODE.test(domain) && !options.verifyDNSLength) return domain.toLowerCase();
  return load("idna.js").toASCII(domain, options);
}

export function toUnicode(domain, options) {
  return load("idna.js").toUnicode(domain, options);
}
