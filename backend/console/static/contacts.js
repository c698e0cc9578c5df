// Contacts: the button that sends a test card by the real way; those that let a chat account or a group go, by a
// second tap.
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

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-unlink-chat], [data-unbind-group]");
  if (!button) return;
  if (!button.dataset.armed) {
    button.dataset.armed = "yes";
    button.textContent = button.dataset.sure;
    return;
  }
  const { unlinkChat, unbindGroup } = button.dataset;
  button.disabled = true;
  try {
    toast((await post(unlinkChat ? `/m/chats/${unlinkChat}/unlink` : `/m/groups/${unbindGroup}/unbind`)).sentence);
    button.closest("li").remove();
  } catch (error) {
    toast(error.message, "bad");
    button.disabled = false;
  }
});
