import { computed, ref, shallowRef } from "vue";

import { SubmitOperationsDocument } from "@/gql/sync";
import { command } from "@/lib/client";
import { RefusedError } from "@/lib/errors";
import { uuid7 } from "@/lib/ids";
import { onReconnect } from "@/lib/network";
import { OperationQueue, type Operation, type OperationInput, type OperationResult } from "@/lib/queue";
import { person } from "@/lib/session";
import { store } from "@/lib/store";

const DEVICE = "yinong.device";

function deviceId(): string {
  const kept = localStorage.getItem(DEVICE);
  if (kept) return kept;
  const made = uuid7();
  localStorage.setItem(DEVICE, made);
  return made;
}

async function submit(operations: OperationInput[]): Promise<OperationResult[]> {
  const payload = await command(SubmitOperationsDocument, { device: deviceId(), operations });
  return payload.results ?? [];
}

const all = ref<Operation[]>([]);
const sendError = shallowRef<unknown>(null);

const queue = new OperationQueue(
  {
    all: () => store.all<Operation>("operations"),
    put: (operation) => store.put("operations", operation),
    delete: (opId) => store.delete("operations", opId),
    nextSeq: () => store.next("operationSeq"),
  },
  submit,
  (operations) => (all.value = operations),
  (error) => (sendError.value = error),
);

const mine = computed(() => all.value.filter((one) => one.personId === person.value?.id));
const waiting = computed(() => mine.value.filter((one) => one.state === "waiting"));
const troubled = computed(() => mine.value.filter((one) => one.state === "conflict" || one.state === "refused"));

async function flush(): Promise<void> {
  if (!person.value) return;
  sendError.value = null;
  await queue.flush(person.value.id);
}

/**
 * Does an act of a station or courier: written down on the device, then sent.
 * "waiting" means that it goes out by itself later. A refusal told while the person is here throws RefusedError
 * and is not kept; one that comes later stays on the sync page.
 */
async function perform(type: string, payload: object, label: string): Promise<"applied" | "waiting"> {
  if (!person.value) throw new RefusedError([{ code: "unauthenticated", field: null, message: "" }]);
  const done = await queue.perform({ type, payload: { ...payload }, label, personId: person.value.id });
  if (done.state === "conflict" || done.state === "refused") {
    await queue.dismiss(done.opId);
    throw new RefusedError(done.errors);
  }
  return done.state;
}

let started = false;

function start(): void {
  if (started) return;
  started = true;
  void queue.list().then((operations) => (all.value = operations));
  onReconnect(() => void flush());
  void flush();
}

export function useOperations() {
  start();
  return { mine, waiting, troubled, sendError, perform, flush, dismiss: (opId: string) => queue.dismiss(opId) };
}
