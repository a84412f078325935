// Keys and signatures (spec/encoding.md, section 3), and the keys that this browser keeps.
//
//   readKey(cose Map) → PublicKey        throws Malformed, Untrusted (K1 to K4)
//   p256Key(65 bytes, 04 ‖ x ‖ y) → PublicKey
//   verify(key, signature, message)      throws Untrusted (K5 to K8)
//   keepKey(name) → Signer               makes a key on P-256 that nobody can copy, and keeps it
//   loadKey(name) → Signer or null
//   forgetKey(name)
//   keptKeys() → [name]
//   keyFromSeed(alg, seed) → Signer      claim keys and the recovery sheet; throws Malformed (Z5)
//   newSeed() → 32 bytes
//
//   sha256(...parts), idOf(bytes), random(size)
//
// All of them but newSeed and random are asynchronous.

import { concat, decode, encode, isBytes, same } from "./cbor.js";
import { Malformed, Unable, Untrusted } from "./errors.js";

/**
 * @typedef {{alg: number, cose: Map, encoded: Uint8Array, id: Uint8Array}} PublicKey
 *   `encoded` is the encoding of the COSE_Key, `id` its 16 bytes.
 * @typedef {{public: PublicKey, id: Uint8Array, alg: number,
 *   sign: (message: Uint8Array) => Promise<Uint8Array>}} Signer  signatures have 64 bytes
 */

export const ED25519 = -19;
export const ESP256 = -9;
export const ID_BYTES = 16;
const P256 = { name: "ECDSA", namedCurve: "P-256" };
const ECDSA = { name: "ECDSA", hash: "SHA-256" };
const { subtle } = globalThis.crypto;

/** SHA-256. Pages without TLS have no WebCrypto, which is said in words. */
export async function sha256(...parts) {
  able();
  return new Uint8Array(await subtle.digest("SHA-256", concat(...parts)));
}

/** The id of whatever has these bytes. */
export const idOf = async (bytes) => (await sha256(bytes)).slice(0, ID_BYTES);

export const random = (size) => crypto.getRandomValues(new Uint8Array(size));

function able() {
  if (!subtle) throw new Unable("Keys work only on a page with a secure address (https).");
}

// --- public keys ----------------------------------------------------------------------------

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P25519 = 2n ** 255n - 19n;
// y of a point of order 8. The other points of small order have y = −Y8, 0, 1 and −1.
const Y8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER = [0n, 1n, P25519 - 1n, Y8, P25519 - Y8];

export const toNumber = (bytes) => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function toBytes(number) {
  const bytes = new Uint8Array(32);
  for (let at = 31; at >= 0; at -= 1, number >>= 8n) bytes[at] = Number(number & 255n);
  return bytes;
}

function power(base, exponent, modulus) {
  let result = 1n;
  for (; exponent; exponent >>= 1n, base = (base * base) % modulus) {
    if (exponent & 1n) result = (result * base) % modulus;
  }
  return result;
}

const edY = (point) => toNumber(point.slice().reverse()) & (2n ** 255n - 1n);

function checkEd25519(point) {
  const y = edY(point);
  if (y >= P25519) throw new Untrusted("K2", "key: the Ed25519 point has a second encoding");
  if (SMALL_ORDER.includes(y)) {
    throw new Untrusted("K3", "key: the Ed25519 point has small order, anybody could sign for it");
  }
}

/** 04 ‖ x ‖ y: WebCrypto does not read points of P-256 in their short form everywhere. */
function p256Point(cose) {
  const x = toNumber(cose.get(-2));
  const square = (x * x * x - 3n * x + B) % P;
  const root = power((square + P) % P, (P + 1n) / 4n, P);
  if (x >= P || (root * root - square) % P) throw new Untrusted("K4", "key: the point is not on the curve P-256");
  const y = Boolean(root & 1n) === cose.get(-3) ? root : P - root;
  return concat(Uint8Array.of(4), cose.get(-2), toBytes(y));
}

/** @returns {Promise<PublicKey>} */
export async function readKey(cose) {
  const [kty, crv, x, y] = [1, -1, -2, -3].map((label) => cose instanceof Map ? cose.get(label) : undefined);
  const isEd25519 = kty === 1 && crv === 6 && cose.size === 3;
  const isP256 = kty === 2 && crv === 1 && cose.size === 4 && typeof y === "boolean";
  if (!(isEd25519 || isP256) || !isBytes(x, 32)) throw new Malformed("K1");
  if (isEd25519) checkEd25519(x);
  else p256Point(cose);
  const encoded = encode(cose);
  return { alg: isEd25519 ? ED25519 : ESP256, cose, encoded, id: await idOf(encoded) };
}

const ed25519Key = (x) => readKey(new Map([[1, 1], [-1, 6], [-2, x]]));

/** From the 65 bytes 04 ‖ x ‖ y. @returns {Promise<PublicKey>} */
export async function p256Key(point) {
  if (!isBytes(point, 65) || point[0] !== 4) throw new Malformed("K1");
  const cose = new Map([[1, 2], [-1, 1], [-2, point.slice(1, 33)], [-3, point[64] % 2 === 1]]);
  if (!same(p256Point(cose), point)) throw new Untrusted("K4", "key: the point is not on the curve P-256");
  return readKey(cose);
}

// --- signatures -----------------------------------------------------------------------------

function checkRange(...numbers) {
  if (numbers.some((number) => number <= 0n || number >= N)) {
    throw new Untrusted("K6", "signature: r and s must be from 1 to the group's order less 1");
  }
}

const halves = (signature) => [toNumber(signature.subarray(0, 32)), toNumber(signature.subarray(32))];

