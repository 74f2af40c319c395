/*
 * Error
 * ├── NetworkError   nothing reached the server, or no answer came back: may be tried again
 * ├── RefusedError   the server understood and said no, with typed reasons
 * └── ServerFault    the server failed, or the request itself is malformed
 */
export interface UserError {
  code: string;
  field: string | null;
  message: string;
}

export class NetworkError extends Error {
  override name = "NetworkError";
}

export class RefusedError extends Error {
  override name = "RefusedError";

  constructor(readonly errors: readonly UserError[]) {
    super(errors.map((error) => error.message).join(" "));
  }

  has(code: string): boolean {
    return this.errors.some((error) => error.code === code);
  }
}

export class ServerFault extends Error {
  override name = "ServerFault";
}

/** The message for one argument, so that a form can show it beside its field. */
export function fieldMessage(error: unknown, field: string): string | undefined {
  if (!(error instanceof RefusedError)) return undefined;
  const found = error.errors.find(
    (one) => one.field === field || one.field?.startsWith(`${field}.`) || one.field?.startsWith(`${field}[`),
  );
  return found?.message;
}

/** What a person is told. The server's own words are already in the language asked for. */
export function describeError(error: unknown, translate: (key: string) => string): string {
  if (error instanceof RefusedError && error.message) return error.message;
  if (error instanceof NetworkError) return translate("error.network");
  return translate("error.server");
}
