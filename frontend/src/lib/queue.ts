import { businessNow } from "./clock";
import { NetworkError, type UserError } from "./errors";
import { uuid7 } from "./ids";

/*
 * Acts of a station or a courier. Each is written down on the device first and sent second, so a page reload,
 * a dead battery or a lost answer loses nothing; the server knows each act by its opId, so a second send does nothing.
 */
export type OperationState = "waiting" | "applied" | "conflict" | "refused";

export interface Operation {
  opId: string;
  seq: number;
  type: string;
  eventTime: string;
  payload: Record<string, unknown>;
  /** A line for the person who did it, in the language of that moment. */
  label: string;
  personId: string;
  state: OperationState;
  truth: string | null;
  errors: UserError[];
}

export interface OperationInput {
  opId: string;
  seq: number;
  type: string;
  eventTime: string;
  schemaVersion: number;
  payload: string;
}

export interface OperationResult {
  opId: string;
  outcome: string;
  truth: string | null;
  errors: UserError[];
}

export interface OperationStore {
  all(): Promise<Operation[]>;
  put(operation: Operation): Promise<void>;
  delete(opId: string): Promise<void>;
  nextSeq(): Promise<number>;
}

export type SendOperations = (operations: OperationInput[]) => Promise<OperationResult[]>;

const SCHEMA_VERSION = 1;
const BATCH = 20;
/** Acts that went through stay on the device this long, so that the person can see what was sent. */
const KEEP_APPLIED = 30;

/** A duplicate carries in its truth what the first send came to. */
export function stateFor(result: OperationResult): OperationState {
  const outcome = result.outcome === "duplicate" ? firstOutcome(result.truth) : result.outcome;
  if (outcome === "applied") return "applied";
  return outcome === "conflict" ? "conflict" : "refused";
}

function firstOutcome(truth: string | null): string {
  const told = truth ? (JSON.parse(truth) as { outcome?: string }) : {};
  return told.outcome ?? "applied";
}

function toInput(operation: Operation): OperationInput {
  const { opId, seq, type, eventTime, payload } = operation;
  return { opId, seq, type, eventTime, schemaVersion: SCHEMA_VERSION, payload: JSON.stringify(payload) };
}

export class OperationQueue {
  private sending: Promise<void> | null = null;

  constructor(
    private readonly operations: OperationStore,
    private readonly send: SendOperations,
    private readonly changed: (all: Operation[]) => void = () => undefined,
    private readonly failed: (error: unknown) => void = () => undefined,
  ) {}

  async list(): Promise<Operation[]> {
    return (await this.operations.all()).sort((a, b) => a.seq - b.seq);
  }

  /** Writes the act down, then tries to send all that waits. Returns the act with what became of it. */
  async perform(act: Pick<Operation, "type" | "payload" | "label" | "personId">): Promise<Operation> {
    const operation: Operation = {
      ...act,
      // Plain data only: IndexedDB cannot store a page's reactive objects.
      payload: JSON.parse(JSON.stringify(act.payload)) as Record<string, unknown>,
      opId: uuid7(),
      seq: await this.operations.nextSeq(),
      eventTime: businessNow().toISOString(),
      state: "waiting",
      truth: null,
      errors: [],
    };
    await this.operations.put(operation);
    await this.announce();
    await this.flush(act.personId);
    return (await this.list()).find((one) => one.opId === operation.opId) ?? operation;
  }

  /** Sends what waits, oldest first. Never throws for a failed send: all stays and waits. */
  async flush(personId: string): Promise<void> {
    while (this.sending) await this.sending;
    this.sending = this.sendWaiting(personId).finally(() => (this.sending = null));
    await this.sending;
  }

  async dismiss(opId: string): Promise<void> {
    await this.operations.delete(opId);
    await this.announce();
  }

  private async sendWaiting(personId: string): Promise<void> {
    for (;;) {
      // On a shared tablet each person's acts go out under that person's own sign-in.
      const waiting = (await this.list()).filter((one) => one.state === "waiting" && one.personId === personId);
      if (!waiting.length) return;
      const batch = waiting.slice(0, BATCH);
      try {
        if (!(await this.settle(batch))) return;
      } catch (error) {
        // All stays on the device and goes out later; anything but a missing network is told to the person.
        if (!(error instanceof NetworkError)) this.failed(error);
        return;
      }
    }
  }

  /** Returns whether the server answered for every act of the batch. */
  private async settle(batch: Operation[]): Promise<boolean> {
    const results = new Map((await this.send(batch.map(toInput))).map((result) => [result.opId, result]));
    for (const operation of batch) {
      const result = results.get(operation.opId);
      if (!result) continue;
      const { truth, errors } = result;
      await this.operations.put({ ...operation, state: stateFor(result), truth, errors });
    }
    await this.prune();
    await this.announce();
    return results.size >= batch.length;
  }

  private async prune(): Promise<void> {
    const applied = (await this.list()).filter((one) => one.state === "applied");
    for (const old of applied.slice(0, -KEEP_APPLIED)) await this.operations.delete(old.opId);
  }

  private async announce(): Promise<void> {
    this.changed(await this.list());
  }
}
