// Signs, in this browser, that the keys on this page are taken back: one touch for each key of one's
// own that they stand below. The doors say on the next page when they have learnt it.

import { decode, encode } from "./mortice/cbor.js";
import { readChain } from "./mortice/chain.js";
import { takeBack } from "./mortice/revoke.js";
import { findKey, fromText, post, toText } from "./own_key.js";

const card = document.querySelector("[data-take-back]");
const said = card?.querySelector("[data-said]");

async function own(group) {
  const wire = decode(fromText(group.wire));
  const links = await readChain(wire);
  const found = await findKey(links.at(-1).grant.holder.id);
  return found?.credentialId ? { ...found, wire, site: links[0].grant.site } : null;
}

async function sign(group) {
  const { signer, credentialId, wire, site } = await own(group);
  const entries = group.entries.map(([named, end]) => ({ named: fromText(named), end: end ?? 0 }));
  const item = await takeBack({ site, entries, signer, chain: wire, credentialId });
  return { item: toText(encode(item)), keys: group.keys };
}

async function onClick({ currentTarget: button }) {
  button.disabled = true;
  said.textContent = "";
  try {
    const signed = [];
    for (const group of JSON.parse(card.dataset.groups)) signed.push(await sign(group));
    location.assign((await post(location.pathname, { signed })).next);
  } catch (error) {
    said.textContent = error.message;
  }
  button.disabled = false;
}

async function start() {
  const all = await Promise.all(JSON.parse(card.dataset.groups).map(own));
  if (!all.every(Boolean)) {
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
