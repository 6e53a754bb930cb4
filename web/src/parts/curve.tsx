import type { State } from "../state";
import { DASHES } from "../theme";
import type { Run } from "../types";
import { count, number, score, sentence, symbol, outcome } from "../words";
import { Remedy } from "./apply";
import { Numbers } from "./numbers";

export function Training({ s, uid, button }: { s: State; uid: string; button: boolean }) {
  const run = s.run.value;
  const busy = s.training.value;
  return (
    <>
      <div class="buttons">
        {button && <TrainButton s={s} />}
        {run && <Outcome run={run} />}
        {busy && busy.run !== run?.run && <span>Run {busy.run} is training.</span>}
      </div>
      {s.note.value && (
        <p class="fault">
          <span aria-hidden="true">✗ </span>
          {s.note.value}
        </p>
      )}
      {run ? (
        <Shown s={s} run={run} uid={uid} />
      ) : (
        <p class="quiet">
          Nothing is trained yet. Training takes some seconds; you can then go back through it with a slider.
        </p>
      )}
    </>
  );
}

export function TrainButton({ s }: { s: State }) {
  const busy = s.training.value;
  if (busy)
    return (
      <button type="button" class="primary" onClick={s.stop}>
        Stop
      </button>
    );
  return (
    <button
      type="button"
      class="primary"
      aria-disabled={!!s.fault.value || s.starting.value || s.lost.value}
      onClick={s.train}
    >
      {s.starting.value ? "Starting …" : "Train"}
    </button>
  );
}

export function Stale({ s }: { s: State }) {
  const run = s.run.value;
  if (!s.stale.value || !run) return null;
  return (
    <p class="stale">
      This is run {run.run}; the options have changed since.{" "}
      <button type="button" class="small" onClick={() => s.choose(run.run)}>
        Back to its options
      </button>
    </p>
  );
}

function Outcome({ run }: { run: Run }) {
  const word = outcome(run);
  const [sign, kind] = symbol(word);
  const done = Math.max(0, ...run.curve.map((each) => each.updates.at(-1) ?? 0));
  return (
    <p class={`outcome ${kind}`}>
      <strong>
        <span aria-hidden="true">{sign} </span>
        {word}
      </strong>{" "}
      {run.state === "training"
        ? done
          ? `${count(done)} of ${count(run.total)} updates`
          : "compiling first, for some seconds"
        : run.state === "failed"
          ? run.fault ?? ""
          : run.scoreText && `score ${run.scoreText}`}
      {run.state !== "training" && run.seconds != null && (
        <span class="quiet"> in {number(run.seconds, 2)} s</span>
      )}
    </p>
  );
}

