// Gates and states along a chain: the steps whose state leads to an output, in order.
import { bits } from "./words";
import type { Audit, ChainData, View } from "./types";

export interface Chain {
  index: number;
  steps: number[];
  starts: Set<number>;
  maps: Record<string, Uint8Array>;
}

const decoded = new WeakMap<ChainData, Chain>();

export function chainAt(view: View, index: number): Chain {
  const data = view.chains[index]!;
  let found = decoded.get(data);
  if (!found) {
    const maps = Object.fromEntries(
      Object.entries(data.maps).map(([name, text]) => [
        name,
        Uint8Array.from(atob(text), (each) => each.charCodeAt(0)),
      ]),
    );
    found = { index, steps: data.steps, starts: new Set(data.starts), maps };
    decoded.set(data, found);
  }
  return found;
}

/** Where the prediction of a target step comes from; null where there is none. */
export function origin(view: View, step: number): { chain: Chain; position: number } | null {
  const index = view.chainOf[step];
  const position = view.positionOf[step];
  if (index == null || position == null || !view.chains[index]) return null;
  return { chain: chainAt(view, index), position };
}

export function valueAt(view: View, chain: Chain, name: string, position: number, unit: number) {
  const [low, high] = view.ranges[name]!;
  return low + (chain.maps[name]![position * view.units + unit]! / 255) * (high - low);
}

/** The target step that is predicted at a position of a chain; null where none is. */
export function stepAt(view: View, chain: Chain, position: number): number | null {
  const found = view.chainOf.findIndex(
    (index, step) => index === chain.index && view.positionOf[step] === position,
  );
  return found < 0 ? null : found;
}

/** The step to keep for a target: the earliest that it needs, and where the chain reads it. */
export function source(
  audit: Audit,
  view: View,
  step: number,
): { step: number; position: number | null; only: boolean } | null {
  const needs = bits(audit.needs[step]);
  const first = needs[0];
  const from = origin(view, step);
  if (first === undefined || !from) return null;
  const position = from.chain.steps.lastIndexOf(first, from.position);
  return { step: first, position: position < 0 ? null : position, only: needs.length === 1 };
}

/** For each unit the product of its forget gates after one position, up to another. */
export function kept(view: View, chain: Chain, from: number, to: number): number[] {
  return Array.from({ length: view.units }, (_, unit) => {
    let share = 1;
    for (let each = from + 1; each <= to; each++)
      share *= valueAt(view, chain, "forget", each, unit);
    return share;
  });
}

/** The units, those first that write most at one position and keep it up to another. */
export function ordered(view: View, chain: Chain, from: number | null, to: number): number[] {
  const units = Array.from({ length: view.units }, (_, unit) => unit);
  if (from === null || !("forget" in chain.maps)) return units;
  const shares = kept(view, chain, from, to);
  const written = (unit: number) =>
    ["input", "candidate"].reduce(
      (product, name) =>
        name in chain.maps ? product * Math.abs(valueAt(view, chain, name, from, unit)) : product,
      1,
    );
  const worth = units.map((unit) => shares[unit]! * written(unit));
  return units.sort((one, other) => worth[other]! - worth[one]!);
}
