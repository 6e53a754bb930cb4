// Parts of the page that need no browser: the address, the knobs, steps in words, chains, questions.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const { outputFiles } = await build({
  stdin: {
    contents: ["address", "knobs", "words", "chains", "source"]
      .map((name) => `export * as ${name} from "./${name}";`)
      .join(""),
    resolveDir: join(here, "..", "src"),
  },
  bundle: true,
  format: "esm",
  write: false,
});
const { address, knobs, words, chains, source } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
);

const knob = (name, value) => ({ name, label: name, kind: "int", default: value });
const about = {
  kinds: [
    { kind: "problem", options: [{ name: "echo-lag", knobs: [knob("lag", "1"), knob("length", "25")] }] },
    {
      kind: "framing",
      options: [
        { name: "chunks", knobs: [knob("timesteps", "1")] },
        { name: "whole", knobs: [] },
      ],
    },
    { kind: "recipe", options: [{ name: "recipe", knobs: [knob("learning-rate", "0.001")] }] },
  ],
};

test("only knobs that differ from their defaults, of the chosen options, are named", () => {
  const given = { lag: "3", length: "25", timesteps: "2", "learning-rate": "1e-3" };
  assert.deepEqual(knobs.differing(about, given), { problem: "echo-lag", lag: "3", framing: "whole" });
  assert.deepEqual(knobs.differing(about, { ...given, framing: "chunks", lag: "" }), {
    problem: "echo-lag",
    framing: "chunks",
    timesteps: "2",
  });
});

test("two spellings of a number are the same setting", () => {
  const same = (one, other) => knobs.canonical(about, one) === knobs.canonical(about, other);
  assert.ok(same({ "learning-rate": "0.010" }, { "learning-rate": "1e-2", lag: "1" }));
  assert.ok(!same({ lag: "2" }, { lag: "3" }));
});

test("the address gives back what it was made of", () => {
  const place = { knobs: { lag: "3" }, seed: 2, cursor: 7, snapshot: 0, lesson: "a-window" };
  const text = address.fragment(about, place);
  assert.equal(text, "#problem=echo-lag&lag=3&framing=whole&seed=2&cursor=7&snapshot=0&lesson=a-window");
  const read = address.place(text);
  assert.deepEqual(read, { ...place, knobs: { problem: "echo-lag", lag: "3", framing: "whole" } });
  assert.equal(address.place(""), null);
  assert.equal(address.place("#seed=-1&cursor=x"), null);
});

test("steps in words", () => {
  assert.equal(words.named([]), "no step");
  assert.equal(words.named([4]), "step 4");
  assert.equal(words.named([0, 1, 2, 7]), "steps 0–2 and 7");
  assert.deepEqual(words.bits("0101"), [1, 3]);
  assert.equal(words.number(-0.12345), "−0.123");
});

// Three positions of two units; bytes stand for 0 to 1. The chain reads steps 0, 6 and 12.
const bytes = (...values) => Buffer.from(values).toString("base64");
const view = {
  units: 2,
  ranges: { forget: [0, 1], input: [0, 1] },
  chains: [
    {
      steps: [0, 6, 12],
      starts: [0, 1, 2],
      maps: { forget: bytes(0, 0, 255, 51, 102, 255), input: bytes(51, 255, 0, 0, 0, 0) },
    },
  ],
  chainOf: [0, null, null, null, null, null, 0, null, null, null, null, null, 0],
  positionOf: [0, null, null, null, null, null, 1, null, null, null, null, null, 2],
};
const needing = (step, input) => ({
  needs: Array.from({ length: 13 }, (_, each) =>
    Array.from({ length: 13 }, (_, other) => Number(each === step && other === input)).join(""),
  ),
});

test("what forget gates leave of a step, and the units in that order", () => {
  const { chain, position } = chains.origin(view, 12);
  assert.deepEqual(chains.kept(view, chain, 0, position), [1 * 0.4, 0.2 * 1]);
  assert.deepEqual(chains.kept(view, chain, 2, position), [1, 1]);
  // Unit 0 keeps more, but unit 1 has written more of it.
  assert.deepEqual(chains.ordered(view, chain, 0, position), [1, 0]);
  assert.deepEqual(chains.ordered(view, chain, null, position), [0, 1]);
});

test("a needed step that the chain never reads has no position in it", () => {
  assert.deepEqual(chains.source(needing(12, 6), view, 12), { step: 6, position: 1, only: true });
  assert.deepEqual(chains.source(needing(12, 11), view, 12), { step: 11, position: null, only: true });
  assert.equal(chains.source(needing(12, 11), view, 11), null);
  assert.equal(chains.stepAt(view, chains.chainAt(view, 0), 1), 6);
});

test("one question at a time, and of those that wait only the last", async () => {
  const asked = [];
  const got = [];
  const answers = [];
  const ask = source.latest(
    (question) => (asked.push(question), new Promise((resolve) => answers.push(resolve))),
    (answer) => got.push(answer),
    assert.fail,
  );
  ["a", "b", "c"].forEach(ask);
  assert.deepEqual(asked, ["a"]);
  answers[0]("A");
  await new Promise(setImmediate);
  answers[1]("C");
  await new Promise(setImmediate);
  assert.deepEqual([asked, got], [["a", "c"], ["A", "C"]]);
});
