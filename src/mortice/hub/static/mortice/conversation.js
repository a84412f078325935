// A holder's side of the conversation with a lock (spec/link.md, spec/messages.md).
//
//   Visit.begin(line, lock, {psk, ephemeral}) → Visit            messages 1 and 2
//     .greeting, .handshake
//     .ask({command, args, commandId, chain, leaf, holder, whole, carried, passkey}) → Answer
//     .status() → object, .readLog(from) → Map, .prove(index, size) → Map, .deliver(items) → [Delivered]
//     .close()
//   HolderSide                       the same as bytes for bytes, without a line
//   readReceipt(bytes, lockKey) → Receipt        throws Malformed, Untrusted (L1, L2, K)
//
// Everything that a lock says is checked here: that it is this lock, that the message is the next,
// that the receipt is signed by it. What does not hold throws an Untrusted with a sentence;
// no answer throws Unreachable, or AnswerLost once the lock was asked to act. A door that says no is
// no error: `coarse` says how (COARSE), and the receipt that it was so.

import { Fields, TIME_MAX, compare, concat, decode, encode, utf8 } from "./cbor.js";
import { blake2s } from "./blake2s.js";
import { joinDocument, readDocument, verifyDocument } from "./documents.js";
import { AnswerLost, Declined, Malformed, Unreachable, Untrusted } from "./errors.js";
import { random, sha256 } from "./keys.js";
import { Initiator } from "./noise.js";
import { touch } from "./passkey.js";

/**
 * @typedef {{site: Uint8Array, door: Uint8Array, link: Uint8Array, signing: PublicKey}} Lock
 *   What the map says of a door; `lockOf(map, door)` makes one.
 * @typedef {{time: 0|1|2, at: number, incarnation: number, size: number, root: Uint8Array,
 *   news: Uint8Array, siteVersion: number, doorsVersion: number}} Greeting
 *   `time`: 0 synced, 1 holdover, 2 unsure
 * @typedef {{incarnation: number, entry: Uint8Array, index: number, size: number, root: Uint8Array,
 *   leaf: Uint8Array, commandId: Uint8Array, result: string, at: number, time: number,
 *   bytes: Uint8Array}} Receipt  `bytes` is the whole signed document, to be kept
 * @typedef {{name: Uint8Array, result: number, receipt: Uint8Array | null}} Delivered
 *   `result`: 0 applied, -1 known, else the number of a reason
 * @typedef {{coarse: string | null, receipt: Receipt | null, body: Map}} Answer  null: yes
 */

export const COMMANDS = { unlock: 1, lock: 2, hold_open: 3, status: 4, read_log: 5, prove: 6, deliver: 7,
  set_time: 8, restore: 10, commission: 11 };
export const COARSE = [null, "not_allowed", "not_now", "show_more", "malformed"];
export const RESULTS = ["refused", "unlocked", "locked", "jammed", "done", "unknown"];
export const RECEIPT = "mortice-receipt/1";
export const NOBODY = new Uint8Array(16); // stands for a leaf where the code's secret proves the owner
const OPENING = 1;
const TAKEOVER = 2;
const MAC_BYTES = 16;
const GREETING_SECONDS = 8;

export const lockOf = (map, { id, link, signing }) => ({ site: map.site, door: id, link, signing });

const parts = (plain, low, high) => Fields.listed(decode(plain), low, high, "A1");

/** @returns {Greeting} */
export function readGreeting(plain) {
  const found = parts(plain, 8, 8);
  const count = (place) => found.int(place, 0, TIME_MAX);
  return { time: found.int(0, 0, 2), at: count(1), incarnation: count(2), size: count(3),
    root: found.bytes(4, 32), news: found.bytes(5, 8), siteVersion: count(6), doorsVersion: count(7) };
}

/** What a holder signs: this conversation, lock, command, key and log, and nothing else. */
export const proofBytes = (request, handshake, lockId, leaf, greeting) => encode([
  "mortice-proof/1", handshake, lockId, request.command, request.commandId, request.args, leaf,
  request.factors, greeting.size, greeting.root]);

/** The parts of message 4, with its receipt put together again. The signature is not checked yet. */
export function readAnswer(plain, leaf, commandId, lockKey) {
  const found = parts(plain, 1, 11);
  const coarse = COARSE[found.int(0, 0, COARSE.length - 1)];
  if (found.left.size <= 1) return { coarse, receipt: null, body: found.map(1, new Map()) };
  const [result, incarnation, entry] = [found.int(1, 0, 5), found.int(2, 0, TIME_MAX), found.bytes(3, 32)];
  const [index, size, root] = [found.int(4, 0, TIME_MAX), found.int(5, 1, TIME_MAX), found.bytes(6, 32)];
  const [at, time, signature] = [found.int(7, 0, TIME_MAX), found.int(8, 0, 2), found.bytes(9, 64)];
  const payload = [incarnation, entry, index, size, root, leaf, commandId, result, at, time];
  const receipt = joinDocument(payload, lockKey, signature);
  return { coarse, receipt, body: found.map(10, new Map()) };
}

/** @returns {Promise<Receipt>} A lock's word, if it is this lock's. */
export async function readReceipt(bytes, lockKey) {
  const document = await readDocument(RECEIPT, bytes);
  if (!document.kid || compare(document.kid, lockKey.id)) {
    throw new Untrusted("L2", "The receipt was signed by another lock.");
  }
  await verifyDocument(document, lockKey).catch(({ check }) => {
    throw new Untrusted(check, "The receipt is not this lock's word: somebody changed what it said.");
  });
  const found = Fields.listed(decode(document.payload), 10, 10, "L1");
  return { incarnation: found.int(0, 0, TIME_MAX), entry: found.bytes(1, 32), index: found.int(2, 0, TIME_MAX),
    size: found.int(3, 1, TIME_MAX), root: found.bytes(4, 32), leaf: found.bytes(5, 16),
    commandId: found.bytes(6, 8), result: RESULTS[found.int(7, 0, 5)], at: found.int(8, 0, TIME_MAX),
    time: found.int(9, 0, 2), bytes };
}

