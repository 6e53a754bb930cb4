import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";

interface Props {
  label: string;
  /** The table, made only where it is seen. */
  table: () => ComponentChildren;
}

/** A figure as a table. */
export function Numbers({ label, table }: Props) {
  const open = useSignal(false);
  return (
    <details class="numbers" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>Show as numbers</summary>
      {open.value && (
        <div class="scroll" tabindex={0} role="region" aria-label={label}>
          <table>{table()}</table>
        </div>
      )}
    </details>
  );
}
