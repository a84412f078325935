// Says a key's times back while they are filled in, and draws each day's hours. The hub's words and
// the hub's rules: this only asks and shows.

const form = document.querySelector("form.give");
const says = form.querySelector("[data-says]");
const WAIT_MS = 400;
let timer = 0;
let asked = 0;

async function sayBack() {
  const mine = (asked += 1);
  const answer = await fetch(form.action.replace(/\w+$/, "says"), { method: "POST", body: new FormData(form) }).catch(() => null);
  if (!answer?.ok || mine !== asked) return;
  const said = await answer.json();
  says.textContent = said.says || said.wrong;
  says.hidden = !says.textContent;
}

function draw(input) {
  const bar = form.querySelector(`.bar-of-day[data-day="${input.name.slice(3)}"]`);
  bar.replaceChildren();
  for (const [, h, m, hh, mm] of input.value.matchAll(/(\d{1,2}):(\d\d)\s*(?:-|–|to)\s*(\d{1,2}):(\d\d)/g)) {
    const [start, end] = [h * 60 + +m, hh * 60 + +mm];
    const until = end > start ? end : 1440;
    const span = document.createElement("i");
    span.style.left = `${start / 14.4}%`;
    span.style.width = `${(until - start) / 14.4}%`;
    bar.append(span);
  }
}

form.addEventListener("input", (event) => {
  if (/^on-\d$/.test(event.target.name)) draw(event.target);
  clearTimeout(timer);
  timer = setTimeout(sayBack, WAIT_MS);
});
for (const input of form.querySelectorAll("[name^='on-']")) draw(input);
if (form.querySelector("[name='when']:checked")) sayBack();
