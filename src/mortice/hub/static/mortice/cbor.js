// Deterministic CBOR, one value and one encoding, both ways (spec/encoding.md, section 1).
//
//   encode(value) → Uint8Array                        throws TypeError for what has no encoding
//   decode(bytes, {maxBytes, maxDepth}) → value       throws Malformed (E1 to E9)
//   fields([[key, value], …]) → Map                   leaves out what is undefined or null
//   Fields                                            takes a decoded map or array apart
//   same, compare, areDifferent, concat, hex, unhex, utf8                  bytes
//
// Integers are numbers where those are exact, and BigInt beyond; bytes are Uint8Array; a map is a
// Map with integers or text for keys; array, text, true, false and null are themselves.

import { Malformed } from "./errors.js";

export const MAX_BYTES = 16384;
export const TIME_MAX = 2 ** 37;
const WIDTHS = [1, 2, 4, 8];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// --- bytes ----------------------------------------------------------------------------------

export const utf8 = (text) => encoder.encode(text);
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** −1, 0 or 1, as bytes stand in a dictionary. */
export function compare(a, b) {
  for (let at = 0; at < a.length && at < b.length; at += 1) {
    if (a[at] !== b[at]) return a[at] < b[at] ? -1 : 1;
  }
  return Math.sign(a.length - b.length);
}

export const same = (a, b) => compare(a, b) === 0;

/** Bytes, and `length` of them if a length is asked for. */
export const isBytes = (value, length) =>
  value instanceof Uint8Array && (length === undefined || value.length === length);

/** Whether no two of these byte strings are equal. */
export const areDifferent = (ids) => new Set(ids.map(hex)).size === ids.length;

// --- encoding -------------------------------------------------------------------------------

function head(major, argument) {
  const number = BigInt(argument);
  if (number >> 64n) throw new TypeError("integers from -2^64 to 2^64 - 1 have an encoding, and no others");
  if (number < 24n) return Uint8Array.of((major << 5) | Number(number));
  const width = WIDTHS.findIndex((size) => number >> BigInt(8 * size) === 0n);
  const made = [(major << 5) | (24 + width)];
  for (let shift = 8 * (WIDTHS[width] - 1); shift >= 0; shift -= 8) {
    made.push(Number((number >> BigInt(shift)) & 255n));
  }
  return Uint8Array.from(made);
}

function encodeInteger(value) {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new TypeError(`${value} has no encoding: it is no exact integer`);
  }
  const number = BigInt(value);
  return number < 0n ? head(1, -1n - number) : head(0, number);
}

function encodeText(value) {
  if (!value.isWellFormed()) throw new TypeError("text with half a surrogate pair has no encoding");
  const raw = utf8(value);
  return concat(head(3, raw.length), raw);
}

function encodeMap(value) {
  const pairs = [...value].map(([key, item]) => {
    if (typeof key === "boolean" || typeof key === "object") throw new TypeError("a map key is an integer or text");
    return [encode(key), encode(item)];
  });
  pairs.sort(([a], [b]) => compare(a, b));
  if (pairs.some(([key], at) => at && same(key, pairs[at - 1][0]))) throw new TypeError("a map has a key twice");
  return concat(head(5, pairs.length), ...pairs.flat());
}

/** The one encoding of `value`. */
export function encode(value) {
  if (value === false || value === true) return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "number" || typeof value === "bigint") return encodeInteger(value);
  if (typeof value === "string") return encodeText(value);
  if (value instanceof Uint8Array) return concat(head(2, value.length), value);
  if (Array.isArray(value)) return concat(head(4, value.length), ...value.map(encode));
  if (value instanceof Map) return encodeMap(value);
  throw new TypeError(`${typeof value} has no encoding here`);
}

/** A map of what is there: absent fields are left out, because null does not stand for absence. */
export const fields = (pairs) =>
  new Map(pairs.filter(([, value]) => value !== undefined && value !== null));

// --- decoding -------------------------------------------------------------------------------

const CONSTANTS = { 0xf4: false, 0xf5: true, 0xf6: null };
const cut = () => new Malformed("E2");

