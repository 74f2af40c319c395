import { shallowRef } from "vue";

import type { EffectPartsFragment } from "@/gql/route";
import { useCommand } from "@/lib/useCommand";

/** One act on a plan: asked with preview first, done with the same arguments when the person says so. */
export type Act = (how: { preview: boolean; idempotencyKey?: string }) => Promise<EffectPartsFragment | null>;

/** Shows what an act would do, then does it; `done` hears of the version that it made. */
export function useEdit(done: (effect: EffectPartsFragment) => void) {
  const effect = shallowRef<EffectPartsFragment | null>(null);
  let asked: Act | null = null;

  const show = useCommand(async (_key, act: Act) => {
    effect.value = null;
    effect.value = await act({ preview: true });
    asked = act;
  });

  const confirm = useCommand(async (key) => {
    const made = await asked?.({ preview: false, idempotencyKey: key });
    cancel();
    if (made) done(made);
  });

  function cancel(): void {
    effect.value = null;
    asked = null;
  }

  return { effect, show, confirm, cancel };
}
