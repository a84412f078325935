// What a link may be below another (spec/grant.md, section 6), in words for whoever would sign it.
//
//   narrower(above, below) → null or [check, sentence]    why a door would refuse it (C7 to C17)
//   mayNotSign(above, below, {strict, touched}) → null or [check, sentence]      (C18 to C20)
//   narrowed(terms, above) → terms       every bound left open, filled in from above
//   hasRight(grants, right) → boolean    the last link has it, and all above hand it on
//   within(narrow, wide) → boolean       hours in hours
//
// `above` and `below` are Grants or Terms of grant.js.

import { hex } from "./cbor.js";
import { CLASSES } from "./grant.js";

const DAY = 24 * 60;
const WEEK = 7 * DAY;

/** The hours as sorted spans of minutes in a week that starts on Monday; those that touch are one. */
function spans(hours) {
  const pieces = [];
  for (const [days, start, end] of hours) {
    for (let day = 0; day < 7; day += 1) {
      if (!((days >> day) & 1)) continue;
      const [from, to] = [day * DAY + start, day * DAY + end];
      pieces.push([from, Math.min(to, WEEK)]);
      if (to > WEEK) pieces.push([0, to - WEEK]);
    }
  }
  const merged = [];
  for (const [from, to] of pieces.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** Does every minute of `narrow` lie in `wide`? */
export function within(narrow, wide) {
  const outer = spans(wide);
  return spans(narrow).every(([from, to]) => outer.some(([a, b]) => a <= from && to <= b));
}

const given = (value) => value !== undefined && value !== null;
const noMore = (above, below) => !given(above) || (given(below) && below <= above);
const inside = (bits, of) => ((bits ?? 0) & ~of) === 0;
const both = (grant) => given(grant.nbf) && given(grant.exp);

// What holds between a link and the one below it, else the check and a sentence for people.
const NARROWING = [
  ["C7", "It may be passed on more often than your own key allows.",
    (above, below) => below.credential || (below.depth ?? 0) < (above.depth ?? 0)],
  ["C8", "It names a door that your own key does not open.", (above, below) => {
    const doors = new Set(above.doors.map(hex));
    return below.doors.every((door) => doors.has(hex(door)));
  }],
  ["C9", "It allows something that your own key may not pass on.", (above, below) => {
    const delegable = above.delegable ?? 0;
    const own = below.credential ? above.use | delegable : delegable;
    return inside(below.use, own) && inside(below.delegable, delegable);
  }],
  ["C10", "It starts before your own key does.",
    (above, below) => !given(above.nbf) || (given(below.nbf) && below.nbf >= above.nbf)],
  ["C11", "It ends later than your own key does.", (above, below) => noMore(above.exp, below.exp)],
  ["C12", "It lasts longer than a key from you may last.", (above, below) => !given(above.maxLife)
    || (both(below) && below.exp - below.nbf <= above.maxLife)],
  ["C12", "It lets others give keys that last longer than yours may.",
    (above, below) => !below.depth || noMore(above.maxLife, below.maxLife)],
  ["C13", "It works at times when your own key does not.",
    (above, below) => !given(above.hours) || (given(below.hours) && within(below.hours, above.hours))],
  ["C14", "It leaves out a second check that your own key asks for.",
    (above, below) => inside(above.factors, below.factors ?? 0)],
  ["C15", "It may go longer without being refreshed than your own key.",
    (above, below) => noMore(above.maxStaleness, below.maxStaleness)],
  ["C16", "It can be used more often than your own key.", (above, below) => noMore(above.uses, below.uses)],
  ["C17", "It lets others give more keys a day than you may.",
    (above, below) => !below.depth || noMore(above.quota, below.quota)],
];

/** The first bound that `below` breaks, as [check, sentence], or null: a door refuses such a link. */
export function narrower(above, below) {
  const broken = NARROWING.find(([, , holds]) => !holds(above, below));
  return broken ? broken.slice(0, 2) : null;
}

/**
 * Why a key of the class of `above` may not sign `below`, as [check, sentence], or null (C18 to C20).
 * `touched`: the passkey of `above` is, or will be, touched for this link.
 */
export function mayNotSign(above, below, { strict = false, touched = true } = {}) {
  if (above.klass === CLASSES.file && below.klass === CLASSES.file) {
    return ["C18", "A key file is exchanged for a key made on a device, not for another file."];
  }
  if (strict && (above.klass === CLASSES.web || above.klass === CLASSES.bridge)) {
    return ["C19", "At this site, only keys in a phone or another device give keys."];
  }
  if (above.klass === CLASSES.web && !(above.passkey && above.maxLife && touched)) {
    return ["C20", "A key in a browser gives keys only with its passkey's touch, and for a bounded time."];
  }
  return null;
}

/** `terms` with every bound left open filled in from the link above, never the other way. */
export function narrowed(terms, above) {
  const from = (name) => (given(terms[name]) ? terms[name] : above[name]);
  return {
    ...terms, nbf: from("nbf"), exp: from("exp"), hours: from("hours"), uses: from("uses"),
    maxStaleness: from("maxStaleness"), factors: (terms.factors ?? 0) | above.factors,
    maxLife: terms.depth ? from("maxLife") : terms.maxLife,
    quota: terms.depth ? from("quota") : terms.quota,
  };
}

/** May the holder of the last of these links use `right`, with every link above handing it on? */
export function hasRight(grants, right) {
  const above = grants.slice(0, -1).every((grant) => grant.delegable & right);
  return Boolean(above && grants.at(-1).use & right);
}
