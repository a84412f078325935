// PINs: drawing one that is not easy to guess, and sealing it to a lock (spec/pin.md, enrolment.md).
//
//   digitsNeeded({spent, most}) → number        throws Malformed (P8)
//   weakness(pin) → null or why it is easy to guess
//   drawPin({spent, most}) → digits
//   pinContext(holderId, leafId, slot) → bytes
//   sealPin(digits, sealing, context) → bytes   HPKE, RFC 9180, base mode
//   enrolPin({chain, signer, door, slot, pins, terms, credentialId, strict}) → {digits, item}
//
// The digits are shown once and kept nowhere; only their sealed form travels.

import { concat, encode, utf8 } from "./cbor.js";
import { passOn, readChain } from "./chain.js";
import { Malformed } from "./errors.js";
import { ENROL, RIGHTS } from "./grant.js";
import { random } from "./keys.js";
import { exchange, hmac, keyPair } from "./noise.js";

const TRIES = 10; // before the keypad slows
const REST_SECONDS = 900;
const YEAR_DAYS = 365;
const STRONG_SHARE = 0.9; // of all PINs; the rest are never given, as whoever guesses knows, too

/** The shortest PIN that keeps guessing odds low with as many PINs as the door may have. */
export function digitsNeeded({ spent = "rest", most = 20 } = {}) {
  const year = TRIES + (spent === "off" ? (TRIES - 1) * YEAR_DAYS : (YEAR_DAYS * 86_400) / REST_SECONDS);
  for (let digits = 6; digits <= 12; digits += 1) {
    const chance = Math.max(1, most) / (STRONG_SHARE * 10 ** digits);
    if (TRIES * chance <= 1e-3 && year * chance <= 1e-2) return digits;
  }
  throw new Malformed("P8", `PIN: ${most} PINs at one door are too many to be safe`);
}

export function weakness(pin) {
  const digits = [...pin].map(Number);
  if (new Set(digits).size <= 2) return "it has only one or two different digits";
  const steps = digits.slice(1).map((digit, at) => (digit - digits[at] + 10) % 10);
  if (new Set(steps).size === 1) return "it counts up or down";
  const half = pin.length / 2;
  if (pin.length % 2 === 0 && pin.slice(0, half) === pin.slice(half)) return "it says the same thing twice";
  if ((pin.length === 6 || pin.length === 8) && looksLikeDate(pin)) return "it reads like a date";
  return null;
}

function looksLikeDate(pin) {
  const forms = [[pin.slice(0, 2), pin.slice(2, 4), pin.slice(4)], [pin.slice(-2), pin.slice(-4, -2), pin.slice(0, -4)]];
  return forms.some(([day, month, year]) => day >= 1 && day <= 31 && month >= 1 && month <= 12
    && (year.length === 2 || (year >= 1900 && year <= 2099)));
}

export function drawPin(pins) {
  const digits = digitsNeeded(pins);
  for (;;) {
    const drawn = random(16).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const pin = String(drawn % 10n ** BigInt(digits)).padStart(digits, "0"); // bias below 2^-80
    if (!weakness(pin)) return pin;
  }
}

/** What binds a sealed PIN to who enrols it, below which link, in which slot. */
export const pinContext = (holderId, leafId, slot) => encode(["mortice-pin/1", holderId, leafId, slot]);

// --- HPKE: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM ------------------------------

const NONE = new Uint8Array();
const KEM = concat(utf8("KEM"), Uint8Array.of(0, 0x20));
const SUITE = concat(utf8("HPKE"), Uint8Array.of(0, 0x20, 0, 1, 0, 2));

const extract = (suite, salt, label, material) =>
  hmac(salt.length ? salt : new Uint8Array(32), utf8("HPKE-v1"), suite, utf8(label), material);

/** At most 32 bytes, so that one round of HKDF will do. */
const expand = async (suite, secret, label, info, size) => (await hmac(
  secret, Uint8Array.of(0, size), utf8("HPKE-v1"), suite, utf8(label), info, Uint8Array.of(1))).slice(0, size);

/** The encapsulated key in 32 bytes, and the ciphertext. `ephemeral` is for test vectors. */
export async function sealPin(digits, sealing, context, ephemeral) {
  const own = await keyPair(ephemeral);
  const shared = await extract(KEM, NONE, "eae_prk", await exchange(own.privateKey, sealing));
  const secret = await expand(KEM, shared, "shared_secret", concat(own.public, sealing), 32);
  const [idHash, infoHash] = await Promise.all([
    extract(SUITE, NONE, "psk_id_hash", NONE), extract(SUITE, NONE, "info_hash", context)]);
  const schedule = concat(Uint8Array.of(0), idHash, infoHash); // 0: base mode
  const master = await extract(SUITE, secret, "secret", NONE);
  const key = await crypto.subtle.importKey(
    "raw", await expand(SUITE, master, "key", schedule, 32), "AES-GCM", false, ["encrypt"]);
  const iv = await expand(SUITE, master, "base_nonce", schedule, 12);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, utf8(digits));
  return concat(own.public, new Uint8Array(sealed));
}

// --- putting one on a door ------------------------------------------------------------------

/**
 * Draw a PIN, seal it to the door's lock, and sign its enrolment below one's own key `chain`.
 * `door` is one of the map, `pins` the door's settings, and `terms` may bound it (nbf, exp, hours,
 * uses, label). `item` is ready for a bundle.
 */
export async function enrolPin({ chain, signer, door, slot, pins, terms = {}, credentialId, strict }) {
  const digits = drawPin(pins);
  const above = (await readChain(chain)).at(-1).grant;
  const sealed = await sealPin(digits, door.sealing, pinContext(above.holder.id, above.id, slot));
  const both = RIGHTS.unlock | RIGHTS.lock;
  const use = (terms.use ?? both) & both & (above.use | above.delegable);
  // The version must only rise, and a slot changes hands more slowly than once a second.
  const credential = { kind: 1, slot, version: Math.floor(Date.now() / 1000), sealed };
  const link = { ...terms, holder: door.signing, doors: [door.id], use, depth: 0, delegable: 0, klass: 0,
    resident: false, credential };
  const longer = await passOn({ wire: chain, signer, terms: link, credentialId, strict });
  return { digits, item: enrolmentItem(longer) };
}

/** The end of a chain with an enrolment, as a lock takes it: the chain above, and a touch if there is one. */
function enrolmentItem(longer) {
  const [above, last] = [longer.slice(0, -1), longer.at(-1)];
  return Array.isArray(last) ? [ENROL, last[0], above, last[1]] : [ENROL, last, above];
}
