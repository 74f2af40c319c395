import { computed } from "vue";

import { GiveConsentDocument, MyConsentsDocument, WithdrawConsentDocument } from "@/gql/account";
import { command } from "@/lib/client";
import { useQuery } from "@/lib/useQuery";

/** The places where the signed-in person agreed to have parcels put. */
export function useConsents() {
  const query = useQuery(MyConsentsDocument, () => ({}));
  const consents = computed(() => query.data.value?.myDeliveryConsents ?? []);
  const consentedIds = computed(() => new Set(consents.value.map((one) => one.place.id)));

  async function give(placeId: string): Promise<void> {
    await command(GiveConsentDocument, { placeId });
    await query.reload();
  }

  async function withdraw(placeId: string): Promise<void> {
    await command(WithdrawConsentDocument, { placeId });
    await query.reload();
  }

  return { query, consents, consentedIds, give, withdraw };
}
