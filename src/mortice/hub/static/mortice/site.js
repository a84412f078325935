// What the owner signs of the site: root, settings, staples, time; and that a door was checked
// (spec/site.md, config.md, time.md, checked.md).
//
//   signRoot(root, signers), readRoot(bytes), acceptFirst(bytes), acceptNext(present, bytes)
//   signConfig(site, config, signer), readConfig(bytes, site)
//   signStaple(site, leaf, at, signer), signTime(site, lock, nonce, at, signer)
//   readChecked(bytes, site)
//
// All are asynchronous. sign… returns Uint8Array; read… throws Malformed (S, F, Y, E, D), accept…
// also Untrusted.

import { Fields, TIME_MAX, areDifferent, compare, decode, fields, isBytes, same } from "./cbor.js";
import { AUD, IAT, LIMITS, endorse, readDocument, readEndorsed, signDocument, signedBy } from "./documents.js";
import { Malformed, Untrusted } from "./errors.js";
import { readHours } from "./grant.js";
import { ID_BYTES, readKey } from "./keys.js";
import { checkX25519 } from "./noise.js";

/**
 * @typedef {{threshold: number, keys: PublicKey[]}} RoleKeys
 * @typedef {{id: Uint8Array, version: number, roles: Object<string, RoleKeys>, strict: boolean,
 *   demo: boolean, retired: {key: PublicKey, kept: Uint8Array[]}[]}} Root  roles by the names of ROLES
 * @typedef {{door: Uint8Array, version: number, relockAfter: number, pins: {entry: "plain"|"index",
 *   spent: "rest"|"off", most: number}, hub?: {key: Uint8Array, address: string},
 *   opening?: [days: number, start: number, end: number][]}} Config
 */

export const SITE = "mortice-site/1";
export const CONFIG = "mortice-config/1";
export const STAPLE = "mortice-staple/1";
export const TIME = "mortice-time/1";
export const CHECKED = "mortice-checked/1";
export const ROLES = ["root", "grant", "revoke", "time", "refresh", "update", "recovery"];
const ROLE_KEYS = 8;

const about = (site, limits) => new Map([[AUD, site], [LIMITS, limits]]);

// --- root -----------------------------------------------------------------------------------

export async function signRoot(root, signers) {
  const roles = new Map(ROLES.map((name, number) => [number, root.roles[name]]).filter(([, held]) => held)
    .map(([number, { threshold, keys }]) => [number, [threshold, keys.map((key) => key.cose)]]));
  const retired = (root.retired ?? []).map(({ key, kept }) => [key.cose, [...kept].sort(compare)]);
  const limits = fields([[1, root.version], [2, roles], [3, root.strict || null], [4, root.demo || null],
    [5, retired.length ? retired : null]]);
  const signed = await endorse(SITE, about(root.id, limits), signers);
  await readRoot(signed);
  return signed;
}

/** @returns {Promise<Root & {endorsed: object}>} Nothing is believed yet. */
export async function readRoot(bytes) {
  const endorsed = await readEndorsed(SITE, bytes, 2 * ROLE_KEYS);
  const claims = new Fields(decode(endorsed.payload, { maxDepth: 7 }), "S1");
  const limits = new Fields(claims.map(LIMITS), "S1");
  const root = {
    id: claims.bytes(AUD, ID_BYTES), version: limits.int(1, 1, TIME_MAX), roles: await readRoles(limits.map(2)),
    strict: limits.bool(3, false), demo: limits.bool(4, false),
    retired: await readRetired(limits.list(5, ROLE_KEYS, [])), endorsed,
  };
  claims.done(limits);
  if (root.retired.some(({ key }) => holds(root.roles.grant, key))) {
    throw new Malformed("S4");
  }
  return root;
}

const holds = (held, key) => held.keys.some(({ id }) => same(id, key.id));

async function readRoles(value) {
  if (![0, 1, 2].every((role) => value.has(role)) || ![...value.keys()].every((role) => Number.isInteger(role) && role in ROLES)) {
    throw new Malformed("S2");
  }
  const pairs = [...value].map(async ([role, held]) => [ROLES[role], await readRole(held, role)]);
  return Object.fromEntries(await Promise.all(pairs));
}

async function readRole(value, role) {
  const held = Fields.listed(value, 2, 2, "S3");
  const threshold = held.int(0, 1, role === 0 || role === 6 ? ROLE_KEYS : 1); // others' documents have one
  const keys = await Promise.all(held.list(1, ROLE_KEYS).map(readKey));
  if (threshold > keys.length) throw new Malformed("S3");
  if (!areDifferent(keys.map(({ id }) => id))) throw new Malformed("S3");
  return { threshold, keys };
}

