/* The device's own database: operations that wait for the network, and the last answers to show without it. */

const NAME = "yinong";
const VERSION = 1;

export type StoreName = "operations" | "answers" | "meta";

let opening: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("operations", { keyPath: "opId" });
      asked.result.createObjectStore("answers", { keyPath: "key" });
      asked.result.createObjectStore("meta", { keyPath: "key" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => {
      opening = null;
      reject(asked.error ?? new Error("IndexedDB did not open"));
    };
  });
  return opening;
}

async function transact<T>(
  store: StoreName,
  mode: IDBTransactionMode,
  act: (objects: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode);
    const asked = act(transaction.objectStore(store));
    // Resolve only when the transaction is on disk: a queued operation must survive the tab.
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = () => reject(transaction.error ?? new Error("IndexedDB refused"));
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB aborted"));
  });
}

export const store = {
  get: <T>(name: StoreName, key: string) =>
    transact(name, "readonly", (objects) => objects.get(key) as IDBRequest<T | undefined>),
  all: <T>(name: StoreName) => transact(name, "readonly", (objects) => objects.getAll() as IDBRequest<T[]>),
  put: async (name: StoreName, value: object): Promise<void> => {
    await transact(name, "readwrite", (objects) => objects.put(value));
  },
  delete: async (name: StoreName, key: string): Promise<void> => {
    await transact(name, "readwrite", (objects) => objects.delete(key));
  },
  clear: async (name: StoreName): Promise<void> => {
    await transact(name, "readwrite", (objects) => objects.clear());
  },
  /** Adds one to a counter in one transaction, so that two tabs never get the same number. */
  next: async (counter: string): Promise<number> => {
    const database = await open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("meta", "readwrite");
      const objects = transaction.objectStore("meta");
      const asked = objects.get(counter) as IDBRequest<{ value: number } | undefined>;
      let value = 1;
      asked.onsuccess = () => {
        value = (asked.result?.value ?? 0) + 1;
        objects.put({ key: counter, value });
      };
      transaction.oncomplete = () => resolve(value);
      transaction.onerror = () => reject(transaction.error ?? new Error("IndexedDB refused"));
    });
  },
};
