// Work orders: the list with its form, and one order with the acts its reader may do now.
import { headers, listen, post, refresher, tick, toast, words } from "./live.js";
import { prepare, ring } from "./sound.js";

const WHERE_MS = 5000;
const refresh = refresher(tick);

async function send(path, body) {
  try {
    const told = await post(path, body);
    toast(told.sentence);
    return told;
  } catch (error) {
    toast(error.message, "bad");
    return null;
  }
}

/** Where this phone is, or nothing: a position is evidence and never holds anybody up. */
function whereabouts() {
  return new Promise((answer) => {
    if (!navigator.geolocation) { answer(undefined); return; }
    const at = ({ coords }) => answer({ latitude: coords.latitude, longitude: coords.longitude, accuracy_m: coords.accuracy });
    navigator.geolocation.getCurrentPosition(at, () => answer(undefined), { enableHighAccuracy: true, timeout: WHERE_MS });
  });
}

/** Asks for what an act requires; null: the person went back. */
function ask(button) {
  const asks = button.dataset.asks.split(" ").filter((each) => each && each !== "where");
  if (!asks.length) return Promise.resolve({});
  const dialog = document.getElementById("order-ask");
  document.getElementById("order-ask-title").textContent = button.textContent;
  for (const each of dialog.querySelectorAll("[data-ask]")) each.hidden = !asks.includes(each.dataset.ask);
  const reason = document.getElementById("order-reason"), note = document.getElementById("order-note");
  const part = document.getElementById("order-part");
  reason.value = note.value = part.value = "";
  reason.required = asks.includes("reason");
  note.required = button.dataset.orderMore === "notes";
  part.required = asks.includes("parts");
  for (const each of dialog.querySelectorAll("[name=to]")) each.checked = false;
  const said = () => ({
    ...(asks.includes("reason") && { reason: reason.value }),
    ...(asks.includes("note") && { note: note.value }),
    ...(asks.includes("wait") && { wait_reason: document.getElementById("order-wait").value }),
    ...(asks.includes("to") && { to: [...dialog.querySelectorAll("[name=to]:checked")].map((each) => each.value) }),
    ...(asks.includes("parts") && { parts: [{ name: part.value, quantity: Number(document.getElementById("order-part-n").value) }] }),
  });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => { dialog.onclose = () => answer(dialog.returnValue === "yes" ? said() : null); });
}

async function upload(id, input) {
  const form = new FormData();
  form.append("data", input.files[0]);
  input.value = "";
  try {
    const answer = await fetch(`/mp/v1/work-orders/${id}/evidence`, { method: "POST", headers: { "X-Fenghuo": headers()["X-Fenghuo"] }, body: form });
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) toast(told.sentence);
    else toast(told.detail || words.not_sent, "bad");
  } catch {
    toast(words.not_sent, "bad");
  }
  refresh();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-order-act], [data-order-more]");
  if (!button) return;
  const id = button.closest("[data-order]").dataset.order;
  const said = await ask(button);
  if (said === null) return;
  button.disabled = true;
  if (button.dataset.orderMore) {
    await send(`/mp/v1/work-orders/${id}/${button.dataset.orderMore}`, said);
  } else {
    const where = button.dataset.asks.includes("where") ? await whereabouts() : undefined;
    await send(`/mp/v1/work-orders/${id}/acts`, { act: button.dataset.orderAct, ...said, ...(where && { where }) });
  }
  button.disabled = false;
  refresh();
});
document.addEventListener("change", (event) => {
  const input = event.target.closest("[data-order-file]");
  if (input && input.files.length) upload(input.closest("[data-order]").dataset.order, input);
});
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-order-form]");
  if (!form) return;
  event.preventDefault();
  const told = await send("/mp/v1/work-orders", Object.fromEntries(new FormData(form)));
  if (told) location.assign(`${form.dataset.here}/${told.id}`);
});
prepare();
listen({
  onItem(item) {
    if (item.is_new && item.card.is_active && !item.card.about) ring(item.card.severity);
    if (item.is_new) toast(`${item.card.headline} ${item.card.where}`);
    refresh();
  },
  onChange: refresh,
});
