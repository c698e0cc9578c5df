// Complaints and feedback: file, answer, rate, reopen; reply, note, hand over, settle. The server says what may be done.
import { headers, listen, post, refresher, tick, toast, words } from "./live.js";
import { prepare } from "./sound.js";

const refresh = refresher(tick);

/** Uploads the files a form holds; answers their ids. */
async function uploaded(form) {
  const ids = [];
  for (const file of form.querySelector("[name=files]")?.files ?? []) {
    const { "Content-Type": _, ...own } = headers();
    const answer = await fetch(`/mp/v1/complaints/evidence?name=${encodeURIComponent(file.name.slice(-100))}`, {
      method: "POST", headers: { ...own, "Content-Type": "application/octet-stream" }, body: file,
    }).catch(() => { throw new Error(words.not_sent); });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.detail || words.not_sent);
    ids.push(told.id);
  }
  return ids;
}

async function bodyOf(form) {
  const body = {};
  for (const [name, value] of new FormData(form)) {
    if (name === "files" || value === "") continue;
    body[name] = name === "rating" ? Number(value) : name === "is_justified" ? value === "true" : value;
  }
  const evidence = await uploaded(form);
  if (evidence.length) body.evidence = evidence;
  return body;
}

async function send(form, path) {
  const button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  document.activeElement?.blur();
  try {
    toast((await post(path, await bodyOf(form))).sentence);
    form.reset();
    shape(form);
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    button.disabled = false;
  }
  await refresh();
}

/** Only the question that belongs to the chosen kind is shown. */
function shape(form) {
  const kind = form.querySelector("[name=kind]")?.value;
  for (const each of form.querySelectorAll("[data-for]")) {
    each.hidden = each.dataset.for !== kind;
    each.querySelector("select, input").disabled = each.hidden;
  }
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-complaint-form]");
  if (form) shape(form);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-complaint-form], [data-complaint-act]");
  if (!form) return;
  event.preventDefault();
  const one = form.closest("[data-complaint]")?.dataset.complaint;
  send(form, form.dataset.complaintAct ? `/mp/v1/complaints/${one}/${form.dataset.complaintAct}` : "/mp/v1/complaints");
});
for (const form of document.querySelectorAll("[data-complaint-form]")) shape(form);
prepare();
listen({
  onItem(item) {
    if (item.is_new && item.card.about === "complaint") toast(`${item.card.headline} ${item.card.where}`);
    refresh();
  },
  onChange: refresh,
});
