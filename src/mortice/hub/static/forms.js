// Forms that a script reads: what is wrong with a field stands beside it, and loses nothing.
//
//   wrongAt(name, sentence)      beside the field `name`, which gets the focus
//   cleared(form)                nothing is wrong any more
//   sentenceOf(error)            an error as people read it
//   zoneOf(text)                 a time zone's name as locks and the hub know it; throws an Error

export function wrongAt(name, sentence) {
  const input = document.getElementById(`f-${name}`);
  const field = input.closest(".field");
  input.closest("details")?.setAttribute("open", "");
  const said = document.createElement("p");
  said.className = "wrong";
  said.id = `e-${name}`;
  said.dataset.wrong = "";
  said.textContent = sentence;
  field.classList.add("has-error");
  input.before(said);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", [input.getAttribute("aria-describedby"), said.id].filter(Boolean).join(" "));
  input.focus();
}

export function cleared(form) {
  for (const said of form.querySelectorAll("[data-wrong]")) {
    const field = said.closest(".field");
    const input = field.querySelector("[aria-invalid]");
    field.classList.remove("has-error");
    input.removeAttribute("aria-invalid");
    const others = input.getAttribute("aria-describedby").replace(said.id, "").trim();
    if (others) input.setAttribute("aria-describedby", others);
    else input.removeAttribute("aria-describedby");
    said.remove();
  }
}

export function zoneOf(text) {
  try {
    if (!/^[a-z]/i.test(text.trim())) throw new RangeError("an offset is no zone: it keeps no summer time");
    return new Intl.DateTimeFormat("en-GB", { timeZone: text.trim() }).resolvedOptions().timeZone;
  } catch (error) {
    throw new Error("Write a zone such as Europe/London.", { cause: error });
  }
}

/** Without the number of a check, which says more than people need to read. */
export function sentenceOf({ message }) {
  const plain = message.replace(/ \([A-Z]\d+\)$/, "");
  const whole = plain.charAt(0).toUpperCase() + plain.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
