import { kept, ordered, origin, source, stepAt, valueAt, type Chain } from "../chains";
import type { State } from "../state";
import { packed, scale, type Palette } from "../theme";
import type { View } from "../types";
import { Stale } from "./curve";
import { number } from "../words";
import { Canvas } from "./canvas";
import { Numbers } from "./numbers";

interface Props {
  s: State;
  palette: Palette;
  uid: string;
  focus(): void;
}

/** Gates and states along the chain that leads to the prediction under the cursor. */
export function Inside({ s, palette, uid, focus }: Props) {
  const run = s.run.value;
  const view = run ? s.view.value : null;
  if (!run) return <p class="quiet">After training: the gates and states, step by step.</p>;
  if (!view) return <p class="quiet">{s.viewFault.value || "Being computed …"}</p>;
  if (view.why || !view.units) return <p class="quiet">{view.why}</p>;
  const t = s.target.value;
  const from = origin(view, t);
  if (!from) return <p class="quiet">Nothing is scored at step {t}.</p>;
  const { chain, position } = from;
  const audit = s.marks.value;
  const need = audit ? source(audit, view, t) : null;
  const start = need?.position ?? null;
  const order = ordered(view, chain, start, position);
  const unit = s.unit.value !== null && s.unit.value < view.units ? s.unit.value : order[0]!;
  const gated = "forget" in chain.maps;
  const shares = gated && start !== null ? kept(view, chain, start, position) : null;
  const names = view.names.filter((name) => name in chain.maps);
  const sentence = describe();
  const row = chain.starts.size > 1 && view.chains.length > 1; // of a batch of neighbouring pieces

  function describe(): string {
    if (!need) return `Step ${t} needs no input.`;
    if (start === null)
      return (
        `Step ${need.step}, which step ${t} needs, is not among the steps whose state leads to it ` +
        `(${listed(chain, position)}): nothing inside can have kept it.`
      );
    if (start === position) return `Step ${t} needs the input of its own step; nothing has to be kept.`;
    if (!shares) {
      const back = position - start;
      return `The ${need.only ? "" : "earliest "}step that step ${t} needs is step ${need.step}, ${back} step${back > 1 ? "s" : ""} back.`;
    }
    return (
      `Unit ${unit} lets ${number(shares[unit]!, 2)} of step ${need.step} through to step ${t} by its ` +
      "forget gates alone (the direct path)."
    );
  }
  const pick = (x: number, y: number, width: number, height: number) => {
    s.unit.value = order[Math.min(order.length - 1, Math.floor((y / height) * order.length))] ?? null;
    const step = stepAt(view, chain, Math.floor((x / width) * chain.steps.length));
    if (step !== null) s.cursor.value = step;
    focus();
  };
  return (
    <>
      <Stale s={s} />
      <p class="trace">{sentence}</p>
      <div class="gates">
        {names.map((name) => (
          <figure key={name}>
            <figcaption>
              <strong>{name}</strong>
              <span>
                {number(view.ranges[name]![0], 2)} to {number(view.ranges[name]![1], 2)}
              </span>
            </figcaption>
            <Canvas
              class="map"
              height={Math.max(90, Math.min(190, view.units * 3))}
              label={`${name} of ${view.units} units over ${chain.steps.length} steps; unit ${unit} at step ${t}: ${number(valueAt(view, chain, name, position, unit), 2)}. ${sentence}`}
              draw={(context, width, height) =>
                draw(context, width, height, { view, chain, name, order, unit, position, start, palette })
              }
              pick={pick}
            />
          </figure>
        ))}
      </div>
      <div class="row">
        <p class="key">
          <span>Darker blue: larger. Orange: below 0.</span>
          <span>Down: units{shares ? `, those first that write step ${need!.step} and keep it` : ""}.</span>
          <span>
            {row ? "Across: the steps that the state of this row goes through" : "Across: steps"}{" "}
            {listed(chain, chain.steps.length - 1)}.
          </span>
          <span><i class="cell line" /> step {t}</span>
          {start !== null && start !== position && <span><i class="cell dashed" /> step {need!.step}, needed</span>}
          {chain.steps.some((each) => each < 0) && <span>Pale: padding.</span>}
          {chain.starts.size > 1 && <span>Ticks: an update begins; no gradient passes.</span>}
        </p>
        <label class="unit">
          Unit{" "}
          <select
            id={`${uid}-unit`}
            value={String(unit)}
            onChange={(event) => (s.unit.value = Number(event.currentTarget.value))}
          >
            {order.map((each) => (
              <option key={each} value={String(each)}>
                {each}
                {shares && start !== position ? ` keeps ${number(shares[each]!, 2)}` : ""}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Unit view={view} chain={chain} unit={unit} position={position} start={start} />
      <Numbers
        label={`Units at step ${t}`}
        table={() => (
          <>
            <caption>At step {t}, in the order of the pictures.</caption>
            <thead>
              <tr>
                <th scope="col">unit</th>
                {shares && <th scope="col">kept of step {need!.step}</th>}
                {names.map((name) => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {order.map((each) => (
                <tr key={each}>
                  <th scope="row">{each}</th>
                  {shares && <td>{number(shares[each]!, 2)}</td>}
                  {names.map((name) => (
                    <td key={name}>{number(valueAt(view, chain, name, position, each), 2)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </>
        )}
      />
    </>
  );
}

/** The steps of a chain up to a position, as text; with more than a few only some of them. */
function listed(chain: Chain, to: number): string {
  const steps = chain.steps.slice(0, to + 1).filter((each) => each >= 0);
  if (steps.every((each, index) => !index || each === steps[index - 1]! + 1) && steps.length > 2)
    return `${steps[0]} to ${steps.at(-1)}`;
  if (steps.length > 8) return `${steps.slice(0, 4).join(", ")}, … ${steps.at(-1)}`;
  return steps.join(", ");
}

interface Heat {
  view: View;
  chain: Chain;
  name: string;
  order: number[];
  unit: number;
  position: number;
  start: number | null;
  palette: Palette;
}

function draw(context: CanvasRenderingContext2D, width: number, height: number, heat: Heat): void {
  const { view, chain, name, order, unit, position, start, palette } = heat;
  const across = chain.steps.length;
  const colours = scale(palette, view.ranges[name]!);
  const [full, pale] = [255, 60].map((alpha) => colours.map((each) => packed(each, alpha)));
  const bytes = chain.maps[name]!;
  const image = new ImageData(across, order.length);
  const dots = new Uint32Array(image.data.buffer);
  order.forEach((each, row) => {
    for (let x = 0; x < across; x++)
      dots[row * across + x] = (chain.steps[x]! < 0 ? pale : full)![bytes[x * view.units + each]!]!;
  });
  const small = document.createElement("canvas");
  small.width = across;
  small.height = order.length;
  small.getContext("2d")!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
  const [w, h] = [width / across, height / order.length];
  context.strokeStyle = palette.muted;
  context.lineWidth = 1;
  if (chain.starts.size > 1)
    for (const each of chain.starts) {
      context.beginPath();
      context.moveTo(each * w + 0.5, height - 5);
      context.lineTo(each * w + 0.5, height);
      context.stroke();
    }
  context.strokeStyle = palette.ink;
  context.lineWidth = 1.5;
  context.strokeRect(position * w, 0.75, Math.max(w, 2), height - 1.5);
  if (start !== null && start !== position) {
    context.strokeStyle = palette.bad;
    context.setLineDash([3, 2]);
    context.strokeRect(start * w, 0.75, Math.max(w, 2), height - 1.5);
    context.setLineDash([]);
    context.strokeStyle = palette.ink;
  }
  const y = order.indexOf(unit) * h;
  context.lineWidth = 1;
  context.strokeRect(0.5, Math.max(0.5, y - 0.5), width - 1, h + 1);
}

interface UnitProps {
  view: View;
  chain: Chain;
  unit: number;
  position: number;
  start: number | null;
}

const W = 640;
const H = 84;

/** One unit over the steps: its state as a line, and what is left of the needed step as bars. */
function Unit({ view, chain, unit, position, start }: UnitProps) {
  const name = ["cell", "hidden", ...view.names].find((each) => each in chain.maps);
  if (!name) return null;
  const across = chain.steps.length;
  const [low, high] = view.ranges[name]!;
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const x = (at: number) => ((at + 0.5) / across) * W;
  const y = (value: number) => H / 2 - (value / most) * (H / 2 - 4);
  const states = chain.steps.map((_, at) => valueAt(view, chain, name, at, unit));
  const left: (number | null)[] = [];
  if (start !== null && "forget" in chain.maps) {
    let share = 1;
    chain.steps.forEach((_, at) => {
      if (at > start) share *= valueAt(view, chain, "forget", at, unit);
      left.push(at < start || at > position ? null : share);
    });
  }
  const bar = Math.min(18, (W / across) * 0.6);
  const label =
    `${name} of unit ${unit}: ${states.slice(0, 12).map((each) => number(each, 2)).join(", ")}` +
    `${states.length > 12 ? ", …" : ""}.`;
  return (
    <figure class="unit-plot">
      <figcaption>
        <strong>Unit {unit}</strong>{" "}
        <span>
          line: {name}, −{number(most, 2)} to {number(most, 2)}
          {left.length > 0 && "; bars: what the forget gates leave of the needed step, 0 to 1"}
        </span>
      </figcaption>
      <svg class="plot" viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <path class="tickline" d={`M0 ${H / 2}H${W}`} />
        {left.map(
          (share, at) =>
            share !== null && (
              <rect
                key={at}
                class="kept"
                x={x(at) - bar / 2}
                width={bar}
                y={H - share * (H - 4)}
                height={share * (H - 4)}
              />
            ),
        )}
        <path
          class="state"
          d={states.map((each, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(each).toFixed(1)}`).join("")}
        />
        <path class="now" d={`M${x(position)} 0V${H}`} />
      </svg>
    </figure>
  );
}
