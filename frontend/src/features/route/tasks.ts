import type { StopPartsFragment } from "@/gql/route";

export type Task = StopPartsFragment["tasks"][number];
export type Unit = NonNullable<Task["unit"]>;

export function isCollect(task: Task): boolean {
  return task.kind === "collect";
}

function unitsOf(tasks: Task[]): Unit[] {
  return tasks.flatMap((task) => (task.unit ? [task.unit] : []));
}

export function unitsToHandOver(stop: StopPartsFragment): Unit[] {
  return unitsOf(stop.tasks.filter((task) => !isCollect(task)));
}

export function unitsToCollect(stop: StopPartsFragment): Unit[] {
  return unitsOf(stop.tasks.filter(isCollect));
}

/** What must be in the van before it leaves: all that is handed over later and not collected on the way. */
export function unitsToLoad(stops: StopPartsFragment[]): Unit[] {
  const collected = new Set(stops.flatMap(unitsToCollect).map((unit) => unit.id));
  return stops.flatMap(unitsToHandOver).filter((unit) => !collected.has(unit.id));
}

/** Chilled and frozen goods are handed over with a probe reading. */
export function needsTemperature(units: readonly { zone: string }[]): boolean {
  return units.some((unit) => unit.zone === "chilled" || unit.zone === "frozen");
}

export function isCabinetStop(stop: StopPartsFragment): boolean {
  return stop.place.kind === "cabinet_site";
}
