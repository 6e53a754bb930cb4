import type { State } from "../state";
import { sentence, symbol } from "../words";
import { Remedy } from "./apply";

export function Verdict({ s }: { s: State }) {
  const { audit, fault } = s;
  if (fault.value)
    return (
      <div class="verdict bad">
        <p class="word">
          <span aria-hidden="true">✗ </span>not possible
        </p>
        <Remedy s={s} text={fault.value.fault} apply={fault.value.apply ?? []} />
      </div>
    );
  const got = audit.value;
  if (!got) return null;
  const [sign, kind] = symbol(got.verdict);
  const same = got.bestText === got.chanceText || Math.abs(got.best - got.chance) < 5e-4;
  return (
    <div class={`verdict ${kind}`}>
      <p class="word">
        <span aria-hidden="true">{sign} </span>
        {got.verdict}
      </p>
      <p>
        Best possible score <strong>{got.bestText}</strong>
        {same ? ", the same as guessing" : ` (guessing ${got.chanceText})`}.{" "}
        {sentence(got.meaning)}
      </p>
      {got.warnings.map((each) => (
        <p class="warning" key={each}>
          {each}
        </p>
      ))}
      <Remedy s={s} text={got.remedy} apply={got.apply} />
    </div>
  );
}
