// What this phone could not send waits here, in order, and goes when there is a network again (待发送).
// The rules: it is its person's alone; a piece has a key, so that sending it twice does it once; a refusal is shown with
// what was written, and is let go by its person only.
import { headers, toast, words } from "./live.js";

const AGAIN_MS = 15000;
const DATABASE = "fenghuo-outbox", WAITING = "waiting";
const me = document.body.dataset.me;
let running = false, opened, afterwards = () => {};

/** A random UUID; `crypto.randomUUID` is not there on a house's own network without TLS. */
export function freshKey() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[6] = (octets[6] & 0x0f) | 0x40;
  octets[8] = (octets[8] & 0x3f) | 0x80;
  const hex = [...octets].map((each) => each.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const asked = (request) => new Promise((answer, refuse) => {
  request.onsuccess = () => answer(request.result);
  request.onerror = () => refuse(request.error);
});

function store(mode) {
  opened ??= new Promise((answer, refuse) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(WAITING, { keyPath: "n", autoIncrement: true });
    request.onsuccess = () => answer(request.result);
    request.onerror = () => refuse(request.error);
  });
  return opened.then((database) => database.transaction(WAITING, mode).objectStore(WAITING));
}

const all = async () => (await asked((await store("readonly")).getAll())).filter((each) => each.me === me);
const keep = async (item) => asked((await store("readwrite")).put(item));
const drop = async (n) => asked((await store("readwrite")).delete(n));

/** One request. `isUnsent`: nobody answered who could have done it; `refused`: the server's own sentence. */
async function carry(item) {
  const init = { method: "POST", headers: headers(), body: JSON.stringify(item.body ?? {}) };
  if (item.file) {
    init.headers = { "X-Fenghuo": headers()["X-Fenghuo"] };
    init.body = new FormData();
    init.body.append("data", item.file, item.name);
  }
  try {
    const answer = await fetch(item.path, init);
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return { told };
    if (answer.status >= 500 || answer.status === 429 || answer.status === 401) return { isUnsent: true };
    return { refused: told.detail || words.not_sent };
  } catch {
    return { isUnsent: true };
  }
}

/** Sends it now, or keeps it until it can be; answers what the server said, or null. Throws the server's refusal. */
export async function deliver(item) {
  const mine = { ...item, me, at: Date.now(), refused: "" };
  const waits = await all().catch(() => []);
  if (!waits.some((each) => each.order === item.order && !each.refused)) {
    const came = await carry(mine);
    if (came.told) return came.told;
    if (came.refused) throw new Error(came.refused);
  }
  try {
    if (mine.file) mine.file = new Blob([await mine.file.arrayBuffer()], { type: mine.file.type });
    await keep(mine);
    toast(words.kept);
  } catch {
    throw new Error(words.not_sent);
  }
  await draw();
  return null;
}

/** Sends what waits, oldest first; what an order refuses stays to be seen, and holds back nothing of another order. */
export async function flush() {
  if (running) return;
  running = true;
  let sent = 0;
  try {
    for (const item of await all()) {
      if (item.refused) continue;
      const came = await carry(item);
      if (came.isUnsent) break;
      if (came.told) { sent += 1; await drop(item.n); toast(came.told.sentence); }
      else await keep({ ...item, refused: came.refused });
    }
  } catch { /* a phone that keeps nothing has nothing to send */ }
  running = false;
  await draw();
  if (sent) afterwards();
}

/** What waits for the order of this page; on the list, what waits at all. */
async function draw() {
  const place = document.querySelector("[data-outbox]");
  if (!place) return;
  const waits = (await all().catch(() => [])).filter((each) => !place.dataset.outbox || each.order === place.dataset.outbox);
  place.hidden = !waits.length;
  place.querySelector("ul").replaceChildren(...waits.map(line));
}

function line(item) {
  const row = document.createElement("li");
  const text = document.createElement("span");
  const at = new Date(item.at).toTimeString().slice(0, 5);
  text.textContent = [at, item.label, item.text, item.refused].filter(Boolean).join(" · ");
  row.append(text);
  if (item.refused) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "answer plain";
    button.textContent = words.let_go;
    button.addEventListener("click", async () => { await drop(item.n); draw(); });
    row.append(button);
  }
  return row;
}

/** Watches for a network; `then` is called when something went. */
export function watch(then) {
  afterwards = then;
  addEventListener("online", flush);
  setInterval(flush, AGAIN_MS);
  flush();
}
