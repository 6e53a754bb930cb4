import { useSignal } from "@preact/signals";
import { chosen, equal, valueOf } from "../knobs";
import type { State } from "../state";
import type { Kind, Knob, Option } from "../types";
import { plain } from "../words";

const FIRST = ["sequences", "batch-size", "learning-rate", "seeds"]; // of a recipe; the rest is folded

export function Knobs({ s, uid }: { s: State; uid: string }) {
  const explain = useSignal(false);
  const about = s.about.value!;
  const picks = chosen(about, s.knobs.value);
  return (
    <form class="knobs" aria-label="Options" onSubmit={(event) => event.preventDefault()}>
      {about.kinds.map((kind, index) => (
        <KindOf key={kind.kind} s={s} uid={uid} kind={kind} option={picks[index]!.option} explain={explain.value} />
      ))}
      <button
        type="button"
        class="small"
        aria-pressed={explain.value}
        onClick={() => (explain.value = !explain.value)}
      >
        What the options mean
      </button>
    </form>
  );
}

interface KindProps {
  s: State;
  uid: string;
  kind: Kind;
  option: Option;
  explain: boolean;
}

function KindOf({ s, uid, kind, option, explain }: KindProps) {
  const field = (each: Knob) => <Field key={each.name} s={s} uid={uid} knob={each} explain={explain} />;
  const differs = [s.theLesson.value?.differs ?? []].flat();
  const folded = kind.kind === "recipe" ? option.knobs.filter((each) => !FIRST.includes(each.name)) : [];
  const open = folded.filter((each) => differs.includes(each.name));
  const rest = folded.filter((each) => !open.includes(each));
  const set = rest.some((each) => !equal(valueOf(each, s.knobs.value), each.default ?? ""));
  const id = `${uid}-${kind.kind}`;
  return (
    <fieldset>
      <legend>{kind.label}</legend>
      {kind.options.length > 1 && (
        <div class={`knob ${differs.includes(kind.kind) ? "differs" : ""}`}>
          <label for={id} class="hidden">
            {kind.label}
          </label>
          <select
            id={id}
            value={option.name}
            disabled={s.fixed || s.lost.value}
            aria-describedby={explain ? `${id}-help` : undefined}
            onChange={(event) => s.set({ [kind.kind]: event.currentTarget.value })}
          >
            {kind.options.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name}
              </option>
            ))}
          </select>
          {differs.includes(kind.kind) && <Differs />}
          {explain && option.summary && (
            <p class="help" id={`${id}-help`}>
              {plain(option.summary)}
            </p>
          )}
          <FaultOf s={s} name={kind.kind} id={id} />
        </div>
      )}
      {option.knobs.filter((each) => !folded.includes(each)).map(field)}
      {open.map(field)}
      {rest.length > 0 && (
        <details open={set || undefined}>
          <summary>More</summary>
          {rest.map(field)}
        </details>
      )}
    </fieldset>
  );
}

const Differs = () => <span class="mark">this lesson’s change</span>;

function FaultOf({ s, name, id }: { s: State; name: string; id: string }) {
  const fault = s.fault.value;
  if (!fault || fault.knob !== name) return null;
  return (
    <p class="fault" id={`${id}-fault`}>
      <span aria-hidden="true">✗ </span>
      {plain(fault.fault)}
    </p>
  );
}

function Field({ s, uid, knob, explain }: { s: State; uid: string; knob: Knob; explain: boolean }) {
  const id = `${uid}-${knob.name}`;
  const value = valueOf(knob, s.knobs.value);
  const wrong = s.fault.value?.knob === knob.name;
  const differs = [s.theLesson.value?.differs].flat().includes(knob.name);
  const set = (text: string) => s.set({ [knob.name]: text });
  const common = {
    id,
    disabled: s.fixed || s.lost.value,
    "aria-invalid": wrong || undefined,
    "aria-describedby": [wrong && `${id}-fault`, explain && `${id}-help`].filter(Boolean).join(" ") || undefined,
  };
  const empty = knob.default === null || knob.default === "" ? "default" : knob.default;
  return (
    <div class={`knob ${differs ? "differs" : ""} ${knob.kind}`}>
      <label for={id} title={plain(knob.help)}>
        {knob.label}
      </label>
      {knob.kind === "bool" ? (
        <input
          {...common}
          type="checkbox"
          checked={value === "true"}
          onChange={(event) => set(String(event.currentTarget.checked))}
        />
      ) : knob.kind === "choice" && knob.choices ? (
        <select {...common} value={value} onChange={(event) => set(event.currentTarget.value)}>
          {!knob.choices.includes(value) && <option value={value}>{value || "default"}</option>}
          {knob.choices.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      ) : (
        <>
          {knob.least !== null && knob.most !== null && (
            <Slider knob={knob} value={value} disabled={s.fixed || s.lost.value} set={set} />
          )}
          <input
            {...common}
            {...(knob.kind === "text"
              ? { type: "text" as const }
              : { type: "number" as const, step: knob.kind === "int" ? 1 : "any" })}
            value={value}
            placeholder={empty}
            onInput={(event) => {
              const field = event.currentTarget;
              // What is no number yet, as `1e`, is not asked about.
              if (!field.validity.badInput) set(field.value);
            }}
          />
        </>
      )}
      {differs && <Differs />}
      {explain && (
        <p class="help" id={`${id}-help`}>
          {plain(knob.help)} {knob.kind !== "bool" && knob.kind !== "choice" && knob.range && `${knob.range}.`}
        </p>
      )}
      <FaultOf s={s} name={knob.name} id={id} />
    </div>
  );
}

interface SliderProps {
  knob: Knob;
  value: string;
  disabled: boolean;
  set(text: string): void;
}

/** Spans the usual values, in equal factors where these are of several magnitudes. */
function Slider({ knob, value, disabled, set }: SliderProps) {
  const least = knob.least!;
  const most = knob.most!;
  const factors = least > 0 && most / least >= 200;
  const whole = knob.kind === "int";
  const number = value === "" ? NaN : Number(value);
  const place = Number.isFinite(number)
    ? factors
      ? (1000 * Math.log(number / least)) / Math.log(most / least)
      : number
    : least;
  const read = (at: number) => {
    if (!factors) return whole ? String(Math.round(at)) : String(Number(at.toPrecision(3)));
    const exact = least * (most / least) ** (at / 1000);
    const short = Number(exact.toPrecision(2));
    return String(whole ? Math.max(Math.ceil(least), Math.round(short)) : short);
  };
  return (
    <input
      type="range"
      aria-label={`${knob.label}, slider`}
      aria-valuetext={value || "default"}
      disabled={disabled}
      min={factors ? 0 : least}
      max={factors ? 1000 : most}
      step={factors ? 1 : whole ? 1 : (most - least) / 100}
      value={place}
      onInput={(event) => set(read(Number(event.currentTarget.value)))}
    />
  );
}
