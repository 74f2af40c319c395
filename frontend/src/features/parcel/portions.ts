/* Consolidation: which crate each line of a parcel is portioned from, and how much by default. */

interface Content {
  kind: string;
  id: string;
  grams: number;
}

export interface Crate {
  id: string;
  code: string;
  contents: Content[];
}

export interface Line {
  id: string;
  quantity: number;
  unit: string;
  lot: { id: string; product: { unitNetG: number | null } };
}

export interface Portion {
  lineId: string;
  unitId: string;
  /** Net weight as typed, in kilograms. */
  weightKg: string;
}

/** Crates that hold goods of the line's lot, fullest first. */
export function cratesFor(line: Line, crates: readonly Crate[]): Crate[] {
  const held = (crate: Crate) =>
    crate.contents.filter((one) => one.id === line.lot.id).reduce((sum, one) => sum + one.grams, 0);
  return crates.filter((crate) => held(crate) > 0).sort((a, b) => held(b) - held(a));
}

function orderedG(line: Line): number | null {
  if (line.unit === "g") return line.quantity;
  return line.lot.product.unitNetG === null ? null : line.quantity * line.lot.product.unitNetG;
}

/** One portion per line: the fullest crate, and what the line should weigh; the scale then says what it does. */
export function startPortions(lines: readonly Line[], crates: readonly Crate[]): Portion[] {
  return lines.map((line) => ({
    lineId: line.id,
    unitId: cratesFor(line, crates)[0]?.id ?? "",
    weightKg: String((orderedG(line) ?? 0) / 1000 || ""),
  }));
}
