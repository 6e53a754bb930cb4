import type { State } from "../state";

export function Task({ s }: { s: State }) {
  const audit = s.audit.value;
  if (!audit) return <section class="task" aria-label="Task" />;
  return (
    <section class="task" aria-label="Task">
      <p class="sentence">{audit.task}</p>
      <dl>
        <div>
          <dt>guessing (chance)</dt>
          <dd>{audit.chanceText}</dd>
        </div>
        <div>
          <dt>perfect (ceiling)</dt>
          <dd>{String(Number(audit.ceiling.toPrecision(3)))}</dd>
        </div>
      </dl>
    </section>
  );
}
