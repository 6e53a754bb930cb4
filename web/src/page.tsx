import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ordered, origin, source } from "./chains";
import { Code } from "./parts/code";
import { TrainButton, Training } from "./parts/curve";
import { Inside } from "./parts/inside";
import { Keys } from "./parts/keys";
import { Knobs } from "./parts/knobs";
import { LessonPicker, LessonText } from "./parts/lessons";
import { Maps } from "./parts/maps";
import { Runs } from "./parts/runs";
import { focusCursor, Strip } from "./parts/strip";
import { Task } from "./parts/task";
import { Verdict } from "./parts/verdict";
import type { State } from "./state";
import { DARK, LIGHT } from "./theme";
import { outcome, score, symbol } from "./words";

let mounted = 0;

interface Props {
  s: State;
  host: HTMLElement;
}

export function Page({ s, host }: Props) {
  const uid = useState(() => `longlag-${++mounted}`)[0];
  const keys = useSignal(false);
  const grid = useRef<HTMLTableElement>(null);
  const narrow = useWidth(host) === "narrow";
  const [dark, turn] = useTheme(host, s.address);
  const palette = dark ? DARK : LIGHT;
  const focus = () => focusCursor(grid.current);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (keyed(event, s, grid.current, keys)) event.preventDefault();
    };
    // A notebook has keys of its own, so there only the page's own elements listen.
    const place: HTMLElement | Document = s.address ? document : host;
    place.addEventListener("keydown", press as EventListener);
    return () => place.removeEventListener("keydown", press as EventListener);
  }, []);

  if (s.broken.value)
    return <p class="wait fault">No answer from longlag play: {s.broken.value} Reload the page to try again.</p>;
  if (!s.about.value) return <p class="wait">Loading …</p>;

  const options = (
    <section class="panel options" aria-labelledby={`${uid}-options`}>
      <h2 id={`${uid}-options`}>Options</h2>
      <Knobs s={s} uid={uid} />
      <Code s={s} />
    </section>
  );
  const panel = (name: string, title: string, content: ComponentChildren) => (
    <section class={`panel ${name}`} aria-labelledby={`${uid}-${name}`}>
      <h2 id={`${uid}-${name}`}>{title}</h2>
      {content}
    </section>
  );
  const maps = <Maps s={s} palette={palette} focus={focus} />;
  const sequence = panel("sequence", "One sequence", <Strip s={s} grid={grid} />);
  return (
    <div class="page">
      <header>
        <h1>longlag play</h1>
        <LessonPicker s={s} uid={uid} />
        <span class="tools">
          <button type="button" class="round" aria-label={`Show in ${dark ? "light" : "dark"} colours`} onClick={turn}>
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
              <circle cx="10" cy="10" r="7.2" fill="none" stroke="currentColor" stroke-width="1.6" />
              <path d="M10 2.8a7.2 7.2 0 0 1 0 14.4z" fill="currentColor" />
            </svg>
          </button>
          <button type="button" class="round" aria-label="Keys" onClick={() => (keys.value = true)}>
            ?
          </button>
        </span>
      </header>
      {s.lost.value && (
        <p class="banner">
          {s.refused.value
            ? "longlag play was started anew. Open the address that it printed."
            : "The connection to longlag play is lost. Trying again …"}
        </p>
      )}
      <main>
        <LessonText s={s} />
        <Task s={s} />
        <div class="screen">
          {!narrow && options}
          {panel(
            "reach",
            "What reaches what",
            <>
              <Verdict s={s} />
              {!narrow && maps}
            </>,
          )}
          {narrow && sequence}
          {narrow && panel("seen", "Maps", maps)}
          {panel("training", "Training", <Training s={s} uid={uid} button={!narrow} />)}
          {!narrow && sequence}
          {panel("inside", "Inside", <Inside s={s} palette={palette} uid={uid} focus={focus} />)}
          {panel("tried", "Runs", <Runs s={s} />)}
          {narrow && (
            <details class="below" id={`${uid}-below`}>
              <summary>Options</summary>
              {options}
            </details>
          )}
        </div>
      </main>
      {narrow && (
        <div class="fixed" role="region" aria-label="Training controls">
          <Now s={s} />
          <button
            type="button"
            onClick={() => {
              const below = host.querySelector<HTMLDetailsElement>(".below")!;
              below.open = true;
              below.scrollIntoView();
              below.querySelector<HTMLElement>("summary")!.focus();
            }}
          >
            Options
          </button>
          <TrainButton s={s} />
        </div>
      )}
      <footer>longlag {s.about.value.version}</footer>
      <p class="hidden" role="status">
        {s.announced.value}
      </p>
      <Keys open={keys} />
    </div>
  );
}

