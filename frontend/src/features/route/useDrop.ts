import { onScopeDispose, ref, shallowRef } from "vue";

import { ConfirmDropDocument, DropDocument, OpenCompartmentDocument, type DropQuery } from "@/gql/route";
import { command, request } from "@/lib/client";
import { useCommand } from "@/lib/useCommand";

const POLL_MS = 1500;

type Drop = NonNullable<DropQuery["drop"]>;

export interface DropRequest {
  stopId: string;
  unitId: string;
  damaged: boolean;
  weightG: number;
  temperatureC: number | null;
}

/** Opens a compartment, follows its door, and confirms once it is closed again. Needs the network: a door moves. */
export function useDrop() {
  const drop = shallowRef<Drop | null>(null);
  const unitId = ref("");
  const followError = shallowRef<unknown>(null);

  async function follow(): Promise<void> {
    if (!drop.value || drop.value.status === "deposited") return;
    try {
      drop.value = (await request(DropDocument, { id: drop.value.id })).drop ?? drop.value;
      followError.value = null;
    } catch (error) {
      followError.value = error;
    }
  }

  const timer = setInterval(() => void follow(), POLL_MS);
  onScopeDispose(() => clearInterval(timer));

  const open = useCommand(async (key, asked: DropRequest) => {
    unitId.value = asked.unitId;
    drop.value = (await command(OpenCompartmentDocument, { ...asked, idempotencyKey: key })).drop;
  });

  const confirm = useCommand(async (key) => {
    if (!drop.value) return;
    drop.value = (await command(ConfirmDropDocument, { dropId: drop.value.id, idempotencyKey: key })).drop;
  });

  function clear(): void {
    drop.value = null;
    unitId.value = "";
  }

  return { drop, unitId, open, confirm, clear, followError };
}
