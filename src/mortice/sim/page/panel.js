// The street's page: listens to the stream, shows the picked door, and does what is clicked.

import { $, icon, make, write } from "./dom.js";
import { add, show, showHints } from "./journal.js";
import { draw, drawLight, introduce } from "./scene.js";
import { ICONS, STATES } from "./words.js";

const doors = new Map(); // slug → { door, seen, lines, restEnds }
let hints = [];
let picked = null;
let typed = 0;

// --- the stream -----------------------------------------------------------------------------

const events = new EventSource("/events");

events.addEventListener("street", ({ data }) => {
  const street = JSON.parse(data);
  doors.clear();
  for (const door of street.doors) doors.set(door.slug, { door, seen: null, lines: [], restEnds: 0 });
  hints = street.hints;
  take(street);
  $("street").hidden = false;
  $("lost").hidden = true;
  drawTiles();
  pick();
});

events.addEventListener("change", ({ data }) => take(JSON.parse(data)));

events.addEventListener("error", () => {
  $("lost").hidden = false;
  write($("lost"), events.readyState === EventSource.CLOSED
    ? "The street has stopped. Start the demo again and open the address that it prints."
    : "The street does not answer. Looking for it again …");
});

function take(news) {
  for (const seen of news.pictures ?? []) {
    const known = doors.get(seen.slug);
    if (known.seen && known.seen.state !== seen.state) announce(known.door, seen);
    known.seen = seen;
    known.restEnds = seen.rest > 0 ? performance.now() + seen.rest * 1000 : 0;
    drawTile(known);
    if (seen.slug === picked) drawPicked();
  }
  for (const [slug, lines] of Object.entries(news.lines ?? {})) {
    doors.get(slug).lines.push(...lines);
    if (slug === picked) lines.forEach(hear);
  }
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
  typed = 0;
  introduce(door);
  show(lines);
  showHints(hints, picked, press);
  say("");
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
  const mini = make("span", "mini", make("span", "mini-leaf", door.number), make("span", "mini-bolt"));
  mini.setAttribute("aria-hidden", "true");
  mini.style.setProperty("--paint", door.paint);
  const link = make("a", "tile", mini, make("span", "tile-words",
    make("span", "tile-place", door.place), make("strong", "", door.name), make("span", "tile-state")));
  link.href = `#${encodeURIComponent(door.slug)}`;
  return link;
}

function drawTile({ door, seen, tile: link }) {
  if (!link || !seen) return;
  if (door.slug === picked) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  link.style.setProperty("--mm", seen.bolt_mm);
  link.dataset.leaf = seen.leaf;
  const state = link.querySelector(".tile-state");
  if (state.dataset.state === seen.state) return;
  state.dataset.state = seen.state;
  state.dataset.tone = STATES[seen.state].tone;
  state.replaceChildren(icon(ICONS[STATES[seen.state].icon]), STATES[seen.state].word);
}

// --- the picked door ------------------------------------------------------------------------

const rest = ({ restEnds }) => Math.max(0, (restEnds - performance.now()) / 1000);

function drawPicked() {
  const known = doors.get(picked);
  if (known.seen.light !== "off") typed = 0;
  draw(known.seen, typed, rest(known));
  drawActs(known.seen);
}

setInterval(() => {
  const known = doors.get(picked);
  if (known?.restEnds) drawLight(known.seen, typed, rest(known));
}, 1000);

function drawActs(seen) {
  offer("swing", seen.leaf === "open" ? ["close", "Close the door"] : ["open", "Open the door"]);
  offer("jam", seen.jam_mm !== null ? ["free", "Free the bolt"] : ["jam", "Jam the bolt"]);
  offer("plug", seen.mains ? ["unplug", "Pull the plug"] : ["plug", "Plug in"]);
  offer("battery", seen.battery_flat ? ["battery", "Fresh battery"] : ["flatten", "Flatten the battery"]);
  write($("hold"), seen.button ? "Held down …" : "Hold it ten seconds");
  write($("keypad-how"), seen.dead
    ? "The keypad is dark, but hands still work: turn the knob, use the key, or give it power."
    : "Type a code on the keypad, or do something to the door.");
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

function press(symbol) {
  const known = doors.get(picked);
  if (known.seen.dead) {
    say("The keypad is dark: the lock has no power.");
    return Promise.resolve();
  }
  typed = symbol === "clear" || symbol === "enter" ? 0 : typed + 1;
  flash(symbol);
  drawLight({ ...known.seen, light: typed ? "off" : known.seen.light }, typed, rest(known));
  return act("press", { symbol });
}

function flash(symbol) {
  const key = document.querySelector(`[data-key="${symbol}"]`);
  key.classList.add("down");
  setTimeout(() => key.classList.remove("down"), 120);
}

document.addEventListener("click", ({ target }) => {
  const clicked = target.closest("button");
  if (clicked?.dataset.key) press(clicked.dataset.key);
  else if (clicked?.dataset.act === "button") act("button", { seconds: Number(clicked.dataset.seconds) });
  else if (clicked?.dataset.act) act(clicked.dataset.act);
});

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

// The drawn button is pressed for as long as it is held down; the list of acts has a twin of it.
const LONGEST_MS = 15_000;
let pressedAt = null;

function pushDown(event) {
  if (event.type === "keydown" && (event.repeat || (event.key !== " " && event.key !== "Enter"))) return;
  pressedAt = performance.now();
  $("push").classList.add("down");
}

function letGo(event) {
  if (pressedAt === null || (event.type === "keyup" && event.key !== " " && event.key !== "Enter")) return;
  const held = Math.min(performance.now() - pressedAt, LONGEST_MS);
  pressedAt = null;
  $("push").classList.remove("down");
  act("button", { seconds: Math.max(held / 1000, 0.05) });
}
for (const kind of ["pointerdown", "keydown"]) $("push").addEventListener(kind, pushDown);
for (const kind of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"]) {
  $("push").addEventListener(kind, letGo);
}
