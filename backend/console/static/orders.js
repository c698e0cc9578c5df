// Work orders: the list with its form, and one order with the acts its reader may do now.
import { freshKey, listen, post, refresher, tick, toast } from "./live.js";
import { deliver, flush, watch } from "./outbox.js";
import { prepare, ring } from "./sound.js";

const WHERE_MS = 5000;
const MOST_OCTETS = 9500000, LONGEST_SIDE = 3000; // a camera's largest pictures are more than the house takes
const AT_ONCE = ["expect_test"]; // what can't be meant for later
let kept = null; // the words of which act are still in the form: it was refused
const refresh = refresher(tick);

/** The server's answer; null when it waits to be sent, or was refused: then what was written is still in the form. */
async function send(item) {
  try {
    const told = await deliver(item);
    if (told) toast(told.sentence);
    kept = null;
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
  const asked = button.dataset.orderAct || button.dataset.orderMore;
  if (kept !== asked) reason.value = note.value = part.value = "";
  kept = asked;
  reason.required = asks.includes("reason");
  note.required = button.dataset.orderMore === "notes";
  const label = dialog.querySelector("label[for=order-note]");
  label.textContent = note.required ? label.dataset.notes : label.dataset.act;
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

/** A picture that is larger than the house takes, drawn smaller; anything else as it is, and the house says why not. */
async function fitting(file) {
  if (file.size <= MOST_OCTETS || !file.type.startsWith("image/")) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const drawn = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.85); });
    return drawn ?? file;
  } catch { return file; }
}

async function upload(id, input) {
  const file = input.files[0], label = input.closest("label").textContent.trim();
  const { title } = input.closest("[data-order]").dataset;
  const path = `/mp/v1/work-orders/${id}/evidence?key=${freshKey()}`;
  await send({ path, file: await fitting(file), name: file.name, order: id, title, label, text: file.name });
  input.value = "";
  refresh();
}

/** What a person reads of something that waits. */
const said_of = (said) => said.reason || said.note || said.parts?.map((each) => `${each.name} × ${each.quantity}`).join("、") || "";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-order-act], [data-order-more]");
  if (!button) return;
  const { order: id, title } = button.closest("[data-order]").dataset, label = button.textContent;
  const said = await ask(button);
  if (said === null) return;
  button.disabled = true;
  const about = { order: id, title, label, text: said_of(said) };
  const act = button.dataset.orderAct;
  if (!act) {
    await send({ ...about, path: `/mp/v1/work-orders/${id}/${button.dataset.orderMore}`, body: { key: freshKey(), ...said } });
  } else if (AT_ONCE.includes(act)) {
    await post(`/mp/v1/work-orders/${id}/acts`, { act }).then((told) => toast(told.sentence), (error) => toast(error.message, "bad"));
  } else {
    const where = button.dataset.asks.includes("where") ? await whereabouts() : undefined;
    await send({ ...about, path: `/mp/v1/work-orders/${id}/acts`, body: { key: freshKey(), act, ...said, ...(where && { where }) } });
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
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const told = await post("/mp/v1/work-orders", Object.fromEntries(new FormData(form)));
    toast(told.sentence);
    location.assign(`${form.dataset.here}/${told.id}`);
  } catch (error) {
    toast(error.message, "bad");
    button.disabled = false;
  }
});
prepare();
watch(refresh);
listen({
  onItem(item) {
    if (item.is_new && item.card.is_active && !item.card.about) ring(item.card.severity);
    if (item.is_new) toast(`${item.card.headline} ${item.card.where}`);
    refresh();
  },
  onChange() { flush(); refresh(); },
});
