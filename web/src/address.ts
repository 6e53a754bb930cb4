import { differing } from "./knobs";
import type { Describe, Knobs } from "./types";

/** What the fragment of the address holds beside the knobs. */
export interface Place {
  knobs: Knobs;
  seed: number | null;
  cursor: number | null;
  snapshot: number | null;
  lesson: string | null;
}

/** The fragment of a place: knobs by their command-line names, then where one looks. */
export function fragment(about: Describe, place: Place): string {
  const parts = new URLSearchParams(differing(about, place.knobs));
  if (place.seed) parts.set("seed", String(place.seed));
  if (place.cursor !== null) parts.set("cursor", String(place.cursor));
  if (place.snapshot !== null) parts.set("snapshot", String(place.snapshot));
  if (place.lesson) parts.set("lesson", place.lesson);
  return "#" + parts.toString();
}

/** The place of a fragment; null where it names no knob and no lesson. */
export function place(text: string): Place | null {
  const parts = new URLSearchParams(text.replace(/^#/, ""));
  const take = (name: string) => {
    const value = parts.get(name);
    parts.delete(name);
    return value;
  };
  const whole = (name: string) => {
    const value = take(name);
    return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : null;
  };
  const found = {
    seed: whole("seed"),
    cursor: whole("cursor"),
    snapshot: whole("snapshot"),
    lesson: take("lesson"),
  };
  const knobs = Object.fromEntries(parts);
  return Object.keys(knobs).length || found.lesson ? { ...found, knobs } : null;
}