function Shown({ s, run, uid }: { s: State; run: Run; uid: string }) {
  const at = s.at.value;
  const place = Math.max(0, run.snapshots.findIndex((each) => each.index === at));
  const updates = run.snapshots.find((each) => each.index === at)?.updates ?? 0;
  const last = Math.max(0, run.snapshots.length - 1);
  return (
    <>
      <Stale s={s} />
      <div class="plots">
        <Plot s={s} run={run} name="accuracy" part="accuracy" at={updates} />
        <Plot s={s} run={run} name="loss" part="loss" at={updates} />
      </div>
      <div class="scrub">
        <label for={`${uid}-snapshot`}>Moment of training</label>
        <input
          id={`${uid}-snapshot`}
          type="range"
          min={0}
          max={last}
          value={place}
          disabled={last === 0}
          aria-valuetext={`after ${count(updates)} updates`}
          onInput={(event) => s.scrub(run.snapshots[Number(event.currentTarget.value)]?.index ?? null)}
        />
        <span class="moment">
          {updates ? `after ${count(updates)} updates${scoreAt(run, s.theSeed.value, updates)}` : "before training"}
        </span>
      </div>
      {run.seeds.length > 1 && (
        <fieldset class="seeds">
          <legend>Seed shown</legend>
          {run.seeds.map((each, index) => (
            <label key={each}>
              <input
                type="radio"
                name={`${uid}-seed`}
                checked={each === s.theSeed.value}
                onChange={() => {
                  s.seed.value = each;
                }}
              />
              <svg class={`series s${index % 8}`} width="26" height="10" aria-hidden="true">
                <path d="M0 5H26" stroke-dasharray={DASHES[index % 8]} />
              </svg>
              {each}
              {run.perSeed?.[index] !== undefined && <span class="quiet"> {score(run.perSeed[index])}</span>}
            </label>
          ))}
        </fieldset>
      )}
      {run.limit && <p class="fault">{run.limit}</p>}
      {run.why && (
        <div class="why">
          <p>
            <strong>
              Why{run.why.seed != null && run.seeds.length > 1 ? ` (seed ${run.why.seed})` : ""}: {run.why.reason}.
            </strong> {sentence(run.why.evidence)}
          </p>
          {!s.stale.value && run.why.remedy !== s.audit.value?.remedy && (
            <Remedy s={s} text={run.why.remedy} apply={run.why.apply} />
          )}
        </div>
      )}
      {!!run.shortcuts?.length && (
        <p class="quiet">
          Simple rules score: {run.shortcuts.map((each) => `${each.name} ${score(each.accuracy)}`).join(", ")}.
        </p>
      )}
      <Numbers
        label="Learning curves"
        table={() => (
          <>
            <thead>
              <tr>
                <th scope="col">seed</th>
                <th scope="col">updates</th>
                <th scope="col">accuracy</th>
                <th scope="col">loss</th>
              </tr>
            </thead>
            <tbody>
              {run.curve.flatMap((each) =>
                thin(each.updates.length, 12).map((index) => (
                  <tr key={`${each.seed}-${index}`}>
                    <th scope="row">{each.seed}</th>
                    <td>{count(each.updates[index]!)}</td>
                    <td>{score(each.accuracy[index] ?? NaN)}</td>
                    <td>{number(each.loss[index] ?? NaN)}</td>
                  </tr>
                )),
              )}
            </tbody>
          </>
        )}
      />
    </>
  );
}

/** The score of a seed in training at a moment, in words; empty where nothing was scored. */
function scoreAt(run: Run, seed: number, updates: number): string {
  const curve = run.curve.find((each) => each.seed === seed);
  const index = curve?.updates.findIndex((each) => each >= updates) ?? -1;
  const value = curve?.accuracy[index];
  return value == null ? "" : `, score ${score(value)} in training`;
}

/** At most so many indices, evenly spread, with the last. */
function thin(length: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(length / most));
  return Array.from({ length }, (_, i) => i).filter((i) => i === length - 1 || i % step === 0);
}

const W = 200;
const H = 150;
const LEFT = 30;
const RIGHT = 4;
const TOP = 10;
const BOTTOM = 22;

interface PlotProps {
  s: State;
  run: Run;
  name: string;
  part: "accuracy" | "loss";
  at: number;
}

