// What a person does in a browser, one function for each, called by the tests with hex for bytes.

import { encode, hex, unhex, utf8 } from "/mortice/cbor.js";
import { passOn } from "/mortice/chain.js";
import { documentId } from "/mortice/documents.js";
import { GRANT, signGrant } from "/mortice/grant.js";
import { forgetKey, keepKey, keptKeys, keyFromSeed, loadKey, newSeed, random } from "/mortice/keys.js";
import { relay } from "/mortice/line.js";
import { readSheet, writeSheet } from "/mortice/sheet.js";
import { lockOf, open } from "/mortice/link.js";
import { createKeyPasskey } from "/mortice/passkey.js";
import { drawPin, enrolPin, pinContext, sealPin } from "/mortice/pin.js";
import { signRevocation, takeBack } from "/mortice/revoke.js";
import { readDoors, signDoors } from "/mortice/doors.js";
import { acceptFirst, signConfig, signRoot } from "/mortice/site.js";
import { hello, readCode, takeOver } from "/mortice/takeover.js";

const OWNER = ["root", "grant", "revoke", "time", "refresh"];
const now = () => Math.floor(Date.now() / 1000);
const held = {}; // what this page's people hold: signer, chain, passkey
let site = null; // {id, root, map, doors}

const wire = (chain) => chain.map((link) => (Array.isArray(link) ? [hex(link[0]), link[1].map(hex)] : hex(link)));
const item = ([kind, document, chain, touch]) => ({
  kind, document: hex(document), chain: chain && wire(chain), touch: touch?.map(hex) });

