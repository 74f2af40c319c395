/** What a request may carry (256 KB), less a third for base64. */
export const MAX_FILE_BYTES = 180 * 1024;

/** A file as GraphQL takes it: its name, and its bytes as base64. */
export interface FileArgument {
  fileName: string;
  file: string;
}

export async function fileArgument(chosen: File): Promise<FileArgument> {
  return { fileName: chosen.name.slice(-120), file: base64(await chosen.arrayBuffer()) };
}

/** In pieces, since an argument list has an end. */
function base64(bytes: ArrayBuffer): string {
  const view = new Uint8Array(bytes);
  let binary = "";
  for (let at = 0; at < view.length; at += 0x8000) {
    binary += String.fromCharCode(...view.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}
