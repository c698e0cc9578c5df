// Masks, drills and tests: the acts under each, and the forms that ask for them. Works wherever they are drawn.
import { post, postOnce, serverNow, toast } from "./live.js";

const NUMBERS = ["lasts_minutes", "starts_in_minutes"];

/** What a form asks for, as the server takes it. */
function bodyOf(form) {
  const given = new FormData(form);
  const body = Object.fromEntries(given);
  body.scope = JSON.parse(body.scope);
  for (const name of NUMBERS) if (name in body) body[name] = Number(body[name]);
  if ("until_repaired" in body) body.until_repaired = true;
  if (given.has("people")) body.people = given.getAll("people");
  return body;
}

let kept = ""; // the words of which act are still in the form: it was refused, or not sent

function askWhy(button, path) {
  const dialog = document.getElementById("mask-why"), text = document.getElementById("mask-why-text");
  document.getElementById("mask-why-title").textContent = button.textContent;
  if (kept !== path) text.value = "";
  kept = path;
  text.required = button.dataset.why === "must";
  const lasts = document.getElementById("mask-why-lasts");
  lasts.hidden = button.dataset.maskAct !== "extension";
  const said = () => (lasts.hidden ? { why: text.value } : { reason: text.value, lasts_minutes: Number(lasts.querySelector("select").value) });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.onclose = () => answer(dialog.returnValue === "yes" ? said() : null);
  });
}

/** How long each mask still lasts; by the server's clock. */
function left() {
  for (const each of document.querySelectorAll("time.left")) {
    const minutes = Math.max(0, Math.ceil((Date.parse(each.dataset.until) - serverNow()) / 60000));
    each.textContent = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  }
}

export function masking(refresh) {
  async function send(path, body, isOnce = false) {
    try {
      toast((await (isOnce ? postOnce : post)(path, body)).sentence);
      return true;
    } catch (error) {
      toast(error.message, "bad");
      return false;
    } finally {
      await refresh();
      left();
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-mask-act]");
    if (!button) return;
    const place = button.closest("[data-mask], [data-window]");
    const one = place.dataset.mask ? `/mp/v1/masks/${place.dataset.mask}` : `/mp/v1/windows/${place.dataset.window}`;
    const path = `${one}/${button.dataset.maskAct}`;
    const said = button.dataset.why ? await askWhy(button, path) : undefined;
    if (said !== null && await send(path, said, button.dataset.maskAct === "extension")) kept = "";
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-mask-form]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return; // a second tap is no second mask
    button.disabled = true;
    if (await send(`/mp/v1/${form.dataset.maskForm}`, bodyOf(form), true)) form.reset();
    button.disabled = false;
  });
  left();
  setInterval(left, 10000);
}
