// The phone page: list and alarm card.
import { answering } from "./answering.js";
import { listen, post, refresher, tick, toast, words } from "./live.js";
import { linking } from "./linking.js";
import { masking } from "./masking.js";
import { flush, waiting, watch } from "./outbox.js";
import { prepare, ring } from "./sound.js";

const refresh = refresher(() => { tick(); arm(); });
const arm = answering(refresh);

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

// What this phone still has to send is sent by nobody else: who signs out is told.
document.querySelector("form.leave")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (!await waiting() || confirm(words.leaves_waiting)) form.submit();
});

linking();
masking(refresh);
prepare();
arm();
stamp();
watch(refresh);
listen({
  onItem(item) {
    if (item.is_new) {
      shown.add(item.attempt);
      stamp();
      if (item.card.is_active) ring(item.card.severity);
      if (item.card.about) toast(`${item.card.headline} ${item.card.where}`); // a mask or a drill: no line of the list
    }
    refresh();
  },
  onChange() { stamp(); flush(); refresh(); },
});
