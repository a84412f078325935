// From the site's keys down to the holder: whose key a chain is (spec/grant.md, section 6).
//
//   readChain(wire, last = GRANT) → [{grant, assertion}]      throws Malformed (C1, C2, E, D, G)
//   verifyChain(links, root) → [Grant]                        throws Untrusted (C3 to C20, D, K, W)
//   passOn({wire, signer, terms, credentialId, strict}) → wire  signs a narrower link below one's own
//
// A wire is an array of links, the site's first; a link is bytes, or [bytes, assertion] where the
// key that signed it lives in a browser. `root` is a root from site.js.

import { concat, isBytes, same } from "./cbor.js";
import { verifyDocument } from "./documents.js";
import { Malformed, Untrusted } from "./errors.js";
import { checkAssertion, verifyAssertion } from "./assertion.js";
import { CLASSES, ENROL, GRANT, readGrant, signGrant } from "./grant.js";
import { mayNotSign, narrowed, narrower } from "./narrow.js";
import { touch } from "./passkey.js";

function split(item) {
  if (isBytes(item)) return [item, null];
  if (Array.isArray(item) && item.length === 2 && isBytes(item[0])) return [item[0], checkAssertion(item[1])];
  throw new Malformed("C1");
}

export async function readChain(wire, last = GRANT) {
  if (!Array.isArray(wire) || wire.length < 1 || wire.length > 5) {
    throw new Malformed("C1");
  }
  const pairs = wire.map(split);
  if (pairs.reduce((sum, [bytes]) => sum + bytes.length, 0) > 4096) {
    throw new Malformed("C2");
  }
  return Promise.all(pairs.map(async ([bytes, assertion], at) => (
    { grant: await readGrant(bytes, at === pairs.length - 1 ? last : GRANT), assertion })));
}

export async function verifyChain(links, root) {
  await verifyFirst(links[0].grant, root);
  for (let at = 1; at < links.length; at += 1) await verifyLink(links[at - 1].grant, links[at], root);
  return links.map(({ grant }) => grant);
}

async function verifyFirst(grant, root) {
  if (grant.parent) throw new Untrusted("C3", "chain: the first link must be signed by the site");
  if (!same(grant.site, root.id)) throw new Untrusted("C4", "chain: the key is for another site");
  const signs = ({ id }) => same(id, grant.document.kid);
  const retired = root.retired.find(({ key, kept }) => signs(key) && kept.some((id) => same(id, grant.id)));
  const key = retired?.key ?? root.roles.grant.keys.find(signs);
  if (!key) throw new Untrusted("C5", "chain: the first link's signer is no key of this site");
  await verifyDocument(grant.document, key);
}

async function verifyLink(above, { grant, assertion }, root) {
  if (!grant.parent || !same(grant.parent, above.id)) {
    throw new Untrusted("C6", "chain: a link belongs below another link than it stands");
  }
  const may = mayNotSign(above, grant, { strict: root.strict, touched: Boolean(assertion) });
  if (may) throw new Untrusted(...may);
  if (above.klass === CLASSES.web) await verifyAssertion(assertion, above.passkey, concat(grant.id, above.id));
  await verifyDocument(grant.document, above.holder);
  const problem = narrower(above, grant);
  if (problem) throw new Untrusted(...problem);
}

/**
 * A narrower link below one's own key: signed here, and with a touch of the passkey `credentialId`
 * where one's own key lives in a browser. What a door would refuse is refused before anything is
 * signed. Fields of `terms` as in signGrant, without site and parent.
 * @returns {Promise<Array>} the longer chain
 */
export async function passOn({ wire, signer, terms, credentialId, strict = false }) {
  const links = await readChain(wire);
  const above = links.at(-1).grant;
  const child = { ...narrowed(terms, above), site: undefined, parent: above.id };
  const problem = mayNotSign(above, child, { strict, touched: Boolean(credentialId) }) ?? narrower(above, child);
  if (problem) throw new Untrusted(...problem);
  const bytes = await signGrant(child, signer);
  if (above.klass !== CLASSES.web) return [...wire, bytes];
  const { id } = await readGrant(bytes, child.credential ? ENROL : GRANT);
  return [...wire, [bytes, await touch(credentialId, concat(id, above.id))]];
}

