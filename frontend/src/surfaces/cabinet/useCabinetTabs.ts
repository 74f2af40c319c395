import { computed } from "vue";

import { useText } from "@/lib/useText";
import type { Tab } from "@/ui/TabBar.vue";

export function useCabinetTabs() {
  const { t } = useText();
  return computed<Tab[]>(() => [
    { to: "/cabinets", label: t("cabinetTab.cabinets"), icon: "M5 3h14v18H5V3Zm0 6h14M5 15h14M12 3v18" },
    { to: "/cabinets/fleet", label: t("cabinetTab.fleet"), icon: "M3 12h4l3-7 4 14 3-7h4" },
    { to: "/cabinets/tasks", label: t("cabinetTab.tasks"), icon: "M5 4h14v16H5V4Zm4 5h6M9 13h6M9 17h3" },
    { to: "/cabinets/use", label: t("cabinetTab.use"), icon: "M4 20V10h4v10M10 20V4h4v16M16 20v-7h4v7" },
    { to: "/cabinets/breaches", label: t("cabinetTab.breaches"), icon: "M10 4a2 2 0 0 1 4 0v9a4 4 0 1 1-4 0V4Zm2 5v7" },
    { to: "/me", label: t("cabinetTab.me"), icon: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 9c0-4 4-6 8-6s8 2 8 6" },
  ]);
}
