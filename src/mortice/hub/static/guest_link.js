// The giver's side of a guest link (spec/grant.md, section 8). The claim key is made here, and its
// seed goes into the address behind the #, which no browser sends: the hub keeps the signed chain
// and never has the secret. So a link is shown once, here, and nobody can show it again.
//
//   newClaim() → {seed, holder}             the claim key: sign its public half into the link
//   linkTo(path, seed) → text               the address to send
//   showLink(box, link, {name, note})       fills `box`: the address, a QR code, ways to send it
//   qrFigure(link, name) → element          the QR code alone
//   giveLink({base, person, wire, signer, terms, credentialId, strict, digits, welcome, help,
//     replaces, takingBack}) → {ref, link}  all of it: claim key, signature, registering
//   signLink(as giveLink) → send            the same, signed but not sent: send() → {ref, link} may be
//                                           called again where no answer came
//
// `terms` as in chain.js; what a claim link may not do is taken out of them. `replaces` is the ref of
// an older link and `takingBack` the signed item that takes its claim key back, in the same act.

import { encode, isBytes } from "./mortice/cbor.js";
import { passOn } from "./mortice/chain.js";
import { CLASSES, RIGHTS } from "./mortice/grant.js";
import { ED25519, keyFromSeed, newSeed } from "./mortice/keys.js";
import { post, toText } from "./own_key.js";
import { qrSvg } from "./qr.js";

const HANDABLE = RIGHTS.unlock | RIGHTS.lock;

export async function newClaim() {
  const seed = newSeed();
  return { seed, holder: (await keyFromSeed(ED25519, seed)).public };
}

export const linkTo = (path, seed) => `${location.origin}${path}#${toText(seed)}`;

/** A claim link opens nothing itself, and is handed on once. */
const claimTerms = (terms, holder) => ({
  ...terms, holder, use: 0, delegable: (terms.delegable ?? terms.use ?? RIGHTS.unlock) & HANDABLE, depth: 1,
  klass: CLASSES.file, passkey: undefined });

export async function signLink({ base, person, wire, signer, terms, credentialId, strict, digits, welcome, help, replaces, takingBack }) {
  const { seed, holder } = await newClaim();
  const chain = await passOn({ wire, signer, terms: claimTerms(terms, holder), credentialId, strict });
  const body = {
    person, digits, welcome, help, replaces, wire: toText(encode(chain)),
    taking_back: takingBack && toText(isBytes(takingBack) ? takingBack : encode(takingBack)) };
  return async () => {
    const { path, ref } = await post(`${base}/guests`, body);
    return { ref, link: linkTo(path, seed) };
  };
}

export const giveLink = async (about) => (await signLink(about))();

// --- showing it ---------------------------------------------------------------------------------

function make(name, about = {}, ...inside) {
  const made = Object.assign(document.createElement(name), about);
  made.append(...inside);
  return made;
}

async function copy(link, field, said) {
  try {
    await navigator.clipboard.writeText(link);
    said.textContent = "Copied.";
  } catch {
    field.select(); // without leave to copy, it is at least selected
    said.textContent = "Selected: copy it with your own keys.";
  }
}

/** `name`: whom the key is for, only shown here. `note`: the sentence that goes before the link. */
export function showLink(box, link, { name = "your guest", note = "Here is your key. Open this link on your phone:" } = {}) {
  const field = make("input", { readOnly: true, value: link, id: "guest-link", className: "mono" });
  const said = make("p", { className: "hint" });
  said.setAttribute("role", "status");
  const button = make("button", { type: "button", className: "button", onclick: () => copy(link, field, said) }, "Copy the link");
  const text = encodeURIComponent(`${note}\n${link}`);
  const ways = [button,
    make("a", { className: "button second", href: `sms:?&body=${text}` }, "Text message"),
    make("a", { className: "button second", href: `mailto:?subject=Your%20key&body=${text}` }, "E-mail")];
  if (navigator.share) {
    const share = () => navigator.share({ text: `${note}\n${link}` }).catch(() => {}); // closed without sending
    ways.push(make("button", { type: "button", className: "button second", onclick: share }, "Share"));
  }
  const about = "Whoever opens it first has the key, on that phone alone. The hub cannot show it again.";
  box.replaceChildren(
    make("label", { htmlFor: "guest-link" }, `Link for ${name}`), make("p", { className: "hint" }, about), field,
    make("div", { className: "actions" }, ...ways), said, qrFigure(link, name));
}

/** The link as a picture, for the camera of a phone that is beside this screen. */
export const qrFigure = (link, name) => make("figure", { className: "guest-qr" },
  qrSvg(link, `QR code of the link for ${name}`),
  make("figcaption", { className: "hint" }, "Or let their phone's camera read this."));
