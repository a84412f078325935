// Draws one door: the scene, the section through its lock, and the gauges.

import { $, write } from "./dom.js";
import { STATES, lightOf, lightWord, mm, sectionWords, sentence } from "./words.js";

const MAX_AMPS = 2;
const MAX_VOLTS = 6;
const TRACE_SECONDS = 4;
const TRACE_WIDTH = 240;
const TRACE_HEIGHT = 35;

const scene = $("scene");
const section = $("section");
let trace = [];
let tracing = false;

/** Set up for another door. */
export function introduce(door) {
  write($("place"), door.place);
  write($("name"), door.name);
  write($("number"), door.number);
  write($("nameplate"), door.place.replace(/^\d+\w?\s+/, ""));
  scene.style.setProperty("--paint", door.paint);
  scene.dataset.indoors = door.indoors;
  scene.classList.add("still");
  requestAnimationFrame(() => requestAnimationFrame(() => scene.classList.remove("still")));
  document.title = `${door.name} · Mortice street`;
  trace = [];
}

/** Draw what is seen of the door now. */
export function draw(seen, rest) {
  for (const drawn of [scene, section]) {
    drawn.style.setProperty("--mm", seen.bolt_mm);
    drawn.style.setProperty("--jam", seen.jam_mm ?? 0);
    Object.assign(drawn.dataset, {
      leaf: seen.leaf,
      motor: seen.motor,
      jammed: seen.jam_mm !== null,
      dead: seen.dead,
      button: seen.button,
    });
  }
  write($("state"), sentence(seen));
  $("state").dataset.tone = STATES[seen.state].tone;
  write($("section-words"), sectionWords(seen));
  drawLight(seen, rest);
  drawGauges(seen);
}

/** Draw the keypad's display. */
export function drawLight(seen, rest) {
  $("light").dataset.light = lightOf(seen, rest);
  write($("light-word"), lightWord(seen, rest));
}

function drawGauges(seen) {
  const supply = seen.dead ? "no power" : seen.mains ? "mains" : "battery";
  gauge("motor", seen.amps, `${seen.amps.toFixed(2)} A`);
  gauge("bolt", seen.bolt_mm, mm(seen.bolt_mm), seen.bolt_mm / 20);
  gauge("supply", seen.volts, `${seen.volts.toFixed(1)} V\n${supply}`, seen.volts / MAX_VOLTS);
  $("supply").dataset.dead = seen.dead;
  recordTrace(seen.amps);
}

function gauge(id, value, text, share) {
  const element = $(id);
  element.setAttribute("aria-valuenow", value);
  element.setAttribute("aria-valuetext", text);
  write(element.querySelector("output"), text);
  if (share !== undefined) element.style.setProperty("--share", Math.min(share, 1));
}

function recordTrace(amps) {
  const now = performance.now() / 1000;
  const last = trace.at(-1);
  if (last && now - last[0] > 0.2) trace.push([now - 0.02, last[1]]);
  trace.push([now, amps]);
  if (!tracing) {
    tracing = true;
    requestAnimationFrame(drawTrace);
  }
}

/** The last four seconds of current. Runs only while there is something in them. */
function drawTrace() {
  const now = performance.now() / 1000;
  while (trace.length > 1 && trace[1][0] < now - TRACE_SECONDS) trace.shift();
  const x = (at) => TRACE_WIDTH * (1 - (now - at) / TRACE_SECONDS);
  const y = (amps) => TRACE_HEIGHT * (1 - amps / MAX_AMPS);
  const points = trace.map(([at, amps]) => `${x(at).toFixed(1)},${y(amps).toFixed(1)}`);
  if (trace.length > 0) points.unshift(`0,${y(trace[0][1]).toFixed(1)}`);
  points.push(`${TRACE_WIDTH},${y(trace.at(-1)?.[1] ?? 0).toFixed(1)}`);
  $("trace").setAttribute("points", points.join(" "));
  tracing = trace.some(([, amps]) => amps > 0);
  if (tracing) requestAnimationFrame(drawTrace);
}
