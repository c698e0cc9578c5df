// The deadline ledger's page: the quality lead's notes, and what comes meanwhile.
import { listen, post, refresher, tick, toast } from "./live.js";
import { prepare } from "./sound.js";

const AGAIN_MS = 15000; // the figures are many rows' work: not at each hint of a storm
const refresh = refresher(tick);

document.addEventListener("submit", async (event) => {
  const form = event.target.closest(".breach-note");
  if (!form) return;
  event.preventDefault();
  document.activeElement?.blur();
  const to = `/desk/breaches/${form.closest("[data-breach]").dataset.breach}/notes`;
  try {
    toast((await post(to, Object.fromEntries(new FormData(form)))).sentence);
    form.reset();
  } catch (error) {
    toast(error.message, "bad");
  }
  await refresh();
});

prepare();
setInterval(() => { if (!document.hidden) refresh(); }, AGAIN_MS);
listen({ onItem() {}, onChange() {} });
