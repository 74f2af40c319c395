import { ref, shallowRef, type Ref, type ShallowRef } from "vue";

import { fileArgument, MAX_FILE_BYTES, type FileArgument } from "./fileArgument";

export interface FileChoice {
  file: ShallowRef<FileArgument | null>;
  tooLarge: Ref<boolean>;
  choose: (event: Event) => Promise<void>;
}

/** A file input's choice: what was seen of an earlier file is forgotten, then the new one is looked at. */
export function useFileChoice(forget: () => void, look: (chosen: FileArgument) => Promise<unknown>): FileChoice {
  const file = shallowRef<FileArgument | null>(null);
  const tooLarge = ref(false);

  async function choose(event: Event): Promise<void> {
    const input = event.target as HTMLInputElement;
    const chosen = input.files?.[0];
    if (!chosen) return;
    forget();
    tooLarge.value = chosen.size > MAX_FILE_BYTES;
    if (!tooLarge.value) {
      file.value = await fileArgument(chosen);
      await look(file.value);
    }
    // The same file, mended, can be chosen again.
    input.value = "";
  }

  return { file, tooLarge, choose };
}
