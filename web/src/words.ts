// Numbers and steps in words.
import type { Bits, Run, Value } from "./types";

/** The positions of the ones in a text of 0 and 1. */
export function bits(text: Bits | undefined): number[] {
  const found: number[] = [];
  if (text) for (let i = 0; i < text.length; i++) if (text[i] === "1") found.push(i);
  return found;
}

/** Steps as text, those in a row as a range: `0–3 and 7`. */
export function steps(list: number[]): string {
  const runs: [number, number][] = [];
  for (const each of list) {
    const last = runs[runs.length - 1];
    if (last && last[1] === each - 1) last[1] = each;
    else runs.push([each, each]);
  }
  const parts = runs.map(([a, b]) => (a === b ? `${a}` : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`));
  if (parts.length > 6) parts.splice(3, parts.length - 5, "…");
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0] ?? "";
}

/** Steps with the word before them: `step 3`, `steps 0–3`, `no step`. */
export const named = (list: number[]) =>
  list.length ? `step${list.length > 1 ? "s" : ""} ${steps(list)}` : "no step";

export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

export const score = (value: number) =>
  !Number.isFinite(value) ? "–" : (value > 0 && value < 0.0005 ? number(value) : value.toFixed(3));
export const count = (value: number) => value.toLocaleString("en");

export function shown(value: Value | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.map((each) => shown(each)).join(" ");
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

export const SYMBOLS: Record<string, [symbol: string, kind: string]> = {
  learnable: ["✓", "good"],
  "state-only": ["◐", "part"],
  unreachable: ["✗", "bad"],
  solved: ["✓", "good"],
  "partly learned": ["◐", "part"],
  training: ["▶", "open"],
  stopped: ["■", "open"],
  failed: ["✗", "bad"],
};

export const symbol = (verdict: string) => SYMBOLS[verdict] ?? ["✗", "bad"];

/** What there is to say about a run in one or two words. */
export const outcome = (run: Run) =>
  run.state === "done" ? run.verdict ?? "done" : run.state;

/** A text as a sentence, with a capital and a full stop. */
export const sentence = (text: string) =>
  text && text.charAt(0).toUpperCase() + text.slice(1) + (/[.?!]$/.test(text) ? "" : ".");

/** A text of the command line without its marks of code. */
export const plain = (text: string) => text.replace(/`/g, "");
