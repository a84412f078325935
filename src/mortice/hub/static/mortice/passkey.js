// Passkeys for keys: each touch signs one thing (spec/passkey.md). They are credentials of their
// own, never used to sign in, so that no page for signing in can ask for the touch.
//
//   createKeyPasskey({rpId, name, siteName, exclude}) → {credentialId, passkey}
//   assert(credentialId, challenge) → [authenticatorData, clientDataJSON, signature]
//   touch(credentialId, message) → the same, for SHA-256(message)
//   challengeOf(message) → 32 bytes
//   verifyAssertion(assertion, passkey, message)      throws Malformed, Untrusted (W1 to W7, K)
//
// `passkey` is what a link names: {key, rpIdHash, origin}. createKeyPasskey, assert and touch throw
// an Unable with a sentence where the person said no or the browser cannot.

import { concat, isBytes, same, utf8 } from "./cbor.js";
import { Malformed, Unable, Untrusted } from "./errors.js";
import { ESP256, fromDer, p256Key, random, sha256, verify } from "./keys.js";

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

// --- verifying ------------------------------------------------------------------------------

const KNOWN = ["type", "challenge", "origin", "crossOrigin", "other_keys_can_be_added_here", "virtual_authenticator"];

const base64url = (raw) => btoa(String.fromCharCode(...raw))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export function checkAssertion(assertion) {
  if (!Array.isArray(assertion) || assertion.length !== 3 || !assertion.every((part) => isBytes(part))) {
    throw new Malformed("W1");
  }
  const [authenticator, client, signature] = assertion;
  if (authenticator.length < 37 || authenticator.length > 512 || client.length > 2048 || signature.length > 80) {
    throw new Malformed("W2");
  }
  return assertion;
}

function readClient(client) {
  let parsed;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(client);
    parsed = JSON.parse(text);
  } catch {
    throw new Malformed("W3");
  }
  const isObject = parsed && typeof parsed === "object" && !Array.isArray(parsed);
  if (!isObject || !Object.keys(parsed).every((key) => KNOWN.includes(key)) || namesTwice(text)) {
    throw new Malformed("W3");
  }
  return parsed;
}

/** JSON.parse keeps the last of two fields of a name, and another reader the first. */
function namesTwice(text) {
  const names = text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? [];
  return new Set(names.map((name) => JSON.parse(name.replace(/\s*:$/, "")))).size !== names.length;
}

export async function verifyAssertion(assertion, passkey, message) {
  const [authenticator, raw, signature] = checkAssertion(assertion);
  const client = readClient(raw);
  if (client.type !== "webauthn.get" || (client.crossOrigin ?? false) !== false) {
    throw new Untrusted("W4", "passkey: not a plain touch of this page");
  }
  if (client.challenge !== base64url(await challengeOf(message))) {
    throw new Untrusted("W5", "passkey: answers another challenge");
  }
  if (client.origin !== passkey.origin || !same(authenticator.subarray(0, 32), passkey.rpIdHash)) {
    throw new Untrusted("W6", "passkey: made for another page");
  }
  if ((authenticator[32] & 5) !== 5) throw new Untrusted("W7", "passkey: the person was not verified");
  const signed = concat(authenticator, await sha256(raw));
  await verify(passkey.key, passkey.key.alg === ESP256 ? fromDer(signature) : signature, signed);
}
