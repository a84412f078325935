// What the states and lights of a door are called, and how they look without colour.

export const STATES = {
  locked: { word: "locked", tone: "good", icon: "thrown" },
  locking: { word: "locking", tone: "plain", icon: "moving" },
  unlocked: { word: "unlocked", tone: "look", icon: "drawn" },
  unlocking: { word: "unlocking", tone: "plain", icon: "moving" },
  open: { word: "open", tone: "look", icon: "open" },
  bolt_out_door_open: { word: "open, with its bolt out", tone: "bad", icon: "warn" },
  jammed: { word: "jammed", tone: "bad", icon: "warn" },
  unknown: { word: "not known", tone: "plain", icon: "ask" },
};

// Drawn on a 20 × 20 grid: the shape says it, colour only repeats it.
export const ICONS = {
  thrown: "M4 2.500h8v15H4zM10 10h8",
  drawn: "M4 2.500h8v15H4zM9 10h3",
  moving: "M4 2.500h8v15H4zM10 10h3m2 0h1m2 0h.5",
  open: "M4 2.500h10v15H4zM4 2.500l6 2.500v14.500L4 17.500",
  warn: "M10 2.500l8 15H2zM10 8v4.500m0 2.300v.4",
  ask: "M7 7.500a3 3 0 1 1 4.200 2.700c-.8.400-1.200 1-1.200 1.900v.6m0 2.600v.4",
  good: "M3.500 10.500l4.500 4.500 9-10.500",
  bad: "M5 5l10 10m0-10L5 15",
  plain: "M8.500 10h3",
};

const LIGHTS = {
  off: "Ready",
  busy: "One moment",
  yes: "Come in",
  no: "Refused",
  wait: "Resting",
};

export const mm = (value) => `${Math.round(value)} mm`;

/** The words beside the door's name. */
export function sentence(seen) {
  const parts = [STATES[seen.state].word];
  if (seen.dead) return [...parts, "the lock has no power"].join(" · ");
  const bolt = seen.bolt_mm < 0.5 ? "bolt in" : `bolt out ${mm(seen.bolt_mm)}`;
  return [...parts, bolt, `door ${seen.leaf}`].join(" · ");
}

/** What the keypad's little display says. */
export function lightWord(seen, typed, rest) {
  if (seen.dead) return "";
  if (typed > 0) return "•".repeat(Math.min(typed, 12));
  if (rest > 0 && (seen.light === "wait" || seen.light === "off")) return `Rests ${clock(rest)}`;
  return LIGHTS[seen.light];
}

/** The caption of the drawing in section. */
export function sectionWords(seen) {
  if (seen.dead) return "No power: the motor is dead, the knob and the key still turn.";
  if (seen.motor === "stalled") return "The motor met something, stopped and backed off.";
  if (seen.jam_mm !== null) return `Something sits in the way, ${mm(seen.jam_mm)} out.`;
  if (seen.motor !== "still") return "The motor is at work; a hand on the knob would win.";
  if (seen.leaf === "open") return "The door stands open: the bolt has no frame to go into.";
  if (seen.bolt_mm < 0.5) return "The bolt is in. The door can be pushed open.";
  return "The bolt is out and holds the door in its frame.";
}

/** Seconds as m:ss. */
export function clock(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
