// Texts that people copy by hand: base32 with a check, and the recovery sheet (spec/home.md).
//
//   writeSheet(seed) → "PAPER1-…"          shown once, kept nowhere
//   readSheet(text) → Signer               throws Malformed (Z4)
//   readSheetSeed(text) → 32 bytes         the same, for sheetKeys
//   sheetKeys(seed) → {paper, grant, revoke}    what stands on paper alone, for as long as it is held
//   writeChecked(prefix, body), readChecked(prefix, size, text, wrong)    also of a lock's code

import { concat, utf8 } from "./cbor.js";
import { Malformed } from "./errors.js";
import { ED25519, keyFromSeed, sha256 } from "./keys.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; // base32 (RFC 4648, section 6)

function toLetters(bytes) {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  bits = bits.padEnd(Math.ceil(bits.length / 5) * 5, "0");
  return bits.match(/.{5}/g).map((five) => LETTERS[parseInt(five, 2)]).join("");
}

/** What stands for `body`: a prefix, then body ‖ check in groups of five letters. */
export async function writeChecked(prefix, body) {
  const letters = toLetters(concat(body, (await sha256(utf8(prefix), body)).slice(0, 2)));
  return [prefix, ...letters.match(/.{1,5}/g)].join("-");
}

/** The `size` bytes that a text of `writeChecked` stands for; `wrong` says what is wrong with it. */
export async function readChecked(prefix, size, text, wrong) {
  const cleaned = text.replace(/[\s-]/g, "").toUpperCase();
  if (!cleaned.startsWith(prefix) || cleaned.length > 100) throw wrong("start");
  const letters = cleaned.slice(prefix.length).replace(/[018]/g, (digit) => ({ 0: "O", 1: "I", 8: "B" })[digit]);
  if (/[^A-Z2-7]/.test(letters)) throw wrong("letter");
  const bits = [...letters].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const body = Uint8Array.from(bits.slice(0, 8 * size).match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2));
  // Written again, it also shows spare bits and a wrong length.
  const written = await writeChecked(prefix, body);
  if (written.replaceAll("-", "") !== prefix + letters) throw wrong("check");
  return body;
}

const SHEET = {
  start: "that is not a recovery sheet; it starts with PAPER1",
  letter: "the sheet has a letter that no sheet has; check it",
  check: "the sheet is incomplete or has a wrong letter; check all of it",
};

export const writeSheet = (seed) => writeChecked("PAPER1", seed);

export const readSheetSeed = (text) =>
  readChecked("PAPER1", 32, text, (what) => new Malformed("Z4", SHEET[what]));

/** The recovery key that a sheet stands for. @returns {Promise<Signer>} */
export const readSheet = async (text) => keyFromSeed(ED25519, await readSheetSeed(text));

/** The seed of a role's key (spec/home.md, section 6). */
export async function sheetSeed(seed, role) {
  const { subtle } = globalThis.crypto;
  const from = await subtle.importKey("raw", seed, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(`mortice-sheet/1 ${role}`) };
  return new Uint8Array(await subtle.deriveBits(how, from, 256));
}

/** @returns {Promise<{paper: Signer, grant: Signer, revoke: Signer}>} */
export async function sheetKeys(seed) {
  const [grant, revoke] = await Promise.all(["grant", "revoke"].map((role) => sheetSeed(seed, role)));
  const [paper, ...keys] = await Promise.all([seed, grant, revoke].map((each) => keyFromSeed(ED25519, each)));
  return { paper, grant: keys[0], revoke: keys[1] };
}
