// Taking keys back (spec/revocation.md).
//
//   signRevocation(site, [{named, end}], signer) → Uint8Array    by the role revoke, or a holder
//   takeBack({site, entries, signer, chain, credentialId}) → item of a bundle, by a holder
//   readRevocation(bytes, site) → {id, entries, document}        throws Malformed, Untrusted (V1, V2)
//   acceptRevocation(root, bytes, chain, assertion) → {id, signer, overAll, entries}    (V3 to V6)
//
// `named` is the id of a link or of a holder's key; `end` the second at which what it names ends by
// itself, 0 or absent if never: one that is too early lets the key live again.

import { Fields, TIME_MAX, decode, same } from "./cbor.js";
import { verifyAssertion } from "./assertion.js";
import { readChain, verifyChain } from "./chain.js";
import { AUD, LIMITS, readDocument, signDocument, verifyDocument } from "./documents.js";
import { Untrusted } from "./errors.js";
import { CLASSES, RIGHTS } from "./grant.js";
import { touch } from "./passkey.js";

export const REVOKE = "mortice-revoke/1";

export async function signRevocation(site, entries, signer) {
  const listed = entries.map(({ named, end }) => [named, end ?? 0]);
  const payload = new Map([[AUD, site], [LIMITS, new Map([[1, listed]])]]);
  const signed = await signDocument(REVOKE, payload, signer);
  await readRevocation(signed, site);
  return signed;
}

export async function readRevocation(bytes, site) {
  const document = await readDocument(REVOKE, bytes);
  const claims = new Fields(decode(document.payload, { maxDepth: 5 }), "V1");
  const limits = new Fields(claims.map(LIMITS), "V1");
  const named = claims.bytes(AUD, 16);
  const entries = limits.list(1, 128).map((item) => {
    const found = Fields.listed(item, 2, 2, "V1");
    return { named: found.bytes(0, 16), end: found.int(1, 0, TIME_MAX) || null };
  });
  claims.done(limits);
  if (!same(named, site)) throw new Untrusted("V2", "That takes back keys of another site.");
  return { id: document.id, entries, document };
}

export async function acceptRevocation(root, bytes, chain, assertion) {
  const document = await readDocument(REVOKE, bytes);
  const own = root.roles.revoke.keys.find(({ id }) => document.kid && same(id, document.kid));
  const key = own ?? await holderOf(root, document, chain, assertion);
  await verifyDocument(document, key);
  const { id, entries } = await readRevocation(bytes, root.id);
  return { id, signer: key.id, overAll: Boolean(own), entries };
}

async function holderOf(root, { id, kid }, chain, assertion) {
  if (!chain) throw new Untrusted("V3", "Whoever takes this back has no right to.");
  const leaf = (await verifyChain(await readChain(chain), root)).at(-1);
  if (!kid || !same(kid, leaf.holder.id)) throw new Untrusted("V4", "Somebody else than the holder takes this back.");
  if (!leaf.depth && !(leaf.use & RIGHTS.enrol)) {
    throw new Untrusted("V5", "Who passes nothing on takes nothing back.");
  }
  if (leaf.klass === CLASSES.web) {
    if (!leaf.passkey || !assertion) throw new Untrusted("V6", "A key in a browser takes back with its passkey's touch.");
    await verifyAssertion(assertion, leaf.passkey, id);
  }
  return leaf.holder;
}

/** As the holder of `chain`, whose key dies in no case: only what stands below it. */
export async function takeBack({ site, entries, signer, chain, credentialId }) {
  const bytes = await signRevocation(site, entries, signer);
  const item = [REVOKE, bytes, chain];
  return credentialId ? [...item, await touch(credentialId, (await readRevocation(bytes, site)).id)] : item;
}
