// The street's page: listens to the stream, shows the picked door, and does what is clicked.

import { $, icon, make, write } from "./dom.js";
import { add, show, showHints } from "./journal.js";
import { draw, drawLight, introduce } from "./scene.js";
import { ICONS, STATES, prompt } from "./words.js";

const BETWEEN_KEYS_MS = 140; // a code typed for somebody is typed so that they can follow
const doors = new Map(); // slug → { door, seen, lines, restEnds, tile }
let hints = [];
let picked = null;

// --- the stream -----------------------------------------------------------------------------

const events = new EventSource("/events");

events.addEventListener("street", ({ data }) => {
  const street = JSON.parse(data);
  doors.clear();
  for (const door of street.doors) {
    doors.set(door.slug, { door, seen: null, lines: [], restEnds: 0 });
  }
  hints = street.hints;
  drawTiles();
  picked = null;
  take(street);
  $("street").hidden = false;
  $("lost").hidden = true;
  pick();
});

events.addEventListener("change", ({ data }) => take(JSON.parse(data)));

events.addEventListener("error", () => {
  $("lost").hidden = false;
  write($("lost"), events.readyState === EventSource.CLOSED
    ? "The street has stopped. Start the demo again and open the address that it prints."
    : "The street does not answer; it may have been stopped. Looking for it again …");
});

function take(news) {
  for (const seen of news.pictures ?? []) see(doors.get(seen.slug), seen);
  for (const slug of news.wiped ?? []) {
    doors.get(slug).lines = [];
    if (slug === picked) show([]);
  }
  for (const [slug, lines] of Object.entries(news.lines ?? {})) {
    doors.get(slug).lines.push(...lines);
    if (slug === picked) lines.forEach(hear);
  }
}

function see(known, seen) {
  if (known.seen && known.seen.state !== seen.state) announce(known.door, seen);
  known.seen = seen;
  known.restEnds = seen.rest > 0 ? performance.now() + seen.rest * 1000 : 0;
  drawTile(known);
  if (seen.slug === picked) drawPicked();
}

function hear(line) {
  add(line);
  if (line.tone === "bad") write($("alarm"), `${line.word} ${line.sentence}`);
}

function announce(door, seen) {
  const passing = seen.state === "locking" || seen.state === "unlocking";
  if (door.slug === picked && !passing) {
    write($("announce"), `${door.name} is ${STATES[seen.state].word}`);
  }
}

// --- which door -----------------------------------------------------------------------------

function pick() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  picked = doors.has(wanted) ? wanted : doors.keys().next().value;
  if (!picked) return;
  const { door, lines } = doors.get(picked);
  introduce(door);
  show(lines);
  showHints(hints, picked, type);
  say("");
  disarm();
  drawPicked();
  for (const known of doors.values()) drawTile(known);
}

addEventListener("hashchange", () => doors.size && location.hash !== "#doing" && pick());

function drawTiles() {
  $("tiles").replaceChildren(...[...doors.values()].map((known) => {
    known.tile = tile(known.door);
    return make("li", "", known.tile);
  }));
}

function tile(door) {
  const mini = make("span", "mini", make("span", "mini-leaf", door.number));
  mini.setAttribute("aria-hidden", "true");
  mini.dataset.indoors = door.indoors;
  mini.style.setProperty("--paint", door.paint);
  const words = make("span", "tile-words", make("strong", "", door.name), make("span", "tile-state"));
  const link = make("a", "tile", mini, words);
  link.href = `#${encodeURIComponent(door.slug)}`;
  return link;
}

function drawTile({ door, seen, tile: link }) {
  if (door.slug === picked) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  link.dataset.leaf = seen.leaf;
  const state = link.querySelector(".tile-state");
  if (state.dataset.state === seen.state) return;
  state.dataset.state = seen.state;
  state.dataset.tone = STATES[seen.state].tone;
  state.replaceChildren(icon(ICONS[STATES[seen.state].icon]), STATES[seen.state].short);
}

// --- the picked door ------------------------------------------------------------------------

const rest = ({ restEnds }) => Math.max(0, (restEnds - performance.now()) / 1000);

function drawPicked() {
  const known = doors.get(picked);
  draw(known.seen, rest(known));
  drawActs(known.seen);
}

setInterval(() => {
  const known = doors.get(picked);
  if (known?.restEnds) drawLight(known.seen, rest(known));
}, 1000);

