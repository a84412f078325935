// The log of the picked door, newest first, and what to try at it.

import { $, button, icon, make } from "./dom.js";
import { ICONS } from "./words.js";

const MOST_LINES = 200;
const FIRST_LINES = 8; // enough to see what just happened; the rest is one button away
const COPIED_MS = 1500;
const list = $("journal");
const older = $("older");
const time = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const minute = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });

/** Show the lines of another door. */
export function show(lines) {
  list.classList.remove("all");
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
  older.hidden = list.classList.contains("all") || list.children.length <= FIRST_LINES;
}

older.firstElementChild.addEventListener("click", () => {
  const next = list.children[FIRST_LINES];
  list.classList.add("all");
  older.hidden = true;
  next.tabIndex = -1;
  next.focus();
});

function row(line) {
  const said = make("div", "said-line", make("strong", "", line.word), " ", line.sentence);
  if (line.detail) said.append(why(line));
  const item = make("li", "line", when(line), icon(ICONS[line.tone]), said);
  item.dataset.tone = line.tone;
  return item;
}

/** A lock that lost its clock says so; it never makes a time up. */
function when(line) {
  if (!line.sure) return make("time", "", "no clock");
  const at = new Date(line.at * 1000);
  const today = at.toDateString() === new Date().toDateString();
  const shown = make("time", "", today ? time.format(at) : `${day.format(at)} ${minute.format(at)}`);
  shown.dateTime = at.toISOString();
  return shown;
}

function why(line) {
  const summary = make("summary", "", line.tone === "bad" ? "Why?" : "More");
  return make("details", "", summary, make("p", "", line.detail));
}

// --- what to try ----------------------------------------------------------------------------

/** Show the hints for a door. `type` types a whole code on the keypad. */
export function showHints(hints, slug, type) {
  const here = hints.filter((hint) => hint.door === null || hint.door === slug);
  const codes = here.filter((hint) => hint.code);
  const commands = here.filter((hint) => hint.command);
  $("codes").replaceChildren(...codes.map((hint) => codeItem(hint, type)));
  $("tries").hidden = commands.length === 0;
  $("hints").replaceChildren(...commands.map(commandItem));
}

function codeItem(hint, type) {
  const name = make("span", "code-name", hint.label);
  const typing = button("Type it", "small", () => type(hint.code));
  typing.setAttribute("aria-label", `Type ${hint.label} on the keypad`);
  return make("div", "offer", name, make("code", "", grouped(hint.code)), typing);
}

function commandItem(hint) {
  const copy = button("Copy", "small", async () => {
    await navigator.clipboard.writeText(hint.command);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, COPIED_MS);
  });
  copy.setAttribute("aria-label", `Copy the command: ${hint.label}`);
  const words = make("p", "", make("code", "command", hint.shown), make("span", "", hint.label));
  return make("li", "hint", words, copy);
}

/** A code in groups, so that it is read right; copying takes it whole. */
function grouped(code) {
  const parts = code.match(/.{1,4}/g).map((part) => make("span", "", part));
  return make("span", "groups", ...parts);
}
