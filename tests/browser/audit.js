// What a person with a screen reader, weak eyes or a big thumb would trip over, as sentences.
// Runs in the page; returns a list, empty if all is well.
() => {
  const found = [];
  const shown = (element) => element.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true })
    && element.getClientRects().length > 0;
  const hidden = (element) => element.closest("[aria-hidden=true]") !== null;
  const called = (element) => `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ""}`
    + ` “${(element.textContent || "").trim().slice(0, 30)}”`;
  const text = (id) => document.getElementById(id)?.textContent.trim() ?? "";

  // names and roles
  const nameOf = (element) => element.getAttribute("aria-label")
    || (element.getAttribute("aria-labelledby") ?? "").split(" ").map(text).join(" ").trim()
    || [...(element.labels ?? [])].map((label) => label.textContent.trim()).join(" ")
    || [...element.childNodes].filter((node) => !(node instanceof Element) || !hidden(node))
      .map((node) => node.textContent).join("").trim();
  const controls = [...document.querySelectorAll("a[href], button, input, summary, [role=meter]")]
    .filter((element) => shown(element) || element.tagName === "INPUT");
  for (const element of controls) {
    if (!nameOf(element)) found.push(`${called(element)} has no name`);
    if (hidden(element)) found.push(`${called(element)} can be reached but is hidden from readers`);
  }
  for (const svg of document.querySelectorAll("svg, img")) {
    if (!hidden(svg) && !nameOf(svg)) found.push(`${called(svg)} is neither hidden nor named`);
  }
  for (const meter of document.querySelectorAll("[role=meter]")) {
    const [now, low, high] = ["now", "min", "max"].map((what) => Number(meter.getAttribute(`aria-value${what}`)));
    if (!(low <= now && now <= high)) found.push(`${called(meter)} stands at ${now}`);
  }

  // references, ids, headings, language
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) found.push(`two are #${id}`);
  for (const what of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
    for (const element of document.querySelectorAll(`[${what}]`)) {
      for (const id of element.getAttribute(what).split(" ")) {
        if (!document.getElementById(id)) found.push(`${called(element)} points to no #${id}`);
      }
    }
  }
  const headings = [...document.querySelectorAll("h1, h2, h3, h4")].map((h) => Number(h.tagName[1]));
  if (headings.filter((level) => level === 1).length !== 1) found.push("there is not one h1");
  if (headings[0] !== 1) found.push("the first heading is no h1");
  headings.forEach((level, at) => { if (at && level > headings[at - 1] + 1) found.push(`h${level} skips a level`); });
  if (!document.documentElement.lang) found.push("the page has no language");

  // size of what is pressed; what is drawn on the leaf swings with it, and has twins in the list
  for (const element of document.querySelectorAll("a[href], button, label:has(input)")) {
    const { width, height } = element.getBoundingClientRect();
    const excused = element.matches(".skip, [data-leaf=open] .leaf *");
    if (shown(element) && !excused && (width < 44 || height < 44)) {
      found.push(`${called(element)} is ${width.toFixed(0)} × ${height.toFixed(0)}`);
    }
  }

  // contrast of text with what lies behind it, as the browser computed both
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const ink = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    ink.clearRect(0, 0, 1, 1);
    ink.fillStyle = colour;
    ink.fillRect(0, 0, 1, 1);
    return [...ink.getImageData(0, 0, 1, 1).data];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const light = ([red, green, blue]) => [red, green, blue]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !shown(element) || element.closest(".unseen, .skip, noscript, svg")) continue;
    texts += 1;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const large = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && fontWeight >= 700);
    const has = contrast(rgba(color), behind(element));
    if (has < (large ? 3 : 4.5)) found.push(`${called(element)} has a contrast of ${has.toFixed(2)}`);
  }
  if (texts < 30) found.push(`only ${texts} texts were looked at`);

  // edges of controls
  for (const element of document.querySelectorAll(".act, .small:not(.offer .small), .views")) {
    if (!shown(element)) continue;
    const has = contrast(rgba(getComputedStyle(element).borderTopColor), behind(element.parentElement));
    if (has < 3) found.push(`the edge of ${called(element)} has a contrast of ${has.toFixed(2)}`);
  }
  return found;
}
