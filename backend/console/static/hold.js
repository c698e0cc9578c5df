// 真实火警 asks for a second of intent: hold it, or tap it twice.
import { words } from "./live.js";

const HOLD_MS = 900, ARMED_MS = 4000;

export function intend(button, then) {
  const label = button.querySelector("small");
  const said = label.textContent;
  let timer, done = false;
  const calm = () => {
    if (!button.classList.contains("armed")) return;
    button.classList.remove("armed");
    label.textContent = said;
    document.dispatchEvent(new Event("calm"));
  };
  const release = () => { clearTimeout(timer); button.classList.remove("holding"); };
  button.addEventListener("pointerdown", () => {
    done = false;
    button.classList.add("holding");
    timer = setTimeout(() => { done = true; release(); calm(); then(); }, HOLD_MS);
  });
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) button.addEventListener(end, release);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", () => {
    if (done) { done = false; return; }
    if (button.classList.contains("armed")) { calm(); then(); return; }
    button.classList.add("armed");
    label.textContent = words.again;
    setTimeout(calm, ARMED_MS);
  });
}
