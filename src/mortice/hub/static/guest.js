// The guest's page: puts the key on this phone, and opens doors by it. What stands behind the # of
// the address is read here and sent nowhere; once the key is on the phone it is taken away.
// The modules that speak the protocol are fetched when they are needed.

const page = document.querySelector("[data-facts]");
const facts = JSON.parse(page.dataset.facts);
const kept = `guest ${facts.ref}`; // what the key is called in this browser
const keyed = `guest-passkey-${facts.ref}`; // and where its passkey's id is, if it has one
const LONGEST_TIMER = 2 ** 31 - 1;

const fromText = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const module = (name) => import(facts.modules[name]);

function show(state) {
  page.dataset.phone = state;
  for (const part of document.querySelectorAll("[data-on]")) part.hidden = part.dataset.on !== state;
}

function seed() {
  try {
    const bytes = fromText(location.hash.slice(1));
    return bytes.length === 32 ? bytes : null;
  } catch {
    return null;
  }
}

// --- putting the key here -----------------------------------------------------------------------

async function childOf(secret) { // the chain with the one link that the claim key signs
  const [{ decode, encode, same, isBytes }, { CLASSES, FACTORS, readGrant, signGrant }, { narrowed }, keys] = await Promise.all(
    ["cbor", "grant", "narrow", "keys"].map(module));
  const wire = decode(fromText(facts.claim));
  const last = wire.at(-1);
  const above = await readGrant(isBytes(last) ? last : last[0]);
  const signer = await keys.keyFromSeed(above.holder.alg, secret);
  if (!same(signer.id, above.holder.id)) throw new Error("This link is not whole. Open it once more from the message.");
  const passkey = above.factors & FACTORS.passkey ? await newPasskey() : undefined;
  const own = (await keys.loadKey(kept)) ?? (await keys.keepKey(kept));
  const terms = { holder: own.public, doors: above.doors, use: above.delegable, klass: CLASSES.web, label: above.label, passkey };
  return encode([...wire, await signGrant({ ...narrowed(terms, above), parent: above.id }, signer)]);
}

async function newPasskey() {
  const { createKeyPasskey } = await module("passkey");
  const { credentialId, passkey } = await createKeyPasskey({ name: page.querySelector("h1").textContent });
  localStorage.setItem(keyed, toText(credentialId));
  return passkey;
}

async function claim(form) {
  const wire = toText(await childOf(seed()));
  const answer = await fetch(`/k/${facts.ref}/claim`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ wire, digits: form.elements.digits?.value.trim() }),
  });
  if (answer.ok) {
    location.replace(`/k/${facts.ref}`);
    return;
  }
  const said = await answer.json().catch(() => ({}));
  if (said.code === "on-another-phone") location.reload();
  else throw new Error(said.title ? `${said.title}. ${said.detail}` : "The hub did not answer. Try again.");
}

async function onClaim(event) {
  event.preventDefault();
  const [form, said] = [event.target, event.target.querySelector("[data-said]")];
  const button = form.querySelector("button");
  said.textContent = "";
  button.disabled = true;
  try {
    await claim(form);
  } catch (error) {
    said.textContent = error instanceof TypeError ? "The hub cannot be reached. Try again." : error.message;
    form.elements.digits?.focus();
  }
  button.disabled = false;
}

// --- opening ------------------------------------------------------------------------------------

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: facts.zone });
const otherwise = () => (document.querySelector("#pin-title") ? "Use the PIN below, or ring your host." : "Try again, or ring your host.");

const SAYS = {
  asking: () => ["Asking the door…", ""],
  opened: ({ receipt }) => [`Opened ${clock(receipt.at)}`, "Push the door now. Pull it shut behind you."],
  jammed: () => ["The bolt is stuck", "Pull the door towards you and open it once more."],
  not_now: () => ["Not at this time", "The door does not let this key in now. Look at the times above."],
  refused: () => ["The door says no", "It does not let this key in. Ask your host."],
  silent: () => ["The door does not answer", otherwise()],
  lost: () => ["No answer came back", "The door was asked, and may have opened: try the handle. If not, try again."],
  untouched: (said) => ["Not opened", said],
  broken: () => ["That was not your door", "What answered is not the lock that this key is for. Nothing was opened. Ring your host."],
};

