// The keys that this browser holds, by the id of their public half, and the passkeys beside them.
//
//   findKey(id) → {name, signer, credentialId} or null     `id` is the 16 bytes of a holder's key
//   keepPasskey(name, credentialId), credentialOf(name), forgetPasskey(name)
//                                                          of the key kept under `name`
//   toText, fromText                                       bytes as base64url
//   post(path, body) → answer                              throws an Error with the hub's sentence

import { same } from "./mortice/cbor.js";
import { keptKeys, loadKey } from "./mortice/keys.js";

export const fromText = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
export const toText = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const under = (name) => `key-passkey ${name}`;

export const keepPasskey = (name, credentialId) => localStorage.setItem(under(name), toText(credentialId));

export const forgetPasskey = (name) => localStorage.removeItem(under(name));

export function credentialOf(name) {
  const kept = localStorage.getItem(under(name));
  return kept ? fromText(kept) : null;
}

export async function findKey(id) {
  for (const name of await keptKeys()) {
    const signer = await loadKey(name);
    if (signer && same(signer.id, id)) return { name, signer, credentialId: credentialOf(name) };
  }
  return null;
}

export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The hub cannot be reached. Try again.");
  }
  const said = await answer.json().catch(() => ({}));
  if (said.code === "prove-again") location.assign(`/prove?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (!answer.ok) throw new Error(said.title ? `${said.title}. ${said.detail}` : "The hub did not answer. Try again.");
  return said;
}
