// The answers a person gives, on the alarm page and in the desk's queue: 确认, and 处置结论 with its reason.
import { intend } from "./hold.js";
import { post, toast } from "./live.js";

/** Answers a function that gives each new button its act; a part that was put in again has new ones. */
export function answering(refresh) {
  const known = new WeakSet();
  const alarmOf = (button) => button.closest("[data-alarm]").dataset.alarm;
  const path = (button, what) => `/mp/v1/alarms/${alarmOf(button)}/${what}`;
  let kept = ""; // the words of which answer are still in the form: it was refused, or not sent

  /** Whether the server took it. */
  async function answer(button, to, body) {
    let isTaken = false;
    button.disabled = true;
    try {
      toast((await post(to, body)).sentence);
      isTaken = true;
    } catch (error) {
      toast(error.message, "bad");
    }
    button.disabled = false;
    refresh();
    return isTaken;
  }

  function judge(button, verdict) {
    const to = path(button, "verdict");
    if (verdict === "real") { answer(button, to, { verdict }); return; }
    const note = document.getElementById("note"), text = document.getElementById("note-text");
    const alarm = alarmOf(button), what = `${alarm} ${verdict}`; // the button may be drawn anew while somebody writes
    document.getElementById("note-title").textContent = button.firstElementChild.textContent;
    if (kept !== what) text.value = "";
    kept = what;
    note.onclose = async () => {
      if (note.returnValue !== "yes") return;
      const order = { alarm, what: text.value }; // 报修 is an order too
      if (!await answer(button, to, { verdict, note: text.value })) return;
      if (verdict !== "fault" || await answer(button, "/mp/v1/work-orders", order)) kept = "";
    };
    note.returnValue = "";
    note.showModal();
  }

  const ACTS = {
    acknowledge: (button) => answer(button, path(button, "acknowledgement")),
    make_real: (button) => answer(button, path(button, "reality")),
    verdict: (button) => judge(button, button.dataset.verdict),
  };

  for (const reason of document.querySelectorAll("[data-reason]")) {
    reason.addEventListener("click", () => {
      const text = document.getElementById("note-text");
      text.value = [text.value, reason.dataset.reason].filter(Boolean).join("，");
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-order-new]");
    if (button) answer(button, "/mp/v1/work-orders", { alarm: document.body.dataset.alarm });
  });
  document.addEventListener("calm", refresh); // what came while a button was armed is drawn now

  return function arm() {
    for (const button of document.querySelectorAll("[data-does]")) {
      if (known.has(button)) continue;
      known.add(button);
      const act = () => ACTS[button.dataset.does](button);
      if (button.dataset.hold) intend(button, act);
      else button.addEventListener("click", act);
    }
  };
}
