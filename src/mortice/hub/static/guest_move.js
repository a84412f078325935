// Moves a guest's key to another phone: the old link is taken back and a new one is given, both
// signed in this browser and handed in together, so that there is never none or two. Where no answer
// came, the same is sent again: the hub may have done it, and only this page can show the new link.

import { decode } from "./mortice/cbor.js";
import { readChain } from "./mortice/chain.js";
import { takeBack } from "./mortice/revoke.js";
import { showLink, signLink } from "./guest_link.js";
import { findKey, fromText } from "./own_key.js";

const card = document.querySelector("[data-move]");
const said = card?.querySelector("[data-said]");

async function own() { // the key that the old link stands below, if this browser has it
  const wire = decode(fromText(card.dataset.wire));
  const links = (await readChain(wire)).map(({ grant }) => grant);
  const found = links.length > 1 ? await findKey(links.at(-2).holder.id) : null;
  return found?.credentialId ? { ...found, wire: wire.slice(0, -1), site: links[0].site, old: links.at(-1) } : null;
}

/** The old link's terms: no bound of it is left out. */
const termsOf = ({ doors, delegable, nbf, exp, maxLife, hours, factors, maxStaleness, uses, quota, label }) => (
  { doors, delegable, nbf, exp, maxLife, hours, factors, maxStaleness, uses, quota, label });

let send = null; // what was signed

async function sign() {
  const { signer, credentialId, wire, site, old } = await own();
  const entries = [{ named: old.id, end: old.exp ?? 0 }];
  const takingBack = await takeBack({ site, entries, signer, chain: wire, credentialId });
  const { base, ref, person } = card.dataset;
  return signLink({
    base, person, wire, signer, credentialId, terms: termsOf(old), replaces: ref, takingBack });
}

async function move() {
  send ??= await sign();
  const { link } = await send();
  document.querySelector("[data-before]").hidden = true;
  document.querySelector("[data-after]").hidden = false;
  showLink(document.querySelector("[data-link]"), link, { name: card.dataset.name });
  document.querySelector("[data-after]").focus();
}

async function onClick({ currentTarget: button }) {
  button.disabled = true;
  said.textContent = "";
  try {
    await move();
  } catch (error) {
    said.textContent = error.message;
  }
  button.disabled = false;
}

async function start() {
  if (!(await own())) {
    document.querySelector("[data-no-key]").hidden = false;
    return;
  }
  card.hidden = false;
  card.querySelector("[data-sign]").addEventListener("click", onClick);
}

if (card) {
  start().catch((error) => {
    card.hidden = false;
    card.querySelector("[data-sign]").disabled = true;
    said.textContent = error.message;
  });
}