/** r ‖ s with the lower s, which is the only one that a lock takes. */
export function lowered(r, s) {
  checkRange(r, s);
  return concat(toBytes(r), toBytes(s > N / 2n ? N - s : s));
}

/** Whether `signature` over `message` holds under `key`, or throws. */
export async function verify(key, signature, message) {
  if (!isBytes(signature, 64)) throw new Untrusted("K5", "signature: it has not 64 bytes");
  const isEd25519 = key.alg === ED25519;
  if (!isEd25519) {
    const [r, s] = halves(signature);
    checkRange(r, s);
    if (s > N / 2n) throw new Untrusted("K7", "signature: s must be the lower of its two values");
  }
  const point = isEd25519 ? key.cose.get(-2) : p256Point(key.cose);
  // Libraries differ over R of small order, and two verifiers must never differ.
  const holds = !(isEd25519 && SMALL_ORDER.includes(edY(signature.subarray(0, 32))))
    && await holdsUnder(isEd25519 ? "Ed25519" : P256, point, signature, message);
  if (!holds) throw new Untrusted("K8", "signature: does not hold under this key");
}

async function holdsUnder(curve, point, signature, message) {
  able();
  try {
    const key = await subtle.importKey("raw", point, curve, false, ["verify"]);
    return await subtle.verify(curve === P256 ? ECDSA : curve, key, signature, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw cannot();
    return false; // 32 bytes that are no point: no signature holds under them
  }
}

const cannot = () => new Unable("This browser cannot hold keys: it is too old. Update it, or use another.");

// --- signers --------------------------------------------------------------------------------

/** @returns {Signer} WebCrypto draws the nonce of ECDSA itself, from the system's generator. */
function signer(publicKey, privateKey) {
  const sign = async (message) => {
    if (publicKey.alg === ED25519) return new Uint8Array(await subtle.sign("Ed25519", privateKey, message));
    return lowered(...halves(new Uint8Array(await subtle.sign(ECDSA, privateKey, message))));
  };
  return { public: publicKey, id: publicKey.id, alg: publicKey.alg, sign };
}

/** What stands before the 32 private bytes in PKCS #8. WebCrypto reads private bytes in no shorter form. */
export const PKCS8 = {
  X25519: [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32],
  Ed25519: [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32],
  ECDSA: [48, 65, 2, 1, 0, 48, 19, 6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1,
    7, 4, 39, 48, 37, 2, 1, 1, 4, 32],
};

export async function importSeed(curve, seed, uses) {
  able();
  const prefix = Uint8Array.from(PKCS8[curve.name ?? curve]);
  try {
    return await subtle.importKey("pkcs8", concat(prefix, seed), curve, true, uses);
  } catch (error) {
    if (error.name === "NotSupportedError") throw cannot();
    throw new Malformed("Z5", "that is no private key");
  }
}

const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

/** The public half of an imported private key: x, and y if there is one. */
export async function publicHalf(privateKey) {
  const { x, y } = await subtle.exportKey("jwk", privateKey);
  return [x, y].filter(Boolean).map(fromBase64url);
}

/** A key whose seed came from outside or was drawn here: an Ed25519 seed, or a P-256 scalar. */
export async function keyFromSeed(alg, seed) {
  if (!isBytes(seed, 32)) throw new Malformed("Z5", "a private key has 32 bytes");
  const privateKey = await importSeed(alg === ED25519 ? "Ed25519" : P256, seed, ["sign"]);
  const [x, y] = await publicHalf(privateKey);
  return signer(await (y ? p256Key(concat(Uint8Array.of(4), x, y)) : ed25519Key(x)), privateKey);
}

export const newSeed = () => random(32);

// --- keys that stay in this browser ---------------------------------------------------------

const STORE = "keys";

function store() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("mortice-keys", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(new Unable("This browser keeps nothing: in a private window, keys cannot be held."));
  });
}

async function inStore(mode, act) {
  const opened = await store();
  try {
    return await new Promise((resolve, reject) => {
      const passing = opened.transaction(STORE, mode, { durability: "strict" });
      const asked = act(passing.objectStore(STORE));
      passing.oncomplete = () => resolve(asked.result);
      passing.onabort = () => reject(passing.error);
    });
  } finally {
    opened.close();
  }
}

/**
 * A new key on P-256 that cannot leave this browser, kept under `name`. A name is never taken twice:
 * whoever would replace a key forgets it first.
 * @returns {Promise<Signer>}
 */
export async function keepKey(name) {
  able();
  const pair = await subtle.generateKey(P256, false, ["sign", "verify"]);
  const point = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
  const made = signer(await p256Key(point), pair.privateKey);
  try {
    await inStore("readwrite", (keys) => keys.add({ privateKey: pair.privateKey, point }, name));
  } catch (error) {
    if (error?.name !== "ConstraintError") throw error;
    throw new Unable("This browser holds a key of that name already.");
  }
  // Asked for once there is something to lose; a browser that says no may forget the key.
  await navigator.storage?.persist?.().catch(() => false);
  return made;
}

/** The key kept under `name`, or null. @returns {Promise<Signer | null>} */
export async function loadKey(name) {
  const kept = await inStore("readonly", (keys) => keys.get(name));
  return kept ? signer(await p256Key(kept.point), kept.privateKey) : null;
}

/** Forget a key for good: nobody can make it again. */
export const forgetKey = (name) => inStore("readwrite", (keys) => keys.delete(name));

/** The names of the keys that this browser holds. */
export const keptKeys = () => inStore("readonly", (keys) => keys.getAllKeys());

/** A public key's encoding, read. @returns {Promise<PublicKey>} */
export const readEncodedKey = (encoded) => readKey(decode(encoded, { maxBytes: 128, maxDepth: 2 }));
