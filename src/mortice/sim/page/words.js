// What the states and lights of a door are called, and how they look without colour.

export const STATES = {
  locked: { word: "locked", short: "locked", tone: "good", icon: "thrown" },
  locking: { word: "locking", short: "locking", tone: "plain", icon: "moving" },
  unlocked: { word: "unlocked", short: "unlocked", tone: "look", icon: "drawn" },
  unlocking: { word: "unlocking", short: "unlocking", tone: "plain", icon: "moving" },
  open: { word: "open", short: "open", tone: "look", icon: "open" },
  bolt_out_door_open: { word: "open, with its bolt out", short: "bolt out", tone: "bad", icon: "warn" },
  jammed: { word: "jammed", short: "jammed", tone: "bad", icon: "warn" },
  unknown: { word: "not known", short: "not known", tone: "plain", icon: "ask" },
};

// Drawn on a 20 × 20 grid: the shape says it, colour only repeats it.
export const ICONS = {
  thrown: "M4 2.5h8v15H4zM10 10h8",
  drawn: "M4 2.5h8v15H4zM9 10h3",
  moving: "M4 2.5h8v15H4zM10 10h3m2 0h1m2 0h.5",
  open: "M4 2.5h10v15H4zM4 2.5l6 2.5v14.5L4 17.5",
  warn: "M10 2.5l8 15H2zM10 8v4.5m0 2.3v.4",
  ask: "M7 7.5a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 1.9v.6m0 2.6v.4",
  good: "M3.5 10.5l4.5 4.5 9-10.5",
  bad: "M5 5l10 10m0-10L5 15",
  plain: "M8.5 10h3",
};

const LIGHTS = {
  off: "Ready",
  busy: "One moment",
  yes: "Come in",
  no: "Refused",
  wait: "Resting",
};

export const mm = (value) => `${Math.round(value)} mm`;

/** The words beside the door's name. A line breaks between them, never within one. */
export function sentence(seen) {
  return facts(seen).map((fact) => fact.replaceAll(" ", "\u00a0")).join("\u00a0· ");
}

function facts(seen) {
  const { word } = STATES[seen.state];
  if (seen.dead) return [word, "the lock has no power"];
  const bolt = seen.bolt_mm < 0.5 ? "bolt in" : `bolt out ${mm(seen.bolt_mm)}`;
  return seen.state === "open" ? [word, bolt] : [word, bolt, `door ${seen.leaf}`];
}

/** What is said under the name: what one can do now. */
export function prompt(seen) {
  if (seen.dead) return "The lock is dark and its daemon has stopped. Hands still work: the knob, the key.";
  if (!seen.owned) return "This lock was wiped and has no owner: no code and no phone opens it now. Start the demo with --reset to build the street again.";
  if (seen.state === "jammed") return "Something is in the bolt's way. Free it, or use a hand: the knob draws what a motor cannot.";
  if (seen.state === "bolt_out_door_open") return "The bolt is out while the door stands open: turn the knob before closing it.";
  if (!seen.mains) return "On its backup battery. Type a code on the keypad, or do something to the door.";
  return "Type a code on the keypad, or do something to the door.";
}

/** Which lamp of the keypad is lit. */
export function lightOf(seen, rest) {
  if (seen.dead) return "dead";
  return rest > 0 && seen.light === "off" ? "wait" : seen.light;
}

/** What the keypad's little display says. */
export function lightWord(seen, rest) {
  if (seen.dead) return "";
  if (seen.typed > 0) return "•".repeat(Math.min(seen.typed, 12));
  if (seen.light === "no" && seen.state === "jammed") return "Stuck";
  if (rest > 0 && lightOf(seen, rest) === "wait") return `Rests ${clock(rest)}`;
  return LIGHTS[seen.light];
}

/** The caption of the drawing in section. */
export function sectionWords(seen) {
  if (seen.dead) return "The motor is dead; knob and key still turn.";
  if (seen.motor === "stalled") return "The motor met something and backed off.";
  if (seen.jam_mm !== null) return `Something sits in the way, ${mm(seen.jam_mm)} out.`;
  if (seen.motor !== "still") return "The motor turns; a hand on the knob wins.";
  if (seen.leaf === "open") return "The door stands open: nothing to bolt into.";
  if (seen.bolt_mm < 0.5) return "The bolt is in; the door can be pushed open.";
  return "The bolt is out and holds the door shut.";
}

/** Seconds as m:ss. */
export function clock(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
