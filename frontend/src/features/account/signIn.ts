import {
  MeDocument,
  RequestSignInCodeDocument,
  SignInDocument,
  SignInWithPinDocument,
  SignOutDocument,
  type PersonPartsFragment,
} from "@/gql/account";
import { command, request } from "@/lib/client";
import { NetworkError, ServerFault } from "@/lib/errors";
import { endSession, startSession, token } from "@/lib/session";

function begin(payload: { token: string | null; me: PersonPartsFragment | null }): void {
  if (!payload.token || !payload.me) throw new ServerFault("sign-in without a token");
  startSession({ token: payload.token, person: payload.me });
}

export async function requestCode(phone: string): Promise<void> {
  await command(RequestSignInCodeDocument, { phone });
}

export async function signInWithCode(phone: string, code: string): Promise<void> {
  begin(await command(SignInDocument, { phone, code }));
}

export async function signInWithPin(phone: string, pin: string): Promise<void> {
  begin(await command(SignInWithPinDocument, { phone, pin }));
}

/** Reads the person's roles again: they may have been given or taken since the sign-in. */
export async function refreshPerson(): Promise<void> {
  const { me } = await request(MeDocument, {});
  if (me && token.value) startSession({ token: token.value, person: me });
}

/** Signs out here even without a network; the server's token then ends by its age. */
export async function signOut(): Promise<void> {
  try {
    await command(SignOutDocument, {});
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  } finally {
    endSession();
  }
}
