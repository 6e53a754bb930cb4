import { render } from "preact";
import { httpSource } from "./http";
import { kernelSource, type WidgetModel } from "./kernel";
import { Page } from "./page";
import { recordedSource } from "./recorded";
import type { Source } from "./source";
import { createState } from "./state";

export { httpSource, kernelSource, recordedSource };

/** Draws the page into an element. Only the page of its own keeps what it shows in the address. */
export function mount(element: HTMLElement, source: Source, options = { address: false }) {
  element.classList.add("longlag-play");
  element.replaceChildren();
  const state = createState(source, options);
  render(<Page s={state} host={element} />, element);
  return {
    destroy() {
      render(null, element);
      state.destroy();
    },
  };
}

/** The contract of anywidget. */
export default {
  render({ model, el }: { model: WidgetModel; el: HTMLElement }) {
    const source = kernelSource(model);
    const place = document.createElement("div");
    const height = Number(model.get?.("height"));
    if (height > 0) place.style.setProperty("--height", `${height}px`);
    el.append(place);
    const page = mount(place, source);
    return () => {
      page.destroy();
      source.close();
    };
  },
};

for (const element of document.querySelectorAll<HTMLElement>("[data-longlag-play]")) {
  const file = element.dataset.recording;
  if (!file) mount(element, httpSource(), { address: true });
  else
    void fetch(file)
      .then((response) => response.json())
      .then((recording) => mount(element, recordedSource(recording)));
}