function drawActs(seen) {
  offer("swing", seen.leaf === "open" ? ["close", "Close the door"] : ["open", "Open the door"]);
  offer("jam", seen.jam_mm !== null ? ["free", "Free the bolt"] : ["jam", "Jam the bolt"]);
  offer("plug", seen.mains ? ["unplug", "Pull the plug"] : ["plug", "Plug in again"]);
  offer("battery", seen.flat ? ["battery", "Fresh battery"] : ["flatten", "Flatten the battery"]);
  $("codes").hidden = !seen.owned;
  $("push").classList.toggle("down", seen.button);
  write($("keypad-how"), prompt(seen));
  if (!armed) write($("hold"), seen.button ? "Held down …" : HOLD);
}

function offer(id, [act, label]) {
  $(id).dataset.act = act;
  write($(id), label);
}

// --- doing ----------------------------------------------------------------------------------

const HELD = {
  open: "The bolt holds the door shut.",
  close: "The bolt is out and meets the frame. Draw it first.",
};

function say(text) {
  write($("said"), text);
}

async function act(name, body = {}) {
  say("");
  try {
    const answer = await fetch(`/door/${encodeURIComponent(picked)}/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const { done } = await answer.json();
    if (done === false) say(HELD[name] ?? "The door would not.");
  } catch {
    say("The street did not answer.");
  }
}

// Keys arrive in the order in which they were pressed, however fast somebody types.
let keys = Promise.resolve();

function press(symbol) {
  if (doors.get(picked).seen.dead) {
    say("The keypad is dark: the lock has no power.");
    return keys;
  }
  flash(symbol);
  keys = keys.then(() => act("press", { symbol }));
  return keys;
}

async function type(code) {
  for (const key of ["clear", ...code, "enter"]) {
    await press(key);
    await new Promise((resume) => { setTimeout(resume, BETWEEN_KEYS_MS); });
  }
}

function flash(symbol) {
  const key = document.querySelector(`[data-key="${symbol}"]`);
  key.classList.add("down");
  setTimeout(() => key.classList.remove("down"), 120);
}

document.addEventListener("click", ({ target }) => {
  const clicked = target.closest("button");
  if (clicked?.id === "hold") hold();
  else if (clicked?.dataset.key) press(clicked.dataset.key);
  else if (clicked?.dataset.seconds) act("push", { seconds: Number(clicked.dataset.seconds) });
  else if (clicked?.dataset.act) act(clicked.dataset.act);
});

// Ten seconds on the inside button wipe the lock, so the list of acts asks once more.
const HOLD = "Hold inside button 10 s";
const HOLD_SECONDS = 10.2;
const ARMED_MS = 6000;
let armed = null;

function hold() {
  if (doors.get(picked).seen.button) return;
  if (!armed) {
    armed = setTimeout(disarm, ARMED_MS);
    write($("hold"), "Sure? Press again");
    say("Ten seconds on the inside button wipe the lock: owner, keys and log.");
    return;
  }
  disarm();
  act("push", { seconds: HOLD_SECONDS });
}

function disarm() {
  clearTimeout(armed);
  armed = null;
  write($("hold"), HOLD);
}

// Within the keypad, the keyboard types on it. Enter sends, Backspace and Escape clear.
const KEYS = { Enter: "enter", Backspace: "clear", Escape: "clear" };

$("keypad").addEventListener("keydown", (event) => {
  const symbol = /^[0-9]$/.test(event.key) ? event.key : KEYS[event.key];
  if (!symbol || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  if (!event.repeat) press(symbol);
});

for (const input of document.querySelectorAll("[name=view]")) {
  input.addEventListener("change", () => { $("scene").dataset.view = input.value; });
}

// The drawn button is down for as long as a finger or a key is; the list of acts has its twin.
const isPressing = (event) => event.key === " " || event.key === "Enter";
let pushing = false;

function push(event) {
  if (pushing || (event.type === "keydown" && !isPressing(event))) return;
  pushing = true;
  act("push");
}

function letGo(event) {
  if (!pushing || (event.type === "keyup" && !isPressing(event))) return;
  pushing = false;
  act("release");
}
for (const kind of ["pointerdown", "keydown"]) $("push").addEventListener(kind, push);
for (const kind of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"]) {
  $("push").addEventListener(kind, letGo);
}
