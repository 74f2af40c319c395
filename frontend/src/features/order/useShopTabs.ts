import { computed, onMounted } from "vue";

import { useCart } from "./useCart";
import { useText } from "@/lib/useText";
import type { Tab } from "@/ui/TabBar.vue";

export function useShopTabs() {
  const { t } = useText();
  const { count, cart, load } = useCart();

  onMounted(() => {
    if (!cart.value) void load();
  });

  return computed<Tab[]>(() => [
    {
      to: "/",
      label: t("tab.shop"),
      icon: "M4 10l2-6h12l2 6M4 10v10h16V10M4 10c0 3 5 3 5 0 0 3 6 3 6 0 0 3 5 3 5 0M10 20v-5h4v5",
    },
    {
      to: "/cart",
      label: t("tab.cart"),
      icon: "M3 4h2l2.5 11h10L20 8H6M9 20h.01M17 20h.01",
      count: count.value,
    },
    { to: "/orders", label: t("tab.orders"), icon: "M6 3h12v18l-3-2-3 2-3-2-3 2V3Zm3 5h6m-6 4h6" },
    { to: "/me", label: t("tab.me"), icon: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 9c0-4 4-6 8-6s8 2 8 6" },
  ]);
}
