// What the parts of the page share, and what one can do with it.
import { batch, computed, effect, signal } from "@preact/signals";
import { fragment, place } from "./address";
import { canonical, chosen, differing, knobsOf } from "./knobs";
import { isFault, latest, type Source } from "./source";
import type { Audit, Describe, Fault, Knobs, Lesson, Message, Run, Uses, Value, View } from "./types";
import { bits, count, score, sentence } from "./words";

interface Asked {
  run: number;
  snapshot: number;
  seed: number;
  inputs: Value[] | null;
}

const CACHED = 200;

export type State = ReturnType<typeof createState>;

export function createState(source: Source, options: { address: boolean }) {
  const about = signal<Describe | null>(null);
  const broken = signal(""); // why nothing can be shown
  const lost = signal(false);
  const refused = signal(false); // by a server that began anew, with another token
  const announced = signal(""); // the live region
  const knobs = signal<Knobs>({});
  const lesson = signal<string | null>(null);
  const audit = signal<Audit | null>(null);
  const fault = signal<Fault | null>(null);
  const runs = signal<Run[]>([]);
  const picked = signal<number | null>(null);
  const seed = signal(0);
  const cursor = signal<number | null>(null);
  const snapshot = signal<number | null>(null); // null: the last one
  const unit = signal<number | null>(null); // null: the first of the order
  const inputs = signal<Value[] | null>(null);
  const answer = signal<(Asked & { view: View }) | null>(null);
  const viewFault = signal("");
  const usesAnswer = signal<(Asked & { uses: Uses }) | null>(null);
  const note = signal(""); // why a call was refused
  const starting = signal(false);

  const audits = new Map<string, Audit>();
  const views = new Map<string, View>();
  const usesKept = new Map<string, Uses>();
  const keep = <T>(map: Map<string, T>, key: string, value: T) => {
    map.set(key, value);
    if (map.size > CACHED) map.delete(map.keys().next().value!);
  };
  const say = (text: string) => (announced.value = text);
  let later = 0; // while a slider moves, only its last place is announced
  let lastVerdict = "";
  const failed = (error: unknown) => {
    if (!lost.value) note.value = `No answer: ${error instanceof Error ? error.message : error}`;
  };

  const run = computed(() => runs.value.find((each) => each.run === picked.value) ?? null);
  const shownRun = computed(() => run.value?.run ?? null);
  const finished = computed(() => !!run.value && run.value.state !== "training");
  const training = computed(() => runs.value.find((each) => each.state === "training") ?? null);
  const stale = computed(
    () =>
      !!about.value &&
      !!run.value &&
      canonical(about.value, knobs.value) !== canonical(about.value, run.value.knobs),
  );
  /** The audit that belongs to what is shown of the run. */
  const marks = computed(() =>
    stale.value && about.value
      ? audits.get(canonical(about.value, run.value!.knobs)) ?? null
      : audit.value,
  );
  const last = computed(() => run.value?.snapshots.at(-1)?.index ?? null);
  const at = computed(() => {
    if (last.value === null || snapshot.value === null) return last.value;
    const before = run.value!.snapshots.filter((each) => each.index <= snapshot.value!);
    return (before.at(-1) ?? run.value!.snapshots[0]!).index;
  });
  const theSeed = computed(() => {
    const seeds = run.value?.seeds ?? [0];
    return seeds.includes(seed.value) ? seed.value : seeds[0] ?? 0;
  });
  const view = computed(() => (answer.value?.run === shownRun.value ? answer.value?.view ?? null : null));
  /** The predictions for the inputs as they were drawn, to compare those of edited ones with. */
  const unedited = computed(() => {
    const now = answer.value;
    return now?.inputs ? views.get(key(now)) ?? null : null;
  });
  const uses = computed(() => {
    const now = usesAnswer.value;
    return now && now.run === shownRun.value && now.seed === theSeed.value ? now.uses : null;
  });
  const total = computed(() => marks.value?.steps ?? view.value?.predicted.length ?? 0);
  /** The target step under the cursor. */
  const target = computed(() => {
    const audit = marks.value;
    if (!audit) return 0;
    if (cursor.value !== null) return Math.min(cursor.value, audit.steps - 1);
    // The output that looks back furthest; of several one that is not at the edge.
    const back = (step: number) => step - (bits(audit.needs[step])[0] ?? step);
    const scored = bits(audit.scored);
    const most = Math.max(...scored.map(back));
    const far = scored.filter((step) => back(step) === most);
    return far[Math.floor(far.length / 3)] ?? 0;
  });
  const theLesson = computed(
    () => about.value?.lessons.find((each) => each.name === lesson.value) ?? null,
  );

  function key({ run, snapshot, seed }: Asked): string {
    return `${run}:${snapshot}:${seed}`;
  }

  // ---- asking --------------------------------------------------------------------------------
  const askAudit = latest(
    (asked: Knobs) => source.audit(asked),
    (got, asked) =>
      batch(() => {
        lostNoMore();
        if (isFault(got)) fault.value = got;
        else {
          fault.value = null;
          audit.value = got;
          keep(audits, canonical(about.value!, asked), got);
          const text = `${got.verdict}: ${sentence(got.meaning)} Best possible score ${got.bestText}.`;
          window.clearTimeout(later);
          if (text === lastVerdict) return;
          later = window.setTimeout(() => {
            lastVerdict = text;
            say(text);
          }, 500);
        }
      }),
    failed,
  );
  const askView = latest(
    (asked: Asked) => source.view(asked.run, asked.snapshot, asked.seed, asked.inputs),
    (got, asked) =>
      batch(() => {
        if (isFault(got)) viewFault.value = got.fault;
        else {
          if (!asked.inputs && finished.value) keep(views, key(asked), got);
          takeView(asked, got);
        }
      }),
    failed,
  );
  const askUses = latest(
    (asked: Asked) => source.uses(asked.run, asked.snapshot, asked.seed),
    (got, asked) => {
      const found = isFault(got) ? { uses: [], why: got.fault } : got;
      if (!isFault(got)) keep(usesKept, key(asked), found);
      usesAnswer.value = { ...asked, uses: found };
    },
    failed,
  );
  function takeView(asked: Asked, got: View): void {
    viewFault.value = "";
    answer.value = { ...asked, view: got };
  }
  function lostNoMore(): void {
    note.value = "";
  }

  let written = 0; // when the address was changed last

  // ---- what happens by itself -------------------------------------------------------------------
  const stops = [
    effect(() => {
      if (about.value) askAudit(differing(about.value, knobs.value));
    }),
    effect(() => {
      if (shownRun.value === null || at.value === null) return;
      const asked = { run: shownRun.value, snapshot: at.value, seed: theSeed.value, inputs: inputs.value };
      // While it trains the model of a seed may be that of the moment before.
      const found = asked.inputs || !finished.value ? undefined : views.get(key(asked));
      if (found) takeView(asked, found);
      else askView(asked);
    }),
    effect(() => {
      if (shownRun.value === null || at.value === null || !finished.value) return;
      const asked = { run: shownRun.value, snapshot: at.value, seed: theSeed.value, inputs: null };
      const found = usesKept.get(key(asked));
      if (found) {
        usesAnswer.value = { ...asked, uses: found };
        return;
      }
      const timer = window.setTimeout(() => askUses(asked), 200);
      return () => window.clearTimeout(timer);
    }),
    effect(() => {
      if (!about.value || !options.address) return;
      const text = here();
      // Browsers refuse to change the address often: at once, then some times a second.
      const timer = window.setTimeout(
        () => {
          written = Date.now();
          if (text !== location.hash) history.replaceState(null, "", text);
        },
        Math.max(0, written + 250 - Date.now()),
      );
      return () => window.clearTimeout(timer);
    }),
  ];

  const here = () =>
    fragment(about.value!, {
      knobs: knobs.value,
      seed: seed.value,
      cursor: cursor.value,
      snapshot: snapshot.value,
      lesson: lesson.value,
    });
  /** A step in the history, so that the back button returns to what was before. */
  function push(change: () => void, always = false): void {
    if (options.address && about.value && here() !== location.hash)
      history.replaceState(null, "", here());
    batch(change);
    if (options.address && about.value && (always || here() !== location.hash))
      history.pushState(null, "", here());
  }

  // ---- messages -----------------------------------------------------------------------------------
  const replace = (changed: Run) => {
    const others = runs.value.filter((each) => each.run !== changed.run);
    runs.value = [...others, changed].sort((one, other) => one.run - other.run);
  };
  const change = (index: number, how: (run: Run) => Run) => {
    const found = runs.value.find((each) => each.run === index);
    if (found?.state === "training") replace(how(found));
  };
  function take(message: Message): void {
    switch (message.type) {
      case "started": {
        const known = runs.value.some((each) => each.run === message.data.run.run);
        if (known && !source.fixed) return;
        batch(() => {
          replace(message.data.run);
          // Another page of the same session may train something else.
          const same = canonical(about.value!, message.data.run.knobs);
          if (same === canonical(about.value!, knobs.value)) show(message.data.run.run);
        });
        say("Training started.");
        return;
      }
      case "progress": {
        const { run, seed, updates, loss, accuracy, total } = message.data;
        change(run, (each) => ({
          ...each,
          total: total || each.total,
          curve: each.curve.some((one) => one.seed === seed)
            ? each.curve.map((one) => (one.seed === seed ? extend(one) : one))
            : [...each.curve, extend({ seed, updates: [], loss: [], accuracy: [] })],
        }));
        function extend(one: Run["curve"][number]): Run["curve"][number] {
          if (updates <= (one.updates.at(-1) ?? -1)) return one;
          return {
            seed,
            updates: [...one.updates, updates],
            loss: [...one.loss, loss],
            accuracy: [...one.accuracy, accuracy],
          };
        }
        return;
      }
      case "snapshot": {
        const { run, index, updates } = message.data;
        const found = runs.value.find((each) => each.run === run);
        if (!found || found.snapshots.some((each) => each.index === index)) return;
        change(run, (each) => ({ ...each, snapshots: [...each.snapshots, { index, updates }] }));
        if (index && index % 10 === 0) say(progressOf(found));
        return;
      }
      case "done":
        replace(message.data.run);
        say(ended(message.data.run));
        return;
      case "failed":
        change(message.data.run, (each) => ({ ...each, state: "failed", fault: message.data.fault }));
        say(`Training failed: ${message.data.fault}`);
        return;
      case "lost":
        lost.value = true;
        say("The connection to longlag play is lost. Trying again.");
        return;
      case "refused":
        refused.value = true;
        say("longlag play was started anew. Open the address that it printed.");
        return;
      case "back":
        void source.describe().then((got) => {
          batch(() => {
            lost.value = refused.value = false;
            note.value = "";
            about.value = got;
            runs.value = got.runs;
            showSame();
          });
          say("The connection is back.");
        }, failed);
    }
  }
  function progressOf(run: Run): string {
    const updates = Math.max(0, ...run.curve.map((each) => each.updates.at(-1) ?? 0));
    const now = run.curve.map((each) => each.accuracy.at(-1) ?? NaN).filter(Number.isFinite);
    const mean = now.reduce((sum, each) => sum + each, 0) / (now.length || 1);
    return `${count(updates)} of ${count(run.total)} updates, score ${score(mean)}.`;
  }
  function ended(run: Run): string {
    const what = run.state === "stopped" ? "Training stopped" : "Training ended";
    return `${what}: ${run.verdict ?? "no verdict"}, score ${run.scoreText ?? "none"}.`;
  }

  // ---- what one can do ------------------------------------------------------------------------------
  function show(index: number | null): void {
    batch(() => {
      picked.value = index;
      inputs.value = null;
      snapshot.value = null;
      viewFault.value = "";
    });
  }
  /** The last run with these knobs becomes the one shown. */
  function showSame(): void {
    const now = canonical(about.value!, knobs.value);
    const same = runs.value.filter((each) => canonical(about.value!, each.knobs) === now);
    const found = same.find((each) => each.run === picked.value) ?? same.at(-1);
    if (found && found.run !== picked.value) show(found.run);
  }
  let remembered: Record<string, Knobs> = {}; // the knobs of an option that was left, by its name
  function set(changed: Knobs): void {
    batch(() => {
      const merged = { ...knobs.value };
      for (const { kind, option } of chosen(about.value!, knobs.value)) {
        if (changed[kind] === undefined || changed[kind] === option.name) continue;
        const own = option.knobs.map((each) => each.name);
        remembered[option.name] = Object.fromEntries(
          Object.entries(merged).filter(([name]) => own.includes(name)),
        );
        own.forEach((name) => delete merged[name]);
        Object.assign(merged, remembered[changed[kind]!]);
      }
      Object.assign(merged, changed);
      const known = new Set(knobsOf(about.value!, merged).map((each) => each.name));
      const kinds = chosen(about.value!, merged).map(({ kind }) => kind);
      knobs.value = Object.fromEntries(
        Object.entries(merged).filter(([name]) => known.has(name) || kinds.includes(name)),
      );
      note.value = "";
      const sides = [theLesson.value?.breaks, theLesson.value?.works];
      const problem = merged.problem ?? "";
      if (problem && !sides.some((side) => !side || side.knobs.problem === problem)) lesson.value = null;
      showSame();
    });
  }
  function go(to: { knobs: Knobs; lesson?: string | null }): void {
    push(() => {
      if (to.lesson !== undefined) lesson.value = to.lesson;
      knobs.value = {};
      remembered = {};
      cursor.value = null;
      set(to.knobs);
    });
  }
  function learn(name: string | null): void {
    const found: Lesson | undefined = about.value?.lessons.find((each) => each.name === name);
    const side = found?.breaks ?? found?.works;
    if (found && side) go({ knobs: side.knobs, lesson: found.name });
    else push(() => (lesson.value = null));
  }
  async function train(): Promise<void> {
    if (training.value || starting.value || fault.value || lost.value) return;
    starting.value = true;
    say("Starting.");
    try {
      const got = await source.train(differing(about.value!, knobs.value));
      if (isFault(got)) {
        note.value = got.fault;
        say(got.fault);
        if (got.knob) fault.value = got;
      } else push(() => undefined, true);
    } catch (error) {
      failed(error);
    }
    starting.value = false;
  }
  async function stop(): Promise<void> {
    try {
      await source.stop();
    } catch (error) {
      failed(error);
    }
  }
  function choose(index: number): void {
    const found = runs.value.find((each) => each.run === index);
    if (!found) return;
    push(() => {
      knobs.value = { ...found.knobs };
      remembered = {};
      lesson.value = lessonOf(found.knobs, lesson.value);
      show(index);
    });
  }
  /** The lesson that has these knobs on one of its sides: the one shown, if it does. */
  function lessonOf(found: Knobs, now: string | null): string | null {
    const asked = canonical(about.value!, found);
    const has = about.value!.lessons.filter((each) =>
      [each.breaks, each.works].some((side) => side && canonical(about.value!, side.knobs) === asked),
    );
    const same = has.find((each) => each.name === now) ?? has[0];
    if (same) return same.name;
    const shown = about.value!.lessons.find((each) => each.name === now);
    return shown?.breaks?.knobs.problem === found.problem ? now : null; // a variation of it
  }
  function edit(step: number, value: Value): void {
    const before = inputs.value ?? view.value?.inputs;
    if (!before) return;
    // Steps at which nothing is shown, as those of an answer, are no values to send.
    inputs.value = before.flatMap((each, index) =>
      each === null ? [] : [index === step ? value : each],
    );
  }
  function scrub(index: number | null): void {
    snapshot.value = index === last.value ? null : index;
  }
  function move(by: number): void {
    cursor.value = Math.max(0, Math.min(total.value - 1, target.value + by));
  }
  function restore(): void {
    const found = options.address ? place(location.hash) : null;
    const got = about.value!;
    const known = got.lessons.find((each) => each.name === found?.lesson);
    batch(() => {
      lesson.value = found ? known?.name ?? null : got.start.lesson;
      const side = known?.breaks ?? known?.works;
      const given = found && Object.keys(found.knobs).length ? found.knobs : side?.knobs;
      knobs.value = {};
      set(given ?? got.start.knobs);
      seed.value = found?.seed ?? 0;
      cursor.value = found?.cursor ?? null;
      snapshot.value = found?.snapshot ?? null;
    });
  }

  const back = () => about.value && restore();
  if (options.address) window.addEventListener("popstate", back);
  let silence = () => {};
  let gone = false;
  void source.describe().then(
    (got) => {
      if (gone) return;
      batch(() => {
        about.value = got;
        runs.value = got.runs;
        restore();
        if (picked.value === null && got.training !== null && !location.hash) show(got.training);
      });
      silence = source.listen(take, got.last);
    },
    (error) => (broken.value = error instanceof Error ? error.message : String(error)),
  );

  return {
    about, broken, lost, refused, announced, knobs, lesson, audit, fault, runs, picked, seed, cursor, snapshot,
    unit, inputs, viewFault, note, starting, run, training, stale, marks, last, at, theSeed, view,
    unedited, uses, total, target, theLesson, fixed: !!source.fixed, address: options.address,
    set, go, learn, train, stop, choose, edit, scrub, move, say,
    destroy() {
      gone = true;
      window.removeEventListener("popstate", back);
      silence();
      stops.forEach((each) => each());
    },
  };
}
