import { nextTick } from "vue";

const TOAST_MS = 2600;

let holder: HTMLElement | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** A short word at the top of the page, also told to screen readers. */
export function toast(message: string): void {
  if (!holder) {
    holder = document.createElement("div");
    holder.className = "toast";
    holder.setAttribute("role", "status");
    document.body.append(holder);
  }
  holder.textContent = message;
  clearTimeout(timer);
  timer = setTimeout(() => holder?.replaceChildren(), TOAST_MS);
}

/** Asks before an act that cannot be undone. */
export async function confirmed(title: string, message: string, yes: string, no: string): Promise<boolean> {
  const [{ showConfirmDialog }] = await Promise.all([
    import("vant/es/dialog"),
    import("vant/es/dialog/style/index.mjs"),
  ]);
  try {
    const answered = showConfirmDialog({
      title,
      message,
      confirmButtonText: yes,
      cancelButtonText: no,
      className: "dialog-text",
      confirmButtonColor: "#14603a",
    });
    await nextTick();
    // Vant points "labelledby" at the title's words instead of at an element.
    for (const dialog of document.querySelectorAll(".dialog-text[role=dialog]")) {
      dialog.removeAttribute("aria-labelledby");
      dialog.setAttribute("aria-label", title);
    }
    await answered;
    return true;
  } catch (answer) {
    if (answer === "cancel") return false;
    throw answer;
  }
}
