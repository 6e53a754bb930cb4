import type { Source } from "./source";
import type { Message } from "./types";

/** What anywidget gives a widget to speak with the kernel. */
export interface WidgetModel {
  get?(name: string): any;
  send(content: unknown): void;
  on(event: string, callback: (content: any) => void): void;
  off(event: string, callback: (content: any) => void): void;
}

/** The kernel of a notebook, through the messages of a widget. */
export function kernelSource(model: WidgetModel): Source & { close(): void } {
  const waiting = new Map<number, (answer: any) => void>();
  const listeners = new Set<(message: Message) => void>();
  let last = 0;
  const take = (content: any) => {
    if (content?.message) for (const on of listeners) on(content.message);
    else if (waiting.has(content?.id)) {
      waiting.get(content.id)!(content.answer);
      waiting.delete(content.id);
    }
  };
  model.on("msg:custom", take);
  const call = (name: string, parts: object = {}) =>
    new Promise<any>((resolve) => {
      const id = ++last;
      waiting.set(id, resolve);
      model.send({ id, call: name, arguments: parts });
    });
  return {
    describe: () => call("describe"),
    audit: (knobs) => call("audit", { knobs }),
    train: (knobs) => call("train", { knobs }),
    stop: () => call("stop"),
    view: (run, snapshot, seed, inputs) => call("view", { run, snapshot, seed, inputs }),
    uses: (run, snapshot, seed) => call("uses", { run, snapshot, seed }),
    listen(on) {
      listeners.add(on);
      return () => listeners.delete(on);
    },
    close: () => model.off("msg:custom", take),
  };
}
