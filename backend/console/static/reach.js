// Policies and duty schedules: a form goes to the server as JSON, and the page asks for itself again.
import { post, toast } from "./live.js";

function fields(form) {
  const body = {};
  for (const [name, value] of new FormData(form)) {
    if (name.endsWith("[]")) (body[name.slice(0, -2)] ??= []).push(value);
    else body[name] = value;
  }
  return body;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    await post(form.dataset.post, fields(form));
    location.reload();
  } catch (error) {
    toast(error.message, "bad");
    button.disabled = false;
  }
});
