// Keeps the parts of a page that are marked data-live="name" as they would be if it were loaded anew.
//
// The stream says only that something changed; then this page is fetched again and its parts are
// carried over, node by node, so that what did not change keeps its focus and stays open. A node
// with data-key is known by it wherever it moves; one with data-keep is left alone. What is new in
// an element with data-say is spoken: "polite" after whatever is being said, "loud" at once.
// Without a stream the page asks every 15 s; hidden, it asks nothing. When the hub does not answer,
// the page says so instead of showing an old state as if it were the present one.

const root = document.documentElement;
const regions = () => document.querySelectorAll("[data-live]");
const POLL = 15_000; // ms, without a stream
const AGE = 60_000; // with one: what was heard grows old without any word
const SOONEST = 1_000;
const PATIENCE = 2; // failed fetches before the page says that it is old

let stream = null;
let timer = 0;
let asked = 0; // when, by performance.now()
let failed = 0;
let answered = new Date();
let busy = false;
let again = false;

const keyOf = (node) => node.dataset?.key ?? (node.id || null);
const text = (node) => node.textContent.replace(/\s+/g, " ").trim();

function carry(from, to) { // make `to` as `from` is
  if (to.isEqualNode(from) || to.dataset?.keep !== undefined) return;
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) return to.replaceWith(from);
  if (from.nodeType !== Node.ELEMENT_NODE) {
    to.nodeValue = from.nodeValue;
    return;
  }
  for (const { name } of [...to.attributes]) {
    if (!from.hasAttribute(name) && name !== "open") to.removeAttribute(name);
  }
  for (const { name, value } of from.attributes) {
    if (to.getAttribute(name) !== value) to.setAttribute(name, value);
  }
  carryChildren(from, to);
}

function carryChildren(from, to) {
  const keyed = new Map([...to.children].filter(keyOf).map((child) => [keyOf(child), child]));
  let at = to.firstChild;
  for (const wanted of [...from.childNodes]) {
    const key = keyOf(wanted);
    let mine = key ? keyed.get(key) : at;
    if (!key) while (mine && keyOf(mine) && keyed.has(keyOf(mine))) mine = mine.nextSibling;
    if (!mine) {
      to.insertBefore(wanted, at);
      continue;
    }
    if (mine === at) at = at.nextSibling;
    else to.insertBefore(mine, at);
    carry(wanted, mine);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    if (gone.dataset?.keep === undefined) gone.remove();
  }
}

const saying = () => new Map([...document.querySelectorAll("[data-live] [data-say]")]
  .map((element) => [keyOf(element) ?? element.dataset.say, [element.dataset.say, text(element)]]));

function speak(before) {
  const fresh = { polite: [], loud: [] };
  for (const [key, [how, words]] of saying()) {
    if (before.get(key)?.[1] !== words) fresh[how].push(words);
  }
  document.getElementById("said").textContent = fresh.polite.slice(0, 3).join(". ");
  document.getElementById("alarm").textContent = fresh.loud.slice(0, 3).join(". ");
}

function show(page) {
  const before = saying();
  for (const region of regions()) {
    const fresh = page.querySelector(`[data-live="${region.dataset.live}"]`);
    if (fresh) carry(document.adoptNode(fresh), region);
  }
  speak(before);
}

function sayLost() {
  const lost = document.getElementById("lost");
  lost.hidden = failed < PATIENCE;
  if (lost.hidden) return;
  const since = answered.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  lost.textContent = `The hub has not answered since ${since}. What stands here may be old.`;
}

async function ask() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  again = false;
  asked = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected || [401, 403, 404].includes(answer.status)) return location.reload();
    if (!answer.ok) throw new Error(answer.status);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    failed = 0;
    answered = new Date();
  } catch {
    failed += 1;
  } finally {
    busy = false;
  }
  sayLost();
  if (again) setTimeout(ask, SOONEST);
}

function soon() { // many changes at once are one
  const wait = asked + SOONEST - performance.now();
  if (wait <= 0) ask();
  else if (!again) {
    again = true;
    setTimeout(ask, wait);
  }
}

function tick() {
  const streaming = stream?.readyState === EventSource.OPEN;
  if (performance.now() - asked >= (streaming && !failed ? AGE : POLL)) ask();
  if (stream?.readyState === EventSource.CLOSED) listen();
}

function listen() {
  stream?.close();
  stream = new EventSource(root.dataset.liveFrom);
  stream.onmessage = soon;
}

function begin() {
  asked = performance.now();
  listen();
  timer = setInterval(tick, 5_000);
}

function end() {
  stream?.close();
  clearInterval(timer);
}

if (regions().length) {
  if (!document.hidden) begin();
  document.addEventListener("visibilitychange", () => {
    end();
    if (!document.hidden) {
      begin();
      ask();
    }
  });
  window.addEventListener("pagehide", end);
  window.addEventListener("pageshow", (event) => event.persisted && begin());
}
