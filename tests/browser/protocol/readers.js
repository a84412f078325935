// Each vector, read by the browser's own code. Nothing here decides anything.

import { concat, decode, hex, unhex, utf8 } from "/mortice/cbor.js";
import { blake2s } from "/mortice/blake2s.js";
import { readChain, verifyChain } from "/mortice/chain.js";
import { readDocument, verifyDocument } from "/mortice/documents.js";
import { Malformed, Untrusted } from "/mortice/errors.js";
import { fromDer } from "/mortice/assertion.js";
import { acceptDoors } from "/mortice/doors.js";
import { ENROL, readHours } from "/mortice/grant.js";
import { within } from "/mortice/narrow.js";
import { readSheet } from "/mortice/sheet.js";
import { keyFromSeed, readEncodedKey, readKey, sha256, verify } from "/mortice/keys.js";
import { COMMANDS, HolderSide, proofBytes, readAnswer, readGreeting, readReceipt } from "/mortice/link.js";
import { Transport, keyPair } from "/mortice/noise.js";
import { digitsNeeded, weakness } from "/mortice/pin.js";
import { acceptRevocation } from "/mortice/revoke.js";
import { acceptFirst, acceptNext, readChecked, readConfig } from "/mortice/site.js";
import { readCode, readHello } from "/mortice/takeover.js";
import { claimSigner, readHandover, readRequest, readStaple } from "/mortice/texts.js";

const raw = (value) => (typeof value === "string" ? unhex(value) : unhex(value.repeat.repeat(value.times)));

const wire = (items) => items.map((item) => {
  if (Array.isArray(item)) return wire(item);
  return item.text === undefined ? raw(item) : item.text;
});

function written(value) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" || typeof value === "bigint") return { int: String(value) };
  if (typeof value === "string") return { text: value };
  if (value instanceof Uint8Array) return { bytes: hex(value) };
  if (Array.isArray(value)) return value.map(written);
  return { map: [...value].map(([key, item]) => [written(key), written(item)]) };
}

const root = ({ site }) => acceptFirst(raw(site));
const map = async (given, from) => acceptDoors(await root(given), raw(given[from]), from === "next" ? 1 : 0);

const greetingOf = (given) => ({ time: given.time, at: given.at, incarnation: given.incarnation, size: given.size,
  root: raw(given.root), news: raw(given.news), siteVersion: given.site_version, doorsVersion: given.doors_version });

const greetingWritten = (found) => ({ time: found.time, at: found.at, incarnation: found.incarnation,
  size: found.size, root: hex(found.root), news: hex(found.news), site_version: found.siteVersion,
  doors_version: found.doorsVersion });

const signerOf = ({ alg, seed }) => keyFromSeed(alg, raw(seed));

