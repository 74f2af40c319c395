import { hasRole } from "@/lib/session";

export interface Workplace {
  path: string;
  key: string;
  roles: string[];
}

/** Where each role works. The order is that of the list on screen. */
export const WORKPLACES: Workplace[] = [
  { path: "/station", key: "station", roles: ["information_officer"] },
  { path: "/courier", key: "courier", roles: ["courier"] },
  { path: "/hub", key: "hub", roles: ["hub_operator"] },
  { path: "/dispatch", key: "dispatch", roles: ["dispatcher"] },
  { path: "/cabinets", key: "cabinet", roles: ["cabinet_operator"] },
  { path: "/siting", key: "siting", roles: ["county_reviewer"] },
  { path: "/books", key: "books", roles: ["platform"] },
  { path: "/tester", key: "tester", roles: ["tester"] },
];

export function myWorkplaces(): Workplace[] {
  return WORKPLACES.filter((one) => hasRole(...one.roles));
}

/** The page after sign-in: the one workplace of a person who has just one, else the shop. */
export function homePath(): string {
  const mine = myWorkplaces();
  return mine.length === 1 && mine[0] ? mine[0].path : "/";
}
