// The log of the picked door, newest first, and what to try.

import { $, button, icon, make } from "./dom.js";
import { ICONS } from "./words.js";

const MOST_LINES = 100;
const BETWEEN_KEYS_MS = 140;
const list = $("journal");
const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Show the lines of another door. */
export function show(lines) {
  list.replaceChildren();
  if (lines.length === 0) {
    list.append(make("li", "empty", "Nothing yet. Type a code, or do something to the door."));
  }
  lines.slice(-MOST_LINES).forEach(add);
}

/** Add one line on top. */
export function add(line) {
  list.querySelector(".empty")?.remove();
  list.prepend(row(line));
  while (list.children.length > MOST_LINES) list.lastElementChild.remove();
}

function row(line) {
  const at = new Date(line.at * 1000);
  const when = make("time", "", time.format(at));
  when.dateTime = at.toISOString();
  const word = make("strong", "", line.word);
  const said = make("div", "said-line", word, " ", line.sentence);
  if (line.detail) said.append(why(line));
  const item = make("li", "line", when, icon(ICONS[line.tone]), said);
  item.dataset.tone = line.tone;
  return item;
}

function why(line) {
  const summary = make("summary", "", line.tone === "bad" ? "Why?" : "More");
  return make("details", "", summary, make("p", "", line.detail));
}

/** Show the hints for a door. `press` types one key. */
export function showHints(hints, slug, press) {
  const here = hints.filter((hint) => hint.door === null || hint.door === slug);
  $("tries").hidden = here.length === 0;
  $("hints").replaceChildren(...here.map((hint) => hintItem(hint, press)));
}

function hintItem(hint, press) {
  const item = make("li", "hint", make("p", "", make("strong", "", hint.label), " ", hint.text));
  const what = hint.code ?? hint.command;
  if (!what) return item;
  const shown = make("code", hint.code ? "code" : "command", hint.code ? grouped(what) : what);
  const row = make("div", "offer", shown, copyButton(what, hint.label));
  if (hint.code) row.append(typeButton(hint, press));
  item.append(row);
  return item;
}

/** A code in groups of three, so that it is read right; copying takes it whole. */
function grouped(code) {
  const parts = code.match(/.{1,3}/g).map((part) => make("span", "", part));
  const whole = make("span", "groups", ...parts);
  return whole;
}

function copyButton(what, label) {
  const copy = button("Copy", "small", async () => {
    await navigator.clipboard.writeText(what);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  copy.setAttribute("aria-label", `Copy: ${label}`);
  return copy;
}

function typeButton(hint, press) {
  const type = button("Type it", "small", async () => {
    type.disabled = true;
    for (const key of ["clear", ...hint.code, "enter"]) {
      await press(key);
      await new Promise((resume) => { setTimeout(resume, BETWEEN_KEYS_MS); });
    }
    type.disabled = false;
    type.focus();
  });
  type.setAttribute("aria-label", `Type it on the keypad: ${hint.label}`);
  return type;
}
