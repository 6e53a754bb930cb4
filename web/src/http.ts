import type { Source } from "./source";
import type { Message } from "./types";

const TYPES = ["started", "progress", "snapshot", "done", "failed"];

/** The server of `longlag play`. */
export function httpSource(base = "/api/"): Source {
  async function answer(response: Response): Promise<any> {
    try {
      return await response.json();
    } catch {
      return { fault: `The server answered ${response.status} ${response.statusText}.`, knob: null };
    }
  }
  const post = async (name: string, body: object) =>
    answer(
      await fetch(base + name, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
  return {
    async describe() {
      const got = await answer(await fetch(base + "describe"));
      if (got.fault) throw new Error(got.fault);
      return got;
    },
    audit: (knobs) => post("audit", { knobs }),
    train: (knobs) => post("train", { knobs }),
    stop: () => post("stop", {}),
    view: (run, snapshot, seed, inputs) => post("view", { run, snapshot, seed, inputs }),
    uses: (run, snapshot, seed) => post("uses", { run, snapshot, seed }),
    listen: (on, after) => listen(base + "events", on, after),
  };
}

function listen(address: string, on: (message: Message) => void, after?: number): () => void {
  let stream: EventSource | null = null;
  let timer = 0;
  let wait = 500;
  let opened = false;
  let lost = false;

  function open(): void {
    close();
    stream = new EventSource(after === undefined ? address : `${address}?after=${after}`);
    for (const type of TYPES)
      stream.addEventListener(type, (event) => {
        const { data, lastEventId } = event as MessageEvent<string>;
        if (/^\d+$/.test(lastEventId)) after = Number(lastEventId);
        on({ type, data: JSON.parse(data) } as Message);
      });
    stream.onopen = () => {
      wait = 500;
      // A server that began anew knows nothing of before, so all is read again.
      if (opened || lost) on({ type: "back", data: null });
      opened = true;
      lost = false;
    };
    stream.onerror = () => {
      if (!lost) on({ type: "lost", data: null });
      lost = true;
      // A refused answer ends the stream for good; a broken one is tried again by the browser.
      if (stream?.readyState === EventSource.CLOSED) {
        void fetch(address.replace("events", "describe")).then(
          (response) => response.status === 403 && on({ type: "refused", data: null }),
          () => undefined,
        );
        timer = window.setTimeout(open, wait);
        wait = Math.min(2 * wait, 5000);
      }
    };
  }
  function close(): void {
    window.clearTimeout(timer);
    stream?.close();
    stream = null;
  }
  // A browser has six connections to a server: a page that nobody sees holds none.
  const visible = () => (document.hidden ? close() : stream ?? open());
  const shown = () => stream ?? open();
  document.addEventListener("visibilitychange", visible);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", shown);
  open();
  return () => {
    document.removeEventListener("visibilitychange", visible);
    window.removeEventListener("pagehide", close);
    window.removeEventListener("pageshow", shown);
    close();
  };
}
