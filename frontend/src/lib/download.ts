import { NetworkError, RefusedError, ServerFault, type UserError } from "./errors";
import { i18n } from "./i18n";
import { noteRequest, simulateOffline } from "./network";
import { token } from "./session";

/** Fetches a file that only its owner may read and hands it to the browser to keep. */
export async function download(path: string, name: string): Promise<void> {
  save(await fetchFile(path), name);
}

/** A picture that only some may see, as an address that this page can show. The caller revokes it. */
export async function pictureAddress(path: string): Promise<string> {
  return URL.createObjectURL(await fetchFile(path));
}

async function fetchFile(path: string): Promise<Blob> {
  if (simulateOffline.value) throw new NetworkError("offline");
  let response: Response;
  try {
    response = await fetch(path, {
      headers: { Authorization: `Bearer ${token.value ?? ""}`, "Accept-Language": i18n.global.locale.value },
    });
  } catch (error) {
    noteRequest("lost");
    throw new NetworkError(String(error));
  }
  noteRequest("answered");
  if (response.status >= 500) throw new ServerFault(`HTTP ${response.status}`);
  if (!response.ok) throw new RefusedError(((await response.json()) as { errors?: UserError[] }).errors ?? []);
  return response.blob();
}

/** Hands content to the browser to keep under a name. */
export function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads the address after the click has returned.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
