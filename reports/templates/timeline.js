"use strict";
// The page is readable without this script; it shows one step at a time, magnifies its timeline, and finds what a link leads to.
(() => {
  const MOST = 4096; // a browser lays out boxes of some million pixels, and no wider ones
  const SEEN = 24; // pixels that a box should be wide to be looked at
  const APART = 90; // pixels between two labels of the axis
  const magnified = new WeakMap();

  const scale = (view) => magnified.get(view) || 1;

  function step(least) {
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least);
  }

  function label(ns, apart) {
    const [unit, name] = ns >= 1e9 ? [1e9, "s"] : ns >= 1e6 ? [1e6, "ms"] : ns >= 1e3 ? [1e3, "µs"] : [1, "ns"];
    const digits = Math.max(0, Math.ceil(-Math.log10(apart / unit)));
    return (ns / unit).toFixed(Math.min(digits, 9)) + " " + name;
  }

  // labels for what is seen, and a little beyond on either side
  function axis(strips) {
    const view = strips.querySelector(".view");
    const wide = view.querySelector(".long").clientWidth;
    if (!wide) return;
    const length = Number(strips.dataset.length);
    const per = length / wide;
    const apart = step(Math.max(per * APART, 1));
    const from = Math.max(0, Math.floor((view.scrollLeft - view.clientWidth) * per / apart));
    const to = Math.min(length, (view.scrollLeft + 2 * view.clientWidth) * per);
    const labels = [];
    for (let at = from * apart; at < to; at += apart) {
      const it = document.createElement("span");
      it.style.left = (100 * at / length).toFixed(6) + "%";
      it.textContent = at ? label(at, apart) : "0";
      labels.push(it);
    }
    view.querySelector(".axis").replaceChildren(...labels);
    const seen = [view.scrollLeft, view.scrollLeft + view.clientWidth].map((each) => Math.min(each * per, length));
    const text = scale(view) > 1 ? "shown: " + seen.map((each) => label(each, per * 10)).join(" to ") : "";
    strips.querySelector(".seen").textContent = text;
  }

  // `middle`: the share of the whole that shall stand in the middle of what is seen
  function magnify(strips, times, middle) {
    const view = strips.querySelector(".view");
    const now = Math.min(Math.max(times, 1), MOST);
    magnified.set(view, now);
    view.querySelector(".long").style.width = 100 * now + "%";
    view.scrollLeft = middle * view.querySelector(".long").clientWidth - view.clientWidth / 2;
    axis(strips);
  }

  function show(part) {
    const select = document.querySelector('select[data-choose="' + part.parentElement.id + '"]');
    [...part.parentElement.children].forEach((each, at) => {
      each.hidden = each !== part;
      if (each === part && select) select.value = String(at);
    });
    part.querySelectorAll(".strips").forEach(axis);
  }

  for (const select of document.querySelectorAll("select[data-choose]")) {
    const parts = document.getElementById(select.dataset.choose).children;
    select.addEventListener("change", () => show(parts[Number(select.value)]));
    show(parts[Number(select.value)]);
  }
  for (const chooser of document.querySelectorAll(".choose")) chooser.hidden = false;

  for (const strips of document.querySelectorAll(".strips")) {
    const view = strips.querySelector(".view");
    const zoom = strips.querySelector(".zoom");
    zoom.hidden = false;
    zoom.addEventListener("click", (event) => {
      const by = event.target.dataset.zoom;
      if (by === undefined) return;
      const middle = (view.scrollLeft + view.clientWidth / 2) / view.querySelector(".long").clientWidth;
      magnify(strips, scale(view) * Number(by), middle);
    });
    view.addEventListener("scroll", () => axis(strips), { passive: true });
    axis(strips);
  }
  addEventListener("resize", () => document.querySelectorAll(".strips").forEach(axis));

  // what a link leads to may be folded, searched away, of another step, or too thin to be seen
  function follow() {
    const it = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!it) return;
    for (let above = it; above; above = above.parentElement) {
      if (above.tagName === "DETAILS") above.open = true;
      if (above.hidden && above.classList.contains("part")) show(above);
    }
    if (it.tagName === "TR" && it.hidden) {
      const field = it.closest("section").querySelector("input.search");
      field.value = "";
      field.dispatchEvent(new Event("input"));
    }
    const strips = it.closest(".strip") && it.closest(".strips");
    if (strips) {
      const { left, width } = it.style;
      const share = Math.max(parseFloat(width), 1e-4) / 100;
      const view = strips.querySelector(".view");
      const times = Math.max(scale(view), SEEN / (share * view.clientWidth));
      magnify(strips, times, parseFloat(left) / 100 + share / 2);
    }
    document.querySelectorAll(".met").forEach((each) => each.classList.remove("met"));
    if (strips || it.tagName === "TR") it.classList.add("met");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    it.scrollIntoView({ block: strips || it.tagName === "TR" ? "center" : "start", inline: "nearest", behavior: still ? "auto" : "instant" });
    if (strips) axis(strips);
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  if (location.hash) follow();
})();
