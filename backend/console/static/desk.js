// The duty desk: acknowledge and judge from the queue, adopt unidentified devices.
import { answering } from "./answering.js";
import { listen, post, refresher, tick, toast } from "./live.js";
import { prepare, ring } from "./sound.js";

const RINGING = '.desk-line[data-state="new"]:not([data-inside])'; // what is masked or drilled rings here no bell
const refresh = refresher(() => { tick(); arm(); });
const arm = answering(refresh);
const heard = new Set(ids());

function ids() {
  return [...document.querySelectorAll(RINGING)].map((line) => line.dataset.alarm);
}

async function act(form, path) {
  try {
    const told = await post(path, Object.fromEntries(new FormData(form)));
    if (told.sentence) toast(told.sentence);
  } catch (error) {
    toast(error.message, "bad");
    return;
  }
  form.reset();
  await refresh();
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest(".stranger");
  if (!form) return;
  event.preventDefault();
  document.activeElement?.blur();
  act(form, `/desk/devices/${form.dataset.device}/adoption`);
});

/** Rings once for each alarm that is new on this desk, by its class. */
function ringNew() {
  for (const line of document.querySelectorAll(RINGING)) {
    if (heard.has(line.dataset.alarm)) continue;
    heard.add(line.dataset.alarm);
    ring(line.dataset.severity);
  }
}

prepare();
arm();
listen({
  onItem: () => refresh().then(ringNew),
  onChange: () => refresh().then(ringNew),
});
