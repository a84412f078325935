// Press and hold to open a door, by this browser's own key, relayed through the hub to the lock.
//
// Nothing is shown that the lock has not said: each word below follows its signed answer, or says
// that none came. What is sent is signed here; where the key asks for it, the touch covers this very
// conversation, door and command.

import { decode, hex, unhex, same } from "./mortice/cbor.js";
import { readChain, verifyChain } from "./mortice/chain.js";
import { acceptDoors } from "./mortice/doors.js";
import { FACTORS, RIGHTS } from "./mortice/grant.js";
import { random } from "./mortice/keys.js";
import { relay } from "./mortice/line.js";
import { lockOf, open } from "./mortice/link.js";
import { acceptFirst } from "./mortice/site.js";
import { findKey, fromText } from "./own_key.js";

const HOLD_MS = 800;
const AGAIN_MS = 5000; // the second of two taps comes within this
const SAYS = { unlocked: "unlocked", locked: "locked", done: "that it is done" };
const REFUSED = {
  not_allowed: "it does not let this key in.",
  not_now: "not now. It may be outside the key’s hours, or the key may need to be refreshed.",
  show_more: "it asks for more than this browser showed, such as a touch.",
  malformed: "it could not read what was asked.",
};

const part = document.querySelector("[data-hold]");
const $ = (name) => part.querySelector(`[data-${name}]`);
const { hold: base, ref, door, label, zone } = part.dataset;

// --- what this browser has ----------------------------------------------------------------------

