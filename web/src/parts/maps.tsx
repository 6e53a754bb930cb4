import type { State } from "../state";
import { mix, packed, rgb, type Colour, type Palette } from "../theme";
import type { Audit } from "../types";
import { bits, named } from "../words";
import { Canvas } from "./canvas";
import { Numbers } from "./numbers";

const MEANS = {
  needs: "inputs an output depends on",
  sees: "inputs that can reach it",
  learns: "inputs that a gradient reaches",
  uses: "inputs that the network uses",
};
type Name = keyof typeof MEANS;

interface Props {
  s: State;
  palette: Palette;
  focus(): void;
}

export function Maps({ s, palette, focus }: Props) {
  const audit = s.audit.value;
  if (!audit) return null;
  const t = Math.min(s.target.value, audit.steps - 1);
  const uses = s.stale.value ? null : s.uses.value;
  const used = uses?.uses;
  const row = used?.[t];
  const wait = !s.run.value
    ? "after training"
    : s.stale.value
      ? "after training with these options"
      : s.run.value.state === "training"
        ? "when training ends"
        : uses
          ? uses.why
          : "being computed …";
  const about = (name: Exclude<Name, "uses">) =>
    `${name}: step ${t} ${VERB[name]} ${named(bits(audit[name][t]))}`;
  const map = (name: Name, label: string, rows: (Bit | number)[][]) => (
    <figure key={name}>
      <figcaption>
        <strong>{name}</strong> <span>{MEANS[name]}</span>
      </figcaption>
      <Canvas
        class="map"
        label={`Map, ${label}.`}
        height={Math.max(0.25, Math.min(1.6, audit.steps / Math.max(1, audit.inputSteps)))}
        draw={(context, width, height) => draw(context, width, height, rows, t, palette)}
        pick={(_x, y, _width, height) => {
          s.cursor.value = Math.max(0, Math.min(audit.steps - 1, Math.floor((y / height) * audit.steps)));
          focus();
        }}
      />
    </figure>
  );
  return (
    <div class={`maps ${s.fault.value ? "old" : ""}`}>
      <div class="four">
        {map("needs", about("needs"), cells(audit, "needs"))}
        {map("sees", about("sees"), cells(audit, "sees"))}
        {map("learns", about("learns"), cells(audit, "learns"))}
        {row ? (
          map("uses", `uses: step ${t} uses ${mostUsed(row)}`, used!)
        ) : (
          <figure>
            <figcaption>
              <strong>uses</strong> <span>{MEANS.uses}</span>
            </figcaption>
            <div class="map empty">{wait}</div>
          </figure>
        )}
      </div>
      <p class="key">
        <span>Down: output step. Across: input step.</span>
        <span><i class="cell need" /> needed</span>
        <span><i class="cell both" /> needed, and reached</span>
        <span><i class="cell missed" /> needed, not reached</span>
        <span><i class="cell other" /> reached, not needed</span>
        {row && <span>In uses: the darker, the more it is used.</span>}
      </p>
      <Numbers
        label="What each output needs, sees and learns"
        table={() => (
          <>
            <thead>
              <tr>
                <th scope="col">output step</th>
                <th scope="col">needs</th>
                <th scope="col">sees</th>
                <th scope="col">learns</th>
                {used && <th scope="col">uses most</th>}
              </tr>
            </thead>
            <tbody>
              {audit.needs.map((_, step) => (
                <tr key={step}>
                  <th scope="row">{step}</th>
                  {(["needs", "sees", "learns"] as const).map((name) => (
                    <td key={name}>{bits(audit[name][step]).length ? named(bits(audit[name][step])).replace(/^steps? /, "") : "–"}</td>
                  ))}
                  {used && <td>{used[step] ? mostUsed(used[step]).replace(/^step /, "") : "–"}</td>}
                </tr>
              ))}
            </tbody>
          </>
        )}
      />
    </div>
  );
}

const VERB = { needs: "needs", sees: "can see", learns: "gets a gradient from" };

