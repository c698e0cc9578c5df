// What this phone could not send waits here, in order, and goes when there is a network again (待发送).
// The rules: it is its person's alone; it is written down before it is sent; a piece has a key, so that sending it twice
// does it once; of several tabs one sends it; a refusal is shown with what was written; its person alone lets it go.
import { freshKey, headers, toast, words } from "./live.js";

const AGAIN_MS = 15000;
const WORDS_MS = 20000, FILE_MS = 120000; // a network that takes longer than this is none
const DATABASE = "fenghuo-outbox", WAITING = "waiting";
const me = document.body.dataset.me;
const going = new Set(); // what this page is sending
const tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel(DATABASE) : null; // this person's other tabs
let running = false, opened, afterwards = () => {}, turn = Promise.resolve();

const asked = (request) => new Promise((answer, refuse) => {
  request.onsuccess = () => answer(request.result);
  request.onerror = () => refuse(request.error);
});

async function store(mode) {
  opened ??= new Promise((answer, refuse) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(WAITING, { keyPath: "n", autoIncrement: true });
    request.onsuccess = () => { request.result.onclose = () => { opened = undefined; }; answer(request.result); };
    request.onerror = () => refuse(request.error);
  });
  try {
    return (await opened).transaction(WAITING, mode).objectStore(WAITING);
  } catch (error) {
    opened = undefined; // a browser that closed it opens it again
    throw error;
  }
}

/** This tab's name: what its last page was sending when it went away is taken up by the next one. */
function tab() {
  try { return (sessionStorage.fenghuoTab ??= freshKey()); } catch { return ""; }
}
const mark = (item) => ({ takenUntil: Date.now() + patience(item), takenBy: tab() });

const all = async () => (await asked((await store("readonly")).getAll())).filter((each) => each.me === me);
const keep = async (item) => asked((await store("readwrite")).put(item));
async function drop(n) {
  await asked((await store("readwrite")).delete(n));
  tabs?.postMessage("gone"); // what they waited for behind it may go, and they show it no more
}
const patience = (item) => (item.file ? FILE_MS : WORDS_MS);

/** Changes what waits, unless it was let go meanwhile. */
async function change(n, changes) {
  const place = await store("readwrite"), item = await asked(place.get(n));
  if (item) await asked(place.put({ ...item, ...changes }));
}

/** Takes one, so that no other tab sends it at the same time; undefined: it is gone; null: another tab has it. */
async function take(n) {
  const place = await store("readwrite"), item = await asked(place.get(n));
  if (!item) return undefined;
  if (going.has(n) || (item.takenUntil > Date.now() && item.takenBy !== tab())) return null;
  await asked(place.put({ ...item, ...mark(item) }));
  return item;
}

/** One request: `told`, `refused` (the server's own sentence), or `lacks`: what there must be first for it to go. */
async function carry(item) {
  const init = { method: "POST", headers: headers(), body: JSON.stringify(item.body ?? {}) };
  if (item.file) {
    delete init.headers["Content-Type"]; // the browser's own, with its boundary
    init.body = new FormData();
    init.body.append("data", item.file, item.name);
  }
  const stop = new AbortController(), late = setTimeout(() => stop.abort(), patience(item));
  try {
    const answer = await fetch(item.path, { ...init, signal: stop.signal });
    const told = await answer.json().catch(() => ({}));
    if (answer.ok && told.sentence) return { told };
    if (answer.status === 401) return { lacks: "session" };
    if (answer.status >= 500) return { lacks: "server" };
    if (answer.status === 413) return { refused: told.detail || words.not_sent };
    // what is no answer of ours comes from something in between, such as a hotel's page
    return answer.status === 429 || answer.ok || !told.detail ? { lacks: "network" } : { refused: told.detail };
  } catch {
    return { lacks: "network" };
  } finally {
    clearTimeout(late);
  }
}

/** Sends it now, or keeps it until it can be; answers what the server said, or null. Throws the server's refusal. */
export function deliver(item) {
  const mine = turn.then(() => sendOrKeep(item)); // a photo that is on its way arrives before "done" does
  turn = mine.catch(() => null);
  return mine;
}

async function sendOrKeep(item) {
  const mine = { ...item, me, at: Date.now(), refused: "" };
  if (mine.file) mine.file = await mine.file.arrayBuffer().then((octets) => new Blob([octets], { type: item.file.type }));
  // 0: a phone that keeps nothing sends all the same, and says when it could not
  const n = await keep({ ...mine, ...mark(mine) }).catch(() => 0);
  going.add(n);
  const before = n ? (await all()).some((each) => each.order === item.order && !each.refused && each.n < n) : false;
  const came = before ? { lacks: "turn" } : await carry(mine);
  going.delete(n);
  if (n && !came.lacks) await drop(n);
  if (came.told) return came.told;
  if (came.refused || !n) throw new Error(came.refused || words.not_sent);
  await change(n, { takenUntil: 0 });
  toast(came.lacks === "session" ? words.kept_until_session : words.kept);
  if (before) flush();
  await draw();
  return null;
}

/** Sends what waits, oldest first; what an order refuses stays to be seen, and holds back nothing of another order. */
export async function flush() {
  if (running || !me) return;
  running = true;
  let sent = 0;
  try { sent = await sendAll(); } catch { /* a phone that keeps nothing has nothing to send */ }
  running = false;
  await draw();
  if (sent) afterwards();
}

async function sendAll() {
  const held = new Set(); // orders of which something must go first
  let sent = 0;
  for (const { n, order, refused } of await all()) {
    if (refused || held.has(order)) continue;
    const item = await take(n);
    if (item === null) held.add(order);
    if (!item) continue;
    going.add(n);
    const came = await carry(item);
    going.delete(n);
    if (came.told) { sent += 1; await drop(n); toast(came.told.sentence); }
    else await change(n, { takenUntil: 0, refused: came.refused ?? "" });
    if (came.lacks === "server") held.add(order);
    else if (came.lacks) break;
  }
  return sent;
}

/** How many pieces of this person wait. */
export const waiting = async () => (await all().catch(() => [])).length;

/** What waits for the order of this page; on a list, what waits at all. */
async function draw() {
  const place = document.querySelector("[data-outbox]");
  if (!place) return;
  const waits = (await all().catch(() => [])).filter((each) => !place.dataset.outbox || each.order === place.dataset.outbox);
  place.hidden = !waits.length;
  place.querySelector("ul").replaceChildren(...waits.map((each) => line(each, !place.dataset.outbox)));
}

function line(item, namesOrder) {
  const row = document.createElement("li"), text = document.createElement("span");
  const at = new Date(item.at).toTimeString().slice(0, 5);
  text.textContent = [at, namesOrder && item.title, item.label, item.text, item.refused].filter(Boolean).join(" · ");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "answer plain";
  button.textContent = words.let_go;
  let isSure = Boolean(item.refused); // what would still be sent is let go by a second tap
  button.addEventListener("click", async () => {
    if (isSure) { await drop(item.n); draw(); return; }
    isSure = true;
    button.textContent = words.again;
  });
  row.append(text, button);
  return row;
}

/** Watches for a network; `then` is called when something went. */
export function watch(then) {
  afterwards = then;
  addEventListener("online", flush);
  tabs?.addEventListener("message", flush);
  setInterval(flush, AGAIN_MS);
  flush();
}
