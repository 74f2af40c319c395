import { computed, ref, shallowRef } from "vue";

import { LotsDocument, type LotCardFragment } from "@/gql/product";
import { request } from "@/lib/client";
import { useQuery } from "@/lib/useQuery";

/** The shop's list: a search, a zone, and as many pages as the person asked for. */
export function useLots(direction: "up" | "down" = "up") {
  const search = ref("");
  const zone = ref("");
  const more = shallowRef<LotCardFragment[]>([]);
  const cursor = ref<string | null>(null);
  const loadingMore = ref(false);
  const moreError = shallowRef<unknown>(null);

  const filter = () => ({ search: search.value || null, zone: zone.value || null, direction, after: null });
  const query = useQuery(
    LotsDocument,
    () => {
      more.value = [];
      cursor.value = null;
      return filter();
    },
    { keep: true },
  );

  const lots = computed(() => [...(query.data.value?.lots.nodes ?? []), ...more.value]);
  const next = computed(() => {
    const first = query.data.value?.lots;
    if (cursor.value !== null) return cursor.value;
    return first?.hasNext ? first.endCursor : null;
  });

  async function loadMore(): Promise<void> {
    if (!next.value || loadingMore.value) return;
    loadingMore.value = true;
    moreError.value = null;
    try {
      const page = (await request(LotsDocument, { ...filter(), after: next.value })).lots;
      more.value = [...more.value, ...page.nodes];
      cursor.value = page.hasNext ? (page.endCursor ?? "") : "";
    } catch (error) {
      moreError.value = error;
    } finally {
      loadingMore.value = false;
    }
  }

  return { search, zone, query, lots, next, loadMore, loadingMore, moreError };
}
