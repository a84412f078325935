// Founds a place: draws the recovery sheet, has it read back, and signs the root with a key that
// stays in this browser and the sheet's. The sheet is never sent and never kept.

import { hex } from "./mortice/cbor.js";
import { keepKey, loadKey, newSeed, random } from "./mortice/keys.js";
import { sheetKeys, writeSheet } from "./mortice/sheet.js";
import { signRoot } from "./mortice/site.js";
import { cleared, sentenceOf, wrongAt, zoneOf } from "./forms.js";
import { post, toText } from "./own_key.js";

const part = document.querySelector("[data-founding]");
const $ = (name) => part.querySelector(`[data-${name}]`);
const SIGNED = "founding"; // the signed root, until the hub has it

let seed = null;
let sheet = "";
let wanted = null;
let site = random(16);
let base = "";

function show(name) {
  for (const each of part.querySelectorAll("[data-part]")) each.hidden = each.dataset.part !== name;
  part.querySelector(`[data-part=${name}] h1`)?.focus();
  window.scrollTo(0, 0);
}

function named(name) {
  for (const each of part.querySelectorAll("[data-place-name]")) each.textContent = name;
}

function onForm(mark, act, wrong) {
  $(mark).addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const button = form.querySelector("button");
    cleared(form);
    button.disabled = true;
    await act(form).catch((error) => wrong(sentenceOf(error)));
    button.disabled = false;
  });
}

function zoneTyped(text) {
  try {
    return zoneOf(text);
  } catch (error) {
    return wrongAt("zone", error.message);
  }
}

async function name(form) {
  const called = form.elements.name.value.trim();
  const zone = zoneTyped(form.elements.zone.value);
  if (!called) return wrongAt("name", "Write what the place is called.");
  if (!zone) return undefined;
  wanted = { name: called, zone };
  seed ??= newSeed();
  sheet = await writeSheet(seed);
  $("sheet").replaceChildren(...sheet.split("-").map((group) => {
    const shown = document.createElement("span");
    shown.textContent = group;
    return shown;
  }));
  named(called);
  return show("sheet");
}

async function signed() {
  const { paper, grant, revoke } = await sheetKeys(seed);
  const own = await loadKey(`root ${hex(site)}`) ?? await keepKey(`root ${hex(site)}`);
  const alone = (key) => ({ threshold: 1, keys: [key.public] });
  const root = { threshold: 2, keys: [own.public, paper.public] };
  return signRoot({ id: site, version: 1, strict: false, demo: false, roles:
    { root, grant: alone(grant), revoke: alone(revoke), recovery: alone(paper) } }, [own, paper]);
}

async function check(form) {
  const typed = form.elements.group.value.replace(/[\s-]/g, "").toUpperCase()
    .replace(/[018]/g, (digit) => ({ 0: "O", 1: "I", 8: "B" })[digit]);
  if (typed !== sheet.split("-").at(-1)) {
    return wrongAt("group", "That is not the last group of the sheet. Look at the paper again.");
  }
  localStorage.setItem(SIGNED, JSON.stringify({ ...wanted, root: toText(await signed()) }));
  return send();
}

async function send() {
  const kept = JSON.parse(localStorage.getItem(SIGNED));
  ({ base } = await post("/setup/place", kept));
  localStorage.removeItem(SIGNED);
  named(kept.name);
  $("later").href = base;
  if (seed) return show("founded");
  return location.assign(`${base}/doors/new`);
}

async function firstDoor() {
  part.querySelector("[data-part=founded]").hidden = true;
  history.replaceState(null, "", `${base}/doors/new`); // loaded again, it asks for the sheet
  document.querySelector(".steps").hidden = true;
  try {
    const { begin } = await import("./new_door.js"); // large, and only a first door needs it
    return begin(base, seed);
  } catch {
    return location.reload();
  }
}

function start() {
  onForm("name-form", name, (sentence) => wrongAt("name", sentence));
  onForm("check-form", check, (sentence) => { $("said").textContent = sentence; });
  $("print").addEventListener("click", () => window.print());
  $("kept").addEventListener("click", () => { show("check"); document.getElementById("f-group").focus(); });
  $("again").addEventListener("click", () => show("sheet"));
  $("first-door").addEventListener("click", firstDoor);
  $("send").addEventListener("click", () => send().catch((error) => {
    $("unfinished-said").textContent = sentenceOf(error);
  }));
  $("afresh").addEventListener("click", () => {
    localStorage.removeItem(SIGNED);
    show("name");
  });
  document.getElementById("f-zone").value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  window.addEventListener("beforeunload", (event) => { if (sheet && !base) event.preventDefault(); });
  show(localStorage.getItem(SIGNED) ? "unfinished" : "name");
}

if (window.isSecureContext && window.indexedDB) {
  start();
} else {
  $("cannot").textContent = "Keys work only on a page with a secure address (https).";
  show("cannot");
}
