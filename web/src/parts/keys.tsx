import { useEffect, useRef } from "preact/hooks";
import type { Signal } from "@preact/signals";

const KEYS = [
  ["← →", "the output step before, the one after"],
  ["Home End", "the first and the last output step"],
  ["↑ ↓", "the unit above, the one below"],
  ["Enter", "change the input at this step"],
  ["[ ]", "back and on through training"],
  ["Space", "train, or stop"],
  ["?", "these keys"],
];

export function Keys({ open }: { open: Signal<boolean> }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open.value]);
  return (
    <dialog ref={dialog} aria-label="Keys" onClose={() => (open.value = false)}>
      <h2>Keys</h2>
      <dl>
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">The arrows, Home, End and Space work in the sequence, the maps and the gates: they share one cursor.</p>
      <button type="button" onClick={() => (open.value = false)}>
        Close
      </button>
    </dialog>
  );
}
