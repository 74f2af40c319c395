import { computed, ref } from "vue";

import { businessNow } from "./clock";

/*
 * Three things make this app offline: the device says so, the last request did not get through,
 * or the tester's switch simulates it.
 */
const SWITCH = "yinong.simulateOffline";

const deviceOnline = ref(navigator.onLine);
const lastRequestFailed = ref(false);

export const simulateOffline = ref(localStorage.getItem(SWITCH) === "1");
export const offlineSince = ref<Date | null>(null);
export const online = computed(() => deviceOnline.value && !lastRequestFailed.value && !simulateOffline.value);

const listeners = new Set<() => void>();

function noteChange(before: boolean): void {
  if (before && !online.value) offlineSince.value = businessNow();
  if (!before && online.value) {
    offlineSince.value = null;
    listeners.forEach((listener) => listener());
  }
}

function change(apply: () => void): void {
  const before = online.value;
  apply();
  noteChange(before);
}

/** Calls `listener` each time the network comes back. */
export function onReconnect(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function noteRequest(outcome: "answered" | "lost"): void {
  change(() => (lastRequestFailed.value = outcome === "lost"));
}

export function setSimulateOffline(on: boolean): void {
  localStorage.setItem(SWITCH, on ? "1" : "0");
  change(() => (simulateOffline.value = on));
}

window.addEventListener("online", () =>
  change(() => {
    deviceOnline.value = true;
    lastRequestFailed.value = false;
  }),
);
window.addEventListener("offline", () => change(() => (deviceOnline.value = false)));
if (!online.value) offlineSince.value = businessNow();