class Reader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  take(length) {
    if (length > this.data.length - this.at) throw cut();
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  argument(first) {
    const low = first & 31;
    if (low < 24) return low;
    if (low === 31) throw new Malformed("E5");
    if (low > 27) throw new Malformed("E6");
    const size = WIDTHS[low - 24];
    const number = this.take(size).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    if (number < 24n || (size > 1 && number >> BigInt(4 * size) === 0n)) {
      throw new Malformed("E4");
    }
    return number <= Number.MAX_SAFE_INTEGER ? Number(number) : number;
  }

  item(room, isKey = false) {
    const [first] = this.take(1);
    const major = first >> 5;
    if (isKey && ![0, 1, 3].includes(major)) throw new Malformed("E9");
    if (first in CONSTANTS) return CONSTANTS[first];
    if (major > 5) throw new Malformed("E6");
    const argument = this.argument(first);
    if (major === 0) return argument;
    if (major === 1) return negative(argument);
    if (major === 2) return this.take(argument).slice();
    if (major === 3) return this.text(argument);
    if (!room) throw new Malformed("E8");
    // Each item takes a byte at least: a count beyond the bytes left is refused before any is made.
    if (argument > (this.data.length - this.at) / (major - 3)) throw cut();
    return major === 4 ? Array.from({ length: argument }, () => this.item(room - 1)) : this.map(argument, room);
  }

  text(length) {
    const raw = this.take(length);
    try {
      return decoder.decode(raw);
    } catch {
      throw new Malformed("E9");
    }
  }

  map(count, room) {
    const found = new Map();
    let previous = new Uint8Array();
    for (let pair = 0; pair < count; pair += 1) {
      const start = this.at;
      const key = this.item(0, true);
      const encoded = this.data.subarray(start, this.at);
      if (compare(encoded, previous) <= 0) {
        throw new Malformed("E7");
      }
      previous = encoded;
      found.set(key, this.item(room - 1));
    }
    return found;
  }
}

function negative(argument) {
  const number = -1n - BigInt(argument);
  return number >= Number.MIN_SAFE_INTEGER ? Number(number) : number;
}

/** The value that `data` encodes, if it is exactly one deterministically encoded item. */
export function decode(data, { maxBytes = MAX_BYTES, maxDepth = 8 } = {}) {
  if (data.length > maxBytes) throw new Malformed("E1");
  const reader = new Reader(data);
  const value = reader.item(maxDepth);
  if (reader.at !== data.length) throw new Malformed("E3");
  return value;
}

// --- taking a map apart ---------------------------------------------------------------------

/**
 * The fields of a map, or the items of an array by their place: each is taken with its bounds, and
 * `done` refuses what nobody took, because what is not understood may be a restriction. With a
 * default, a field may be absent.
 */
export class Fields {
  constructor(value, check) {
    this.check = check;
    this.need(value instanceof Map);
    this.left = new Map(value);
  }

  static listed(value, low, high, check) {
    if (!Array.isArray(value) || value.length < low || value.length > high) throw new Malformed(check);
    return new Fields(new Map(value.entries()), check);
  }

  need(holds) {
    if (!holds) throw new Malformed(this.check);
  }

  take(key, holds, absent) {
    if (!this.left.has(key) && absent !== undefined) return absent;
    const value = this.left.get(key);
    this.need(this.left.delete(key) && holds(value));
    return value;
  }

  int(key, low, high, absent) {
    return this.take(key, (value) => Number.isInteger(value) && value >= low && value <= high, absent);
  }

  bytes(key, low, high = low, absent = undefined) {
    return this.take(key, (value) => isBytes(value) && value.length >= low && value.length <= high, absent);
  }

  text(key, most, absent) {
    return this.take(key, (value) => typeof value === "string" && [...value].length <= most, absent);
  }

  list(key, most, absent) {
    return this.take(key, (value) => Array.isArray(value) && value.length <= most, absent);
  }

  map(key, absent) {
    return this.take(key, (value) => value instanceof Map, absent);
  }

  bool(key, absent) {
    return this.take(key, (value) => typeof value === "boolean", absent);
  }

  any(key, absent) {
    return this.take(key, () => true, absent);
  }

  done(...inner) {
    for (const fields of [this, ...inner]) fields.need(!fields.left.size);
  }
}
