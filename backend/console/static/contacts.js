// Contacts: the button that sends a test card by the real way; those that let a chat account or a group go, by a
// second tap.
import { post, refresher, toast } from "./live.js";

const ARMED_MS = 4000;
const refresh = refresher();

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
    const said = button.textContent;
    button.dataset.armed = "yes";
    button.textContent = button.dataset.sure;
    setTimeout(() => { delete button.dataset.armed; button.textContent = said; }, ARMED_MS); // a tap of long ago is none
    return;
  }
  const { unlinkChat, unbindGroup } = button.dataset;
  button.disabled = true;
  try {
    toast((await post(unlinkChat ? `/m/chats/${unlinkChat}/unlink` : `/m/groups/${unbindGroup}/unbind`)).sentence);
    await refresh(); // it is no way of this person's any more either
  } catch (error) {
    toast(error.message, "bad");
    button.disabled = false;
  }
});
