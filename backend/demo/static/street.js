// The street: every phone shows what its own channels delivered. Rows are read again when there is news of them.
import { ask, make, toast, words } from "./street-ask.js";
import { composer, readChat } from "./street-chat.js";

const handsets = [...document.querySelectorAll(".handset")].map((node) => ({
  node, person: node.dataset.person, token: node.dataset.token, chat: node.dataset.chat,
  telephone: node.dataset.telephone, calls: node.querySelector(".calls"),
  cards: node.querySelector(".cards"), bubbles: node.querySelector(".bubbles"), after: 0, inbox: new Map(), drawn: "",
  writing: node.querySelector(".writing"), replyTo: null,
}));
const SHOWN = 30;

const VERDICTS = { "v-real": "real", "v-false": "false", "v-test": "test", "v-fault": "fault" };

function button(handset, card, action) {
  const node = make("button", "", action.label);
  node.type = "button";
  node.dataset.style = action.style ?? "plain";
  node.addEventListener("click", async () => {
    node.disabled = true;
    try {
      const verdict = VERDICTS[action.verb];
      const path = `/mp/v1/alarms/${card.alarm}/${verdict ? "verdict" : "acknowledgement"}`;
      toast((await ask(path, { token: handset.token, body: verdict ? { verdict } : {} })).sentence);
    } catch (error) { toast(error.message, "bad"); }
    node.disabled = false;
  });
  return node;
}

function mini(handset, card) {
  const node = make("article", "mini");
  node.dataset.severity = card.severity;
  node.dataset.active = card.is_active ? "yes" : "no";
  const head = make("header");
  head.append(make("span", "", card.headline));
  if (!card.headline.includes(card.status)) head.append(make("span", "", card.status)); // not said twice
  node.append(head);
  if (card.banner) node.append(make("p", "", `【${card.banner}】`));
  node.append(make("b", "", card.where ?? ""), make("p", "quiet", card.what ?? ""));
  for (const line of card.known_by ?? []) node.append(make("p", "mini-known", `✓ ${line}`));
  if (card.verdict) node.append(make("p", "", card.verdict));
  const buttons = make("div", "mini-buttons");
  for (const action of card.actions ?? []) if (action.verb === "ack" || VERDICTS[action.verb]) buttons.append(button(handset, card, action));
  if (buttons.childElementCount) node.append(buttons);
  return node;
}

async function readInbox(handset) {
  const received = [];
  for (;;) {
    const page = await ask(`/mp/v1/inbox?after=${handset.after}`, { token: handset.token });
    for (const item of page.items) {
      handset.inbox.set(item.alarm, item);
      if (item.is_new) received.push(item.attempt);
    }
    handset.after = page.next_after;
    if (!page.is_more) break;
  }
  const newest = [...handset.inbox.values()].sort((a, b) => b.card.number - a.card.number).slice(0, SHOWN);
  handset.cards.replaceChildren(...newest.map((item) => mini(handset, item.card)));
  if (!newest.length) handset.cards.append(make("p", "empty", words.empty));
  if (received.length) {
    await ask("/mp/v1/inbox/received", { token: handset.token, body: { attempts: received.slice(-500) } });
  }
}

// A telephone: what rings now on top, with its keys; then texts and calls, newest first.
const KEYS = ["1", "2", "3", "*"];
const OUTCOMES = { heard: "heard", no_key: "heard", hung_up_early: "heard", not_answered: "not_answered" };

function use(handset, key, does, wordsSaid = "") {
  key.type = "button";
  key.addEventListener("click", async () => {
    key.disabled = true;
    try {
      await ask(`/demo/telephones/${handset.telephone}`, { body: { do: does, words: wordsSaid } });
      if (does === "reply") toast(`${words.reply} ${wordsSaid} · ${words.sent}`);
    } catch (error) { toast(error.message, "bad"); }
    key.disabled = false;
    handset.freshTelephone();
  });
  return key;
}

function ringing(handset, call) {
  const node = make("article", "ringing");
  node.dataset.state = call.state;
  node.append(make("b", "", call.state === "ringing" ? words.ringing : words.talking));
  const row = make("div", "bubble-row");
  for (const each of KEYS) row.append(use(handset, make("button", "", each), "press", each));
  node.append(row);
  if (call.pressed) node.append(make("p", "quiet", `${words.pressed} ${call.pressed}`));
  node.append(use(handset, make("button", "hang-up", words.hang_up), "hang_up"), make("p", "", call.said_back || call.said));
  return node;
}

