import { BUSINESS_TIME_HEADER, noteBusinessTime } from "./clock";
import { NetworkError, RefusedError, ServerFault, type UserError } from "./errors";
import { noteRequest, simulateOffline } from "./network";
import { endSession, token } from "./session";

/** The text of one operation; the types of its answer and variables travel with it at compile time only. */
export type Document<Result, Variables> = string & { readonly __types?: (variables: Variables) => Result };

interface Answer<Result> {
  data?: Result | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

const TIMEOUT_MS = 20_000;

let language = "zh-hans";

export function setRequestLanguage(next: string): void {
  language = next;
}

async function send(body: string): Promise<Response> {
  if (simulateOffline.value) throw new NetworkError("offline");
  const headers: Record<string, string> = { "Content-Type": "application/json", "Accept-Language": language };
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    return await fetch("/graphql", { method: "POST", headers, body, signal: abort.signal });
  } catch (error) {
    noteRequest("lost");
    throw new NetworkError(String(error));
  } finally {
    clearTimeout(timer);
  }
}

async function parse<Result>(response: Response): Promise<Answer<Result>> {
  try {
    return (await response.json()) as Answer<Result>;
  } catch (error) {
    throw new ServerFault(`HTTP ${response.status}: ${String(error)}`);
  }
}

function refuse(errors: readonly UserError[]): never {
  const refused = new RefusedError(errors);
  if (refused.has("unauthenticated")) endSession();
  throw refused;
}

/** A token that the server no longer knows must not shut the public pages: a query is asked once more without it. */
async function answered<Result>(body: string, retry: boolean): Promise<Answer<Result>> {
  const response = await send(body);
  // A gateway that finds no server behind it is the same to the person as no network.
  if (response.status === 502 || response.status === 503 || response.status === 504) {
    noteRequest("lost");
    throw new NetworkError(`HTTP ${response.status}`);
  }
  noteRequest("answered");
  noteBusinessTime(response.headers.get(BUSINESS_TIME_HEADER));
  if (response.status === 401 && token.value) {
    endSession();
    if (retry) return answered(body, false);
  }
  return parse<Result>(response);
}

/**
 * Sends one operation and returns its data.
 * Throws NetworkError (may be tried again), RefusedError (typed reasons) or ServerFault.
 */
export async function request<Result, Variables>(
  document: Document<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const body = JSON.stringify({ query: document, variables });
  const answer = await answered<Result>(body, document.startsWith("query"));
  if (answer.errors?.length) {
    const typed = answer.errors.filter((error) => error.extensions?.code);
    if (typed.length) {
      refuse(typed.map((error) => ({ code: error.extensions?.code ?? "", field: null, message: error.message })));
    }
    throw new ServerFault(answer.errors.map((error) => error.message).join("; "));
  }
  if (!answer.data) throw new ServerFault("an answer without data");
  return answer.data;
}

/** Asks whether the server can be reached again; whoever waits for the network hears of it. */
export async function probe(): Promise<void> {
  try {
    await request("query Probe{__typename}" as Document<{ __typename: string }, Record<string, never>>, {});
  } catch (error) {
    if (!(error instanceof NetworkError)) console.warn("the server answers, but not well", error);
  }
}

type PayloadOf<Result> = NonNullable<Result[keyof Result]>;

/** Sends a mutation with one root field and returns its payload; its typed errors become a RefusedError. */
export async function command<Result extends object, Variables>(
  document: Document<Result, Variables>,
  variables: Variables,
): Promise<PayloadOf<Result>> {
  const data = await request(document, variables);
  const payload = Object.values(data)[0] as (PayloadOf<Result> & { errors?: UserError[] }) | null;
  if (!payload) throw new ServerFault("mutation without payload");
  if (payload.errors?.length) refuse(payload.errors);
  return payload;
}
