import type { Audit, Describe, Fault, Knobs, Message, Uses, Value, View } from "./types";

/** Answers the questions of the page. A fault is an answer; a rejected promise means no answer. */
export interface Source {
  describe(): Promise<Describe>;
  audit(knobs: Knobs): Promise<Audit | Fault>;
  train(knobs: Knobs): Promise<{ run: number } | Fault>;
  stop(): Promise<unknown>;
  view(run: number, snapshot: number, seed: number, inputs: Value[] | null): Promise<View | Fault>;
  uses(run: number, snapshot: number, seed: number): Promise<Uses | Fault>;
  /**
   * Calls `on` with each message after the one of a number, until the function it returns is called.
   */
  listen(on: (message: Message) => void, after?: number): () => void;
  /** Whether the answers are recorded, so that other knobs have none. */
  readonly fixed?: boolean;
}

export function isFault(answer: object): answer is Fault {
  return "fault" in answer && typeof answer.fault === "string";
}

/** Asks one question at a time; of those that come meanwhile only the last is asked. */
export function latest<A, R>(
  ask: (question: A) => Promise<R>,
  take: (answer: R, question: A) => void,
  fail: (error: unknown) => void,
): (question: A) => void {
  let busy = false;
  let next: { question: A } | null = null;
  async function go(question: A): Promise<void> {
    busy = true;
    try {
      take(await ask(question), question);
    } catch (error) {
      fail(error);
    }
    busy = false;
    if (next) {
      const waiting = next;
      next = null;
      void go(waiting.question);
    }
  }
  return (question) => {
    if (busy) next = { question };
    else void go(question);
  };
}
