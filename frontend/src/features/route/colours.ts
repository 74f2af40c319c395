/** Colours of tours on map and list, far apart for most eyes (Okabe and Ito's palette, darkened for white ground). */
const COLOURS = ["#0072b2", "#b04a00", "#00795a", "#a3478c", "#7a6a00", "#2f6f9f", "#8c2d2d", "#4d4d99"];

export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}
