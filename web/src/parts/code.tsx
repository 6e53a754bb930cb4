import { useSignal } from "@preact/signals";
import type { State } from "../state";

export function Code({ s }: { s: State }) {
  const audit = s.audit.value;
  if (!audit) return null;
  return (
    <div class="code">
      <Fold title="As a command" text={audit.command} s={s} />
      <Fold title="As Python" text={audit.python} s={s} />
      {s.address && <Copy s={s} title="Copy link" text={() => location.href} />}
    </div>
  );
}

function Fold({ title, text, s }: { title: string; text: string; s: State }) {
  return (
    <details>
      <summary>{title}</summary>
      <pre tabindex={0} aria-label={title}>
        <code>{text}</code>
      </pre>
      <Copy s={s} title="Copy" text={() => text} />
    </details>
  );
}

function Copy({ s, title, text }: { s: State; title: string; text: () => string }) {
  const done = useSignal("");
  return (
    <button
      type="button"
      class="small"
      onClick={async () => {
        try {
          await navigator.clipboard.writeText(text());
          done.value = "Copied";
          s.say("Copied.");
        } catch {
          done.value = "Not allowed here";
          s.say("The browser does not allow to copy here.");
        }
        window.setTimeout(() => (done.value = ""), 1500);
      }}
    >
      {done.value || title}
    </button>
  );
}
