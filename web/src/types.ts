// The words that the page and its source exchange.

export type Knobs = Record<string, string>;
export type Value = number | number[];
export type Bits = string;

export interface Fault {
  fault: string;
  knob?: string | null;
  apply?: Apply[];
}

export interface Knob {
  name: string;
  label: string;
  kind: "int" | "float" | "bool" | "choice" | "text";
  default: string | null;
  help: string;
  range: string;
  choices: string[] | null;
  least: number | null;
  most: number | null;
}

export interface Option {
  name: string;
  summary: string;
  knobs: Knob[];
}

export interface Kind {
  kind: string;
  label: string;
  options: Option[];
  default?: string; // the option where none is named
}

export interface Side {
  knobs: Knobs;
  verdict: string;
}

export interface Lesson {
  name: string;
  title: string;
  text: string[];
  try: string;
  question: string;
  answer: string;
  breaks: Side | null;
  works: Side | null;
  differs: string | string[];
}

export interface Apply {
  label: string;
  knobs: Knobs;
}

export interface Curve {
  seed: number;
  updates: number[];
  loss: (number | null)[];
  accuracy: (number | null)[];
}

export interface Run {
  run: number;
  knobs: Knobs;
  label: string;
  state: "training" | "done" | "stopped" | "failed";
  seeds: number[];
  curve: Curve[];
  snapshots: { index: number; updates: number }[];
  total: number;
  verdict: string | null;
  accuracy: number | null;
  scoreText: string | null;
  perSeed: number[] | null;
  chance: number | null;
  ceiling: number | null;
  shortcuts: { name: string; accuracy: number }[] | null;
  why: { reason: string; evidence: string; remedy: string; apply: Apply[]; seed: number | null } | null;
  seconds: number | null;
  limit?: string | null;
  fault?: string | null;
}

export interface Describe {
  version: string;
  kinds: Kind[];
  lessons: Lesson[];
  start: { knobs: Knobs; lesson: string | null };
  runs: Run[];
  training: number | null;
  last?: number; // the number of the last message
}

export interface Audit {
  knobs: Knobs;
  task: string;
  chance: number;
  chanceText: string;
  best: number;
  bestText: string;
  ceiling: number;
  steps: number;
  inputSteps: number;
  scored: Bits;
  inputs: (Value | null)[];
  expected: (Value | null)[];
  needs: Bits[];
  sees: Bits[];
  learns: Bits[];
  verdict: "unreachable" | "state-only" | "learnable";
  meaning: string;
  warnings: string[];
  remedy: string;
  apply: Apply[];
  command: string;
  python: string;
}

export interface ChainData {
  steps: number[];
  starts: number[];
  maps: Record<string, string>;
}

export interface View {
  inputs: (Value | null)[];
  expected: (Value | null)[];
  predicted: (Value | null)[];
  right: (boolean | null)[];
  editable: boolean;
  values: number | null;
  units: number;
  names: string[];
  why: string;
  chains: ChainData[];
  ranges: Record<string, [number, number]>;
  chainOf: (number | null)[];
  positionOf: (number | null)[];
}

export interface Uses {
  uses: number[][] | null;
  why: string;
}

export type Message =
  | { type: "started"; data: { run: Run } }
  | { type: "progress"; data: Progress }
  | { type: "snapshot"; data: { run: number; seed: number; index: number; updates: number } }
  | { type: "done"; data: { run: Run } }
  | { type: "failed"; data: { run: number; fault: string } }
  | { type: "lost"; data: null }
  | { type: "refused"; data: null }
  | { type: "back"; data: null };

export interface Progress {
  run: number;
  seed: number;
  updates: number;
  total: number;
  loss: number | null;
  accuracy: number | null;
}
