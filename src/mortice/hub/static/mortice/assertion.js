// A passkey's assertion, verified: who touched it, for what, and on which page (spec/passkey.md).
//
//   verifyAssertion(assertion, passkey, message)     throws Malformed, Untrusted (W1 to W7, K)
//   checkAssertion(value) → assertion                throws Malformed (W1, W2)
//   fromDer(bytes) → 64 bytes                        throws Malformed (K9), Untrusted (K6)

import { concat, isBytes, same } from "./cbor.js";
import { Malformed, Untrusted } from "./errors.js";
import { ESP256, lowered, sha256, toNumber, verify } from "./keys.js";

/** 64 bytes of a signature in strict DER, as WebAuthn makes them. */
export function fromDer(der) {
  const numbers = [];
  let at = 2;
  for (let number = 0; number < 2; number += 1) {
    const length = der[at + 1];
    const body = der.subarray(at + 2, at + 2 + length);
    const isStrict = der[at] === 2 && length > 0 && body.length === length && body[0] < 128
      && !(body[0] === 0 && length > 1 && body[1] < 128);
    if (!isStrict) throw new Malformed("K9");
    numbers.push(toNumber(body));
    at += 2 + length;
  }
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der[1] > 127 || at !== der.length) {
    throw new Malformed("K9");
  }
  return lowered(...numbers);
}

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
  if (client.challenge !== base64url(await sha256(message))) {
    throw new Untrusted("W5", "passkey: answers another challenge");
  }
  if (client.origin !== passkey.origin || !same(authenticator.subarray(0, 32), passkey.rpIdHash)) {
    throw new Untrusted("W6", "passkey: made for another page");
  }
  if ((authenticator[32] & 5) !== 5) throw new Untrusted("W7", "passkey: the person was not verified");
  const signed = concat(authenticator, await sha256(raw));
  await verify(passkey.key, passkey.key.alg === ESP256 ? fromDer(signature) : signature, signed);
}
