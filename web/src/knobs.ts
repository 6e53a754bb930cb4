import type { Describe, Knob, Knobs, Option } from "./types";

/** The options where none is named, as on the command line; else the first of a kind. */
const USUAL = ["whole", "lstm"];

/** The option chosen of each kind, in order. */
export function chosen(about: Describe, knobs: Knobs): { kind: string; option: Option }[] {
  return about.kinds.map(({ kind, options, default: usual }) => ({
    kind,
    option:
      options.find((each) => each.name === knobs[kind]) ??
      options.find((each) => (usual ? each.name === usual : USUAL.includes(each.name))) ??
      options[0]!,
  }));
}

export function knobsOf(about: Describe, knobs: Knobs): Knob[] {
  return chosen(about, knobs).flatMap(({ option }) => option.knobs);
}

/** Whether a kind has something to choose, so that its name belongs to the knobs. */
const named = (about: Describe, kind: string) =>
  kind !== "recipe" || about.kinds.find((each) => each.kind === kind)!.options.length > 1;

/** The knobs that differ from their defaults, and the names of the chosen options. */
export function differing(about: Describe, knobs: Knobs): Knobs {
  const found: Knobs = {};
  for (const { kind, option } of chosen(about, knobs)) {
    if (named(about, kind)) found[kind] = option.name;
    for (const each of option.knobs) {
      const value = knobs[each.name]; // an empty field is the default
      if (value && !equal(value, each.default ?? "")) found[each.name] = value;
    }
  }
  return found;
}

export function equal(one: string, other: string): boolean {
  if (one === other) return true;
  if (one === "" || other === "") return false;
  return Number(one) === Number(other);
}

/** Text that two settings share when they are the same. */
export function canonical(about: Describe, knobs: Knobs): string {
  const found = differing(about, knobs);
  const plain = (value: string) =>
    value !== "" && Number.isFinite(Number(value)) ? String(Number(value)) : value;
  return JSON.stringify(Object.keys(found).sort().map((name) => [name, plain(found[name]!)]));
}

/** The value of a knob as text, its default where none was set. */
export const valueOf = (knob: Knob, knobs: Knobs) => knobs[knob.name] ?? knob.default ?? "";