/** The error that `work` ends with, as a person reads it. */
async function failing(work) {
  try {
    await work;
    return "nothing went wrong";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

// --- owning ---------------------------------------------------------------------------------

/** A site whose keys are in this browser and on paper; a new lock becomes its front door. */
async function found({ code: text, lock }) {
  const signers = Object.fromEntries(await Promise.all(OWNER.map(async (role) => [role, await keepKey(role)])));
  const sheet = await writeSheet(newSeed());
  const paper = await readSheet(sheet);
  const role = (...keys) => ({ threshold: keys.length, keys: keys.map((key) => key.public) });
  const roles = { ...Object.fromEntries(OWNER.map((name) => [name, role(signers[name])])),
    root: role(signers.root, paper), recovery: role(paper) };
  const root = await signRoot({ id: random(16), version: 1, roles, strict: false, demo: false }, [signers.root, paper]);
  const { id } = await acceptFirst(root);
  const code = await readCode(text);
  const keys = await hello(await relay(`/relay/${lock}`), code);
  const door = { id: random(8), label: "Front door", zone: "Europe/London", ...keys };
  const doors = await signDoors({ site: id, version: 1, doors: [door] }, signers.grant);
  site = { id, root, doors, signers, map: await readDoors(doors), keys, code };
  return { root: hex(root), doors: hex(doors), id: hex(id), door: hex(door.id), sheet };
}

async function takesOver({ lock, otherSecret }) {
  const code = otherSecret ? { ...site.code, secret: random(16) } : site.code;
  const { keys, root, doors } = site;
  const receipt = await takeOver({ line: await relay(`/relay/${lock}`), keys, code, root, doors, door: site.map.doors[0].id });
  return { result: receipt.result, bytes: hex(receipt.bytes) };
}

const greets = async ({ code, lock }) => hello(await relay(`/relay/${lock}`), await readCode(code));

// --- keys -----------------------------------------------------------------------------------

/** A first link to a key that is made here. `passkey`: it names one that is made here as well. */
async function give({ name, passkey, ...terms }) {
  const signer = await keepKey(name);
  const made = passkey ? await createKeyPasskey({ name, rpId: "localhost" }) : null;
  const link = await signGrant({
    site: site.id, holder: signer.public, doors: [site.map.doors[0].id], use: 3, label: name,
    mark: random(4), passkey: made?.passkey, ...terms }, site.signers.grant);
  held[name] = { signer, chain: [link], passkey: made?.credentialId };
  return wire(held[name].chain);
}

/** A link below `from` to a new key of `name`. */
async function handOn({ from, name, ...terms }) {
  const { signer, chain, passkey } = held[from];
  const child = await keepKey(name);
  const asked = { holder: child.public, doors: [site.map.doors[0].id], use: 1, label: name, ...terms };
  const longer = await passOn({ wire: chain, signer, terms: asked, credentialId: passkey });
  held[name] = { signer: child, chain: longer };
  return wire(longer);
}

async function opens({ name, lock, touches = false, wrongKey = false, ...asked }) {
  const { signer, chain, passkey } = held[name];
  const front = lockOf(site.map, site.map.doors[0]);
  if (wrongKey) front[wrongKey] = wrongKey === "link" ? site.map.doors[0].sealing : site.signers.root.public;
  const outcome = await open({
    line: () => relay(`/relay/${lock}`), holder: signer, chain, lock: front,
    passkey: touches ? passkey : undefined, news: [], ...asked,
    ...(asked.bundle ? { bundle: asked.bundle.map((kept) => held[kept].item) } : {}) });
  const status = outcome.coarse === null ? await outcome.visit.status() : null;
  outcome.visit.close();
  const { coarse, receipt, delivered, news, greeting } = outcome;
  return { coarse, result: receipt?.result ?? null, receipt: receipt && hex(receipt.bytes), state: status?.state,
    delivered: delivered.map(({ result }) => result), news: news.length, size: greeting.size };
}

async function takesBack({ from, name, of, byOwner = false }) {
  const { chain, signer, passkey } = held[from] ?? {};
  const below = held[of].chain.at(-1);
  const id = await documentId(GRANT, Array.isArray(below) ? below[0] : below);
  const entries = [{ named: id, end: now() + 86_400 }];
  held[name] = { item: byOwner
    ? ["mortice-revoke/1", await signRevocation(site.id, entries, site.signers.revoke)]
    : await takeBack({ site: site.id, entries, signer, chain, credentialId: passkey }) };
  return item(held[name].item);
}

async function enrols({ from, name, slot }) {
  const { chain, signer, passkey } = held[from];
  const { digits, item: made } = await enrolPin({ chain, signer, door: site.map.doors[0], slot, credentialId: passkey });
  held[name] = { item: made };
  return { digits, ...item(made) };
}

async function configures({ name, ...config }) {
  const door = site.map.doors[0].id;
  const hub = config.hub && { key: unhex(config.hub.key), address: config.hub.address };
  const bytes = await signConfig(site.id, { door, ...config, hub }, site.signers.grant);
  held[name] = { item: ["mortice-config/1", bytes] };
  return hex(bytes);
}

const seals = async ({ digits, sealing, holder, leaf, slot }) =>
  hex(await sealPin(digits, unhex(sealing), pinContext(unhex(holder), unhex(leaf), slot)));

/** What a narrower link may not do, in the words of whoever would sign it. */
async function refuses({ from, name, ...terms }) {
  return failing(handOn({ from, name, ...terms }));
}

// --- keys in this browser -------------------------------------------------------------------

async function keeps() {
  const made = await keepKey("kept");
  const again = await failing(keepKey("kept"));
  const loaded = await loadKey("kept");
  const message = utf8("a door");
  const signature = hex(await loaded.sign(message));
  const names = await keptKeys();
  await forgetKey("kept");
  return { same: hex(made.id) === hex(loaded.id), key: hex(loaded.public.encoded), signature, again,
    listed: names.includes("kept"), gone: (await loadKey("kept")) === null };
}

/** Whether the private half of a kept key comes out, by any of the ways there are. */
async function copies() {
  await keepKey("secret");
  const database = await new Promise((resolve) => {
    indexedDB.open("mortice-keys").onsuccess = ({ target }) => resolve(target.result);
  });
  const kept = await new Promise((resolve) => {
    database.transaction("keys").objectStore("keys").get("secret").onsuccess = ({ target }) => resolve(target.result);
  });
  database.close();
  const ways = ["pkcs8", "jwk", "raw"].map((format) => failing(crypto.subtle.exportKey(format, kept.privateKey)));
  return { extractable: kept.privateKey.extractable, said: await Promise.all(ways) };
}

/** How many of so many signatures have the higher s. */
async function highs({ count }) {
  const signer = await keyFromSeed(-9, unhex("11".repeat(32)));
  const message = utf8("a door");
  const found = [];
  for (let at = 0; at < count; at += 1) found.push(hex(await signer.sign(message)));
  return { key: hex(signer.public.encoded), signatures: found };
}

const draws = ({ count, most }) => Array.from({ length: count }, () => drawPin({ most }));

/** Encodings of values that have one, and the error of those that have none. */
function encodes() {
  const bad = [1.5, Number.NaN, 2 ** 53, 2n ** 64n, -(2n ** 64n) - 1n, "\ud800", undefined, {}, new Map([[true, 1]]),
    new Map([[1, 1], [1n, 2]]), new Date(), Symbol.iterator, new Float32Array(1), [undefined]];
  const good = [2n ** 64n - 1n, -(2n ** 64n), 2 ** 53 - 1, -(2 ** 53 - 1), new Map([["z", 1], ["aa", 2], [-1, 3], [100, 4], [10, 5]])];
  return { good: good.map((value) => hex(encode(value))),
    bad: bad.map((value) => { try { return hex(encode(value)); } catch (error) { return error.name; } }) };
}

/** How a page says that its browser cannot hold keys. */
async function cannot() {
  const { generateKey } = crypto.subtle;
  crypto.subtle.generateKey = () => Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
  try {
    return await failing(opens({ name: "Old browser", lock: "front" }));
  } finally {
    crypto.subtle.generateKey = generateKey;
  }
}

const ACTS = { found, takesOver, greets, give, handOn, opens, takesBack, enrols, configures, seals, refuses, keeps, copies,
  highs, draws, encodes, cannot };

window.act = (name, given = {}) => ACTS[name](given);
window.says = (name, given = {}) => failing(ACTS[name](given));
