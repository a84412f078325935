// Signs the key that the check page shows, in this browser, with a touch of its key passkey.
//
// The hub says what to sign and the page says it in words; what a door would refuse is refused here
// before anything is signed. The secret of a link and the digits of a PIN never leave this page.

import { decode, encode } from "./mortice/cbor.js";
import { passOn, readChain } from "./mortice/chain.js";
import { ENROL } from "./mortice/grant.js";
import { random, readEncodedKey } from "./mortice/keys.js";
import { drawPin, pinContext, sealPin } from "./mortice/pin.js";
import { linkTo, newClaim, showLink } from "./guest_link.js";
import { findKey, fromText, post, toText } from "./own_key.js";

const card = document.querySelector("[data-give]");
const $ = (name) => document.querySelector(`[data-${name}]`);

/** The terms that a key in this browser may sign, with that key; null if it is in another browser. */
async function mine() {
  const { at, strict, terms } = await post(`${card.dataset.give}/terms`, { s: card.dataset.s });
  for (const each of terms) {
    const wire = decode(fromText(each.wire));
    const above = (await readChain(wire)).at(-1).grant;
    const own = await findKey(above.holder.id);
    if (own) return { ...own, at, strict, wire, above, terms: each };
  }
  return null;
}

/** The passkey of a browser that asked for a key. */
async function passkeyOf(given) {
  if (!given) return undefined;
  const { key, rpIdHash, origin } = given;
  return { key: await readEncodedKey(fromText(key)), rpIdHash: fromText(rpIdHash), origin };
}

async function chainFor(own, holder) {
  const { wire, signer, credentialId, strict } = own;
  const [doors, passkey] = [own.terms.doors.map(fromText), await passkeyOf(own.terms.passkey)];
  return passOn({ wire, signer, credentialId, strict, terms: { ...own.terms, doors, passkey, holder, mark: random(8) } });
}

async function sign(own) {
  if (own.terms.how === "pin") return signPins(own);
  if (own.terms.how === "request") {
    const holder = await readEncodedKey(fromText(own.terms.holder));
    const signed = [];
    for (const terms of [own.terms, ...own.terms.also]) signed.push(await chainFor({ ...own, terms }, holder));
    return { signed };
  }
  const { seed, holder } = await newClaim();
  return { signed: [await chainFor(own, holder)], seed };
}

/** One PIN for all of the doors: sealed to each lock, and signed for each. */
async function signPins({ wire, signer, credentialId, strict, above, terms }) {
  const digits = drawPin();
  const signed = [];
  for (const lock of terms.locks) {
    const context = pinContext(above.holder.id, above.id, lock.slot);
    const sealed = await sealPin(digits, fromText(lock.sealing), context);
    // The version must only rise, and a slot changes hands more slowly than once a second.
    const credential = { kind: 1, slot: lock.slot, version: Math.floor(Date.now() / 1000), sealed };
    const holder = await readEncodedKey(fromText(lock.signing));
    const doors = [fromText(lock.door)];
    const longer = await passOn({ wire, signer, credentialId, strict, terms: { ...terms, holder, doors, credential } });
    const [document, assertion] = longer.at(-1);
    signed.push([ENROL, document, wire, assertion]);
  }
  return { signed, digits, doors: terms.locks.map(({ label }) => label) };
}

// --- what is shown afterwards ---------------------------------------------------------------

function showPin(digits, doors) {
  $("pins").hidden = false;
  for (const door of doors) {
    const row = document.createElement("div");
    const [term, value, spoken, seen] = ["dt", "dd", "span", "span"].map((tag) => document.createElement(tag));
    term.textContent = door;
    spoken.className = "unseen";
    spoken.textContent = [...digits].join(" ");
    seen.className = "code large";
    seen.setAttribute("aria-hidden", "true");
    seen.textContent = digits.match(/.{1,4}/g).join("\u2009");
    value.append(spoken, seen);
    row.append(term, value);
    $("pin-rows").append(row);
  }
}

function show({ seed, digits, doors }, answer) {
  $("before").hidden = true;
  $("after").hidden = false;
  $("person").href = `${answer.person}?given=${answer.keys[0]}`;
  if (digits) {
    $("title").textContent = "The PIN is on its way to the door";
    showPin(digits, doors);
  } else if (answer.path) {
    $("title").textContent = "The key is signed";
    $("link").hidden = false;
    showLink($("link"), linkTo(answer.path, seed), { name: card.dataset.name });
  } else if (answer.text) {
    $("text").hidden = false;
    $("key-text").value = answer.text;
  } else {
    $("browser").hidden = false;
  }
  $("after").focus();
}

async function give(own) {
  const { at, terms } = own;
  const made = await sign(own);
  const signed = made.signed.map((each) => toText(encode(each)));
  show(made, await post(`${card.dataset.give}/signed`, { s: card.dataset.s, at, key: terms.key, signed }));
}

async function onClick({ currentTarget: button }) {
  button.disabled = true;
  $("said").textContent = "";
  try {
    await give(await mine()); // anew: a page may stand open for long
  } catch (error) {
    $("said").textContent = error.message;
  }
  button.disabled = false;
}

async function start() {
  const own = await mine();
  if (own?.credentialId) {
    card.hidden = false;
    $("sign").addEventListener("click", onClick);
  } else {
    $("no-key").hidden = false;
    document.querySelector("details.card").open = true;
  }
}

if (card) {
  start().catch((error) => {
    card.hidden = false;
    $("sign").disabled = true;
    $("said").textContent = error.message;
  });
}
