(() => {
  "use strict";
  const root = document.documentElement;
  const page = JSON.parse(document.getElementById("figures").textContent);
  const dense = new Set(page.dense);
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const theme = () => root.dataset.theme || (media.matches ? "dark" : "light");

  // Figures are written in the light colours; each has a dark counterpart.
  const coloured = (part) => theme() === "light" ? part : JSON.parse(
    JSON.stringify(part).replace(/"(#[0-9a-f]{6})"/g, (all, hex) =>
      page.dark[hex] ? JSON.stringify(page.dark[hex]) : all));

  const views = new Map();
  let turn = 0;

  async function draw() {
    const mine = ++turn;
    const config = { ...coloured(page.config), legend: { disable: true } };
    config.background = "transparent";
    for (const place of document.querySelectorAll("[data-figure]")) {
      const name = place.dataset.figure;
      try {
        const view = await vegaEmbed(place, coloured(page.figures[name]), {
          ast: true, actions: false, defaultStyle: false, config,
          renderer: dense.has(name) ? "canvas" : "svg",
          tooltip: { theme: theme() === "dark" ? "dark" : "" },
        });
        if (mine !== turn) { view.finalize(); return; }
        views.get(name)?.finalize();
        views.set(name, view);
      } catch (error) {
        place.textContent = "This figure could not be drawn; its numbers stand in the tables.";
        console.error(error);
      }
    }
    root.dataset.drawn = theme();
  }

  function label() {
    const other = theme() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Show in ${other} colours`);
    button.title = `Show in ${other} colours`;
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    label();
    draw();
  });
  media.addEventListener("change", () => { label(); if (!root.dataset.theme) draw(); });

  // A figure in folded details has no width to fill until these are opened.
  document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
  // On a phone the contents would push the summary out of sight.
  if (window.matchMedia("(max-width: 960px)").matches) {
    document.querySelector(".contents").open = false;
  }
  label();
  draw();
})();
