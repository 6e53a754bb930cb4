import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { State } from "../state";
import type { Value } from "../types";
import { bits, named, shown } from "../words";
import { Stale } from "./curve";
import { mostUsed } from "./maps";

interface Props {
  s: State;
  grid: { current: HTMLTableElement | null };
}

/** One sequence, step by step, with what the step under the cursor needs, sees, learns and uses. */
export function Strip({ s, grid }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const editing = useSignal<number | null>(null);
  const audit = s.marks.value;
  const view = s.run.value ? s.view.value : null;
  const drawn = view ?? audit; // before any training, the first sequence that would be shown
  const t = s.target.value;
  const columns = Math.max(audit?.inputSteps ?? 0, audit?.steps ?? 0, view?.inputs.length ?? 0);

  useEffect(() => {
    const cell = grid.current?.querySelector<HTMLElement>(`[data-step="${t}"]`);
    const box = scroller.current;
    if (!cell || !box) return;
    const [left, width] = [cell.offsetLeft, cell.offsetWidth];
    if (left < box.scrollLeft + 90) box.scrollLeft = left - 100;
    else if (left + width > box.scrollLeft + box.clientWidth)
      box.scrollLeft = left + width - box.clientWidth + 40;
  }, [t, columns]);

  if (!audit && !view) return null;
  const at = (map: string[] | undefined) => new Set(bits(map?.[t]));
  const [needs, sees, learns] = [at(audit?.needs), at(audit?.sees), at(audit?.learns)];
  const uses = s.uses.value?.uses?.[t];
  const before = s.unedited.value;
  const all = Array.from({ length: columns }, (_, step) => step);
  const moved = (step: number) =>
    !!before && !!view && shown(before.predicted[step]) !== shown(view.predicted[step]);
  const sentence = describe();

  function describe(): string {
    const parts = [`Step ${t}`];
    if (view) {
      const right = view.right[t];
      parts.push(
        view.predicted[t] == null
          ? ": not scored"
          : `: expected ${shown(view.expected[t])}, predicted ${shown(view.predicted[t])}` +
              (right == null ? "" : right ? ", right" : ", wrong"),
      );
    }
    if (audit?.scored[t] !== "1") return `${parts.join("")}. It is not scored.`;
    const lacking = [...needs].filter((each) => !sees.has(each));
    const blind = [...needs].filter((each) => sees.has(each) && !learns.has(each));
    let text = `${parts.join("")}. It needs ${named([...needs])}`;
    text += lacking.length
      ? needs.size === 1
        ? ", which never reaches it"
        : `; ${named(lacking)} never reach${lacking.length === 1 ? "es" : ""} it`
      : "";
    const only = "only with the carried state, without a gradient";
    if (blind.length)
      text +=
        needs.size === 1
          ? `, which comes ${only}`
          : `; ${named(blind)} come${blind.length === 1 ? "s" : ""} ${only}`;
    text += blind.length && audit.verdict === "learnable" ? "; other steps teach it." : ".";
    if (uses) text += ` It uses ${mostUsed(uses)}.`;
    return text;
  }

  function close(): void {
    editing.value = null;
    focusCursor(grid.current);
  }
  const cursorAt = (step: number) => {
    if (step < s.total.value) s.cursor.value = step;
    focusCursor(grid.current);
  };
  const cls = (step: number, ...more: (string | false | undefined)[]) =>
    [step === t && "cursor", ...more].filter(Boolean).join(" ");

  return (
    <>
      <Stale s={s} />
      <div class="scroll strip" ref={scroller}>
        <table
          ref={grid}
          role="grid"
          tabindex={-1}
          aria-label="One sequence, step by step"
          onKeyDown={(event) => {
            if (event.key !== "Enter" || !(event.target as Element).matches("[data-step]")) return;
            event.preventDefault();
            if (view?.editable && !s.fixed && typeof view.inputs[t] === "number") editing.value = t;
          }}
        >
          <tbody>
            <tr role="row">
              <th scope="row" role="rowheader">
                step
              </th>
              {all.map((step) => (
                <td
                  key={step}
                  role="gridcell"
                  class={cls(step, "head")}
                  data-step={step}
                  tabindex={step === t ? 0 : -1}
                  aria-selected={step === t}
                  aria-label={step === t ? sentence : `Step ${step}`}
                  onClick={() => cursorAt(step)}
                >
                  {step}
                </td>
              ))}
            </tr>
            <tr role="row">
              <th scope="row" role="rowheader">
                input
              </th>
              {all.map((step) => {
                const value = drawn?.inputs[step];
                const editable = !!view?.editable && !s.fixed && value != null && !Array.isArray(value);
                const marks = cls(
                  step,
                  "input",
                  needs.has(step) && "needed",
                  sees.has(step) && "seen",
                  learns.has(step) && "learned",
                  !!before && shown(before.inputs[step]) !== shown(value) && "edited",
                );
                const words = [
                  `Input ${shown(value)} at step ${step}`,
                  needs.has(step) && "needed",
                  sees.has(step) && "seen",
                  learns.has(step) && "reached by a gradient",
                ];
                return (
                  <td
                    key={step}
                    role="gridcell"
                    class={marks}
                    data-input={step}
                    ref={(cell) => {
                      cell?.style.setProperty("--use", String(uses?.[step] ?? 0));
                    }}
                  >
                    {editing.value === step && editable ? (
                      <Editor s={s} step={step} value={value as Value} values={view!.values} leave={() => (editing.value = null)} close={close} />
                    ) : editable ? (
                      <button
                        type="button"
                        tabindex={-1}
                        aria-label={`${words.filter(Boolean).join(", ")}. Change it.`}
                        onClick={() => (editing.value = step)}
                      >
                        {shown(value)}
                      </button>
                    ) : (
                      <span>{value === undefined ? "" : shown(value)}</span>
                    )}
                  </td>
                );
              })}
            </tr>
            <Row name="expected" all={all}>
              {(step) => ({ class: cls(step), text: shown(drawn?.expected[step]), pick: cursorAt })}
            </Row>
            {view && (
              <>
                <Row name="predicted" all={all}>
                  {(step) => ({
                    class: cls(step, judged(view.right[step]), moved(step) && "moved"),
                    text: shown(view.predicted[step]),
                    pick: cursorAt,
                  })}
                </Row>
                <Row name="right?" all={all}>
                  {(step) => ({
                    class: cls(step, judged(view.right[step])),
                    text: judged(view.right[step]),
                    sign: view.right[step] ? "✓" : "✗",
                  })}
                </Row>
                {before && (
                  <Row name="before" all={all}>
                    {(step) => ({
                      class: cls(step, "was"),
                      text: moved(step) ? shown(before.predicted[step]) : "",
                    })}
                  </Row>
                )}
              </>
            )}
          </tbody>
        </table>
      </div>
      <p class="sentence-of" aria-hidden="true">
        {sentence}
      </p>
      <p class="key">
        <span><i class="cell needed" /> needed</span>
        <span><i class="cell seen" /> seen</span>
        <span><i class="cell learned" /> reached by a gradient</span>
        {uses && <span><i class="cell used" /> used (stronger: more)</span>}
        {view?.editable && !s.fixed && <span>Click an input, or press Enter, to change it.</span>}
        {s.inputs.value && (
          <button type="button" class="small" onClick={() => (s.inputs.value = null)}>
            Back to the inputs as drawn
          </button>
        )}
      </p>
      {!view && !s.run.value && <p class="quiet">Train to see what the network predicts.</p>}
      {s.viewFault.value && (
        <p class="fault">
          <span aria-hidden="true">✗ </span>
          {s.viewFault.value}
        </p>
      )}
    </>
  );
}

