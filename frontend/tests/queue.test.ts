import { beforeEach, describe, expect, it } from "vitest";

import { NetworkError, RefusedError, ServerFault } from "@/lib/errors";
import { OperationQueue, type Operation, type OperationInput, type OperationResult } from "@/lib/queue";
import { store } from "@/lib/store";

const device = {
  all: () => store.all<Operation>("operations"),
  put: (operation: Operation) => store.put("operations", operation),
  delete: (opId: string) => store.delete("operations", opId),
  nextSeq: () => store.next("operationSeq"),
};

/** A server that knows each act by its opId, and can be cut off before or after it has done its work. */
class Server {
  readonly applied: OperationInput[] = [];
  cut: "no" | "before" | "after" = "no";
  answer: (operation: OperationInput) => Omit<OperationResult, "opId"> = () => ({
    outcome: "applied",
    truth: "{}",
    errors: [],
  });
  private readonly first = new Map<string, OperationResult>();

  send = async (operations: OperationInput[]): Promise<OperationResult[]> => {
    if (this.cut === "before") throw new NetworkError("cut");
    const results = operations.map((operation) => this.one(operation));
    if (this.cut === "after") throw new NetworkError("answer lost");
    return results;
  };

  private one(operation: OperationInput): OperationResult {
    const known = this.first.get(operation.opId);
    if (known) return { ...known, outcome: "duplicate", truth: JSON.stringify({ outcome: known.outcome }) };
    const result = { opId: operation.opId, ...this.answer(operation) };
    this.first.set(operation.opId, result);
    if (result.outcome === "applied") this.applied.push(operation);
    return result;
  }
}

const act = (n: number, personId = "zhou") => ({ type: "weighIn", payload: { n }, label: `act ${n}`, personId });
const payloads = (server: Server) => server.applied.map((operation) => JSON.parse(operation.payload).n as number);

let server: Server;
let told: unknown[];
let queue: OperationQueue;

beforeEach(async () => {
  await store.clear("operations");
  server = new Server();
  told = [];
  queue = new OperationQueue(device, server.send, undefined, (error) => told.push(error));
});

describe("the queue of acts", () => {
  it("sends at once when there is a network", async () => {
    const done = await queue.perform(act(1));
    expect(done.state).toBe("applied");
    expect(payloads(server)).toEqual([1]);
  });

  it("keeps acts without a network and sends them in their order", async () => {
    server.cut = "before";
    for (const n of [1, 2, 3]) expect((await queue.perform(act(n))).state).toBe("waiting");
    expect(server.applied).toEqual([]);
    server.cut = "no";
    await queue.flush("zhou");
    expect(payloads(server)).toEqual([1, 2, 3]);
    expect((await queue.list()).map((one) => one.state)).toEqual(["applied", "applied", "applied"]);
    expect(told).toEqual([]);
  });

  it("survives a reload of the page with its acts and their numbers", async () => {
    server.cut = "before";
    await queue.perform(act(1));
    const again = new OperationQueue(device, server.send);
    await again.perform(act(2));
    const [first, second] = await again.list();
    expect(second?.seq).toBe((first?.seq ?? 0) + 1);
    server.cut = "no";
    await again.flush("zhou");
    expect(payloads(server)).toEqual([1, 2]);
  });

  it("does nothing twice when the answer was lost", async () => {
    server.cut = "after";
    expect((await queue.perform(act(1))).state).toBe("waiting");
    server.cut = "no";
    await queue.flush("zhou");
    expect(payloads(server)).toEqual([1]);
    expect((await queue.list()).map((one) => one.state)).toEqual(["applied"]);
  });

  it("keeps a conflict with what is true now, also when it comes as a duplicate", async () => {
    server.answer = () => ({
      outcome: "conflict",
      truth: '{"left":"0"}',
      errors: [{ code: "out_of_stock", field: null, message: "没有了" }],
    });
    server.cut = "after";
    await queue.perform(act(1));
    server.cut = "no";
    await queue.flush("zhou");
    const [kept] = await queue.list();
    expect(kept?.state).toBe("conflict");
    expect(kept?.errors[0]?.code).toBe("out_of_stock");
  });

  it("one refused act does not hold up the next", async () => {
    server.answer = (operation) =>
      JSON.parse(operation.payload).n === 1
        ? { outcome: "refused", truth: "{}", errors: [{ code: "invalid", field: "n", message: "no" }] }
        : { outcome: "applied", truth: "{}", errors: [] };
    server.cut = "before";
    await queue.perform(act(1));
    await queue.perform(act(2));
    server.cut = "no";
    await queue.flush("zhou");
    expect((await queue.list()).map((one) => one.state)).toEqual(["refused", "applied"]);
  });

  it("sends on a shared tablet only the acts of who is signed in", async () => {
    server.cut = "before";
    await queue.perform(act(1, "zhou"));
    await queue.perform(act(2, "chen"));
    server.cut = "no";
    await queue.flush("chen");
    expect(payloads(server)).toEqual([2]);
    await queue.flush("zhou");
    expect(payloads(server)).toEqual([2, 1]);
  });

  it("sends more than one batch", async () => {
    server.cut = "before";
    const count = 45;
    for (let n = 0; n < count; n += 1) await queue.perform(act(n));
    server.cut = "no";
    await queue.flush("zhou");
    expect(payloads(server)).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it("never loses an act to a failing server or an ended session, and says so", async () => {
    for (const failure of [new ServerFault("500"), new RefusedError([])]) {
      const failing = new OperationQueue(
        device,
        () => Promise.reject(failure),
        undefined,
        (error) => told.push(error),
      );
      expect((await failing.perform(act(1))).state).toBe("waiting");
      expect(told.pop()).toBe(failure);
    }
    expect(await queue.list()).toHaveLength(2);
  });
});
