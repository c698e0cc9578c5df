// The live stream: reconnects by itself, says when it is lost, replays what was missed.
// The rule: what arrives is a reason to ask the server again; nothing is drawn from it.
const SILENT_MS = 25000; // the server speaks every 10 s

export const words = JSON.parse(document.body.dataset.words);
export const seat = document.body.dataset.seat;

/** A page that knows whose it is says so: nothing is done in the name of who signed in beside it. */
export function headers() {
  const { me } = document.body.dataset;
  return { "Content-Type": "application/json", "X-Fenghuo": seat === "desk" ? "desk" : "1", ...(me && { "X-Fenghuo-Person": me }) };
}

/** POST JSON; answers the body. Throws an Error with the server's own sentence. */
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: headers(), body: JSON.stringify(body ?? {}) });
  } catch {
    throw new Error(words.not_sent);
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail || words.not_sent);
  return told;
}

/** A random UUID; `crypto.randomUUID` is not there on a house's own network without TLS. */
export function freshKey() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[6] = (octets[6] & 0x0f) | 0x40;
  octets[8] = (octets[8] & 0x3f) | 0x80;
  const hex = [...octets].map((each) => each.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const unsure = new Map(); // what was sent and not answered, and its key

/** As `post`, for what must not be there twice: the same sent again after its answer was lost is found done. */
export async function postOnce(path, body) {
  const what = path + JSON.stringify(body);
  if (!unsure.has(what)) unsure.set(what, freshKey());
  const told = await post(path, { ...body, key: unsure.get(what) });
  unsure.delete(what);
  return told;
}

export function toast(sentence, kind = "good") {
  const place = document.getElementById("toast");
  place.textContent = sentence;
  place.dataset.kind = kind;
  place.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { place.hidden = true; }, 5000);
}

function lamp(isOn) {
  const place = document.getElementById("link");
  if (!place) return;
  place.dataset.lamp = isOn ? "on" : "lost";
  place.lastElementChild.textContent = isOn ? words.online : words.offline;
}

/** Listens until the page goes. `onItem(item)`, `onChange()`; the latter also after every reconnect. */
export function listen({ onItem, onChange }) {
  let after = Number(document.body.dataset.after || 0);
  let source, watchdog, wait = 500, wasLost = false;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, SILENT_MS);
    wait = 500;
    lamp(true);
    if (wasLost) { wasLost = false; onChange(); }
  };
  const lost = () => {
    clearTimeout(watchdog);
    source?.close();
    source = undefined;
    wasLost = true;
    lamp(false);
    watchdog = setTimeout(open, wait);
    wait = Math.min(wait * 2, 8000);
  };
  const open = () => {
    clearTimeout(watchdog);
    source?.close();
    source = new EventSource(`/mp/v1/inbox/live?after=${after}&seat=${seat}`);
    source.addEventListener("alive", alive);
    source.addEventListener("changed", () => { alive(); onChange(); });
    source.addEventListener("item", (event) => {
      alive();
      const item = JSON.parse(event.data);
      after = Math.max(after, item.seq);
      onItem(item);
    });
    source.onerror = lost;
    watchdog = setTimeout(lost, SILENT_MS);
  };
  addEventListener("offline", lost);
  addEventListener("online", open);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !source) open(); });
  open();
}

/** Asks for this page again and puts in the parts that differ; at most one request at a time. */
export function refresher(afterwards = () => {}) {
  let running = false, again = false;
  return async function refresh() {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fenghuo": headers()["X-Fenghuo"] } });
      const leaves = answer.redirected && new URL(answer.url).pathname !== location.pathname; // such as to the door
      if (leaves && !isSomethingWritten()) { location.assign(answer.url); return; }
      if (answer.ok && !leaves) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
      afterwards();
    } catch { /* the lamp says that the link is lost; the next reconnect asks again */ }
    running = false;
    if (again) { again = false; setTimeout(refresh, 150); }
  };
}

function put(fresh) {
  if (fresh.body.dataset.me !== document.body.dataset.me) { // another one signed in beside it
    if (!isSomethingWritten()) location.reload();
    return;
  }
  document.title = fresh.title;
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!next || part.isEqualNode(next)) continue;
    if (part.dataset.keep && part.contains(document.activeElement)) continue; // somebody types here
    if (part.querySelector(".holding, .armed")) continue; // a thumb is on it
    if (sameButTime(part, next)) continue;
    part.replaceWith(document.adoptNode(next));
    keepWritten(part, next);
  }
}

/** Whether somebody has put something into a field that is not in the page as it came. */
function isWritten(field) {
  if (field.type === "file") return field.files.length > 0;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((each) => each.defaultSelected));
  return "defaultValue" in field && field.value !== field.defaultValue; // a button has none
}

/** Whether somebody is writing: then the page neither leaves nor becomes another's. */
const isSomethingWritten = () => [...document.forms].some((form) =>
  [...form.elements].some((field) => field.getClientRects().length && isWritten(field)));

/** What somebody wrote in a form stays theirs: the form goes into the new part, also where it is offered no longer. */
function keepWritten(old, fresh) {
  for (const form of old.querySelectorAll("form")) {
    if (![...form.elements].some(isWritten)) continue;
    const what = JSON.stringify(form.dataset);
    const same = [...fresh.querySelectorAll("form")].find((each) => JSON.stringify(each.dataset) === what);
    if (same) same.replaceWith(form);
    else fresh.append(form);
  }
}

/** Whether only running clocks differ; those are ours to draw. */
function sameButTime(one, other) {
  const still = (node) => {
    const copy = node.cloneNode(true);
    for (const each of copy.querySelectorAll(".elapsed, .left")) each.textContent = "";
    return copy.outerHTML;
  };
  return still(one) === still(other);
}

// Clocks count up by the server's time, whatever the phone believes.
const skew = Date.parse(document.body.dataset.now) - Date.now();

export function serverNow() { return Date.now() + skew; }

export function elapsed(since) {
  const seconds = Math.max(0, Math.floor((Date.now() + skew - Date.parse(since)) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const hours = Math.floor(seconds / 3600) % 24;
  if (days) return `${days} ${words.days} ${two(hours)}:${two(Math.floor(seconds / 60) % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

export function tick() {
  for (const each of document.querySelectorAll("time.elapsed")) each.textContent = elapsed(each.dataset.since);
}
tick();
setInterval(tick, 1000);
