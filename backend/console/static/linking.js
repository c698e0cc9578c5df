// 绑定 Telegram: asks for a one-time code, shows the way it is used, and hides it when its time is over.
import { post, toast } from "./live.js";

let counting;

function count(left, way, seconds) {
  clearInterval(counting);
  const end = Date.now() + seconds * 1000;
  const draw = () => {
    const rest = Math.max(0, Math.round((end - Date.now()) / 1000));
    left.textContent = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
    if (!rest) { clearInterval(counting); way.hidden = true; }
  };
  draw();
  counting = setInterval(draw, 1000);
}

export function linking() {
  const button = document.getElementById("telegram-bind");
  if (!button) return;
  const way = document.getElementById("telegram-way"), open = document.getElementById("telegram-open");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const told = await post("/mp/v1/telegram-link");
      document.getElementById("telegram-command").textContent = `/link ${told.typed_code}`;
      open.hidden = !told.link;
      if (told.link) open.href = told.link;
      way.hidden = false;
      count(document.getElementById("telegram-left"), way, told.lasts_s);
    } catch (error) {
      toast(error.message, "bad");
    }
    button.disabled = false;
  });
}
