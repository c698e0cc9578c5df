// Handovers, duty checks and the duty log: the acts under each, and the forms.
import { listen, post, postOnce, refresher, serverNow, toast } from "./live.js";
import { prepare, ring } from "./sound.js";

let isUnsaid = false; // a reason that was not taken stays in its field
const redraw = refresher(left);
let isActing = false; // what an act is about to draw anew is not offered meanwhile: a second tap would be lost with it
const refresh = async () => { if (!isActing) await redraw(); };

/** How long a duty check may still be answered; by the server's clock. */
function left() {
  for (const each of document.querySelectorAll("time.left")) {
    const seconds = Math.max(0, Math.ceil((Date.parse(each.dataset.until) - serverNow()) / 1000));
    each.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

async function send(path, body) {
  try {
    const answer = await (path === "/mp/v1/duty-log" ? postOnce : post)(path, body); // of all else there is one at a time
    toast(answer.sentence);
    return answer;
  } catch (error) {
    toast(error.message, "bad");
    return null;
  }
}

function askWhy(title) {
  const dialog = document.getElementById("duty-why"), text = document.getElementById("duty-why-text");
  document.getElementById("duty-why-title").textContent = title;
  if (!isUnsaid) text.value = "";
  isUnsaid = false;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.onclose = () => answer(dialog.returnValue === "yes" ? { why: text.value } : null);
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-duty-act]");
  if (!button) return;
  const place = button.closest("[data-handover], [data-check]");
  const path = place.dataset.handover ? `/mp/v1/handovers/${place.dataset.handover}` : `/mp/v1/duty-checks/${place.dataset.check}`;
  let body;
  if (button.dataset.why) body = await askWhy(button.textContent);
  else if (button.dataset.dutyAct === "taking") body = { sha256: place.dataset.sha256 };
  if (body === null) return;
  isActing = true;
  if (button.dataset.dutyAct === "signature" && !await notesAreSaved()) { isActing = false; return; }
  const answer = await send(`${path}/${button.dataset.dutyAct}`, body);
  isUnsaid = !answer && Boolean(button.dataset.why);
  // signing and amending show or hide the form for notes, which is outside what is drawn again
  if (answer && ["signature", "amendment", "cancellation"].includes(button.dataset.dutyAct)) location.reload();
  else {
    isActing = false;
    await refresh();
  }
});

/** What was written and not saved yet is signed too: saves it first; false when that failed. */
async function notesAreSaved() {
  const form = document.querySelector("[data-duty-form$='/notes']");
  if (!form) return true;
  const notes = form.querySelector("[name=notes]"), whom = form.querySelector("[name=incoming]");
  const isNew = notes.value !== notes.defaultValue || [...whom.options].some((each) => each.selected !== each.defaultSelected && each.value);
  return !isNew || Boolean(await send(`/mp/v1/${form.dataset.dutyForm}`, bodyOf(form)));
}

function bodyOf(form) {
  const body = Object.fromEntries(new FormData(form));
  if ("minutes" in body) body.minutes = Number(body.minutes);
  for (const name of ["unit", "incoming"]) if (body[name] === "") body[name] = null;
  return body;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-duty-form]");
  if (!form) return;
  event.preventDefault();
  const body = bodyOf(form), button = form.querySelector("[type=submit]");
  if (button.disabled) return; // a second tap is no second line
  button.disabled = true;
  document.activeElement?.blur();
  const answer = await send(`/mp/v1/${form.dataset.dutyForm}`, body);
  button.disabled = false;
  if (!answer) return;
  if (form.dataset.then) { location.assign(`${form.dataset.then}/${answer.id}`); return; }
  if (!("keep" in form.dataset)) form.reset();
  await refresh();
});

left();
setInterval(left, 1000);
prepare();
listen({
  onItem(item) {
    if (item.is_new && item.card.is_active) {
      ring(item.card.severity);
      toast(`${item.card.headline} ${item.card.where}`, "bad");
    }
    refresh();
  },
  onChange: refresh,
});