const clockOf = (at) => new Date(at).toLocaleTimeString("zh-CN", { hour12: false });

function textNode(handset, text, isNewest) {
  const node = make("article", "bubble");
  node.append(make("div", "text", text.text), make("time", "", `${clockOf(text.at)} · ${text.carrier}`));
  if (isNewest) {
    const row = make("div", "bubble-row");
    for (const each of ["1", "2"]) row.append(use(handset, make("button", "", `${words.reply} ${each}`), "reply", each));
    node.append(row);
  }
  return node;
}

function callNode(call) {
  const node = make("article", "bubble call");
  const outcome = words[OUTCOMES[call.outcome]] ?? words.ended;
  node.append(make("div", "text", `☎ ${outcome}${call.pressed ? ` · ${words.pressed} ${call.pressed}` : ""}`));
  if (call.said_back) node.append(make("p", "", call.said_back));
  node.append(make("time", "", `${clockOf(call.at)} · ${call.carrier}`));
  return node;
}

async function readTelephone(handset) {
  if (!handset.calls) return;
  const { texts, calls } = await ask(`/demo/telephones/${handset.telephone}`);
  const drawn = JSON.stringify([texts, calls]);
  if (drawn === handset.rang) return;
  handset.rang = drawn;
  const newest = texts.at(-1);
  const past = [
    ...texts.map((text) => ({ at: text.at, draw: () => textNode(handset, text, text === newest) })),
    ...calls.filter((call) => call.state === "ended").map((call) => ({ at: call.at, draw: () => callNode(call) })),
  ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, SHOWN);
  const now = calls.filter((call) => call.state !== "ended").map((call) => ringing(handset, call));
  handset.calls.replaceChildren(...now, ...past.map((each) => each.draw()));
  if (!now.length && !past.length) handset.calls.append(make("p", "empty", words.empty));
}

/** At most one read of a thing at a time; news during a read brings another one 150 ms after it. */
function settled(read) {
  let running = false, again = false;
  return async function go() {
    if (running) { again = true; return; }
    running = true;
    try { await read(); } catch (error) { toast(error.message, "bad"); }
    running = false;
    if (again) { again = false; setTimeout(go, 150); }
  };
}
for (const handset of handsets) {
  handset.freshInbox = settled(() => readInbox(handset));
  handset.freshChat = settled(() => readChat(handset));
  handset.freshTelephone = settled(() => readTelephone(handset));
  composer(handset);
}
const all = () => handsets.forEach((each) => { each.freshInbox(); each.freshChat(); each.freshTelephone(); });

for (const deed of document.querySelectorAll(".deed")) {
  deed.addEventListener("click", async () => {
    try {
      const { heard } = await ask("/demo/do", { body: { do: deed.dataset.do, building: Number(deed.dataset.building) } });
      toast(heard ? `${deed.textContent} · ${words.sent}` : words.closed, heard ? "good" : "bad");
    } catch (error) { toast(error.message, "bad"); }
  });
}

const lamp = document.getElementById("link"), says = lamp.lastElementChild;
function show(isOn) { lamp.dataset.lamp = isOn ? "on" : "lost"; says.textContent = isOn ? says.dataset.on : says.dataset.lost; }

let source, watchdog, wait = 500;
function listen() {
  source?.close();
  source = new EventSource("/demo/live");
  const alive = () => { clearTimeout(watchdog); watchdog = setTimeout(lost, 25000); wait = 500; show(true); };
  let isFirst = true;
  source.addEventListener("alive", () => { alive(); if (isFirst) { isFirst = false; all(); } });
  source.addEventListener("inbox", (event) => {
    alive();
    const persons = new Set(JSON.parse(event.data));
    for (const each of handsets) if (persons.has(each.person)) each.freshInbox();
  });
  source.addEventListener("chats", (event) => {
    alive();
    const chats = new Set(JSON.parse(event.data).map(String));
    for (const each of handsets) if (chats.has(each.chat)) each.freshChat();
  });
  source.addEventListener("telephones", (event) => {
    alive();
    const numbers = new Set(JSON.parse(event.data));
    for (const each of handsets) if (numbers.has(each.telephone.replace("+86", ""))) each.freshTelephone();
  });
  source.onerror = lost;
}
function lost() {
  source?.close();
  show(false);
  clearTimeout(watchdog);
  watchdog = setTimeout(listen, wait);
  wait = Math.min(wait * 2, 8000);
}
listen();
