import type { UnitPartsFragment } from "@/gql/route";

export type Unit = UnitPartsFragment;

interface Task {
  kind: string;
}

/** A task takes goods into the van ("collect") or out of it ("drop"). */
export function isCollect(task: Task): boolean {
  return task.kind === "collect";
}

/** Chilled and frozen goods are handed over with a probe reading. */
export function needsTemperature(units: readonly { zone: string }[]): boolean {
  return units.some((unit) => unit.zone === "chilled" || unit.zone === "frozen");
}

export function hasEnded(stop: { status: string }): boolean {
  return stop.status === "done" || stop.status === "failed";
}
