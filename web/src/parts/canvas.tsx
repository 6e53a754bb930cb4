import { useEffect, useRef } from "preact/hooks";

interface Props {
  class?: string;
  label: string;
  /** Height as a share of the width, or in pixels where above 4. */
  height: number;
  draw(context: CanvasRenderingContext2D, width: number, height: number): void;
  pick?(x: number, y: number, width: number, height: number): void;
}

/** A picture with a sentence; it is drawn anew when its size or what it reads changes. */
export function Canvas({ class: name, label, height, draw, pick }: Props) {
  const place = useRef<HTMLCanvasElement>(null);
  const paint = useRef(() => {});
  paint.current = () => {
    const canvas = place.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context || !canvas.clientWidth || !canvas.clientHeight) return;
    const dots = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * dots);
    canvas.height = Math.round(canvas.clientHeight * dots);
    context.setTransform(dots, 0, 0, dots, 0, 0);
    draw(context, canvas.clientWidth, canvas.clientHeight);
  };
  useEffect(() => paint.current());
  useEffect(() => {
    const observer = new ResizeObserver(() => paint.current());
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, []);
  const sized = height > 4 ? { height: `${height}px` } : { aspectRatio: String(1 / height) };
  return (
    <canvas
      ref={place}
      class={name}
      role="img"
      aria-label={label}
      style={sized}
      onPointerDown={
        pick &&
        ((event) => {
          const box = event.currentTarget.getBoundingClientRect();
          pick(event.clientX - box.left, event.clientY - box.top, box.width, box.height);
        })
      }
    />
  );
}
