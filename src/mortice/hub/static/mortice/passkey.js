// Passkeys for keys: each touch signs one thing (spec/passkey.md). They are credentials of their
// own, never used to sign in, so that no page for signing in can ask for the touch.
//
//   createKeyPasskey({rpId, name, siteName, exclude}) → {credentialId, passkey}
//   assert(credentialId, challenge) → [authenticatorData, clientDataJSON, signature]
//   touch(credentialId, message) → the same, for SHA-256(message)
//   challengeOf(message) → 32 bytes
//
// `passkey` is what a link names: {key, rpIdHash, origin}. createKeyPasskey, assert and touch throw
// an Unable with a sentence where the person said no or the browser cannot.

import { utf8 } from "./cbor.js";
import { Unable } from "./errors.js";
import { p256Key, random, sha256 } from "./keys.js";

const POINT_BYTES = 65; // stands last in the public key that a browser hands over (RFC 5280, SPKI)
const SPKI_BYTES = 91;
const TIMEOUT_MS = 60_000;
const SAID = {
  NotAllowedError: "The passkey was not touched. Try again.",
  InvalidStateError: "This device has such a passkey already.",
  SecurityError: "Passkeys work only at the address that they were made for.",
  NotSupportedError: "This device cannot hold a passkey of the kind that locks understand.",
};

export const challengeOf = (message) => sha256(message);

async function asked(act) {
  if (!navigator.credentials) throw new Unable("This browser has no passkeys.");
  try {
    return await act();
  } catch (error) {
    throw SAID[error.name] ? new Unable(SAID[error.name], { cause: error }) : error;
  }
}

const bytes = (buffer) => new Uint8Array(buffer);

/** @param {{rpId?: string, name: string, siteName?: string, exclude?: Uint8Array[]}} wanted */
export async function createKeyPasskey({ rpId = location.hostname, name, siteName = "Mortice", exclude = [] }) {
  const publicKey = {
    rp: { id: rpId, name: siteName },
    user: { id: random(32), name, displayName: name },
    challenge: random(32), // nobody checks it: what counts is the key, which goes into a signed link
    pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    excludeCredentials: exclude.map((id) => ({ type: "public-key", id })),
    authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
    attestation: "none",
    timeout: TIMEOUT_MS,
  };
  const made = await asked(() => navigator.credentials.create({ publicKey }));
  const spki = bytes(made.response.getPublicKey() ?? new ArrayBuffer(0));
  if (made.response.getPublicKeyAlgorithm() !== -7 || spki.length !== SPKI_BYTES) {
    throw new Unable(SAID.NotSupportedError);
  }
  const key = await p256Key(spki.slice(-POINT_BYTES));
  const passkey = { key, rpIdHash: await sha256(utf8(rpId)), origin: location.origin };
  return { credentialId: bytes(made.rawId), passkey };
}

/** A touch that answers `challenge`, as it travels to a lock. */
export async function assert(credentialId, challenge, { rpId = location.hostname } = {}) {
  const publicKey = {
    rpId, challenge, userVerification: "required", timeout: TIMEOUT_MS,
    allowCredentials: [{ type: "public-key", id: credentialId }],
  };
  const { response } = await asked(() => navigator.credentials.get({ publicKey }));
  return [response.authenticatorData, response.clientDataJSON, response.signature].map(bytes);
}

export const touch = async (credentialId, message, options) =>
  assert(credentialId, await challengeOf(message), options);
