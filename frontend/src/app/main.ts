import "@/ui/theme.css";

import { createApp, watch } from "vue";

import { probe } from "@/lib/client";
import { online, simulateOffline } from "@/lib/network";
import { person } from "@/lib/session";

import App from "./App.vue";
import { i18n } from "@/lib/i18n";
import { router } from "./router";

// A session that the server no longer knows ends; a page that needs one goes to the sign-in.
watch(person, (now) => {
  const here = router.currentRoute.value;
  if (!now && here.meta.roles) void router.push({ path: "/sign-in", query: { next: here.fullPath } });
});

const PROBE_MS = 10_000;

setInterval(() => {
  if (!online.value && !simulateOffline.value && navigator.onLine) void probe();
}, PROBE_MS);

createApp(App).use(i18n).use(router).mount("#app");
