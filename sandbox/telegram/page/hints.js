/** Three first steps for somebody who has never been here; they go when done. */

import { find, make } from "./dom.js";
import { state, watch } from "./state.js";

const KEY = "first-steps";
const STEPS = [
  { id: "start", title: "Start the bot", text: "Open Fairhouse and press Start." },
  { id: "deposit", title: "Deposit from my wallet", text: "Ask the bot for an address, then send coins." },
  { id: "play", title: "Play", text: "Open the Mini App and make a bet." },
];
let done = new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
let go;

/** `handlers` has one function for each step, which leads the way there. */
export function startHints(handlers) {
  go = handlers;
  watch(() => {
    if (state.overview.chats.some((one) => one.private && one.started)) did("start");
    draw();
  });
}

export function did(step) {
  if (done.has(step)) return;
  done.add(step);
  localStorage.setItem(KEY, JSON.stringify([...done]));
  draw();
}

/** After a reset the house is new again. */
export function forgetSteps() {
  done = new Set();
  localStorage.removeItem(KEY);
  draw();
}

function draw() {
  const list = find("#hints");
  const next = STEPS.find((step) => !done.has(step.id));
  list.hidden = !next || done.has("skipped");
  if (list.hidden) return;
  list.replaceChildren(...STEPS.map((step) => {
    const kind = done.has(step.id) ? "done" : step === next ? "next" : "";
    return make("li", { class: kind }, make("button", { type: "button", onclick: () => go[step.id]() },
      make("span", {}, make("b", {}, step.title), make("span", {}, step.text))));
  }), make("button", { type: "button", class: "skip", onclick: () => did("skipped") }, "I know my way"));
}
