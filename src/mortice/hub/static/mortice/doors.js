// The map of doors: which lock belongs to a door (spec/site.md, section 6).
//
//   signDoors({site, version, doors}, signer) → Uint8Array     by the role grant
//   readDoors(bytes) → {site, version, doors, document}        throws Malformed (S12, E, D), Untrusted (K, N3)
//   acceptDoors(root, bytes, above = 0) → the same             throws Untrusted (S6, S10, S11)
//   readLockKeys([link, signing, sealing], check) → {link, signing, sealing}

import { Fields, TIME_MAX, areDifferent, decode, same } from "./cbor.js";
import { AUD, LIMITS, readDocument, signDocument, verifyDocument } from "./documents.js";
import { Malformed, Untrusted } from "./errors.js";
import { ID_BYTES, readKey } from "./keys.js";
import { checkX25519 } from "./noise.js";

/**
 * @typedef {{id: Uint8Array, label: string, zone: string, link: Uint8Array, signing: PublicKey,
 *   sealing: Uint8Array}} Door  the zone is a name of the IANA time zone database
 */

export const DOORS = "mortice-doors/1";

/** @param {{site: Uint8Array, version: number, doors: Door[]}} map */
export async function signDoors({ site, version, doors }, signer) {
  const listed = doors.map((door) => [door.id, door.label, door.zone, door.link, door.signing.cose, door.sealing]);
  const payload = new Map([[AUD, site], [LIMITS, new Map([[1, version], [2, listed]])]]);
  const signed = await signDocument(DOORS, payload, signer);
  await readDoors(signed);
  return signed;
}

export async function readDoors(bytes) {
  const document = await readDocument(DOORS, bytes);
  const claims = new Fields(decode(document.payload, { maxDepth: 6 }), "S12");
  const limits = new Fields(claims.map(LIMITS), "S12");
  const site = claims.bytes(AUD, ID_BYTES);
  const version = limits.int(1, 1, TIME_MAX);
  const doors = await Promise.all(limits.list(2, 64).map(readDoor));
  claims.done(limits);
  if (!areDifferent(doors.map(({ id }) => id))) throw new Malformed("S12");
  return { site, version, doors, document };
}

async function readDoor(item) {
  const found = Fields.listed(item, 6, 6, "S12");
  const door = { id: found.bytes(0, 8), label: found.text(1, 120), zone: found.text(2, 120) };
  return { ...door, ...await readLockKeys([3, 4, 5].map((at) => found.any(at)), "S12") };
}

/** A lock's three public keys, none of them one that everybody shares. */
export async function readLockKeys(value, check) {
  const found = Fields.listed(value, 3, 3, check);
  const keys = { link: found.bytes(0, 32), signing: await readKey(found.any(1)), sealing: found.bytes(2, 32) };
  await Promise.all([keys.link, keys.sealing].map(checkX25519));
  return keys;
}

/** A map signed by the role grant, with a version over `above`. */
export async function acceptDoors(root, bytes, above = 0) {
  const document = await readDocument(DOORS, bytes);
  const key = root.roles.grant.keys.find(({ id }) => document.kid && same(id, document.kid));
  if (!key) throw new Untrusted("S10", "doors: the signer is no grant key of this site");
  await verifyDocument(document, key);
  const map = await readDoors(bytes);
  if (!same(map.site, root.id)) throw new Untrusted("S6", "doors: another site's map");
  if (map.version <= above) throw new Untrusted("S11", "doors: an older version than is known");
  return map;
}
