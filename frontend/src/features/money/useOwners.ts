import { computed } from "vue";

import { MyMoneyFarmersDocument } from "@/gql/money";
import { scopes } from "@/lib/session";
import { useQuery } from "@/lib/useQuery";

export interface Owner {
  kind: "farmer" | "station" | "courier" | "platform";
  id: string;
  name: string;
}

/** Nobody's id: the platform is one. */
const PLATFORM_ID = "00000000-0000-0000-0000-000000000000";

/** Everybody whose statement the signed-in person may read without asking for somebody by name. */
export function useOwners() {
  const query = useQuery(MyMoneyFarmersDocument, () => ({}), { keep: true });
  const owners = computed<Owner[]>(() => [
    ...(query.data.value?.myFarmers ?? []).map((one): Owner => ({ kind: "farmer", id: one.id, name: one.name })),
    ...scopes("information_officer").map((one): Owner => owner("station", one.scopeId, one.scopeLabel)),
    ...scopes("courier").map((one): Owner => owner("courier", one.scopeId, one.scopeLabel)),
    ...scopes("platform").map((): Owner => owner("platform", PLATFORM_ID, "")),
  ]);
  return { query, owners };
}

function owner(kind: Owner["kind"], id: string | null, name: string): Owner {
  return { kind, id: id ?? PLATFORM_ID, name };
}
