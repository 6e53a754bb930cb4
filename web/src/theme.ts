// The colours of the report, light and dark. Canvases are drawn with them; all else has CSS.

export interface Palette {
  ink: string;
  muted: string;
  line: string;
  paper: string;
  low: string;
  high: string;
  negative: string;
  middle: string;
  positive: string;
  bad: string;
}

export const LIGHT: Palette = {
  ink: "#1d2530",
  muted: "#5f6b7a",
  line: "#dfe4ea",
  paper: "#ffffff",
  low: "#edf2f8",
  high: "#0b4f8a",
  negative: "#a8480a",
  middle: "#f3f3f1",
  positive: "#0b4f8b",
  bad: "#d55e00",
};

export const DARK: Palette = {
  ink: "#e8ecf1",
  muted: "#9aa7b6",
  line: "#2d3743",
  paper: "#12171e",
  low: "#1e2a38",
  high: "#7cc2fa",
  negative: "#f7a066",
  middle: "#232b35",
  positive: "#7cc2fb",
  bad: "#f58d4e",
};

/** The dash of each seed; its colour is a class in play.css. */
export const DASHES = ["", "6 3", "2 2", "8 3 2 3", "4 1", "1 3", "10 4", "5 2 1 2"];

export type Colour = [number, number, number];

export function rgb(hex: string): Colour {
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export function mix(one: string, other: string, share: number): Colour {
  const [a, b] = [rgb(one), rgb(other)];
  return [0, 1, 2].map((i) => Math.round(a[i]! + (b[i]! - a[i]!) * share)) as Colour;
}

/** A colour as the bytes of an image have it. */
export const packed = ([r, g, b]: Colour, alpha = 255) =>
  ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** 256 colours for the bytes of a map: from low to high, or round 0 where it has both signs. */
export function scale(palette: Palette, [low, high]: [number, number]): Colour[] {
  const most = Math.max(-low, high) || 1;
  return Array.from({ length: 256 }, (_, byte) => {
    const value = low + (byte / 255) * (high - low);
    if (low >= 0) return mix(palette.low, palette.high, high > low ? (value - low) / (high - low) : 0);
    const end = value < 0 ? palette.negative : palette.positive;
    return mix(palette.middle, end, Math.min(1, Math.abs(value) / most));
  });
}
