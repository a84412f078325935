/* What can be told of a page only where it is drawn; `runs` says whether its own scripts run. */
async (runs) => {
  const all = (what) => [...document.querySelectorAll(what)].filter((it) => it.checkVisibility());
  const until = performance.now() + 3000;
  while (runs && !all("h1").length && performance.now() < until) await new Promise(requestAnimationFrame);
  const named = (it) => `${it.localName} ${(it.textContent.trim() || it.name || "").replace(/\s+/g, " ").slice(0, 40)}`;
  const main = ".button, button, summary, select, textarea, input, nav a, .list-link, .menu a, .help-link, .back";
  const inWords = (it) => { // a link in a sentence is as high as its line
    const inline = (one) => getComputedStyle(one).display === "inline";
    let block = it;
    while (inline(block)) block = block.parentElement;
    return inline(it) && block.textContent.trim().length > it.textContent.trim().length;
  };
  const boxOf = (it) => {
    const whole = it.matches("[type=checkbox], [type=radio]") ? it.closest("label") || it
      : it.closest(".door") || it;
    return whole.getBoundingClientRect();
  };
  const small = all("a[href], button, summary, input, select, textarea")
    .filter((it) => !it.matches(".skip, [type=hidden]"))
    .filter((it) => it.matches(main) || !inWords(it))
    .map((it) => [it, boxOf(it), it.matches(main) ? 44 : 24])
    .filter(([, box, least]) => box.width < least - 0.5 || box.height < least - 0.5)
    .map(([it, box, least]) => `${named(it)}: ${box.width.toFixed(0)} x ${box.height.toFixed(0)}, not ${least}`);
  const wide = document.documentElement.scrollWidth - innerWidth;
  const over = wide <= 0 ? [] : all("main *").filter((it) => it.getBoundingClientRect().right > innerWidth + 1).map(named);
  const kept = performance.getEntriesByType("resource");
  const sum = (end, size) => kept.filter((it) => new URL(it.name).pathname.endsWith(end))
    .reduce((all, it) => all + it[size], 0);
  const paint = !runs ? null : await new Promise((done) => {
    new PerformanceObserver((told) => done(told.getEntries()[0].startTime))
      .observe({ type: "paint", buffered: true });
    setTimeout(done, 3000, null);
  });
  return {
    path: location.pathname,
    title: document.title.trim(),
    lang: document.documentElement.lang,
    h1: [...document.querySelectorAll("h1")].filter((it) => it.checkVisibility() && it.textContent.trim()).map((it) => it.textContent.trim().replace(/\s+/g, " ")),
    words: document.querySelector("main").innerText,
    forms: all("form[method=post]").map((it) => new URL(it.action).pathname),
    scripts: [...document.querySelectorAll("script[src]")].map((it) => new URL(it.src).pathname.split("/").pop()),
    small, wide, over: over.slice(-3),
    style: sum(".css", "decodedBodySize"),
    paint,
  };
}