/** The input step used most, in words. */
export function mostUsed(row: number[]): string {
  const most = row.indexOf(Math.max(...row));
  if (!(row[most]! > 0)) return "no step";
  const others = row.flatMap((each, index) => (index !== most && each >= 0.5 * row[most]! ? [index] : []));
  return `step ${most} most${others.length ? `, and ${named(others)} at least half as much` : ""}`;
}

const enum Bit {
  None = -1,
  Other = -2,
  Both = -3,
  Missed = -4,
  Needed = -5,
}

const known = new WeakMap<Audit, Partial<Record<Name, Bit[][]>>>();

function cells(audit: Audit, name: "needs" | "sees" | "learns"): Bit[][] {
  const maps = known.get(audit) ?? {};
  known.set(audit, maps);
  return (maps[name] ??= made(audit, name));
}

function made(audit: Audit, name: "needs" | "sees" | "learns"): Bit[][] {
  return audit.needs.map((needs, step) =>
    Array.from(needs, (need, input) => {
      const has = audit[name][step]?.[input] === "1";
      // What an output needs is a matter of the problem; the framing may not score it.
      if (audit.scored[step] !== "1" && name !== "needs") return Bit.None;
      if (need === "1") return name === "needs" ? Bit.Needed : has ? Bit.Both : Bit.Missed;
      return has ? Bit.Other : Bit.None;
    }),
  );
}

const pictures = new WeakMap<object, { of: string; picture: HTMLCanvasElement }>();

function draw(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  rows: (Bit | number)[][],
  cursor: number,
  palette: Palette,
): void {
  const { canvas } = context;
  const of = `${canvas.width} ${canvas.height} ${palette.paper}`;
  let kept = pictures.get(rows);
  if (kept?.of !== of) {
    kept = { of, picture: painted(canvas.width, canvas.height, rows, palette) };
    pictures.set(rows, kept);
  }
  context.drawImage(kept.picture, 0, 0, width, height);
  const down = height / rows.length;
  context.strokeStyle = palette.ink;
  context.lineWidth = 1.5;
  const y = Math.max(1, cursor * down - 0.5);
  context.strokeRect(0.75, y, width - 1.5, Math.max(2, Math.min(down, height - y - 1)));
}

/** A map without its cursor, in dots of the screen: a cell has at least one. */
function painted(width: number, height: number, rows: (Bit | number)[][], palette: Palette) {
  const picture = document.createElement("canvas");
  picture.width = width;
  picture.height = height;
  const context = picture.getContext("2d")!;
  const down = height / rows.length;
  const across = width / (rows[0]?.length || 1);
  const gap = Math.min(down, across) >= 4 ? Math.ceil(Math.min(down, across) / 14) : 0;
  const fill = (cell: Bit | number): Colour =>
    cell >= 0
      ? mix(palette.low, palette.high, cell)
      : cell === Bit.Both
        ? rgb(palette.high)
        : cell === Bit.Missed
          ? rgb(palette.bad)
          : cell === Bit.Needed
            ? rgb(palette.ink)
          : mix(palette.low, palette.high, 0.38);
  const image = context.createImageData(width, height);
  const dots = new Uint32Array(image.data.buffer).fill(packed(rgb(palette.low)));
  const hollow: [x: number, y: number, w: number, h: number][] = [];
  rows.forEach((row, step) => {
    const top = Math.floor(step * down);
    const bottom = Math.min(height, Math.max(top + 1, Math.floor((step + 1) * down) - gap));
    row.forEach((cell, input) => {
      if (cell === Bit.None || cell === 0) return;
      const left = Math.floor(input * across);
      const right = Math.min(width, Math.max(left + 1, Math.floor((input + 1) * across) - gap));
      // Hollow, so that it differs by more than its colour.
      if (cell === Bit.Missed && gap) hollow.push([left, top, right - left, bottom - top]);
      else {
        const colour = packed(fill(cell));
        for (let y = top; y < bottom; y++) dots.fill(colour, y * width + left, y * width + right);
      }
    });
  });
  context.putImageData(image, 0, 0);
  context.strokeStyle = palette.bad;
  for (const [x, y, w, h] of hollow) {
    const line = (context.lineWidth = Math.max(1, Math.min(w, h) / 4));
    context.strokeRect(x + line / 2, y + line / 2, w - line, h - line);
  }
  return picture;
}