function stateOf(outcome) {
  if (outcome.coarse === null) return outcome.receipt?.result === "jammed" ? "jammed" : "opened";
  return outcome.coarse === "not_now" ? "not_now" : "refused";
}

async function counts() { // or did the key end, or was it taken back, since this page was opened?
  const answer = await fetch(location.pathname).catch(() => null);
  return !answer?.ok || (await answer.text()).includes("data-door=");
}

class Door {
  constructor(section, own) {
    Object.assign(this, { section, own, about: facts.doors[section.dataset.door], commandId: undefined, busy: false });
    for (const part of ["hold", "sure", "twice"]) this[part] = section.querySelector(`[data-${part}]`);
    this.listen();
  }

  say(state, more) {
    const [word, line] = SAYS[state](more);
    this.section.dataset.state = state;
    this.section.querySelector("[data-word]").textContent = word;
    this.section.querySelector("[data-line]").textContent = line;
  }

  listen() {
    let timer = 0;
    const letGo = () => {
      clearTimeout(timer);
      this.hold.classList.remove("held");
    };
    this.hold.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.hold.classList.add("held");
      timer = setTimeout(() => { letGo(); this.open(); }, facts.hold);
    });
    for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) this.hold.addEventListener(name, letGo);
    this.hold.addEventListener("contextmenu", (event) => event.preventDefault());
    this.hold.addEventListener("click", (event) => event.detail === 0 && this.ask()); // by keyboard
    this.twice.addEventListener("click", () => this.ask());
    this.sure.addEventListener("click", () => this.open());
  }

  ask() { // the second of two taps
    this.sure.hidden = false;
    this.twice.hidden = true;
    this.sure.focus();
  }

  async open() {
    if (this.busy) return;
    this.busy = true;
    const had = document.activeElement === this.sure;
    this.sure.hidden = true;
    this.twice.hidden = false;
    if (had) this.hold.focus();
    this.say("asking");
    try {
      this.say(...await this.asked());
    } catch (error) {
      await this.failed(error);
    }
    this.busy = false;
  }

  async asked() {
    const [{ decode }, keys, link, line] = await Promise.all(["cbor", "keys", "link", "line"].map(module));
    const { about } = this;
    const bytes = (name) => fromText(about[name]);
    this.commandId ??= keys.random(8);
    const passkey = localStorage.getItem(keyed);
    const outcome = await link.open({
      line: () => line.relay(`/k/${facts.ref}/doors/${this.section.dataset.door}/line`),
      lock: { site: fromText(facts.site), door: bytes("id"), link: bytes("link"), signing: await keys.readEncodedKey(bytes("signing")) },
      holder: this.own, chain: decode(fromText(facts.chain)), commandId: this.commandId,
      staple: facts.staple?.map((part) => part && fromText(part)).map((part, at) => (at && part ? decode(part) : part)),
      passkey: passkey ? fromText(passkey) : undefined,
    });
    outcome.visit.close();
    this.commandId = undefined;
    return [stateOf(outcome), outcome];
  }

  async failed(error) {
    if (error.name !== "AnswerLost") this.commandId = undefined;
    if (error.name === "AnswerLost") this.say("lost");
    else if (error.name === "Unreachable" || error instanceof TypeError) {
      if (await counts()) this.say("silent");
      else location.reload(); // which says what became of the key
    }
    else if (error.name === "Unable") this.say("untouched", error.message);
    else this.say("broken");
  }
}

// --- which page it is ---------------------------------------------------------------------------

async function ownKey() {
  const { loadKey } = await module("keys");
  const own = await loadKey(kept);
  return own && facts.holder && toText(own.id) === facts.holder ? own : null;
}

async function start() {
  if (!facts.chain) {
    show(seed() ? "ready" : "half");
    document.querySelector("#claim")?.addEventListener("submit", onClaim);
    return;
  }
  const own = await ownKey();
  show(own ? "here" : "elsewhere");
  if (!own) return;
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  for (const section of document.querySelectorAll("[data-door]")) new Door(section, own);
}

function reloadAt(seconds) { // when the stay begins or ends
  const wait = (seconds - facts.now) * 1000 + 500;
  if (seconds && wait > 0 && wait < LONGEST_TIMER) setTimeout(() => location.reload(), wait);
}

start().catch(() => show("cannot"));
reloadAt(facts.starts);
reloadAt(facts.ends);
