import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { uuid7 } from "./ids";

export interface CommandRun<Arguments extends unknown[], Result> {
  run: (...args: Arguments) => Promise<Result | undefined>;
  busy: Ref<boolean>;
  error: ShallowRef<unknown>;
}

/**
 * One button's act: a second tap while it runs does nothing, and a retry after a lost answer carries the same
 * idempotency key, so the server does it once. Returns undefined when it failed; `error` says why.
 */
export function useCommand<Arguments extends unknown[], Result>(
  act: (key: string, ...args: Arguments) => Promise<Result>,
): CommandRun<Arguments, Result> {
  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  let pending: { key: string; args: string } | null = null;

  async function run(...args: Arguments): Promise<Result | undefined> {
    if (busy.value) return undefined;
    busy.value = true;
    error.value = null;
    const text = JSON.stringify(args);
    // Other arguments are another wish: they get another key.
    if (pending?.args !== text) pending = { key: uuid7(), args: text };
    try {
      const result = await act(pending.key, ...args);
      pending = null;
      return result;
    } catch (failure) {
      error.value = failure;
      return undefined;
    } finally {
      busy.value = false;
    }
  }

  return { run, busy, error };
}
