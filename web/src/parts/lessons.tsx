import { canonical } from "../knobs";
import type { State } from "../state";
import type { Lesson, Side } from "../types";
import { symbol } from "../words";

export function LessonPicker({ s, uid }: { s: State; uid: string }) {
  const lessons = s.about.value!.lessons;
  if (!lessons.length) return null;
  return (
    <p class="picker">
      <label for={`${uid}-lesson`}>Lesson</label>
      <select
        id={`${uid}-lesson`}
        value={s.lesson.value ?? ""}
        disabled={s.fixed || s.lost.value}
        onChange={(event) => s.learn(event.currentTarget.value || null)}
      >
        <option value="">none, on your own</option>
        {lessons.map((each, index) => (
          <option key={each.name} value={each.name}>
            {index + 1}. {each.title}
          </option>
        ))}
      </select>
    </p>
  );
}

export function LessonText({ s }: { s: State }) {
  const lesson = s.theLesson.value;
  const about = s.about.value!;
  if (!lesson) return null;
  const now = canonical(about, s.knobs.value);
  const side = (name: string, found: Side | null) => {
    if (!found) return null;
    const on = canonical(about, found.knobs) === now;
    const [sign, kind] = symbol(found.verdict);
    return (
      <button type="button" class={`side ${kind}`} aria-pressed={on} onClick={() => s.go({ knobs: found.knobs })}>
        <strong>{name}</strong>
        <span>
          <span aria-hidden="true">{sign} </span>
          {found.verdict}
        </span>
      </button>
    );
  };
  return (
    <section class="lesson" aria-label="Lesson">
      <div class="text">
        <h2>{lesson.title}</h2>
        {lesson.text.map((each) => (
          <p key={each}>{each}</p>
        ))}
      </div>
      <div class="text">
        {lesson.try && (
          <p>
            <strong>Try.</strong> {lesson.try}
          </p>
        )}
        {lesson.question && (
          <p>
            <strong>Question.</strong> {lesson.question}
          </p>
        )}
        {lesson.answer && (
          <details key={lesson.name}>
            <summary>An answer</summary>
            <p>{lesson.answer}</p>
          </details>
        )}
      </div>
      <div class="sides">
        {side("breaks", lesson.breaks)}
        {side("works", lesson.works)}
        {lesson.breaks && lesson.works && (
          <p class="quiet">They differ in {labels(s, lesson)} only.</p>
        )}
      </div>
    </section>
  );
}

function labels(s: State, lesson: Lesson): string {
  return [lesson.differs].flat().map((name) => labelOf(s, name)).join(" and ");
}

function labelOf(s: State, name: string): string {
  for (const { kind, label, options } of s.about.value!.kinds) {
    if (kind === name) return label.toLowerCase();
    for (const option of options)
      for (const knob of option.knobs) if (knob.name === name) return knob.label;
  }
  return name;
}
