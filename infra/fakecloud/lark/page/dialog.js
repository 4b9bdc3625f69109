// Toasts and the question that comes before something serious.

import { el } from "./markdown.js";
import { $, say } from "./state.js";

export function toast(type, text) {
  const marks = { success: "✓", error: "✕", warning: "!", info: "i" };
  const node = el("div", { class: "toast toast-" + (marks[type] ? type : "info"), "data-testid": "toast", "data-type": type }, el("span", { class: "toast-mark", "aria-hidden": "true" }, marks[type] || "i"), el("span", {}, text));
  $("toasts").append(node);
  setTimeout(() => node.remove(), 8000);
}

// ask opens the confirmation; it resolves to whether the person said yes.
export function ask(title, text, yes, from, extra) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-extra").replaceChildren(...(extra ? [extra] : []));
  $("ask-no").textContent = say("cancel");
  $("ask-yes").textContent = yes || say("confirm");
  $("ask-yes").className = `btn btn-medium ${from?.className.includes("danger") ? "btn-danger_filled" : "btn-primary_filled"}`;
  dialog.showModal();
  $("ask-no").focus();
  return new Promise((resolve) => {
    const end = (said) => {
      dialog.close();
      $("ask-yes").onclick = $("ask-no").onclick = dialog.oncancel = null;
      from?.focus?.();
      resolve(said);
    };
    $("ask-yes").onclick = () => end(true);
    $("ask-no").onclick = () => end(false);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(false);
    };
  });
}
