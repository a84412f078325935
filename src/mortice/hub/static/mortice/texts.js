// What people send each other: a prefix, then base64url of one value (spec/home.md, section 5).
//
//   writeRequest(publicKey, name) → text, readRequest(text) → {key, name}     asynchronous
//   checkLetters(publicKey) → "1a2b 3c4d"      what both sides compare before signing
//   writeHandover(kind, {roots, doors, chain, where, siteName, secret}) → text
//   readHandover(text) → {kind, roots, doors, chain, where, siteName, secret}
//   claimSigner(handover) → Signer             the key that signs the one child of a claim link
//   readStaple(text) → [staple, chain or null]
//
// Kinds: "KEY", "SITE", "CLAIM", "FILE". read… throws Malformed (Z3), Untrusted (Z5). Nothing in a
// text is believed for being there.

import { Fields, decode, encode, hex, same } from "./cbor.js";
import { readChain } from "./chain.js";
import { Malformed, Untrusted } from "./errors.js";
import { keyFromSeed, readKey } from "./keys.js";

const NAMES = { REQUEST: "a request for a key", KEY: "a key", CLAIM: "a link to a key", FILE: "a key file",
  STAPLE: "a refresh of a key", SITE: "a site's documents" };
const HANDOVERS = ["KEY", "SITE", "CLAIM", "FILE"];
const LONGEST = 65_536;
const KINDS = "MORTICE-(REQUEST|KEY|CLAIM|FILE|STAPLE|SITE)1-";
const WORD = new RegExp(`${KINDS}([\\w-]*)`);
const WHOLE = new RegExp(`${KINDS}([\\p{L}\\p{N}_-]*)`, "u"); // a wrong letter is said to be one

const hasSecret = (kind) => kind === "CLAIM" || kind === "FILE";

export function write(kind, value) {
  const letters = btoa(Array.from(encode(value), (byte) => String.fromCharCode(byte)).join(""));
  return `MORTICE-${kind}1-${letters.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

function valueOf(letters) {
  let raw;
  try {
    raw = atob(letters.replace(/-/g, "+").replace(/_/g, "/"));
  } catch {
    throw new Malformed("Z3", "the text is incomplete or has a wrong letter");
  }
  return decode(Uint8Array.from(raw, (letter) => letter.charCodeAt(0)), { maxBytes: LONGEST });
}

/** Kind and value of whichever text of `kinds` stands in `text`. */
export function read(kinds, text) {
  if (text.length > LONGEST) throw new Malformed("Z3", "the text is longer than anything that Mortice writes");
  const cleaned = text.replace(/\s/g, "");
  const [, kind, whole] = WHOLE.exec(cleaned) ?? [];
  if (!kind) throw new Malformed("Z3", `that is not ${NAMES[kinds[0]]}`);
  if (!kinds.includes(kind)) throw new Malformed("Z3", `that is ${NAMES[kind]}, not ${NAMES[kinds[0]]}`);
  const word = WORD.exec(text)?.[2] ?? whole;
  try {
    return [kind, valueOf(word)];
  } catch {
    return [kind, valueOf(whole)]; // a message may have broken it over several lines
  }
}

const partsOf = (value, count, kind) => {
  if (!Array.isArray(value) || value.length !== count) {
    throw new Malformed("Z3", `that is not ${NAMES[kind]} of this version`);
  }
  return Fields.listed(value, count, count, "Z3");
};

// --- requests -------------------------------------------------------------------------------

export const writeRequest = (key, name) => write("REQUEST", [key.cose, name]);

export async function readRequest(text) {
  const found = partsOf(read(["REQUEST"], text)[1], 2, "REQUEST");
  return { key: await readKey(found.any(0)), name: found.text(1, 120) };
}

export const checkLetters = ({ id }) => hex(id.slice(0, 4)).replace(/^..../, "$& ");

// --- keys, claim links, key files, a site's documents ---------------------------------------

/**
 * @param {{roots: Uint8Array[], doors: Uint8Array | null, chain: Array, siteName: string,
 *   where: {door: Uint8Array, host: string, port: number}[], secret?: Uint8Array}} handover
 */
export function writeHandover(kind, { roots, doors, chain, where, siteName, secret }) {
  const parts = [roots, doors, chain, where.map(({ door, host, port }) => [door, host, port]), siteName];
  return write(kind, hasSecret(kind) ? [...parts, secret] : parts);
}

export function readHandover(text) {
  const [kind, value] = read(HANDOVERS, text);
  const found = partsOf(value, hasSecret(kind) ? 6 : 5, kind);
  const where = found.list(3, 64).map((item) => {
    const address = partsOf(item, 3, kind);
    return { door: address.bytes(0, 8), host: address.text(1, 120), port: address.int(2, 0, 65_535) };
  });
  const doors = found.any(1);
  const documents = found.list(0, 64);
  if (![...documents, doors ?? new Uint8Array()].every((bytes) => bytes instanceof Uint8Array)) {
    throw new Malformed("Z3", "a document in that text is damaged");
  }
  return { kind, roots: documents, doors, chain: found.list(2, 8), where, siteName: found.text(4, 120),
    secret: hasSecret(kind) ? found.bytes(5, 32) : null };
}

/** The signer that a claim link or key file brings: the holder of the last link of its chain. */
export async function claimSigner({ chain, secret }) {
  const { holder } = (await readChain(chain)).at(-1).grant;
  const signer = await keyFromSeed(holder.alg, secret);
  if (!same(signer.id, holder.id)) throw new Untrusted("Z5", "the secret does not belong to this key");
  return signer;
}

export function readStaple(text) {
  const found = partsOf(read(["STAPLE"], text)[1], 2, "STAPLE");
  const chain = found.any(1);
  if (chain !== null && !Array.isArray(chain)) throw new Malformed("Z3", "that refresh of a key is damaged");
  return [found.bytes(0, 1, 8192), chain];
}
