// A chat on the street: bubbles as the carrier delivered them, and what a person can do: press, write, reply, send.
import { ask, make, toast, words } from "./street-ask.js";

const SHOWN = 40;
// Symbols the carrier delivered as characters are shown as drawings, so that no emoji font is needed.
const GLYPHS = {
  "🔥": "fire", "🛠": "fault", "⚠": "abnormal", "📡": "offline", "✅": "well", "📮": "letter", "🕒": "clock", "⏱": "clock",
  "⏳": "clock", "🔧": "order", "🧰": "order", "📋": "paper", "📜": "paper", "📝": "paper", "🗒": "paper", "👤": "person",
  "🧍": "person", "🔕": "bell-off", "🔔": "bell", "📍": "pin", "📎": "clip", "🔁": "exchange", "🔴": "dot", "📅": "clock",
};
const ANY_GLYPH = new RegExp(`(${Object.keys(GLYPHS).join("|")})\uFE0F?`, "gu");

function drawGlyphs(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.data.search(ANY_GLYPH) >= 0) texts.push(walker.currentNode);
  for (const text of texts) {
    const parts = [];
    let at = 0;
    for (const found of text.data.matchAll(ANY_GLYPH)) {
      const image = make("img", "glyph");
      image.src = `/demo/static/${GLYPHS[found[1]]}.svg`;
      image.alt = found[0];
      parts.push(text.data.slice(at, found.index), image);
      at = found.index + found[0].length;
    }
    text.replaceWith(...parts, text.data.slice(at));
  }
}

function attached(handset, message) {
  if (!message.file_path) return null;
  const address = `/demo/chats/${handset.chat}/files/${message.file_path}`;
  if (message.is_photo) {
    const photo = make("img", "bubble-photo");
    photo.src = address;
    photo.alt = words.photo;
    return photo;
  }
  if (message.is_voice) {
    const voice = make("audio", "bubble-voice");
    voice.controls = true;
    voice.preload = "none";
    voice.src = address;
    voice.title = words.voice;
    return voice;
  }
  const link = make("a", "bubble-file", `📎 ${message.filename || words.file}`);
  link.href = address;
  link.download = "";
  return link;
}

function bubble(handset, message) {
  const node = make("article", message.is_from_bot ? "bubble" : "bubble own");
  if (message.replied_to) node.append(make("blockquote", "quoted", message.replied_to));
  const file = attached(handset, message);
  if (file) node.append(file);
  if (message.place) node.append(make("div", "place", `📍 ${message.place.map((each) => each.toFixed(5)).join(", ")}`));
  const text = make("div", "text");
  text.innerHTML = message.html; // escaped by the carrier, known tags only
  if (text.textContent || text.childElementCount) node.append(text);
  drawGlyphs(node);
  const at = new Date(message.edited_at ?? message.sent_at).toLocaleTimeString("zh-CN", { hour12: false });
  const foot = make("footer");
  const answering = make("button", "answering", words.answering);
  answering.type = "button";
  answering.addEventListener("click", () => replyTo(handset, message));
  foot.append(answering, make("time", "", message.edited_at ? `${words.edited} ${at}` : at));
  node.append(foot);
  for (const row of message.buttons) node.append(keyRow(handset, message, row));
  return node;
}

function keyRow(handset, message, row) {
  const line = make("div", "bubble-row");
  // a row of many or long keys wraps, as a phone would cut it
  line.dataset.long = Math.max(...row.map((each) => [...each.text].length)) * row.length > 22 ? "yes" : "no";
  for (const each of row) {
    const key = make("button", "", each.text);
    drawGlyphs(key);
    key.type = "button";
    if (each.style) key.dataset.style = each.style;
    if (each.url) key.addEventListener("click", () => open(each.url, "_blank", "noopener"));
    else key.addEventListener("click", () => press(handset, key, message.message_id, each.index));
    line.append(key);
  }
  return line;
}

async function press(handset, key, message_id, index) {
  key.disabled = true;
  try {
    toast((await ask(`/demo/chats/${handset.chat}/press`, { body: { message_id, index } })).sentence);
  } catch (error) { toast(error.message, "bad"); }
  key.disabled = false;
}

/** Read the chat anew and show its end. */
export async function readChat(handset) {
  if (!handset.bubbles) return;
  const messages = await ask(`/demo/chats/${handset.chat}`);
  const drawn = JSON.stringify(messages);
  if (drawn === handset.drawn) return;
  handset.drawn = drawn;
  handset.bubbles.replaceChildren(...messages.slice(-SHOWN).map((message) => bubble(handset, message)));
  if (!messages.length) handset.bubbles.append(make("p", "empty", words.empty));
  // the newest message from its first line on: what burns stands there
  const newest = handset.bubbles.lastElementChild;
  handset.bubbles.scrollTop = newest.offsetTop - handset.bubbles.offsetTop - 10;
}

function replyTo(handset, message) {
  handset.replyTo = message?.message_id ?? null;
  const quoted = handset.writing.querySelector(".quoted");
  quoted.hidden = !message;
  quoted.textContent = message ? message.text.split("\n")[0].slice(0, 60) || "…" : "";
  if (message) handset.writing.querySelector("input[type=text]").focus();
}

async function send(handset, what, body) {
  try {
    await ask(`/demo/chats/${handset.chat}/${what}`, { body });
    replyTo(handset, null);
    return true;
  } catch (error) { toast(error.message, "bad"); }
  return false;
}

function octetsOf(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1]);
    reader.onerror = failed;
    reader.readAsDataURL(file);
  });
}

/** The line below a chat: words, a photo, a place. */
export function composer(handset) {
  if (!handset.writing) return;
  const input = handset.writing.querySelector("input[type=text]");
  const file = handset.writing.querySelector("input[type=file]");
  const answered = () => (handset.replyTo === null ? {} : { reply_to: handset.replyTo });
  handset.writing.querySelector(".quoted").addEventListener("click", () => replyTo(handset, null));
  handset.writing.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = input.value.trim();
    if (!said) return;
    input.value = "";
    if (!await send(handset, "words", { words: said, ...answered() })) input.value ||= said;
  });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    const caption = input.value.trim();
    input.value = "";
    if (!await send(handset, "file", { octets: await octetsOf(chosen), caption, ...answered() })) input.value ||= caption;
    file.value = "";
  });
  handset.writing.querySelector("[data-place]").addEventListener("click", () => {
    const at = handset.writing.querySelector("[data-place]").dataset.place.split(",").map(Number);
    send(handset, "place", { latitude: at[0], longitude: at[1] });
  });
}
