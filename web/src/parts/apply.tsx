import type { State } from "../state";
import type { Apply } from "../types";
import { plain } from "../words";

/** A remedy in words, with a button for each change that it names. */
export function Remedy({ s, text, apply }: { s: State; text: string; apply: Apply[] }) {
  if (!text) return null;
  return (
    <div class="remedy">
      <p>{plain(text)}</p>
      {!s.fixed &&
        apply.map((each) => (
          <button type="button" class="small" key={each.label} onClick={() => s.set(each.knobs)}>
            Apply: {each.label}
          </button>
        ))}
    </div>
  );
}
