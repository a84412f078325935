// This browser's key: makes it with its passkey, asks for it to be signed, and forgets it. The key
// pair stays in this browser; what is sent is its public half.

import { hex } from "./mortice/cbor.js";
import { forgetKey, keepKey, loadKey } from "./mortice/keys.js";
import { createKeyPasskey } from "./mortice/passkey.js";
import { write } from "./mortice/texts.js";
import { forgetPasskey, keepPasskey, post } from "./own_key.js";

const part = document.querySelector("[data-mine]");
const { mine: path, name, who, place } = part.dataset;
const asking = JSON.parse(part.dataset.asking);
const held = JSON.parse(part.dataset.held);
const said = part.querySelector("[data-said]");
let own = null;

function show(state) {
  for (const each of document.querySelectorAll("[data-on]")) each.hidden = each.dataset.on !== state;
}

/** `[key, name, passkey]`: what whoever gives the key needs to know (spec/home.md, section 5). */
function requestOf({ cose }, { key, rpIdHash, origin }) {
  return write("REQUEST", [cose, who, new Map([[1, key.cose], [2, rpIdHash], [3, origin]])]);
}

async function make() {
  const { credentialId, passkey } = await createKeyPasskey({ name: `${who}: doors`, siteName: place });
  const signer = await keepKey(name);
  keepPasskey(name, credentialId);
  try {
    await post(`${path}/ask`, { text: requestOf(signer.public, passkey) });
  } catch (error) {
    await forgetKey(name); // nobody knows of it
    throw error;
  }
  location.reload();
}

async function afresh() {
  await forgetKey(name);
  forgetPasskey(name);
  location.reload();
}

async function forget() {
  const request = asking.find(({ holder }) => holder === hex(own.id));
  await forgetKey(name); // first here: what follows is only asked for
  forgetPasskey(name);
  if (request) await post(`${path}/${request.ref}/forget`, {});
  location.reload();
}

function on(mark, act) {
  for (const button of document.querySelectorAll(`[data-${mark}]`)) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      said.textContent = "";
      try {
        await act();
      } catch (error) {
        said.textContent = error.message;
        button.disabled = false;
      }
    });
  }
}

function showAsked({ letters, command }) {
  part.querySelector("[data-letters]").textContent = letters;
  part.querySelector("[data-command]").textContent = command;
  const copy = part.querySelector("[data-copy]");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command);
    copy.textContent = "Copied";
  });
  show("asked");
}

async function start() {
  own = await loadKey(name);
  if (!own) return show(window.PublicKeyCredential ? "none" : "cannot");
  const holder = hex(own.id);
  for (const row of document.querySelectorAll("[data-holder]")) {
    if (row.dataset.holder !== holder) continue;
    const where = row.querySelector("[data-where]");
    where.textContent = "in this browser";
    where.className = "chip good";
  }
  const request = asking.find((each) => each.holder === holder);
  if (held.includes(holder)) return show("held");
  return request ? showAsked(request) : show("half");
}

on("make", make);
on("afresh", afresh);
on("forget", forget);
start().catch(() => show("cannot"));
