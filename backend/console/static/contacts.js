// Contacts: the button that sends a test card by the real way.
import { post, toast } from "./live.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-try-contact]");
  if (!button) return;
  button.disabled = true;
  try {
    toast((await post(`/m/contacts/${button.dataset.tryContact}/test`)).sentence);
  } catch (error) {
    toast(error.message, "bad");
  }
  button.disabled = false;
});