function same(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what} differs`);
}

async function conversation(given, { message_2: second, message_4: fourth, message_6: sixth }) {
  const lock = { site: raw(given.site_id), door: raw(given.door), link: (await keyPair(raw(given.lock_link))).public,
    signing: (await keyFromSeed(-19, raw(given.lock_signing))).public };
  const side = await HolderSide.create(lock, { ephemeral: raw(given.holder_ephemeral) });
  const made = { message_1: hex(await side.first()), message_2: second };
  same(greetingWritten(await side.readGreeting(raw(second))), given.greeting, "greeting");
  const [leaf, commandId, holder] = [raw(given.leaf), raw(given.command_id), await signerOf(given.holder)];
  const request = { command: COMMANDS[given.command], commandId, args: new Map(), factors: 0 };
  const proved = side.proofFor(request, leaf);
  Object.assign(made, { handshake_hash: hex(side.handshake), proof: hex(proved) });
  const proof = await holder.sign(proved);
  await verify(holder.public, proof, proved);
  const key = given.seen ? leaf : wire(given.chain);
  made.message_3 = hex(await side.ask(request, key, proof, new Map()));
  const answer = await side.readAnswer(raw(fourth), leaf, commandId);
  Object.assign(made, { message_4: fourth, receipt: hex(answer.receipt.bytes) });
  made.message_5 = hex(await side.later(...decode(raw(given.later))));
  same(written(await side.readLater(raw(sixth))), written(decode(raw(given.later_answer))), "later answer");
  return { ...made, message_6: sixth };
}

async function takeoverHandshake(given, { message_2: second }) {
  const link = (await keyPair(raw(given.lock_link))).public;
  const psk = await sha256(utf8("mortice-takeover/1"), raw(given.secret));
  const side = await HolderSide.create({ link }, { psk, ephemeral: raw(given.holder_ephemeral) });
  const first = hex(await side.first());
  same(greetingWritten(await side.readGreeting(raw(second))), given.greeting, "greeting");
  return { message_1: first, message_2: second, handshake_hash: hex(side.handshake) };
}

async function proof(given) {
  const request = { command: COMMANDS[given.command], commandId: raw(given.command_id), args: new Map(),
    factors: given.factors };
  const signed = proofBytes(request, raw(given.handshake), raw(given.lock), raw(given.leaf), greetingOf(given.greeting));
  await verify(await readEncodedKey(raw(given.holder)), raw(given.proof), signed);
  return {};
}

async function answer(given) {
  const lock = await readEncodedKey(raw(given.lock));
  const found = readAnswer(raw(given.plain), raw(given.leaf), raw(given.command_id), lock);
  if (found.receipt) await readReceipt(found.receipt, lock);
  return { coarse: found.coarse, receipt: found.receipt && hex(found.receipt) };
}

async function handover(given) {
  const found = readHandover(given.text);
  if (found.secret) await claimSigner(found);
  return { roots: found.roots.length, links: found.chain.length, name: found.siteName };
}

const READERS = {
  cbor: ({ bytes, max_bytes: maxBytes, max_depth: maxDepth }) =>
    ({ decoded: written(decode(raw(bytes), { maxBytes, maxDepth })) }),
  public_key: async ({ cose }) => {
    const key = await readKey(decode(raw(cose)));
    return { id: hex(key.id), alg: key.alg };
  },
  signature: async ({ key, message, signature }) => {
    await verify(await readEncodedKey(raw(key)), raw(signature), raw(message));
    return {};
  },
  der_signature: ({ der }) => ({ signature: hex(fromDer(raw(der))) }),
  document: async ({ kind, document, key }) => {
    const found = await readDocument(kind, raw(document));
    await verifyDocument(found, await readEncodedKey(raw(key)));
    return { id: hex(found.id), payload: hex(found.payload) };
  },
  chain: async (given) => {
    const links = await verifyChain(await readChain(wire(given.chain)), await root(given));
    return { links: links.map(({ id }) => hex(id)), holder: hex(links.at(-1).holder.id) };
  },
  revocation: async (given) => {
    const [chain, touch] = [given.chain, given.assertion].map((part) => part && wire(part));
    const found = await acceptRevocation(await root(given), raw(given.document), chain, touch);
    return { id: hex(found.id), signer: hex(found.signer), over_all: found.overAll,
      entries: found.entries.map(({ named, end }) => [hex(named), end]) };
  },
  within: ({ narrow, wide }) => ({ within: within(readHours(narrow), readHours(wide)) }),
  first_root: async (given) => {
    const { id, version, strict, demo } = await root(given);
    return { id: hex(id), version, strict, demo };
  },
  next_root: async (given) => ({ version: (await acceptNext(await root(given), raw(given.next))).version }),
  map: async (given) => {
    const found = await map(given, "next");
    return { version: found.version, doors: found.doors.map(({ id }) => hex(id)) };
  },
  settings: async (given) => {
    const { version, relockAfter, pins, hub, opening } = await readConfig(raw(given.document), (await root(given)).id);
    const named = hub ? { hub: [hex(hub.key), hub.address] } : {};
    return { version, relock_after: relockAfter, pins: [pins.entry, pins.spent, pins.most], ...named,
      ...(opening && { opening }) };
  },
  checked: async (given) => {
    const { at, report, passed, failed } = await readChecked(raw(given.document), (await root(given)).id);
    return { at, report: hex(report), passed, failed };
  },
  enrolment: async (given) => {
    const links = await verifyChain(await readChain(wire(given.chain), ENROL), await root(given));
    const { id, credential } = links.at(-1);
    return { leaf: hex(id), slot: credential.slot, version: credential.version };
  },
  weakness: ({ pin }) => ({ weak: weakness(pin) !== null }),
  digits_needed: ({ spent, most }) => ({ digits: digitsNeeded({ spent, most }) }),
  code: async ({ text }) => {
    const { fingerprint, secret } = await readCode(text);
    return { fingerprint: hex(fingerprint), secret: hex(secret) };
  },
  hello: async (given) => ({ lock: hex((await readHello(raw(given.hello), await readCode(given.code))).signing.id) }),
  conversation,
  takeover_handshake: takeoverHandshake,
  transport: async ({ key, counter, message }) => {
    const channel = await Transport.receiving(raw(key), counter);
    return { plain: hex(await channel.open(raw(message))) };
  },
  proof,
  greeting: ({ plain }) => greetingWritten(readGreeting(raw(plain))),
  answer,
  receipt: async ({ document, lock }) => {
    const found = await readReceipt(raw(document), await readEncodedKey(raw(lock)));
    const results = ["refused", "unlocked", "locked", "jammed", "done", "unknown"];
    return { index: found.index, size: found.size, leaf: hex(found.leaf), command_id: hex(found.commandId),
      result: results.indexOf(found.result) };
  },
  request_text: async ({ text }) => {
    const { key, name } = await readRequest(text);
    return { key: hex(key.id), name };
  },
  handover_text: handover,
  staple_text: ({ text }) => {
    const [staple, chain] = readStaple(text);
    return { staple: hex(staple), links: chain && chain.length };
  },
  sheet: async ({ text }) => ({ key: hex((await readSheet(text)).id) }),
};

/** What this browser's code says, in the form of a vector's `expected`. */
async function outcome({ reader, input, expected }) {
  try {
    return { class: "accepted", value: await READERS[reader](input, expected.value ?? {}) };
  } catch (error) {
    if (error instanceof Malformed) return { class: "malformed", check: error.check, said: error.message };
    if (error instanceof Untrusted) return { class: "untrusted", check: error.check, said: error.message };
    return { class: "fault", said: `${error.name}: ${error.message}` };
  }
}

window.readers = Object.keys(READERS);
window.outcomes = async (vectors) => {
  const found = {};
  for (const vector of vectors) found[vector.name] = await outcome(vector);
  return found;
};
window.mac = (key, message, size) => hex(blake2s(unhex(key), concat(unhex(message)), size));