function Plot({ s, run, name, part, at }: PlotProps) {
  const audit = s.marks.value;
  const values = run.curve.flatMap((each) => each[part]).filter((each) => each !== null);
  const chance = run.chance ?? audit?.chance ?? 0;
  const ceiling = run.ceiling ?? audit?.ceiling ?? 1;
  const lines: { value: number; label: string[]; kind: string }[] = [];
  if (part === "accuracy") {
    const near = (one: number, other: number) => Math.abs(one - other) < 5e-3 * Math.max(1, Math.abs(other));
    const best = audit && !near(audit.best, ceiling) ? audit.best : null;
    const sameAsChance = best !== null && near(best, chance);
    lines.push({ value: ceiling, label: [`perfect ${number(ceiling)}`], kind: "ceiling" });
    lines.push({
      value: chance,
      label: [`guessing ${number(chance)}`, ...(sameAsChance ? ["= best possible here"] : [])],
      kind: "chance",
    });
    if (best !== null && !sameAsChance)
      lines.push({ value: best, label: ["best possible", `here ${number(best)}`], kind: "best" });
  }
  const most = Math.max(...values, ...lines.map((each) => each.value), part === "loss" ? 0 : 1) || 1;
  const high = part === "accuracy" ? Math.max(1, most) : most * 1.05;
  const x = (updates: number) => LEFT + (updates / (run.total || 1)) * (W - LEFT - RIGHT);
  const y = (value: number) => TOP + (1 - value / high) * (H - TOP - BOTTOM);
  const path = (each: Run["curve"][number]) =>
    each.updates
      .map((updates, index) => [x(updates), y(each[part][index] ?? NaN)] as const)
      .filter(([, height]) => Number.isFinite(height))
      .map(([a, b], index) => `${index ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`)
      .join("");
  const ticks = part === "accuracy" ? [0, 0.5, 1] : [0, nice(high / 2), 2 * nice(high / 2)];
  const ends = run.curve.map((each) => each[part].at(-1)).filter((each) => each != null);
  const label =
    `${name} over ${count(run.total)} updates, ${run.curve.length} ` +
    `${run.curve.length === 1 ? "seed" : "seeds"}` +
    (ends.length ? `, now ${ends.map((each) => number(each, 3)).join(", ")}` : "") +
    (lines.length ? `; ${lines.map((each) => each.label.join(" ")).join(", ")}` : "") +
    ".";
  const pick = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const along = (((event.clientX - box.left) / box.width) * W - LEFT) / (W - LEFT - RIGHT);
    const updates = along * run.total;
    const nearest = [...run.snapshots].sort(
      (one, other) => Math.abs(one.updates - updates) - Math.abs(other.updates - updates),
    )[0];
    if (nearest) s.scrub(nearest.index);
  };
  return (
    <figure>
      <figcaption>
        <strong>{name}</strong>
      </figcaption>
      <svg class="plot" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={label} onPointerDown={pick}>
        {ticks
          .filter((each) => each <= high * 1.001)
          .map((each) => (
            <g key={each} class="tick">
              <path d={`M${LEFT} ${y(each)}H${W - RIGHT}`} />
              <text x={LEFT - 5} y={y(each) + 3.5} text-anchor="end">
                {number(each, 2)}
              </text>
            </g>
          ))}
        <text class="axis" x={W - RIGHT} y={H - 5} text-anchor="end">
          {count(run.total)} updates
        </text>
        <text class="axis" x={LEFT} y={H - 5}>
          0
        </text>
        {lines.map((each) => (
          <path key={each.kind} class={`level ${each.kind}`} d={`M${LEFT} ${y(each.value)}H${W - RIGHT}`} />
        ))}
        {run.curve.map((each, index) => (
          <path
            key={each.seed}
            class={`series s${index % 8} ${each.seed === s.theSeed.value ? "on" : ""}`}
            d={path(each)}
            stroke-dasharray={DASHES[index % 8]}
          />
        ))}
        {run.snapshots.length > 0 && <path class="now" d={`M${x(at)} ${TOP}V${H - BOTTOM}`} />}
        {lines.map(({ kind, label, value }) =>
          label.map((text, index) => (
            <text
              key={kind + index}
              class={`label ${kind}`}
              x={kind === "ceiling" ? LEFT + 4 : W - RIGHT - 4}
              y={y(value) + (y(value) < 40 ? 13 + 12 * index : -5 - 12 * (label.length - 1 - index))}
              text-anchor={kind === "ceiling" ? "start" : "end"}
            >
              {text}
            </text>
          )),
        )}
      </svg>
    </figure>
  );
}

function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return ([5, 2, 1].find((each) => each * power <= value) ?? 1) * power;
}
