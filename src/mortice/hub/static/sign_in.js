// Passkeys: to sign in, to show that it is still you, and to make a new one. The hub's answers say
// where to go on; what goes wrong is said in the card that asked.

const card = document.querySelector("[data-passkey]");
const RENEW = 4 * 60 * 1000; // a challenge ends after five minutes

const SAID = {
  NotAllowedError: "No passkey was used. Try again, or take another way.",
  InvalidStateError: "This device has a passkey for this account already.",
  SecurityError: `Passkeys work only at the hub's own name, not at ${location.host}.`,
};

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (said.code === "prove-again") {
    location.assign(`/prove?next=${encodeURIComponent(location.pathname)}`);
  }
  if (!answer.ok) throw new Error(said.title ? `${said.title}. ${said.detail}` : "The hub did not answer. Try again.");
  return said;
}

async function show(extra) {
  const { options, ticket } = await post(`${card.dataset.passkey}/options`, {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey, ...extra });
  return { ticket, credential: credential.toJSON(), next: card.dataset.next };
}

async function make() {
  const { options, ticket } = await post(`${card.dataset.passkey}/options`, {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  return { ticket, credential: credential.toJSON(), label: document.querySelector("#f-label").value };
}

async function finish(answer) {
  location.assign((await post(card.dataset.passkey, answer)).next);
}

let asking = null; // what waits in the e-mail field's list of suggestions

async function offerInField() {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  for (;;) {
    asking = new AbortController();
    const renew = setTimeout(() => asking.abort("renew"), RENEW);
    try {
      return await finish(await show({ mediation: "conditional", signal: asking.signal }));
    } catch (error) {
      if (asking.signal.reason !== "renew") return tell(error);
    } finally {
      clearTimeout(renew);
    }
  }
}

function tell(error) {
  if (error === "clicked" || error.name === "AbortError") return;
  card.querySelector("[data-said]").textContent = SAID[error.name] ?? error.message;
}

async function onClick(event) {
  asking?.abort("clicked");
  event.target.disabled = true;
  card.querySelector("[data-said]").textContent = "";
  try {
    await finish(await ("make" in card.dataset ? make() : show({})));
  } catch (error) {
    tell(error);
  }
  event.target.disabled = false;
}

if (card && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  card.hidden = false;
  card.querySelector("[data-show]").addEventListener("click", onClick);
  if ("autofill" in card.dataset) offerInField();
}

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
