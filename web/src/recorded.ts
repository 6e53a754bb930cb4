import { canonical } from "./knobs";
import type { Source } from "./source";
import type { Audit, Describe, Fault, Knobs, Message, Run, Uses, View } from "./types";

/** One file with all answers about a few runs; views and uses by `run:snapshot:seed`. */
export interface Recording {
  describe: Describe;
  audits: { knobs: Knobs; answer: Audit | Fault }[];
  runs: Run[];
  views: Record<string, View>;
  uses: Record<string, Uses>;
}

const LASTS = 3000; // milliseconds of a replayed training

/** A recording: other knobs have no answer, and training is replayed. */
export function recordedSource(recording: Recording): Source {
  const { describe, runs } = recording;
  let run: Run | undefined; // the one replayed
  const listeners = new Set<(message: Message) => void>();
  const tell = (message: Message) => listeners.forEach((on) => on(message));
  let timers: number[] = [];
  const none = { fault: "This is a recording. Start longlag play to try other options.", knob: null };
  const same = (knobs: Knobs) => canonical(describe, knobs);
  const audits = new Map(recording.audits.map((each) => [same(each.knobs), each.answer]));
  const clear = () => {
    timers.forEach((timer) => window.clearTimeout(timer));
    timers = [];
  };
  const finish = () => {
    clear();
    if (run) tell({ type: "done", data: { run } });
  };

  function replay(run: Run): void {
    clear();
    const empty = run.curve.map((each) => ({ ...each, updates: [], loss: [], accuracy: [] }));
    const begun = { ...run, state: "training", curve: empty, snapshots: [], verdict: null } as Run;
    tell({ type: "started", data: { run: begun } });
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return finish();
    const at = (updates: number, message: Message) =>
      timers.push(window.setTimeout(() => tell(message), (LASTS * updates) / (run.total || 1)));
    for (const { seed, updates, loss, accuracy } of run.curve)
      updates.forEach((each, index) =>
        at(each, {
          type: "progress",
          data: {
            run: run.run,
            seed,
            updates: each,
            total: run.total,
            loss: loss[index]!,
            accuracy: accuracy[index]!,
          },
        }),
      );
    for (const { index, updates } of run.snapshots)
      for (const seed of run.seeds)
        at(updates, { type: "snapshot", data: { run: run.run, seed, index, updates } });
    timers.push(window.setTimeout(finish, LASTS + 50));
  }

  return {
    fixed: true,
    describe: async () => ({ ...describe, runs, training: null }),
    audit: async (knobs) => audits.get(same(knobs)) ?? none,
    async train(knobs) {
      run = runs.find((each) => same(each.knobs) === same(knobs));
      if (!run) return none;
      replay(run);
      return { run: run.run };
    },
    stop: async () => finish(),
    view: async (run, snapshot, seed, inputs) =>
      (inputs ? undefined : recording.views[`${run}:${snapshot}:${seed}`]) ?? none,
    uses: async (run, snapshot, seed) =>
      recording.uses[`${run}:${snapshot}:${seed}`] ?? { uses: null, why: "recorded for the end only" },
    listen(on) {
      listeners.add(on);
      return () => {
        listeners.delete(on);
        clear();
      };
    },
  };
}
