// The phone page: list and alarm card.
import { intend } from "./hold.js";
import { listen, post, refresher, tick, toast } from "./live.js";
import { prepare, ring } from "./sound.js";

const alarm = document.body.dataset.alarm;
const refresh = refresher(() => { tick(); arm(); });

async function answer(button, path, body) {
  button.disabled = true;
  try {
    toast((await post(path, body)).sentence);
  } catch (error) {
    toast(error.message, "bad");
  }
  button.disabled = false;
  refresh();
}

function judge(button, verdict) {
  const path = `/mp/v1/alarms/${alarm}/verdict`;
  if (verdict === "real") { answer(button, path, { verdict }); return; }
  const note = document.getElementById("note"), text = document.getElementById("note-text");
  document.getElementById("note-title").textContent = button.firstElementChild.textContent;
  text.value = "";
  note.onclose = () => { if (note.returnValue === "yes") answer(button, path, { verdict, note: text.value }); };
  note.returnValue = "";
  note.showModal();
}

const ACTS = {
  acknowledge: (button) => answer(button, `/mp/v1/alarms/${alarm}/acknowledgement`),
  verdict: (button) => judge(button, button.dataset.verdict),
};

/** Gives each new button its act; a part that was put in again has new ones. */
function arm() {
  for (const button of document.querySelectorAll(".answers [data-does]:not([data-armed])")) {
    button.dataset.armed = "yes";
    const act = () => ACTS[button.dataset.does](button);
    if (button.dataset.hold) intend(button, act);
    else button.addEventListener("click", act);
  }
}

for (const reason of document.querySelectorAll("[data-reason]")) {
  reason.addEventListener("click", () => {
    const text = document.getElementById("note-text");
    text.value = [text.value, reason.dataset.reason].filter(Boolean).join("，");
  });
}

// Receipts: this phone shows these cards now (t6). Sent together, and again after a lost link.
const shown = new Set(JSON.parse(document.body.dataset.unstamped || "[]"));
let stamping;
function stamp() {
  clearTimeout(stamping);
  if (!shown.size) return;
  stamping = setTimeout(async () => {
    const attempts = [...shown].slice(0, 500);
    try {
      await post("/mp/v1/inbox/received", { attempts });
      attempts.forEach((each) => shown.delete(each));
    } catch { stamping = setTimeout(stamp, 5000); }
  }, 100);
}

prepare();
arm();
stamp();
listen({
  onItem(item) {
    if (item.is_new) {
      shown.add(item.attempt);
      stamp();
      if (item.card.is_active) ring(item.card.severity);
    }
    refresh();
  },
  onChange() { stamp(); refresh(); },
});
