import { computed, shallowRef } from "vue";

import { CartDocument, SetCartLineDocument, type CartPartsFragment } from "@/gql/order";
import { command, request } from "@/lib/client";
import { person } from "@/lib/session";

const cart = shallowRef<CartPartsFragment | null>(null);
const error = shallowRef<unknown>(null);
const loaded = shallowRef(false);

const count = computed(() => cart.value?.lines.length ?? 0);

async function load(): Promise<void> {
  if (!person.value) {
    cart.value = null;
    return;
  }
  try {
    cart.value = (await request(CartDocument, {})).cart;
    error.value = null;
    loaded.value = true;
  } catch (failure) {
    error.value = failure;
  }
}

export interface Wishes {
  substitution?: string;
  allergyLock?: boolean;
}

/** Sets the amount of one lot in the cart (grams or pieces); 0 takes it out. Throws what the server refuses. */
async function setLine(lotId: string, quantity: number, wishes: Wishes = {}): Promise<void> {
  const payload = await command(SetCartLineDocument, { lotId, quantity, ...wishes });
  cart.value = payload.cart;
}

function quantityOf(lotId: string): number {
  return cart.value?.lines.find((line) => line.lot.id === lotId)?.quantity ?? 0;
}

export function useCart() {
  return { cart, count, error, loaded, load, setLine, quantityOf };
}
