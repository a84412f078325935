// The Noise handshake, as the end that speaks first and knows the other's static key (revision 34,
// NK and NKpsk0 with 25519, AESGCM, SHA256; spec/link.md, section 3).
//
//   Initiator.create(prologue, responder, {psk, ephemeral}) → Initiator
//     .write(payload?) → message 1          .read(message 2) → its payload
//     .hash                                 names this conversation and no other
//     .transport() → Transport              once
//   Transport: .seal(plain) → bytes, .open(bytes) → plain
//   keyPair(seed?) → {privateKey, public}   X25519
//   exchange(privateKey, public) → 32 bytes throws Untrusted (N3)
//   checkX25519(public)                     throws Untrusted (N3) for a key that everybody shares
//   hmac(key, ...parts) → 32 bytes
//
// `ephemeral` is for test vectors: without it, fresh private bytes are drawn that cannot be read.

import { concat, utf8 } from "./cbor.js";
import { Malformed, Unable, Untrusted } from "./errors.js";
import { importSeed, publicHalf, sha256 } from "./keys.js";

const { subtle } = globalThis.crypto;
const X25519 = "X25519";
const LONGEST = 65535;
const TAG_BYTES = 16;

export async function keyPair(seed) {
  try {
    if (seed) {
      const privateKey = await importSeed(X25519, seed, ["deriveBits"]);
      return { privateKey, public: (await publicHalf(privateKey))[0] };
    }
    const pair = await subtle.generateKey(X25519, false, ["deriveBits"]);
    return { privateKey: pair.privateKey, public: new Uint8Array(await subtle.exportKey("raw", pair.publicKey)) };
  } catch (error) {
    if (!["NotSupportedError", "SyntaxError", "TypeError"].includes(error.name)) throw error;
    throw new Unable("This browser cannot talk to a lock: it is too old. Update it, or use another.");
  }
}

export async function exchange(privateKey, remote) {
  const key = await subtle.importKey("raw", remote, X25519, false, []);
  try {
    return new Uint8Array(await subtle.deriveBits({ name: X25519, public: key }, privateKey, 256));
  } catch {
    throw new Untrusted("N3", "the other end's key has small order: anybody would know what is said");
  }
}

let probe = null; // any private key finds a point of small order

export async function checkX25519(remote) {
  probe ??= keyPair();
  await exchange((await probe).privateKey, remote);
}

export async function hmac(key, ...parts) {
  const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, concat(...parts)));
}

/** The first `count` outputs of HKDF as in Noise, section 4.3. */
async function hkdf(chainingKey, material, count) {
  const secret = await hmac(chainingKey, material);
  const outputs = [];
  for (let at = 1; at <= count; at += 1) {
    outputs.push(await hmac(secret, outputs.at(-1) ?? new Uint8Array(), Uint8Array.of(at)));
  }
  return outputs;
}

const aesKey = (raw) => subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);

/** 4 zero bytes, then the counter (Noise, section 12.3). */
function nonce(counter) {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setBigUint64(4, BigInt(counter));
  return bytes;
}

async function crypt(way, key, counter, text, ad) {
  const how = { name: "AES-GCM", iv: nonce(counter), additionalData: ad };
  return new Uint8Array(await subtle[way](how, key, text));
}

function checkLength(message, least) {
  if (message.length > LONGEST) throw new Malformed("N1");
  if (message.length < least) throw new Malformed("N2");
}

export class Initiator {
  static async create(prologue, responder, { psk, ephemeral } = {}) {
    const made = new Initiator();
    made.psk = psk;
    made.responder = responder;
    made.own = await keyPair(ephemeral);
    const name = utf8(psk ? "Noise_NKpsk0_25519_AESGCM_SHA256" : "Noise_NK_25519_AESGCM_SHA256");
    made.hash = concat(name, new Uint8Array(32 - name.length));
    made.chainingKey = made.hash;
    await made.mixHash(prologue);
    await made.mixHash(responder);
    return made;
  }

  async mixHash(part) {
    this.hash = await sha256(this.hash, part);
  }

  async mixKey(material) {
    [this.chainingKey, this.key] = await hkdf(this.chainingKey, material, 2);
  }

  async mixPsk() {
    const [chainingKey, mixed, key] = await hkdf(this.chainingKey, this.psk, 3);
    this.chainingKey = chainingKey;
    await this.mixHash(mixed);
    this.key = key;
  }

  async mixEphemeral(key) {
    await this.mixHash(key);
    if (this.psk) await this.mixKey(key);
  }

  async write(payload = new Uint8Array()) {
    if (this.psk) await this.mixPsk();
    await this.mixEphemeral(this.own.public);
    await this.mixKey(await exchange(this.own.privateKey, this.responder));
    // Every payload of the handshake is the first under a fresh key, so its counter is 0.
    const sealed = await crypt("encrypt", await aesKey(this.key), 0, payload, this.hash);
    await this.mixHash(sealed);
    return concat(this.own.public, sealed);
  }

  async read(message) {
    checkLength(message, 32 + TAG_BYTES);
    const [remote, sealed] = [message.slice(0, 32), message.slice(32)];
    await this.mixEphemeral(remote);
    await this.mixKey(await exchange(this.own.privateKey, remote));
    let payload;
    try {
      payload = await crypt("decrypt", await aesKey(this.key), 0, sealed, this.hash);
    } catch {
      throw new Untrusted("N4", "What answered is not the lock that it should be, or somebody changed what it said.");
    }
    await this.mixHash(sealed);
    return payload;
  }

  async transport() {
    const [sending, receiving] = await hkdf(this.chainingKey, new Uint8Array(), 2);
    this.chainingKey = null; // once, so that no counter is used twice
    return new Transport(await aesKey(sending), await aesKey(receiving));
  }
}

/** A channel with one key and one counter for each direction. Messages pass in order. */
export class Transport {
  constructor(sending, receiving) {
    Object.assign(this, { sending, receiving, sent: 0, received: 0 });
  }

  /** For test vectors: a channel that has received so many messages under this key. */
  static async receiving(key, received) {
    return Object.assign(new Transport(null, await aesKey(key)), { received });
  }

  async seal(plain) {
    this.sent += 1;
    return crypt("encrypt", this.sending, this.sent - 1, plain, new Uint8Array());
  }

  async open(message) {
    checkLength(message, TAG_BYTES);
    if (BigInt(this.received) >= 2n ** 64n - 1n) throw new Untrusted("N6", "This conversation is used up; start another.");
    let plain;
    try {
      plain = await crypt("decrypt", this.receiving, this.received, message, new Uint8Array());
    } catch {
      throw new Untrusted("N5", "Somebody changed what the lock said, or left something out.");
    }
    this.received += 1;
    return plain;
  }
}