// --- bytes for bytes ------------------------------------------------------------------------

export class HolderSide {
  /** With a `psk` it is the conversation of a takeover. */
  static async create(lock, { psk, ephemeral } = {}) {
    const place = psk ? new Uint8Array(24) : concat(lock.site, lock.door);
    const noise = await Initiator.create(concat(utf8("mortice-link/1"), place), lock.link, { psk, ephemeral });
    return Object.assign(new HolderSide(), { lock, noise, kind: psk ? TAKEOVER : OPENING });
  }

  async first() {
    const body = concat(Uint8Array.of(this.kind), await this.noise.write());
    const key = await sha256(utf8("mortice-link/1/mac1"), this.lock.link);
    return concat(body, blake2s(key, body, MAC_BYTES));
  }

  async readGreeting(message) {
    this.greeting = readGreeting(await this.noise.read(message));
    this.handshake = this.noise.hash;
    this.channel = await this.noise.transport();
    return this.greeting;
  }

  proofFor(request, leaf) {
    return proofBytes(request, this.handshake, this.lock.signing.id, leaf, this.greeting);
  }

  /** Message 3: `request` with its proof. `key` is a chain, or the leaf's id. */
  async ask(request, key, proof, carried) {
    const { command, commandId, args, factors } = request;
    const said = [command, commandId, args, key, factors, proof];
    return this.channel.seal(encode(carried.size ? [...said, carried] : said));
  }

  /** Message 4. @returns {Promise<Answer>} */
  async readAnswer(message, leaf, commandId) {
    const answer = readAnswer(await this.channel.open(message), leaf, commandId, this.lock.signing);
    return { ...answer, receipt: answer.receipt && await readReceipt(answer.receipt, this.lock.signing) };
  }

  later(command, commandId, args) {
    return this.channel.seal(encode([command, commandId, args]));
  }

  async readLater(message) {
    return decode(await this.channel.open(message), { maxBytes: 65_535 });
  }
}

// --- over a line ----------------------------------------------------------------------------

const NO_PROOF = new Uint8Array(64);

export class Visit {
  static async begin(line, lock, options = {}) {
    const side = await HolderSide.create(lock, options);
    const visit = Object.assign(new Visit(), { line, side });
    try {
      line.send(await side.first());
      visit.greeting = await side.readGreeting(await line.receive(GREETING_SECONDS));
    } catch (error) {
      line.close();
      throw error;
    }
    visit.handshake = side.handshake;
    return visit;
  }

  /**
   * Messages 3 and 4. Without a `holder` there is no proof, as at a takeover.
   * @param {{command: string, args?: Map, commandId?: Uint8Array, chain: Array, leaf: Uint8Array,
   *   holder?: Signer, whole?: boolean, carried?: Map, passkey?: Uint8Array}} asked
   * @returns {Promise<Answer>}
   */
  async ask({ command, args = new Map(), commandId = random(8), chain, leaf, holder, whole = true,
    carried = new Map(), passkey }) {
    const request = { command: COMMANDS[command], commandId, args, factors: passkey ? 2 : 0 };
    const proved = this.side.proofFor(request, leaf);
    const proof = holder ? await holder.sign(proved) : NO_PROOF;
    // The person has seconds from here: a lock takes no proof that comes later (J7).
    if (passkey) carried = new Map(carried).set(4, await touch(passkey, proved));
    this.line.send(await this.side.ask(request, whole ? chain : leaf, proof, carried));
    const answer = await this.line.receive().catch((error) => {
      throw error instanceof Unreachable
        ? new AnswerLost("The door was asked, and its answer never came: look at the door.") : error;
    });
    return this.side.readAnswer(answer, leaf, commandId);
  }

  /** What a further request is answered. Throws Declined, Unreachable. */
  async more(command, args = new Map()) {
    this.line.send(await this.side.later(COMMANDS[command], random(8), args));
    const answer = await this.side.readLater(await this.line.receive());
    if (!Array.isArray(answer)) throw new Malformed("A1");
    if (answer.length === 2 && answer[0] === null) return answer[1];
    throw new Declined(answer[0]);
  }

  status = async () => Object.fromEntries(await this.more("status"));

  readLog = (from) => this.more("read_log", new Map([[1, from]]));

  prove = (index, size) => this.more("prove", new Map([[1, index], [2, size]]));

  async deliver(items) {
    const delivered = [];
    for (let left = items; left.length;) {
      const count = howManyFit(left);
      delivered.push(...readDelivered(await this.more("deliver", new Map([[1, left.slice(0, count)]]))));
      left = left.slice(count);
    }
    return delivered;
  }

  close() {
    this.line.close();
  }
}

const CARRIED_BYTES = 8192; // of documents in one message, which leaves room for a chain and receipts

/** How many of `items`, one at least, fit into one message. */
export function howManyFit(items) {
  let [count, room] = [0, CARRIED_BYTES];
  for (const item of items.slice(0, 64)) {
    room -= encode(item).length;
    if (count && room < 0) break;
    count += 1;
  }
  return count;
}

export function readDelivered(value) {
  if (!Array.isArray(value)) return [];
  return value.map((item) => {
    const found = Fields.listed(item, 3, 3, "A1");
    return { name: found.bytes(0, 16), result: found.int(1, -1, 255), receipt: found.any(2) };
  });
}