const judged = (right: boolean | null | undefined) => (right == null ? "" : right ? "right" : "wrong");

interface Cell {
  class: string;
  text: string;
  /** Shown in place of the text, which is read out. */
  sign?: string;
  pick?(step: number): void;
}

/** A row of the sequence, with a cell for each step. */
function Row({ name, all, children }: { name: string; all: number[]; children(step: number): Cell }) {
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        {name}
      </th>
      {all.map((step) => {
        const cell = children(step);
        return (
          <td key={step} role="gridcell" class={cell.class} onClick={() => cell.pick?.(step)}>
            {cell.sign && cell.text ? (
              <>
                <span aria-hidden="true">{cell.sign}</span>
                <span class="hidden">{cell.text}</span>
              </>
            ) : (
              cell.text
            )}
          </td>
        );
      })}
    </tr>
  );
}

export function focusCursor(table: HTMLTableElement | null): void {
  // After the cursor has moved the cell that takes the focus is another one.
  window.setTimeout(() =>
    table?.querySelector<HTMLElement>('[role="gridcell"][tabindex="0"]')?.focus({ preventScroll: true }),
  );
}

interface EditorProps {
  s: State;
  step: number;
  value: Value;
  values: number | null;
  leave(): void;
  close(): void;
}

function Editor({ s, step, value, values, leave, close }: EditorProps) {
  const field = useRef<HTMLInputElement>(null);
  const range = values === null ? "a number" : `0 to ${values - 1}`;
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const before = useRef(s.inputs.value);
  const wrong = useSignal("");
  return (
    <>
    <input
      ref={field}
      type="number"
      aria-label={`Input at step ${step}`}
      aria-invalid={!!wrong.value || undefined}
      defaultValue={String(value)}
      min={values !== null ? 0 : undefined}
      max={values !== null ? values - 1 : undefined}
      step={values !== null ? 1 : "any"}
      onInput={(event) => {
        const input = event.currentTarget;
        const valid = input.value !== "" && input.validity.valid;
        wrong.value = valid || input.value === "" ? "" : range;
        if (valid) s.edit(step, Number(input.value));
      }}
      onBlur={leave}
      onKeyDown={(event) => {
        if (event.key === "Escape") s.inputs.value = before.current;
        if (event.key === "Enter" || event.key === "Escape") {
          event.stopPropagation();
          close();
        }
      }}
    />
    {wrong.value && (
      <span class="fault" role="alert">
        {wrong.value}
      </span>
    )}
    </>
  );
}
