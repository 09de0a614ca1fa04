/** First steps for somebody who has never been here, then the next ones; they go when done. */

import { find, make } from "./dom.js";
import { state, watch } from "./state.js";

const KEY = "first-steps";
const CHAPTERS = [
  {
    name: "First steps",
    steps: [
      { id: "start", title: "Start the bot", text: "Open Fairhouse and press Start." },
      { id: "deposit", title: "Deposit from my wallet", text: "Ask the bot for an address, then send coins." },
      { id: "play", title: "Play", text: "Open the Mini App and make a bet." },
    ],
  },
  {
    name: "Next steps",
    steps: [
      { id: "verify", title: "Send a document", text: "Verification in the menu; a sample card is under the paper clip." },
      { id: "withdraw", title: "Withdraw to my wallet", text: "This copies your own address; paste it when you are asked for it." },
      { id: "decide", title: "Decide as the owner", text: "Act as Olga, open Fairhouse Desk, approve." },
    ],
  },
];
let done = new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
let go;

/** `handlers` has one function for each step, which leads the way there. */
export function startHints(handlers) {
  go = handlers;
  addEventListener("own-address", () => did("withdraw"));
  watch(() => {
    const [players] = state.overview.bots;
    for (const one of state.overview.chats) {
      if (one.private && one.started) did(one.bot === players.id ? "start" : "decide");
    }
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
  const chapter = CHAPTERS.find(({ steps }) => steps.some((step) => !done.has(step.id)));
  list.hidden = !chapter || done.has("skipped");
  if (list.hidden) return;
  const next = chapter.steps.find((step) => !done.has(step.id));
  list.setAttribute("aria-label", chapter.name);
  list.replaceChildren(...chapter.steps.map((step) => {
    const kind = done.has(step.id) ? "done" : step === next ? "next" : "";
    return make("li", { class: kind }, make("button", { type: "button", onclick: () => go[step.id]() },
      make("span", {}, make("b", {}, step.title), make("span", {}, step.text))));
  }), make("button", { type: "button", class: "skip", onclick: () => did("skipped") }, "I know my way"));
}
