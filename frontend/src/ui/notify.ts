/** A short word at the foot of the page. Loaded when first needed: the first page does without it. */
export async function toast(message: string): Promise<void> {
  const [{ showToast }] = await Promise.all([import("vant/es/toast"), import("vant/es/toast/style/index.mjs")]);
  showToast({ message, position: "bottom", duration: 2600 });
}

/** Asks before an act that cannot be undone. */
export async function confirmed(title: string, message: string, yes: string, no: string): Promise<boolean> {
  const [{ showConfirmDialog }] = await Promise.all([
    import("vant/es/dialog"),
    import("vant/es/dialog/style/index.mjs"),
  ]);
  try {
    await showConfirmDialog({
      title,
      message,
      confirmButtonText: yes,
      cancelButtonText: no,
      className: "dialog-text",
      confirmButtonColor: "#14603a",
    });
    return true;
  } catch (answer) {
    if (answer === "cancel") return false;
    throw answer;
  }
}
