// Adds a door, in the browser of the place's owner, with the recovery sheet in hand.
//
//   begin(base, seed)     at the place with the address `base`; `seed` is the sheet's, if it is known
//
// The sheet's keys sign the newer map, the lock's settings and this browser's own keys before the
// lock is asked to take its owner. What was signed is kept here until the hub and the lock have it,
// so a plug that is pulled in between costs nothing; the sheet and the lock's code never are.

import { Fields, decode, hex, same, unhex } from "./mortice/cbor.js";
import { acceptDoors, signDoors } from "./mortice/doors.js";
import { CLASSES, FACTORS, RIGHTS, signGrant } from "./mortice/grant.js";
import { forgetKey, keepKey, loadKey, random, readKey } from "./mortice/keys.js";
import { relay } from "./mortice/line.js";
import { Visit, readDelivered } from "./mortice/conversation.js";
import { createKeyPasskey } from "./mortice/passkey.js";
import { readSheetSeed, sheetKeys } from "./mortice/sheet.js";
import { CONFIG, acceptFirst, signConfig } from "./mortice/site.js";
import { hello, readCode, takeOver } from "./mortice/takeover.js";
import { documentId } from "./mortice/documents.js";
import { cleared, sentenceOf, wrongAt, zoneOf } from "./forms.js";
import { credentialOf, forgetPasskey, fromText, keepPasskey, post, toText } from "./own_key.js";

const YEAR_SECONDS = 365 * 86_400;
const ASK_AGAIN_MS = 1000;
const { unlock, lock, hold_open: hold, view_log: log, enrol, refresh, restore } = RIGHTS;
const PINS = { entry: "plain", spent: "rest", most: 20 }; // what a lock does without settings

const part = document.querySelector("[data-new-door]");
const $ = (name) => part.querySelector(`[data-${name}]`);
const form = $("door-form");

let base = "";
let seed = null; // of the sheet, for as long as this page is open
let place = null; // what the hub has of it

const texts = () => import("./mortice/texts.js"); // large, and only adding needs it
const now = () => Math.floor(Date.now() / 1000);

function show(name) {
  for (const each of part.querySelectorAll("[data-on]")) each.hidden = each.dataset.on !== name;
  part.querySelector(`[data-on=${name}] h1`)?.focus();
  window.scrollTo(0, 0);
}

function called(label) {
  for (const each of part.querySelectorAll("[data-label]")) each.textContent = label;
}

const doing = (words) => { $("doing").textContent = words; };

// --- what is signed but not everywhere yet ------------------------------------------------------

const unfinished = {
  get name() { return `new door ${hex(place.site.id)}`; },
  get() { return JSON.parse(localStorage.getItem(this.name)); },
  keep(signed) { localStorage.setItem(this.name, JSON.stringify(signed)); },
  forget() { localStorage.removeItem(this.name); },
};

// --- what the hub has ---------------------------------------------------------------------------

