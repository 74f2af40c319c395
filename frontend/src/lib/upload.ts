import { NetworkError, RefusedError, ServerFault, type UserError } from "./errors";
import { noteRequest, simulateOffline } from "./network";
import { token } from "./session";

/** Sends a picture and returns the id that a later command names. Needs the network. */
export async function uploadPicture(picture: Blob, purpose: string): Promise<string> {
  if (simulateOffline.value) throw new NetworkError("offline");
  const body = new FormData();
  body.append("file", picture, "picture");
  body.append("purpose", purpose);
  let response: Response;
  try {
    response = await fetch("/files", {
      method: "POST",
      headers: { Authorization: `Bearer ${token.value ?? ""}` },
      body,
    });
  } catch (error) {
    noteRequest("lost");
    throw new NetworkError(String(error));
  }
  noteRequest("answered");
  if (response.status >= 500) throw new ServerFault(`HTTP ${response.status}`);
  const answer = (await response.json()) as { id?: string; errors?: UserError[] };
  if (answer.id) return answer.id;
  throw new RefusedError(answer.errors ?? []);
}
