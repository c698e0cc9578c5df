// What all parts of the street use: its words, a question to the house, a node, a passing sentence.
export const words = JSON.parse(document.body.dataset.words);

export function toast(sentence, kind = "good") {
  const place = document.getElementById("toast");
  place.textContent = sentence;
  place.dataset.kind = kind;
  place.hidden = !sentence;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { place.hidden = true; }, 4000);
}

export async function ask(path, { token, body } = {}) {
  const headers = { "X-Fenghuo": "1" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body: body && JSON.stringify(body) });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail || String(answer.status));
  return told;
}

export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