async function papers() {
  const answer = await fetch(`${base}/doors/new/papers`, { headers: { accept: "application/json" } });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${said.title}. ${said.detail}`);
  const site = await acceptFirst(fromText(said.root));
  const map = said.map ? await acceptDoors(site, fromText(said.map)) : { version: 0, doors: [] };
  return { ...said, site, map, map_text: said.map };
}

// --- this browser's own key ---------------------------------------------------------------------

/** The passkey that this browser named when it asked for its key. */
async function passkeyAsked(signer) {
  const { read } = await texts();
  for (const text of place.asking) {
    const [cose, , passkey] = read(["REQUEST"], text)[1];
    if (!same((await readKey(cose)).id, signer.id)) continue;
    const found = new Fields(passkey, "Z3");
    return { key: await readKey(found.map(1)), rpIdHash: found.bytes(2, 32), origin: found.text(3, 255) };
  }
  return null;
}

async function makeOwn() {
  const { credentialId, passkey } = await createKeyPasskey({ name: `${place.who}: doors`, siteName: place.name });
  const signer = await keepKey(place.key);
  keepPasskey(place.key, credentialId);
  const { write } = await texts();
  const named = new Map([[1, passkey.key.cose], [2, passkey.rpIdHash], [3, passkey.origin]]);
  await post(`${base}/my-key/ask`, { text: write("REQUEST", [signer.public.cose, place.who, named]) });
  return { signer, passkey };
}

/** This browser's key with its passkey; made with a touch if there is none. */
async function own() {
  const signer = await loadKey(place.key);
  const passkey = signer && credentialOf(place.key) && await passkeyAsked(signer);
  if (passkey) return { signer, passkey };
  await forgetKey(place.key); // half a key, which nobody knows of
  forgetPasskey(place.key);
  return makeOwn();
}

/** Opening and giving are two keys: what asks for a touch holds for everything below it (C14). */
async function ownLinks({ signer, passkey }, doors, grantKey) {
  const both = { site: place.site.id, holder: signer.public, doors: doors.map(({ id }) => id), passkey,
    klass: CLASSES.web, exp: now() + YEAR_SECONDS };
  const opens = { ...both, use: unlock | lock | hold | log | restore, factors: FACTORS.passkey };
  const gives = { ...both, use: enrol, delegable: unlock | lock | enrol | refresh, depth: 3, maxLife: YEAR_SECONDS };
  return Promise.all([opens, gives].map((terms) => signGrant(terms, grantKey)));
}

async function keysText(links, map) {
  const { writeHandover } = await texts();
  const written = (link) => writeHandover("KEY",
    { roots: place.roots.map(fromText), doors: map, chain: [link], where: [], siteName: place.name });
  return links.map(written).join("\n");
}

// --- what is typed ------------------------------------------------------------------------------

/** What is wrong with one field is said beside it. */
async function reading(field, act) {
  try {
    return await act();
  } catch (error) {
    wrongAt(field, sentenceOf(error));
    throw Object.assign(error, { isSaid: true });
  }
}

const SHEET_OF_OTHERS = "That is the recovery sheet of another place, or this place was founded by the command line; then add the door there.";

/** A lock is given no root but one that this very sheet has signed: the hub may show any. */
function isOf({ roles: { root, recovery, grant, revoke } }, keys) {
  const isAlone = (held, key) => held?.keys.length === 1 && same(held.keys[0].id, key.id);
  const isNeeded = root.threshold === root.keys.length && root.keys.some(({ id }) => same(id, keys.paper.id));
  return isNeeded && isAlone(recovery, keys.paper) && isAlone(grant, keys.grant) && isAlone(revoke, keys.revoke);
}

async function sheetTyped(field) {
  const typed = seed ?? await readSheetSeed(document.getElementById(`f-${field}`).value);
  const keys = await sheetKeys(typed);
  if (!isOf(place.site, keys)) throw new Error(SHEET_OF_OTHERS);
  seed = typed;
  return keys;
}

function labelTyped() {
  const label = form.elements.label.value.trim();
  if (!label) throw new Error("Write what the door is called.");
  const isTaken = place.map.doors.some((door) => door.label.toLowerCase() === label.toLowerCase());
  if (isTaken) throw new Error("A door is called that already.");
  return label;
}

const zoneTyped = () => zoneOf(form.elements["door-zone"].value);

// --- adding -------------------------------------------------------------------------------------

const dial = (to) => relay(`${base}/doors/new/line?to=${encodeURIComponent(to)}`);

async function add() {
  place = await papers(); // anew: another door may have come meanwhile
  const { grant } = await reading("sheet", () => sheetTyped("sheet"));
  const label = await reading("label", labelTyped);
  const zone = await reading("door-zone", zoneTyped);
  const code = await reading("code", () => readCode(form.elements.code.value));
  const mine = await own();
  called(label);
  show("busy");
  doing("Looking for the lock…");
  const { to, hub } = await reading("address", () => post(`${base}/doors/new/to`, { address: form.elements.address.value }));
  const keys = await said(async () => hello(await dial(to), code));
  if (place.map.doors.some(({ signing }) => same(signing.id, keys.signing.id))) throw new Error("That lock stands at a door of this place already.");
  const door = { id: random(8), label, zone, ...keys };
  const signed = await sign({ door, to, hub, mine, grant });
  unfinished.keep(signed);
  await take(signed, { code, keys });
  await finish({ ...signed, isTaken: true });
}

/** A lock that does not answer, or is another one, is said beside the code or the address. */
async function said(act) {
  try {
    return await act();
  } catch (error) {
    show("form");
    wrongAt(error.check === "Q4" ? "code" : "address", sentenceOf(error));
    throw Object.assign(error, { isSaid: true });
  }
}

/** Everything that the sheet signs for one door, before anybody is given any of it. */
async function sign({ door, to, hub, mine, grant }) {
  doing("Signing the door onto the map of this place…");
  const doors = [...place.map.doors, door];
  const map = await signDoors({ site: place.site.id, version: place.map.version + 1, doors }, grant);
  const links = await ownLinks(mine, doors, grant);
  const settings = await signConfig(place.site.id, { door: door.id, version: now(), relockAfter: 0, pins: PINS,
    hub: { key: fromText(hub.key), address: hub.address } }, grant);
  return { label: door.label, door: hex(door.id), to, settings: toText(settings), ...await madeOf(map, links) };
}

const madeOf = async (map, links) => ({ map: toText(map), keys: await keysText(links, map), gives: toText(links[1]) });

/** The same door on a map that follows the hub's, where another door has come meanwhile. */
async function signAgain(signed) {
  const { grant } = await reading("sheet-again", () => sheetTyped("sheet-again"));
  const before = await acceptDoors(place.site, fromText(signed.map));
  const doors = [...place.map.doors, before.doors.find(({ id }) => hex(id) === signed.door)];
  const map = await signDoors({ site: place.site.id, version: place.map.version + 1, doors }, grant);
  const renewed = { ...signed, ...await madeOf(map, await ownLinks(await own(), doors, grant)) };
  unfinished.keep(renewed);
  return renewed;
}

/** What was signed, as it follows what the hub has by now. */
async function following(signed) {
  place = await papers();
  const { version } = await acceptDoors(place.site, fromText(signed.map));
  if (signed.map === place.map_text || version > place.map.version) return signed;
  if (!seed && $("sheet-again").hidden) {
    $("sheet-again").hidden = false;
    throw new Error("Another door was added to this place meanwhile. Type the sheet, then go on.");
  }
  return signAgain(signed);
}

async function take(signed, { code, keys }) {
  doing("Asking the lock to take its owner…");
  const line = await dial(signed.to);
  await takeOver({ line, keys, code, door: unhex(signed.door), root: fromText(place.root), doors: fromText(signed.map) });
  unfinished.keep({ ...signed, isTaken: true });
}

// --- bringing it everywhere ---------------------------------------------------------------------

async function finish(signed) {
  called(signed.label);
  show("busy");
  const brought = signed.isTaken ? null : await bring(signed); // it answers its owner, so it has one
  doing("Telling the hub…");
  const { map, keys } = await following(signed);
  await post(`${base}/doors/new`, { map, keys });
  if (!brought) await bring(signed);
  unfinished.forget();
  wait(signed);
}

const TAKEN = [0, -1]; // applied, or known already

/** Bring the lock the settings that name its hub. Only a lock of this place answers here. */
async function bring(signed) {
  doing("Telling the lock where its hub is…");
  const map = await acceptDoors(place.site, fromText(signed.map));
  const door = map.doors.find(({ id }) => hex(id) === signed.door);
  const gives = fromText(signed.gives);
  const visit = await Visit.begin(await dial(signed.to), { site: map.site, door: door.id, link: door.link, signing: door.signing });
  try {
    const answer = await visit.ask({ command: "deliver", chain: [gives], leaf: await documentId("mortice-grant/1", gives),
      holder: await loadKey(place.key), carried: new Map([[3, [[CONFIG, fromText(signed.settings)]]]]) });
    const [delivered] = readDelivered(answer.body.get(1));
    if (!delivered || !TAKEN.includes(delivered.result)) throw new Error("The lock did not take its settings. Go on once more.");
    return delivered;
  } finally {
    visit.close();
  }
}

// --- waiting ------------------------------------------------------------------------------------

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function wait(signed) {
  let first = null;
  show("waiting");
  while (!part.querySelector("[data-on=waiting]").hidden) {
    const answer = await fetch(`${base}/doors/new/heard?door=${signed.door}`, { headers: { accept: "application/json" } }).catch(() => null);
    if (answer?.ok) first = showHeard(await answer.json(), first);
    await pause(ASK_AGAIN_MS);
  }
}

function showHeard({ ref, connected, heard, word, seen }, first) {
  if (!connected || !heard) return first;
  $("heard").textContent = "It has dialled in. Turn the key, and watch the word below change.";
  $("now").hidden = false;
  $("now").textContent = `The lock says: ${word}, ${seen}.`;
  if (first && word !== first) $("heard").textContent = "It works: the hub hears what the door does.";
  $("to-door").href = `${base}/doors/${ref}`;
  for (const name of ["to-door", "another"]) $(name).hidden = false;
  return first ?? word;
}

// --- the page -----------------------------------------------------------------------------------

function again(error) {
  show("form");
  if (!error.isSaid) $("door-said").textContent = sentenceOf(error);
}

function stopped(error) {
  const signed = unfinished.get();
  // Asked to take its owner, a lock may have done so even where its answer never came.
  if (!signed || (!signed.isTaken && error.name !== "AnswerLost")) return again(error);
  $("unfinished-said").textContent = sentenceOf(error);
  return show("unfinished");
}

async function onAdd(event) {
  event.preventDefault();
  const button = $("add");
  button.disabled = true;
  cleared(form);
  $("door-said").textContent = "";
  await add().catch(stopped);
  button.disabled = false;
}

async function onFinish({ currentTarget: button }) {
  button.disabled = true;
  $("unfinished-said").textContent = "";
  cleared($("sheet-again"));
  await finish(unfinished.get()).catch((error) => {
    show("unfinished");
    $("unfinished-said").textContent = error.isSaid ? "" : sentenceOf(error);
    if (error.isSaid) document.getElementById("f-sheet-again").focus();
  });
  button.disabled = false;
}

function fresh() {
  unfinished.forget();
  $("sheet-again").hidden = true;
  for (const name of ["label", "code", "address"]) form.elements[name].value = "";
  cleared(form);
  $("sheet-field").hidden = Boolean(seed);
  show("form");
}

export async function begin(at, known = null) {
  [base, seed] = [at, known];
  try {
    place = await papers();
  } catch (error) {
    $("stuck").textContent = sentenceOf(error);
    return show("stuck");
  }
  form.elements["door-zone"].value = place.zone;
  $("sheet-field").hidden = Boolean(seed);
  const signed = unfinished.get();
  if (signed) called(signed.label);
  return show(signed ? "unfinished" : "form");
}

form.addEventListener("submit", onAdd);
$("finish").addEventListener("click", onFinish);
for (const name of ["afresh", "another"]) $(name).addEventListener("click", fresh);
if (part.dataset.newDoor) begin(part.dataset.newDoor);
