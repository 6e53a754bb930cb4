import type { State } from "../state";
import { score, symbol, outcome } from "../words";

export function Runs({ s }: { s: State }) {
  const runs = s.runs.value;
  if (!runs.length) return <p class="quiet">What you train is listed here, so that you can go back to it.</p>;
  return (
    <ol class="runs">
      {runs.map((run) => {
        const word = outcome(run);
        const [sign, kind] = symbol(word);
        return (
          <li key={run.run}>
            <button
              type="button"
              class={kind}
              aria-current={run.run === s.picked.value ? "true" : undefined}
              onClick={() => s.choose(run.run)}
            >
              <span class="number">{run.run}</span>
              <span class="what">{run.label}</span>
              <span class="result">
                <span aria-hidden="true">{sign} </span>
                {word}
                {run.state !== "training" && run.accuracy != null && ` ${score(run.accuracy)}`}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
