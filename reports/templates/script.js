"use strict";
// The page is readable without this script; it draws the figures and lets one choose among them.
(() => {
  const figures = new Map(JSON.parse(document.getElementById("figures").textContent).map((it) => [it.id, it]));
  const drawn = new Set();
  const coarse = matchMedia("(pointer: coarse)").matches;
  const PRINTED_WIDTH = 680;

  const visible = (box) => box.getClientRects().length > 0;

  function draw(id) {
    const box = document.getElementById(id);
    const it = figures.get(id);
    if (!visible(box) || !window.Plotly) return;
    if (drawn.has(id)) {
      window.Plotly.Plots.resize(box);
      return;
    }
    drawn.add(id);
    if (it.zoom && !coarse) it.layout.dragmode = "zoom"; // on a touch screen a drag scrolls the page
    box.replaceChildren();
    const config = {
      responsive: true,
      displayModeBar: false, // double-click is enough to go back, and some of its buttons would send data away
    };
    window.Plotly.newPlot(box, it.data, it.layout, config);
  }

  function say(text) {
    for (const id of figures.keys()) {
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = text;
      document.getElementById(id).replaceChildren(note);
    }
  }

  async function load() {
    const packed = atob(document.getElementById("plotly").textContent);
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script); // runs at once; its hash is in the page's policy
    if (!window.Plotly) throw new Error("Plotly did not start");
  }

  for (const select of document.querySelectorAll("select[data-choose]")) {
    const parts = [...document.getElementById(select.dataset.choose).children];
    const show = () => {
      parts.forEach((part, index) => { part.hidden = index !== Number(select.value); });
      parts.flatMap((part) => [...part.querySelectorAll(".plot")]).forEach((box) => draw(box.id));
    };
    select.addEventListener("change", show);
    show();
  }
  for (const check of document.querySelectorAll("input[data-scale]")) {
    check.addEventListener("change", () => {
      for (const box of document.querySelectorAll("#" + check.dataset.scale + " .plot")) {
        const it = figures.get(box.id);
        it.layout.xaxis.range = [0, check.checked ? it.shared : it.own];
        if (drawn.has(box.id)) window.Plotly.relayout(box, { "xaxis.range": [...it.layout.xaxis.range] });
      }
    });
  }
  for (const chooser of document.querySelectorAll(".choose")) chooser.hidden = false;

  addEventListener("beforeprint", () => {
    for (const id of drawn) window.Plotly.relayout(id, { width: PRINTED_WIDTH });
  });
  addEventListener("afterprint", () => {
    for (const id of drawn) window.Plotly.relayout(id, { width: null, autosize: true });
  });

  load().then(
    async () => {
      for (const id of figures.keys()) {
        draw(id);
        await new Promise((done) => setTimeout(done)); // the page stays responsive between figures
      }
      document.documentElement.dataset.drawn = "all";
    },
    () => {
      say("This figure needs a browser of 2023 or later; its numbers stand in the table below.");
      document.documentElement.dataset.drawn = "none";
    },
  );
})();
