// A whole visit to a lock, with all that belongs to one: what the lock lacks, what is asked for again.
//
//   open({line, lock, holder, chain, command, …}) → Outcome      all that it takes is below
//   newsDigest(ids) → 8 bytes, newsId(item) → 16 bytes
//
// If the lock asks for the chain, or the answer is lost, the visit is made once more by itself, with
// the same command id, so that nothing is done twice. Throws as conversation.js does, all of whose
// exports are exported here as well.

import { compare, concat, decode, fields, isBytes, utf8 } from "./cbor.js";
import { Visit, howManyFit, readDelivered } from "./conversation.js";
import { documentId, signDocument } from "./documents.js";
import { AnswerLost, Malformed, Unreachable } from "./errors.js";
import { idOf, random } from "./keys.js";

export * from "./conversation.js";

/**
 * @typedef {Answer & {greeting: Greeting, delivered: Delivered[], news: Uint8Array[],
 *   said: Map | null, visit: Visit}} Outcome
 *   `news` are items to keep and carry, `said` what a command that reads was told. `visit` is open
 *   for further requests: close it.
 */

// --- news -----------------------------------------------------------------------------------

/** Eight bytes that stand for a set of revocations, in any order. */
export const newsDigest = async (ids) => (await idOf(concat(...[...ids].sort(compare)))).slice(0, 8);

/** A bundle with one item, as a lock hands revocations over. */
function newsItem(encoded) {
  const [item, ...others] = decode(encoded);
  if (!Array.isArray(item) || others.length) throw new Malformed("A6");
  return item;
}

/** The id of the revocation in an item of news. */
export function newsId(encoded) {
  const [kind, document] = newsItem(encoded);
  return documentId(kind, document);
}

/** Revocations that a lock handed over: only what can be read is kept and carried on. */
async function heardNews(body) {
  const listed = body.get(2);
  const isNews = async (item) => isBytes(item) && newsId(item).then(() => true, () => false);
  const good = await Promise.all((Array.isArray(listed) ? listed : []).map(isNews));
  return (listed ?? []).filter((_, at) => good[at]);
}

// --- whole visits ---------------------------------------------------------------------------

const TIME = "mortice-time/1";
const CLOCK_APART_SECONDS = 30; // a lock further off than this is told the time by whoever may

/** The site's documents that this lock lacks, in order. */
function missing({ roots = [], doors } = {}, greeting) {
  const items = [];
  let known = greeting.siteVersion;
  for (const { version, bytes } of roots) {
    if (version !== known + 1) continue;
    items.push(["mortice-site/1", bytes]);
    known = version;
  }
  const isNewest = !roots.length || roots.at(-1).version <= known;
  if (doors && isNewest && doors.version > greeting.doorsVersion) items.push(["mortice-doors/1", doors.bytes]);
  return items;
}

async function timeItem({ lock, holder, chain }, visit) {
  const limits = new Map([[1, lock.signing.id], [2, visit.handshake]]);
  const payload = new Map([[3, lock.site], [6, Math.floor(Date.now() / 1000)], [-65537, limits]]);
  return [TIME, await signDocument(TIME, payload, holder), chain];
}

/** What goes along with message 3, and the documents that find no room in it. */
async function carriedOn(visit, asked) {
  const { greeting } = visit;
  const { staple, news, receipt, pin, papers, bundle = [] } = asked;
  const items = [...missing(papers, greeting), ...bundle];
  const digest = news && await newsDigest(await Promise.all(news.map(newsId)));
  if (digest && compare(digest, greeting.news)) items.push(...news.map(newsItem));
  const isOff = greeting.time !== 0 || Math.abs(greeting.at - Date.now() / 1000) > CLOCK_APART_SECONDS;
  if (asked.tellsTime && isOff) items.unshift(await timeItem(asked, visit));
  const count = howManyFit(items);
  const isLarger = receipt && (receipt.incarnation > greeting.incarnation
    || (receipt.incarnation === greeting.incarnation && receipt.size > greeting.size));
  const carried = fields([
    [1, staple?.[0]], [2, staple?.[1]], [3, count ? items.slice(0, count) : null],
    [5, pin && utf8(pin)], [6, isLarger ? receipt.bytes : null], [7, digest]]);
  return { carried, left: items.slice(count) };
}

async function attempt(asked, whole) {
  const visit = await Visit.begin(await asked.line(), asked.lock);
  try {
    asked.greeted?.(visit.greeting);
    const { carried, left } = await carriedOn(visit, asked);
    const answer = await visit.ask({ ...asked, whole, carried });
    const delivered = readDelivered(answer.body.get(1));
    return { ...answer, greeting: visit.greeting, visit, delivered, left,
      news: await heardNews(answer.body), said: answer.body.get(3) ?? null };
  } catch (error) {
    visit.close();
    throw error;
  }
}

/**
 * One errand at one lock.
 * @param {object} asked
 * @param {() => Promise<Line>} asked.line       a fresh line, for each attempt
 * @param {Lock} asked.lock
 * @param {Signer} asked.holder                  whose key it is
 * @param {Array} asked.chain                    the key, whole
 * @param {string} [asked.command]               of COMMANDS; "unlock" if absent
 * @param {Map} [asked.args]
 * @param {Uint8Array} [asked.commandId]         the same if the same command is asked for again
 * @param {[Uint8Array, Array?]} [asked.staple]  with its signer's chain
 * @param {Uint8Array} [asked.passkey]           credential id of the passkey to touch
 * @param {string} [asked.pin]                   digits, where the key asks for a PIN as well
 * @param {Receipt} [asked.receipt]              the one over the largest log of this lock
 * @param {Uint8Array[]} [asked.news]            items of revocations to carry; [] asks for the lock's
 * @param {Array[]} [asked.bundle]               documents to deliver: [kind, bytes, chain?, assertion?]
 * @param {{roots, doors}} [asked.papers]        [{version, bytes}] in order, and {version, bytes}
 * @param {boolean} [asked.tellsTime]            the holder may set the lock's time
 * @param {boolean} [asked.seen]                 this lock has seen the chain: its id will do
 * @param {(greeting: Greeting) => void} [asked.greeted]
 * @returns {Promise<Outcome>}
 */
export async function open(asked) {
  const last = asked.chain.at(-1);
  const leaf = await documentId("mortice-grant/1", isBytes(last) ? last : last[0]);
  const errand = { command: "unlock", commandId: random(8), ...asked, leaf };
  let outcome;
  try {
    // A touch is for one conversation: with a passkey the whole chain goes at once.
    outcome = await attempt(errand, !asked.seen || Boolean(asked.passkey));
  } catch (error) {
    if (!(error instanceof AnswerLost)) throw error;
    outcome = await attempt(errand, true).catch((again) => { throw again instanceof Unreachable ? error : again; });
  }
  if (outcome.coarse === "show_more" && !outcome.receipt) {
    outcome.visit.close();
    const before = outcome.delivered; // a new root among them made the lock ask for the chain
    outcome = await attempt(errand, true);
    outcome.delivered.unshift(...before);
  }
  const { left, visit } = outcome;
  if (left.length) outcome.delivered.push(...await visit.deliver(left));
  return outcome;
}
