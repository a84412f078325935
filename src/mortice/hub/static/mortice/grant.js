// Links: what a key allows, signing one and reading one (spec/grant.md).
//
//   signGrant(terms, signer) → Uint8Array     a link, or an enrolment where there is a credential
//   readGrant(bytes, kind = GRANT) → Grant    throws Malformed (E, D, G, C13)
//
// RIGHTS, FACTORS and CLASSES name the numbers.

import { Fields, TIME_MAX, decode, fields, hex, isBytes } from "./cbor.js";
import { ABOUT, AUD, CNF, EXP, LIMITS, NBF, readDocument, signDocument } from "./documents.js";
import { Malformed } from "./errors.js";
import { ID_BYTES, readKey } from "./keys.js";

/**
 * @typedef {{
 *   holder: PublicKey, doors: Uint8Array[], use: number, delegable?: number, depth?: number,
 *   klass?: number, site?: Uint8Array, parent?: Uint8Array, nbf?: number, exp?: number,
 *   maxLife?: number, hours?: [days: number, start: number, end: number][], factors?: number,
 *   maxStaleness?: number, uses?: number, quota?: number, resident?: boolean,
 *   passkey?: {key: PublicKey, rpIdHash: Uint8Array, origin: string},
 *   credential?: {kind: number, slot: number, version: number, sealed: Uint8Array},
 *   label?: string, mark?: Uint8Array}} Terms
 *   Times are Unix seconds, `maxLife` and `maxStaleness` seconds. A first link has `site`, every
 *   other has `parent`, the id of the link above.
 * @typedef {Terms & {id: Uint8Array, document: Document}} Grant  numbers are 0 where absent
 */

export const GRANT = "mortice-grant/1";
export const ENROL = "mortice-enrol/1";
export const RIGHTS = { unlock: 1, lock: 2, hold_open: 4, view_log: 8, enrol: 16, configure: 32,
  set_time: 64, refresh: 128, restore: 256, update: 512 };
export const FACTORS = { pin: 1, passkey: 2, finger: 4, person: 8, touch: 16 };
export const CLASSES = { device: 0, web: 1, file: 2, bridge: 3 };
const DAY = 24 * 60;

// --- signing and reading --------------------------------------------------------------------

const some = (number) => number || null; // 0 is not written: absent means it

function limitsOf(terms) {
  const { passkey, credential } = terms;
  return fields([
    [1, terms.parent], [2, some(terms.klass)], [3, [...terms.doors].sort((a, b) => (hex(a) < hex(b) ? -1 : 1))],
    [4, terms.use], [5, some(terms.delegable)], [6, some(terms.depth)], [7, terms.maxLife],
    [8, terms.hours], [9, some(terms.factors)], [10, terms.maxStaleness], [11, terms.uses],
    [12, terms.quota],
    [13, passkey && new Map([[1, passkey.key.cose], [2, passkey.rpIdHash], [3, passkey.origin]])],
    [14, terms.resident ? 1 : null],
    [15, credential && new Map([[1, credential.kind], [2, credential.slot], [3, credential.version],
      [4, credential.sealed]])],
  ]);
}

/** What cannot be read again here is never handed out. */
export async function signGrant(terms, signer) {
  const kind = terms.credential ? ENROL : GRANT;
  const about = fields([[1, terms.label || null], [2, terms.mark]]);
  const payload = fields([
    [AUD, terms.site], [EXP, terms.exp], [NBF, terms.nbf], [CNF, new Map([[1, terms.holder.cose]])],
    [LIMITS, limitsOf(terms)], [ABOUT, about.size ? about : null]]);
  const signed = await signDocument(kind, payload, signer, { kid: !terms.parent });
  await readGrant(signed, kind);
  return signed;
}

/** @returns {Promise<Grant>} */
export async function readGrant(bytes, kind = GRANT) {
  const document = await readDocument(kind, bytes);
  const claims = new Fields(decode(document.payload, { maxDepth: 6 }), "G1");
  const limits = new Fields(claims.map(LIMITS), "G2");
  const bound = new Fields(claims.map(CNF), "G3");
  const about = claims.map(ABOUT, new Map());
  const label = about.get(1);
  const grant = {
    id: document.id, document, mark: isBytes(about.get(2)) ? about.get(2) : null,
    label: typeof label === "string" ? [...label].slice(0, 120).join("") : "",
    holder: await readKey(bound.map(1)),
    site: claims.bytes(AUD, ID_BYTES, ID_BYTES, null), nbf: claims.int(NBF, 0, TIME_MAX, null),
    exp: claims.int(EXP, 0, TIME_MAX, null),
    parent: limits.bytes(1, ID_BYTES, ID_BYTES, null), klass: limits.int(2, 0, 3, 0),
    doors: readDoors(limits.list(3, 64)), use: limits.int(4, 0, 1023),
    delegable: limits.int(5, 0, 1023, 0), depth: limits.int(6, 1, 4, 0),
    maxLife: limits.int(7, 1, TIME_MAX, null), hours: readHours(limits.list(8, 64, null)),
    factors: limits.int(9, 1, 31, 0), maxStaleness: limits.int(10, 1, TIME_MAX, null),
    uses: limits.int(11, 1, 1_000_000, null), quota: limits.int(12, 1, 10_000, null),
    passkey: await readPasskey(limits.map(13, null)), resident: limits.int(14, 1, 1, 0) === 1,
    credential: readCredential(limits.map(15, null)),
  };
  claims.done(limits, bound);
  checkShape(grant, kind);
  return grant;
}

function readDoors(doors) {
  const different = new Set(doors.filter((door) => isBytes(door, 8)).map(hex));
  if (!doors.length || different.size !== doors.length) {
    throw new Malformed("G4");
  }
  return doors;
}

async function readPasskey(value) {
  if (!value) return null;
  const found = new Fields(value, "G5");
  const passkey = { key: await readKey(found.map(1)), rpIdHash: found.bytes(2, 32), origin: found.text(3, 255) };
  found.done();
  return passkey;
}

function readCredential(value) {
  if (!value) return null;
  const found = new Fields(value, "G6");
  const credential = { kind: found.int(1, 1, 4), slot: found.int(2, 0, 1999),
    version: found.int(3, 1, TIME_MAX), sealed: found.bytes(4, 1, 512) };
  found.done();
  return credential;
}

function checkShape(grant, kind) {
  const first = !grant.parent;
  if (first !== Boolean(grant.site) || first !== Boolean(grant.document.kid)) {
    throw new Malformed("G7");
  }
  if (grant.resident && (!first || grant.maxStaleness)) {
    throw new Malformed("G8");
  }
  if ((kind === ENROL) !== Boolean(grant.credential)) {
    throw new Malformed("G9");
  }
  if (kind === ENROL && (first || grant.depth || grant.delegable)) {
    throw new Malformed("G9");
  }
  if (grant.uses && grant.doors.length !== 1) {
    throw new Malformed("G4");
  }
}

// --- hours ----------------------------------------------------------------------------------

export function readHours(value) {
  if (value === null) return null;
  const isWindow = (item) => Array.isArray(item) && item.length === 3 && item.every(Number.isInteger)
    && item[0] >= 0 && item[0] < 128 && item[1] >= 0 && item[1] < DAY && item[2] > item[1]
    && item[2] <= item[1] + DAY;
  if (!Array.isArray(value) || !value.length || value.length > 28 || !value.every(isWindow)) {
    throw new Malformed("C13", "hours: 1 to 28 windows, each of days, a start and an end at most a day later");
  }
  return value;
}
