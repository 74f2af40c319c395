import { onScopeDispose, ref, shallowRef } from "vue";

import {
  ConfirmDropDocument,
  DropDocument,
  OpenCompartmentDocument,
  TakeLargerCompartmentDocument,
  type DropPartsFragment,
} from "@/gql/route";
import { command, request } from "@/lib/client";
import { useCommand } from "@/lib/useCommand";

const POLL_MS = 1500;
/** States in which the door may still do something by itself. */
const MOVING = ["opening", "open", "closed", "unknown"];

export interface DropRequest {
  stopId: string;
  unitId: string;
  damaged: boolean;
  weightG: number;
  temperatureC: number | null;
}

/** Opens a compartment, follows its door, and confirms once it is closed again. Needs the network: a door moves. */
export function useDrop() {
  const drop = shallowRef<DropPartsFragment | null>(null);
  const unitId = ref("");
  const followError = shallowRef<unknown>(null);

  async function follow(): Promise<void> {
    if (!drop.value || !MOVING.includes(drop.value.status)) return;
    try {
      drop.value = (await request(DropDocument, { id: drop.value.id })).drop ?? drop.value;
      followError.value = null;
    } catch (error) {
      followError.value = error;
    }
  }

  const timer = setInterval(() => void follow(), POLL_MS);
  onScopeDispose(() => clearInterval(timer));

  const open = useCommand(async (_key, asked: DropRequest) => {
    unitId.value = asked.unitId;
    drop.value = (await command(OpenCompartmentDocument, asked)).drop;
  });

  const confirm = useCommand(async (_key) => {
    if (drop.value) drop.value = (await command(ConfirmDropDocument, { dropId: drop.value.id })).drop;
  });

  const larger = useCommand(async (_key) => {
    if (drop.value) drop.value = (await command(TakeLargerCompartmentDocument, { dropId: drop.value.id })).drop;
  });

  function clear(): void {
    drop.value = null;
    unitId.value = "";
  }

  return { drop, unitId, open, confirm, larger, clear, followError };
}
