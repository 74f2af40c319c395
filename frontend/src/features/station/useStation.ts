import { computed, ref, watch } from "vue";

import { MyStationsDocument, StationDocument } from "@/gql/station";
import { useQuery } from "@/lib/useQuery";

const KEY = "yinong.station";
const chosen = ref(localStorage.getItem(KEY) ?? "");

/** The station at which the signed-in person works now. */
export function useStation() {
  const mine = useQuery(MyStationsDocument, () => ({}), { keep: true });
  const stations = computed(() => mine.data.value?.myStations ?? []);
  const stationId = computed(() => {
    const known = stations.value.some((one) => one.id === chosen.value);
    return known ? chosen.value : (stations.value[0]?.id ?? "");
  });
  const name = computed(() => stations.value.find((one) => one.id === stationId.value)?.name ?? "");

  watch(stationId, (id) => id && localStorage.setItem(KEY, id));

  return { mine, stations, stationId, name, choose: (id: string) => (chosen.value = id) };
}

/** The farmers and villagers of a station, with what they let it do for them. */
export function useStationPeople(stationId: () => string) {
  const query = useQuery(StationDocument, () => (stationId() ? { id: stationId() } : null), { keep: true });
  const farmers = computed(() => query.data.value?.station?.farmers ?? []);
  const villagers = computed(() => query.data.value?.station?.villagers ?? []);
  return { query, farmers, villagers };
}