/** The training or else the verdict, in a word or two, where the screen shows neither. */
function Now({ s }: { s: State }) {
  const busy = s.training.value;
  const run = s.stale.value ? null : s.run.value;
  const word = run && run.state !== "training" ? outcome(run) : s.audit.value?.verdict ?? "";
  const [sign, kind] = busy ? ["▶", "open"] : s.fault.value ? ["✗", "bad"] : symbol(word);
  const done = busy ? Math.max(0, ...busy.curve.map((each) => each.updates.at(-1) ?? 0)) : 0;
  const text = busy
    ? `${Math.round((100 * done) / (busy.total || 1))} %`
    : s.fault.value
      ? "not possible"
      : word + (run?.accuracy != null ? ` ${score(run.accuracy)}` : "");
  return (
    <span class={`word ${kind}`}>
      {sign} {text}
    </span>
  );
}

/** What a key does; whether it did anything. */
function keyed(
  event: KeyboardEvent,
  s: State,
  grid: HTMLTableElement | null,
  keys: { value: boolean },
): boolean {
  const on = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || keys.value) return false;
  const field = on.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select");
  if (field) return false;
  switch (event.key) {
    case "?":
      return (keys.value = true);
    case "[":
    case "]": {
      const run = s.run.value;
      if (!run || s.at.value === null) return false;
      const indices = run.snapshots.map((each) => each.index);
      const at = indices.indexOf(s.at.value) + (event.key === "]" ? 1 : -1);
      if (indices[at] !== undefined) s.scrub(indices[at]!);
      return true;
    }
    case " ":
      if (!on.matches('[role="gridcell"], [role="grid"]')) return false; // elsewhere it scrolls
      void (s.training.value ? s.stop() : s.train());
      return true;
  }
  if (!on.matches('[role="gridcell"], [role="grid"]')) return false;
  const moves: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 };
  const by = moves[event.key];
  if (by !== undefined) {
    s.move(by);
    focusCursor(grid);
    return true;
  }
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    turnUnit(s, event.key === "ArrowDown" ? 1 : -1);
    return true;
  }
  return false;
}

function turnUnit(s: State, by: number): void {
  const view = s.view.value;
  const from = view?.units ? origin(view, s.target.value) : null;
  if (!view || !from || !s.marks.value) return;
  const need = source(s.marks.value, view, s.target.value);
  const order = ordered(view, from.chain, need?.position ?? null, from.position);
  const now = s.unit.value === null ? 0 : order.indexOf(s.unit.value);
  s.unit.value = order[Math.max(0, Math.min(order.length - 1, now + by))] ?? null;
}

function useMedia(query: string): boolean {
  const media = useState(() => window.matchMedia(query))[0];
  const [on, set] = useState(media.matches);
  useEffect(() => {
    const change = () => set(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);
  return on;
}

const WIDTHS = { narrow: 700, middle: 1100, wide: Infinity };
type Width = keyof typeof WIDTHS;

/** How much room the page has, which in a notebook is not that of the window. */
function useWidth(host: HTMLElement): Width {
  const measure = () =>
    (Object.keys(WIDTHS) as Width[]).find((name) => host.clientWidth <= WIDTHS[name]) ?? "wide";
  const [width, set] = useState(measure);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => set(measure()));
    observer.observe(host);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    host.dataset.width = width;
  }, [width]);
  return width;
}

/** Whether the colours are dark, and a function that turns them. */
function useTheme(host: HTMLElement, whole: boolean): [boolean, () => void] {
  const system = useMedia("(prefers-color-scheme: dark)");
  const [own, set] = useState<"light" | "dark" | null>(null);
  const notebook = whole ? null : ofNotebook();
  const dark = (own ?? notebook ?? (system ? "dark" : "light")) === "dark";
  useEffect(() => {
    host.dataset.theme = dark ? "dark" : "light";
    if (whole) document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }, [dark]);
  return [dark, () => set(dark ? "light" : "dark")];
}

/** The theme of the notebook around the page; null where there is none. */
function ofNotebook(): "light" | "dark" | null {
  const { body } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "true" ? "light" : "dark";
  if (body.classList.contains("vscode-dark")) return "dark";
  if (body.classList.contains("vscode-light")) return "light";
  return null;
}
