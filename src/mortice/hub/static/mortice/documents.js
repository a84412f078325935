// Signed documents: COSE_Sign1, one shape and no options (spec/document.md).
//
//   signDocument(kind, payload, signer, {kid = true}) → Uint8Array
//   readDocument(kind, bytes) → Document               throws Malformed (E, D1 to D5)
//   verifyDocument(document, key)                      throws Untrusted (D6, D7, K)
//   documentId(kind, bytes) → 16 bytes                 what revocations and child links name
//   endorse(kind, payload, signers) → Uint8Array       a root, with a signature of each
//   readEndorsed(kind, bytes, most) → {payload, signatures: [Document]}
//   signedBy(endorsed, keys) → [PublicKey]             those whose signature holds
//   joinDocument(payload, key, signature) → Uint8Array a receipt whose parts travelled apart
//
// The kind is signed and is not in the document: whoever reads one says which is expected.

import { decode, encode, fields, isBytes, same, utf8 } from "./cbor.js";
import { Malformed, Untrusted } from "./errors.js";
import { ED25519, ESP256, ID_BYTES, idOf, verify } from "./keys.js";

/**
 * @typedef {{kind: string, alg: number, kid: Uint8Array | null, payload: Uint8Array,
 *   signature: Uint8Array, signed: Uint8Array, id: Uint8Array}} Document
 *   `payload` is encoded, `signed` is what the signature covers. Nothing is checked yet.
 */

export const DOCUMENT_BYTES = 8192;
export const AUD = 3;
export const EXP = 4;
export const NBF = 5;
export const IAT = 6;
export const CNF = 8;
export const LIMITS = -65537; // what is not understood in it refuses the document
export const ABOUT = -65538; // what is not understood in it is ignored

const signedBytes = (kind, header, payload) => encode(["Signature1", header, utf8(kind), payload]);
const headerOf = (key, kid) => encode(fields([[1, key.alg], [4, kid ? key.id : null]]));

export async function signDocument(kind, payload, signer, { kid = true } = {}) {
  const [header, body] = [headerOf(signer.public, kid), encode(payload)];
  return encode([header, new Map(), body, await signer.sign(signedBytes(kind, header, body))]);
}

export const joinDocument = (payload, key, signature) =>
  encode([headerOf(key, true), new Map(), encode(payload), signature]);

function readHeader(kind, header) {
  if (!isBytes(header)) throw new Malformed("D3");
  const found = decode(header, { maxBytes: 64, maxDepth: 2 });
  const [alg, kid] = found instanceof Map ? [found.get(1), found.get(4)] : [];
  if (alg === undefined || found.size !== (kid === undefined ? 1 : 2)) {
    throw new Malformed("D3");
  }
  if (alg !== ED25519 && alg !== ESP256) throw new Malformed("D4");
  if (kid !== undefined && !isBytes(kid, ID_BYTES)) throw new Malformed("D3");
  return { alg, kid: kid ?? null };
}

async function assemble(kind, header, payload, signature) {
  const { alg, kid } = readHeader(kind, header);
  if (!isBytes(payload)) throw new Malformed("D1");
  if (!isBytes(signature, 64)) throw new Malformed("D5");
  const signed = signedBytes(kind, header, payload);
  return { kind, alg, kid, payload, signature, signed, id: await idOf(signed) };
}

/** @returns {Promise<Document>} */
export async function readDocument(kind, bytes) {
  const parts = decode(bytes, { maxBytes: DOCUMENT_BYTES, maxDepth: 3 });
  if (!Array.isArray(parts) || parts.length !== 4) throw new Malformed("D1");
  if (!(parts[1] instanceof Map) || parts[1].size) {
    throw new Malformed("D2");
  }
  return assemble(kind, parts[0], parts[2], parts[3]);
}

export async function verifyDocument(document, key) {
  const { kind, alg, kid } = document;
  if (alg !== key.alg) throw new Untrusted("D6", `${kind}: another algorithm than its signer's`);
  if (kid && !same(kid, key.id)) throw new Untrusted("D7", `${kind}: names another signer`);
  await verify(key, document.signature, document.signed);
}

export const documentId = async (kind, bytes) => (await readDocument(kind, bytes)).id;

/** The name under which a lock answers for a document that it was brought: not its id. */
export const deliveredName = (bytes) => idOf(bytes);

// --- several signatures over one payload ----------------------------------------------------

export async function endorse(kind, payload, signers) {
  const body = encode(payload);
  const pairs = [];
  for (const signer of signers) {
    const header = headerOf(signer.public, true);
    pairs.push([header, await signer.sign(signedBytes(kind, header, body))]);
  }
  return encode([body, pairs]);
}

export async function readEndorsed(kind, bytes, most = 16) {
  const parts = decode(bytes, { maxBytes: DOCUMENT_BYTES, maxDepth: 4 });
  const [payload, pairs] = Array.isArray(parts) && parts.length === 2 ? parts : [];
  if (!isBytes(payload) || !Array.isArray(pairs) || pairs.length < 1 || pairs.length > most) {
    throw new Malformed("D1");
  }
  const signatures = [];
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new Malformed("D1");
    }
    signatures.push(await assemble(kind, pair[0], payload, pair[1]));
  }
  return { payload, signatures };
}

/** Those among `keys` whose signature holds. A wrong one counts for nobody and does no harm. */
export async function signedBy({ signatures }, keys) {
  const good = new Set();
  for (const document of signatures) {
    const key = keys.find(({ id }) => document.kid && same(id, document.kid));
    if (key && await verifyDocument(document, key).then(() => true, () => false)) good.add(key);
  }
  return [...good];
}
