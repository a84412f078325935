// Taking over a new lock with the code from its inside (spec/commissioning.md).
//
//   readCode(text) → {fingerprint, secret}             throws Malformed (Q1 to Q3)
//   hello(line, code) → {link, signing, sealing}       throws Malformed, Untrusted (Q4), Unreachable
//   takeOver({line, keys, code, door, root, doors, at}) → Receipt
//
// `line` is an open line; each of the two takes one of its own and closes it.

import { concat, decode, same, utf8 } from "./cbor.js";
import { Malformed, Unable, Unreachable, Untrusted } from "./errors.js";
import { readLockKeys } from "./doors.js";
import { idOf, sha256 } from "./keys.js";
import { NOBODY, Visit } from "./conversation.js";
import { readChecked } from "./sheet.js";

const PREFIX = "MORTICE1";
const WRONG = {
  start: ["Q1", `that is not a lock's code; it starts with ${PREFIX}`],
  letter: ["Q2", "the code has a letter that no code has; check it again"],
  check: ["Q3", "the code is incomplete or has a wrong letter; check it again"],
};

export async function readCode(text) {
  const body = await readChecked(PREFIX, 32, text, (what) => new Malformed(...WRONG[what]));
  return { fingerprint: body.slice(0, 16), secret: body.slice(16) };
}

/** A new lock's public keys, if they are those that its code names. */
export async function readHello(encoded, code) {
  const keys = await readLockKeys(decode(encoded, { maxBytes: 512 }), "Q4");
  const fingerprint = await idOf(concat(keys.link, keys.signing.encoded, keys.sealing));
  if (!same(fingerprint, code.fingerprint)) {
    throw new Untrusted("Q4", "The lock that answered is not the one whose code this is.");
  }
  return keys;
}

export async function hello(line, code) {
  try {
    line.send(Uint8Array.of(3));
    return await readHello(await line.receive(), code);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    throw new Unreachable("Nothing answers there, or the lock has an owner already.");
  } finally {
    line.close();
  }
}

const NOT_OPEN = "The lock takes no owner now. Press the button on its inside, and do this within ten minutes.";

/**
 * Make the site the owner of the lock: `door` is its id in the signed map `doors`, `root` the signed
 * root, `at` the owner's clock, which the lock takes.
 */
export async function takeOver({ line, keys, code, door, root, doors, at = Math.floor(Date.now() / 1000) }) {
  const psk = await sha256(utf8("mortice-takeover/1"), code.secret);
  let visit;
  try {
    visit = await Visit.begin(line, keys, { psk });
  } catch (error) {
    throw error instanceof Unreachable ? new Unable(NOT_OPEN) : error;
  }
  try {
    const args = new Map([[1, door], [2, root], [3, doors], [4, at]]);
    const answer = await visit.ask({ command: "commission", args, chain: NOBODY, leaf: NOBODY });
    if (answer.coarse || !answer.receipt) throw new Unable(NOT_OPEN);
    return answer.receipt;
  } finally {
    visit.close();
  }
}
