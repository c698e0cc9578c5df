// What the facilities say: live, and narrowed down by what somebody types. The filter only hides; it asks nobody.
import { listen, refresher, toast } from "./live.js";
import { prepare, ring } from "./sound.js";

const AGAIN_MS = 10000; // values come without word of a change
const WELL = ["well", "silent", "stale"];
const find = document.getElementById("find");
let only = "";

function fits(item, wanted) {
  const tone = item.dataset.tone ?? "well";
  if (only === "trouble" && (WELL.includes(tone) && tone !== "stale")) return false;
  if (only === "silent" && tone !== "silent") return false;
  const within = item.parentElement.closest("[data-within]");
  const text = `${item.textContent} ${within?.querySelector("h2, h3")?.textContent ?? ""}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

function narrow() {
  if (!find) return; // a page that only lists: nothing to narrow down
  const wanted = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const items = [...document.querySelectorAll("[data-part='facilities'] [data-find], [data-part='systems'] [data-find]")];
  for (const item of items) item.hidden = !fits(item, wanted);
  for (const within of [...document.querySelectorAll("[data-within]")].reverse()) {
    within.hidden = Boolean(wanted.length || only) && !within.querySelector("[data-find]:not([hidden])");
  }
  document.getElementById("nothing-found").hidden = !items.length || items.some((item) => !item.hidden);
}

const refresh = refresher(narrow);
find?.addEventListener("input", narrow);
for (const button of document.querySelectorAll("[data-only]")) {
  button.addEventListener("click", () => {
    only = button.dataset.only;
    for (const each of document.querySelectorAll("[data-only]")) each.setAttribute("aria-pressed", String(each === button));
    narrow();
  });
}
setInterval(() => { if (!document.hidden) refresh(); }, AGAIN_MS);
prepare();
narrow();
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
