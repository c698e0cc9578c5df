// Sound and vibration. Browsers stay mute until somebody touches the page: the lamp says whether that was done.
import { words } from "./live.js";

let context;

function draw() {
  const lamp = document.getElementById("sound");
  if (!lamp) return;
  const isOn = context?.state === "running";
  lamp.dataset.lamp = isOn ? "on" : "off";
  lamp.lastElementChild.textContent = isOn ? words.sound_on : words.sound_off;
}

function tone(from, frequency, seconds) {
  const pitch = context.createOscillator(), volume = context.createGain();
  pitch.type = "square";
  pitch.frequency.value = frequency;
  volume.gain.setValueAtTime(0.0001, from);
  volume.gain.exponentialRampToValueAtTime(0.25, from + 0.02);
  volume.gain.setValueAtTime(0.25, from + seconds - 0.03);
  volume.gain.exponentialRampToValueAtTime(0.0001, from + seconds);
  pitch.connect(volume).connect(context.destination);
  pitch.start(from);
  pitch.stop(from + seconds);
}

/** A tone for each class: a two-tone horn for fire, beeps for the others. */
const TUNES = {
  fire: Array.from({ length: 16 }, (_, n) => [n * 0.4, n % 2 ? 660 : 880, 0.38]),
  abnormal: [[0, 740, 0.2], [0.3, 740, 0.2], [0.6, 740, 0.2]],
  fault: [[0, 520, 0.25], [0.4, 520, 0.25]],
  offline: [[0, 420, 0.3]],
};
const SHAKES = { fire: [600, 200, 600, 200, 600, 200, 900], abnormal: [300, 150, 300], fault: [250, 150, 250], offline: [250] };

export function ring(severity) {
  navigator.vibrate?.(SHAKES[severity] ?? []);
  if (context?.state !== "running") return;
  for (const [at, frequency, seconds] of TUNES[severity] ?? []) tone(context.currentTime + at, frequency, seconds);
}

async function unlock() {
  context ??= new AudioContext();
  await context.resume();
  draw();
}

export function prepare() {
  document.getElementById("sound")?.addEventListener("click", async () => {
    await unlock();
    ring("offline"); // a short test, so that one hears that it works
  });
  addEventListener("pointerdown", unlock, { once: true });
  draw();
}