async function readRetired(value) {
  const retired = await Promise.all(value.map(async (item) => {
    const found = Fields.listed(item, 2, 2, "S4");
    const [key, kept] = [await readKey(found.any(0)), found.list(1, 8192)];
    if (!kept.every((id) => isBytes(id, ID_BYTES)) || !areDifferent(kept)) {
      throw new Malformed("S4");
    }
    return { key, kept };
  }));
  if (!areDifferent(retired.map(({ key }) => key.id))) throw new Malformed("S4");
  return retired;
}

async function meets(root, held) {
  return Boolean(held) && (await signedBy(root.endorsed, held.keys)).length >= held.threshold;
}

async function checkOwn(root) {
  if (!await meets(root, root.roles.root)) {
    throw new Untrusted("S5", "site: not signed by enough of its own root keys");
  }
  return root;
}

/** The root to pin first. */
export const acceptFirst = async (bytes) => checkOwn(await readRoot(bytes));

/** The root that follows `present`. */
export async function acceptNext(present, bytes) {
  const root = await readRoot(bytes);
  if (!same(root.id, present.id) || root.demo !== present.demo) throw new Untrusted("S6", "site: another site's root");
  if (root.version !== present.version + 1) throw new Untrusted("S7", "site: not the version that follows");
  if (!await meets(root, present.roles.root)) {
    throw new Untrusted("S8", "site: not signed by enough of the present root keys");
  }
  return checkOwn(root);
}

// --- settings of a door ---------------------------------------------------------------------

const ENTRIES = ["plain", "index"];
const SPENT = ["rest", "off"];

/** @param {Config} config */
export async function signConfig(site, config, signer) {
  const { entry, spent, most } = config.pins;
  const limits = fields([[1, config.door], [2, config.version], [3, config.relockAfter],
    [4, [ENTRIES.indexOf(entry), SPENT.indexOf(spent), most]],
    [5, config.hub && [config.hub.key, config.hub.address]], [6, config.opening]]);
  const signed = await signDocument(CONFIG, about(site, limits), signer);
  await readConfig(signed, site);
  return signed;
}

export async function readConfig(bytes, site) {
  const document = await readDocument(CONFIG, bytes);
  const claims = new Fields(decode(document.payload, { maxDepth: 5 }), "F1");
  const limits = new Fields(claims.map(LIMITS), "F1");
  if (!same(claims.bytes(AUD, ID_BYTES), site)) throw new Untrusted("F3", "settings: for another site");
  const config = { door: limits.bytes(1, 8), version: limits.int(2, 1, TIME_MAX), relockAfter: limits.int(3, 0, 3600),
    pins: readPins(limits.any(4)),
    hub: await readHub(limits.list(5, 2, null)), opening: readHours(limits.list(6, 28, null)), document };
  claims.done(limits);
  return config;
}

function readPins(value) {
  const found = Fields.listed(value, 3, 3, "F1");
  const pins = { entry: ENTRIES[found.int(0, 0, 1)], spent: SPENT[found.int(1, 0, 1)], most: found.int(2, 1, 100) };
  if (pins.spent === "off" && pins.entry !== "index") {
    throw new Malformed("F5", "PIN settings: switching a PIN off needs an index to know which one");
  }
  return pins;
}

async function readHub(value) {
  if (!value) return null;
  const found = Fields.listed(value, 2, 2, "F1");
  const hub = { key: found.bytes(0, 32), address: found.text(1, 120) };
  await checkX25519(hub.key);
  return hub;
}

// --- staples and time -----------------------------------------------------------------------

const spoken = (site, at, limits) => new Map([[AUD, site], [IAT, at], [LIMITS, limits]]);

/** Vouch at second `at` that the link with the id `leaf` is still good. */
export const signStaple = (site, leaf, at, signer) =>
  signDocument(STAPLE, spoken(site, at, new Map([[1, leaf]])), signer);

/** Say to `lock` that it is second `at`; `nonce` is the handshake hash of the conversation. */
export const signTime = (site, lock, nonce, at, signer) =>
  signDocument(TIME, spoken(site, at, new Map([[1, lock], [2, nonce]])), signer);

// --- that a door was checked ----------------------------------------------------------------

/** A record as its report names it. Who signed it is the lock's to judge, and its receipt says. */
export async function readChecked(bytes, site) {
  const document = await readDocument(CHECKED, bytes);
  const claims = new Fields(decode(document.payload), "Y1");
  const limits = new Fields(claims.map(LIMITS), "Y1");
  if (!same(claims.bytes(AUD, ID_BYTES), site)) throw new Untrusted("Y3", "checked: for another site");
  const checked = { at: claims.int(IAT, 0, TIME_MAX), door: limits.bytes(1, 8), report: limits.bytes(2, 32),
    passed: limits.int(3, 0, 255), failed: limits.int(4, 0, 255), document };
  claims.done(limits);
  return checked;
}
