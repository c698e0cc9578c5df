// Which complaint handler is there for which kinds: one form a handler.
import { headers, listen, toast, words } from "./live.js";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-duties]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  const kinds = [...form.querySelectorAll("[name=kinds]:checked")].map((each) => each.value);
  button.disabled = true;
  try {
    const path = `/mp/v1/complaints/handlers/${form.dataset.duties}/kinds`;
    const answer = await fetch(path, { method: "POST", headers: headers(), body: JSON.stringify({ kinds }) });
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) {
      toast(button.dataset.done);
      form.querySelector("[data-all]").hidden = kinds.length > 0;
    } else toast(told.detail || words.not_sent, "bad");
  } catch {
    toast(words.not_sent, "bad");
  }
  button.disabled = false;
});
listen({ onItem() {}, onChange() {} });
