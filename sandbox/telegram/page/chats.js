/** The left pane: people to act as, and the chats of whoever acts. */

import { avatar, clock, day, find, make } from "./dom.js";
import { summary } from "./formatting.js";
import { state, watch } from "./state.js";

export function startChats({ actAs, openChat }) {
  watch(() => {
    find("#people").replaceChildren(...state.overview.people.map((one) => person(one, actAs)));
    find("#chats").replaceChildren(...state.overview.chats.map((one) => line(one, openChat)));
  });
}

function person(one, actAs) {
  const acting = one.id === state.person;
  return make("button", {
    type: "button", class: "person", "aria-pressed": String(acting),
    "aria-label": `Act as ${one.first_name}, ${one.caption}`, title: `Act as ${one.first_name}`,
    onclick: () => actAs(one.id),
  },
  avatar({ id: one.id, name: one.first_name }),
  make("b", {}, one.first_name), make("small", {}, one.caption),
  one.unread && !acting ? make("span", { class: "count" }, String(one.unread)) : null);
}

function line(one, openChat) {
  const { last } = one;
  const when = last ? (day(last.date) === "Today" ? clock(last.date) : day(last.date)) : "";
  const mine = last?.from.id === state.person;
  const prefix = mine ? "You: " : !one.private && last ? `${last.from.first_name}: ` : "";
  const words = last ? summary(last) : one.private ? "Press Start to begin" : "No messages yet";
  const unread = one.key === state.open && document.hasFocus() ? 0 : one.unread;
  return make("button", {
    type: "button", class: "chat-line", "aria-current": one.key === state.open ? "true" : null,
    "aria-label": unread ? `${one.title}, ${unread} unread` : one.title,
    onclick: () => openChat(one.key),
  },
  avatar({ id: one.bot ?? one.id, name: one.title }),
  make("span", { class: "body" },
    make("span", { class: "row" }, make("span", { class: "title" }, one.title), make("time", {}, when)),
    make("span", { class: "row" },
      make("span", { class: "last" }, prefix ? make("b", {}, prefix) : null, words.split("\n")[0]),
      unread ? make("span", { class: "count" }, String(unread)) : null)));
}
