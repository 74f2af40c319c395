import { computed, ref, watch } from "vue";

import { HubBoardDocument, HubsDocument, type HubBoardQuery } from "@/gql/parcel";
import { scopes } from "@/lib/session";
import { useQuery } from "@/lib/useQuery";

const KEY = "yinong.hub";
const chosen = ref(localStorage.getItem(KEY) ?? "");

/** The hub at which the signed-in person works now; a person without a hub of his own may choose among all. */
export function useHub(role: string) {
  const query = useQuery(HubsDocument, () => ({}), { keep: true });
  const hubs = computed(() => {
    const mine = new Set(scopes(role).map((one) => one.scopeId));
    const all = query.data.value?.hubs ?? [];
    const own = all.filter((hub) => mine.has(hub.id));
    return own.length ? own : all;
  });
  const hubId = computed(() =>
    hubs.value.some((hub) => hub.id === chosen.value) ? chosen.value : (hubs.value[0]?.id ?? ""),
  );
  const name = computed(() => hubs.value.find((hub) => hub.id === hubId.value)?.name ?? "");

  watch(hubId, (id) => id && localStorage.setItem(KEY, id));

  return { query, hubs, hubId, name, choose: (id: string) => (chosen.value = id) };
}

type DownRow = HubBoardQuery["hubBoard"]["toPackDown"][number];

/** Rows of goods for the villages under their shipments. */
function byShipment(rows: DownRow[]): { shipmentId: string; rows: [DownRow, ...DownRow[]] }[] {
  const groups = new Map<string, [DownRow, ...DownRow[]]>();
  for (const row of rows) {
    const group = groups.get(row.shipmentId);
    if (group) group.push(row);
    else groups.set(row.shipmentId, [row]);
  }
  return [...groups].map(([shipmentId, group]) => ({ shipmentId, rows: group }));
}

export function useHubBoard(hubId: () => string) {
  const query = useQuery(HubBoardDocument, () => (hubId() ? { hubId: hubId() } : null), { pollMs: 10_000 });
  const board = computed(() => query.data.value?.hubBoard ?? null);
  const shipments = computed(() => byShipment(board.value?.toPackDown ?? []));
  return { query, board, shipments };
}
