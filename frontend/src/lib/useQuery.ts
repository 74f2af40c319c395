import { getCurrentScope, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";

import { businessNow } from "./clock";
import { request, type Document } from "./client";
import { NetworkError } from "./errors";
import { onReconnect } from "./network";
import { person } from "./session";
import { store } from "./store";

interface Kept<Result> {
  key: string;
  at: string;
  data: Result;
}

interface Options {
  /** Keep the last answer on the device and show it when there is no network. */
  keep?: boolean;
  /** Ask again every so many milliseconds while the page is open and visible. */
  pollMs?: number;
}

export interface Query<Result> {
  data: ShallowRef<Result | null>;
  error: ShallowRef<unknown>;
  loading: Ref<boolean>;
  /** Set while the data shown is an earlier answer: when it was fetched. */
  keptSince: Ref<string | null>;
  reload: () => Promise<void>;
}

function nameOf(document: string): string {
  return /^(?:query|mutation)\s*(\w+)/.exec(document)?.[1] ?? document;
}

async function fromDevice<Result>(key: string): Promise<Kept<Result> | undefined> {
  return store.get<Kept<Result>>("answers", key);
}

function poll(reload: () => Promise<void>, everyMs: number): () => void {
  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void reload();
  }, everyMs);
  return () => clearInterval(timer);
}

/** Runs a query now and whenever its variables change; `variables` returning null means "not yet". */
export function useQuery<Result, Variables>(
  operation: Document<Result, Variables>,
  variables: () => Variables | null,
  options: Options = {},
): Query<Result> {
  const data = shallowRef<Result | null>(null);
  const error = shallowRef<unknown>(null);
  const loading = ref(false);
  const keptSince = ref<string | null>(null);
  let latest = 0;

  async function fall(key: string, failure: unknown, mine: number): Promise<void> {
    const kept = options.keep && failure instanceof NetworkError ? await fromDevice<Result>(key) : undefined;
    if (mine !== latest) return;
    if (kept) {
      data.value = kept.data;
      keptSince.value = kept.at;
    }
    error.value = kept ? null : failure;
  }

  async function reload(): Promise<void> {
    const asked = variables();
    if (asked === null) return;
    const key = `${person.value?.id ?? ""}:${nameOf(operation)}:${JSON.stringify(asked)}`;
    const mine = (latest += 1);
    loading.value = true;
    try {
      const answer = await request(operation, asked);
      if (mine !== latest) return;
      data.value = answer;
      error.value = null;
      keptSince.value = null;
      if (options.keep) await store.put("answers", { key, at: businessNow().toISOString(), data: answer });
    } catch (failure) {
      await fall(key, failure, mine);
    } finally {
      if (mine === latest) loading.value = false;
    }
  }

  watch(variables, reload, { immediate: true, deep: true });
  if (getCurrentScope()) {
    onScopeDispose(onReconnect(() => void reload()));
    // A question still on its way is not asked again: its answer would be thrown away for the later one's.
    const again = async (): Promise<void> => (loading.value ? undefined : reload());
    if (options.pollMs) onScopeDispose(poll(again, options.pollMs));
  }
  return { data, error, loading, keptSince, reload };
}