async function papers() {
  const answer = await fetch(`${base}/my-key/papers`, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error("The hub did not say which keys you have. Load the page again.");
  const { root, map, keys, news } = await answer.json();
  const site = await acceptFirst(fromText(root));
  const doors = await acceptDoors(site, fromText(map));
  const found = doors.doors.find(({ id }) => hex(id) === door);
  if (!found) throw new Error("This door is not on the map that its owner signed.");
  return { site, lock: lockOf(doors, found), keys, news: news.map(fromText) };
}

/** The keys for this door that this browser holds; those that ask for less first, then the longest. */
async function ownKeys({ site, keys }) {
  const own = [];
  for (const { wire, staple, ends } of keys) {
    const chain = decode(fromText(wire));
    const links = await verifyChain(await readChain(chain), site).catch(() => null); // of an older root
    const leaf = links?.at(-1);
    const key = leaf?.doors.some((id) => same(id, unhex(door))) && await findKey(leaf.holder.id);
    if (!key) continue;
    const carried = staple && [fromText(staple[0]), ...(staple[1] ? [decode(fromText(staple[1]))] : [])];
    own.push({ ...key, chain, leaf, ends, staple: carried });
  }
  return own.sort((a, b) => a.leaf.factors - b.leaf.factors || (b.ends ?? Infinity) - (a.ends ?? Infinity));
}

const fit = (own, command) => own.find(({ leaf }) => leaf.use & RIGHTS[command]);

// --- what is said -------------------------------------------------------------------------------

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB", { timeZone: zone });

function say(state, words) {
  const isWrong = ["refused", "silent", "lost"].includes(state);
  part.dataset.state = state;
  $("said").textContent = isWrong ? "" : words;
  $("refused").textContent = isWrong ? words : "";
}

function sayAnswer({ coarse, receipt }, until) {
  if (coarse) return say("refused", `The door refused: ${REFUSED[coarse]} What it wrote down stands under What happened.`);
  const { result, at } = receipt;
  if (result === "jammed") return say("refused", `The door says at ${clock(at)} that the bolt is stuck. Push or pull the door, then try again.`);
  if (!SAYS[result]) return say("lost", `The door says at ${clock(at)} that it cannot see how the bolt stands. Look at the door.`);
  const held = until ? `, and stays open until ${clock(until).slice(0, 5)}` : "";
  return say("opened", `Door says ${SAYS[result]} at ${clock(at)}${held}.`);
}

function sayFailed(error, command) {
  if (error.name === "AnswerLost") {
    const done = { unlock: "opened", lock: "locked", hold_open: "opened" }[command];
    return say("lost", `The door did not answer; nobody knows whether it ${done}. Look at the door, or ask it once more.`);
  }
  if (error.name === "Unreachable" || error instanceof TypeError) {
    return say("silent", `${label} is not answering: nothing was asked of it. PINs and cards still work there.`);
  }
  if (error.name === "Unable") return say("silent", `${error.message} Nothing was asked of the door.`);
  return say("refused", `What answered is not ${label} as its owner signed it: nothing was opened. Tell the owner. (${error.message})`);
}

// --- asking -------------------------------------------------------------------------------------

let busy = false;
const asked = new Map(); // command ids whose answers were lost: the lock does nothing twice

async function ask(command) {
  if (busy) return;
  busy = true;
  const press = $("press");
  press.setAttribute("aria-disabled", "true");
  say("asking", "Asking the door…");
  try {
    await asking(command);
  } catch (error) {
    if (error.name !== "AnswerLost") asked.delete(command);
    sayFailed(error, command);
  }
  press.removeAttribute("aria-disabled");
  busy = false;
}

async function asking(command) {
  const have = await papers(); // anew: a key may have been refreshed or taken back meanwhile
  const key = fit(await ownKeys(have), command);
  if (!key) throw Object.assign(new Error("This browser has no key for that any more."), { name: "Unable" });
  const touches = key.leaf.factors & FACTORS.passkey;
  const until = command === "hold_open" ? Math.floor(Date.now() / 1000) + Number($("until").value) : null;
  if (!asked.has(command) || until) asked.set(command, random(8));
  const outcome = await open({
    line: () => relay(`${base}/doors/${ref}/line`), lock: have.lock, holder: key.signer, chain: key.chain, command,
    args: until ? new Map([[1, until]]) : undefined, commandId: asked.get(command), staple: key.staple,
    passkey: touches && key.credentialId ? key.credentialId : undefined,
    news: have.news.length < 64 ? have.news : undefined,
    greeted: () => touches && key.credentialId && say("asking", "The door answers. Touch your passkey within ten seconds."),
  });
  outcome.visit.close();
  asked.delete(command);
  sayAnswer(outcome, until);
}

// --- holding and tapping ------------------------------------------------------------------------

function onHold(press) {
  let timer = 0;
  const letGo = () => {
    clearTimeout(timer);
    press.classList.remove("held");
  };
  press.addEventListener("pointerdown", (event) => {
    if (event.button || busy) return;
    press.classList.add("held");
    timer = setTimeout(() => { letGo(); ask("unlock"); }, HOLD_MS);
  });
  for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) press.addEventListener(name, letGo);
  press.addEventListener("contextmenu", (event) => event.preventDefault());
  const words = press.querySelector("[data-words]");
  const enter = twice("unlock", words, "Press Enter again to open");
  press.addEventListener("click", (event) => event.detail === 0 && enter()); // by keyboard
}

/** The first time it says what the second does, the second time it does it. */
function twice(command, words, again) {
  const first = words.textContent;
  let timer = 0;
  const forget = () => {
    clearTimeout(timer);
    timer = 0;
    words.textContent = first;
  };
  return () => {
    if (busy) return;
    if (timer || !again) {
      forget();
      ask(command);
      return;
    }
    words.textContent = again;
    timer = setTimeout(forget, AGAIN_MS);
  };
}

async function start() {
  const own = await ownKeys(await papers());
  const rights = ["unlock", "lock", "hold_open"].filter((command) => fit(own, command));
  $("none").hidden = rights.length > 0;
  $("can").hidden = !rights.length;
  for (const each of part.querySelectorAll("[data-for]")) each.hidden = !rights.includes(each.dataset.for);
}

for (const button of part.querySelectorAll("[data-tap]")) {
  button.addEventListener("click", twice(button.dataset.tap, button, button.dataset.again));
}
onHold($("press"));
start().catch((error) => say("silent", error.message));
