/** The open chat's messages: bubbles, keyboards under them, edits in place. */

import { act, look } from "./api.js";
import { clock, day, find, icon, make } from "./dom.js";
import { ask, copy } from "./dialogs.js";
import { draw } from "./formatting.js";
import { chat, here, state } from "./state.js";

const REELS = ["BAR", "🍇", "🍋", "7️⃣"];
const TRAVEL_MS = 700;
const box = () => find("#messages");
let on;
let shown = new Map();

/** `handlers`: tap(message, button), link(url), command(text), reply(message). */
export function startMessages(handlers) {
  on = { ...handlers, copy };
  box().addEventListener("scroll", showEnd);
  find("#to-end").onclick = () => toEnd(true);
}

const atEnd = () => box().scrollHeight - box().scrollTop - box().clientHeight < 90;
const showEnd = () => (find("#to-end").hidden = atEnd());

/** On the way down a message that comes in between must not stop the journey. */
let travelsUntil = 0;

export function toEnd(smooth = false) {
  if (smooth) travelsUntil = Date.now() + TRAVEL_MS;
  box().scrollTo({ top: box().scrollHeight, behavior: smooth ? "smooth" : "instant" });
  showEnd();
}

export async function load() {
  const key = state.open;
  const seen = await look("/sim/chat", here());
  if (key !== state.open) return [];
  shown = new Map(seen.messages.map((message) => [message.message_id, message]));
  redraw();
  toEnd();
  read();
  return seen.messages;
}

export function read() {
  if (document.hasFocus() && chat()?.unread !== 0) act("/sim/read", here());
}

function redraw() {
  const nodes = [];
  let before = null;
  for (const message of shown.values()) {
    if (!before || day(before.date) !== day(message.date)) {
      nodes.push(make("div", { class: "day" }, day(message.date)));
    }
    nodes.push(item(message, before));
    before = message;
  }
  const about = chat()?.about;
  if (!nodes.length && about) {
    nodes.push(make("div", { class: "about" }, make("b", {}, "What can this bot do?"), about));
  }
  box().replaceChildren(...nodes);
}

const mineToSee = (message) => !message.receiver || message.receiver === state.person;

/** A message arrived or changed. */
export function put(message) {
  if (!mineToSee(message)) return;
  const stick = atEnd() || Date.now() < travelsUntil || message.from.id === state.person;
  const old = box().querySelector(`[data-id="${message.message_id}"]`);
  const last = [...shown.values()].at(-1);
  const known = shown.has(message.message_id);
  shown.set(message.message_id, message);
  if (known && old) {
    const follows = old.classList.contains("follows");
    const fresh = item(message, null);
    fresh.classList.toggle("follows", follows);
    fresh.style.animation = "none";
    old.replaceWith(fresh);
  } else if (!last || day(last.date) !== day(message.date)) {
    redraw();
  } else {
    box().append(item(message, last));
  }
  if (stick) toEnd(true);
  showEnd();
}

export function drop(messageId) {
  shown.delete(messageId);
  redraw();
}

/** Stop the shimmer of a button whose tap was answered. */
export function answered(messageId) {
  for (const button of box().querySelectorAll(`[data-id="${messageId}"] .waiting`)) {
    button.classList.remove("waiting");
  }
}

export function scrollTo(messageId) {
  box().querySelector(`[data-id="${messageId}"]`)?.scrollIntoView({ block: "center", behavior: "smooth" });
}

// -- one message --------------------------------------------------------------------------------

function item(message, before) {
  const words = service(message);
  if (words) return make("div", { class: "service", "data-id": message.message_id }, words);
  const mine = message.from.id === state.person;
  const follows = before && before.from.id === message.from.id && !service(before)
    && message.date - before.date < 300;
  const node = make("article", {
    class: `message${mine ? " mine" : ""}${follows ? " follows" : ""}`, "data-id": message.message_id,
    "aria-label": `${message.from.first_name}, ${clock(message.date)}`,
    ondblclick: () => on.reply(message),
  }, bubble(message, mine, follows));
  const keyboard = message.reply_markup?.inline_keyboard;
  if (keyboard) node.append(keys(message, keyboard));
  return node;
}

function service(message) {
  const name = message.from.first_name;
  if (message.new_chat_members) {
    return `${message.new_chat_members.map((one) => one.first_name).join(", ")} joined the group`;
  }
  if (message.left_chat_member) return `${message.left_chat_member.first_name} left the group`;
  if (message.pinned_message) return `${name} pinned a message`;
  if (message.web_app_data) return `You sent data from “${message.web_app_data.button_text}”`;
  const paid = message.successful_payment;
  if (paid) return `You paid ${price(paid)}`;
  const back = message.refunded_payment;
  if (back) return `${price(back)} came back to you`;
  return "";
}

const price = ({ currency, total_amount: amount }) =>
  currency === "XTR" ? `⭐ ${amount}` : `${(amount / 100).toFixed(2)} ${currency}`;

function bubble(message, mine, follows) {
  const node = make("div", { class: "bubble" });
  if (!mine && !follows && !chat()?.private) node.append(make("span", { class: "from" }, message.from.first_name));
  if (message.via_bot) node.append(make("span", { class: "private" }, `via @${message.via_bot.username}`));
  if (message.receiver) node.append(make("span", { class: "private" }, "👁 only you can see this"));
  if (message.reply_to) {
    const { message_id: id, name, text } = message.reply_to;
    node.append(make("button", { type: "button", class: "quote", onclick: () => scrollTo(id) },
      make("b", {}, name), make("span", {}, text)));
  }
  media(message, node);
  if (message.text) node.append(draw(message.text, message.entities, on));
  if (message.caption) node.append(draw(message.caption, message.caption_entities, on));
  node.classList.toggle("bare", Boolean(message.photo && !message.caption));
  const edited = message.edit_date ? "edited " : "";
  node.append(make("span", { class: "meta" }, edited, clock(message.date)));
  const reactions = Object.values(message.reactions ?? {}).flat();
  if (reactions.length) {
    node.append(make("div", { class: "reactions" }, ...reactions.map((one) => make("span", {}, one.emoji))));
  }
  return node;
}

function media(message, node) {
  if (message.photo) {
    const url = `/sim/file/${message.photo.at(-1).file_unique_id}`;
    const image = make("img", { src: url, alt: message.caption ?? "Photo", onload: () => atEndSoon() });
    const { width, height } = message.photo.at(-1);
    if (width && height) image.style.aspectRatio = `${width} / ${height}`;
    node.append(make("button", {
      type: "button", class: "photo", "aria-label": "Open the photo",
      onclick: () => ask({ body: make("img", { src: url, alt: message.caption ?? "Photo" }), buttons: [{ id: "ok", text: "Close" }] }),
    }, image));
  } else if (message.document) {
    const { file_unique_id: id, file_name: name, file_size: size } = message.document;
    node.append(make("a", { class: "file", href: `/sim/file/${id}`, download: name },
      make("i", {}, icon("file")), make("span", {}, make("b", {}, name), make("small", {}, bytes(size)))));
  }
  if (message.dice) {
    const { emoji, value } = message.dice;
    const reels = [0, 2, 4].map((shift) => REELS[((value - 1) >> shift) & 3]).join(" ");
    node.append(make("span", { class: "dice", role: "img", "aria-label": `${emoji} ${value}` }, emoji));
    node.append(make("span", { class: "thrown" }, emoji === "🎰" ? reels : String(value)));
  }
  if (message.invoice) {
    node.append(make("div", { class: "invoice" }, make("b", {}, message.invoice.title),
      message.invoice.description, make("br"), make("strong", {}, price(message.invoice))));
  }
  if (message.contact) {
    node.append(make("b", {}, message.contact.first_name), make("br"), message.contact.phone_number);
  }
}

function atEndSoon() {
  if (box().scrollHeight - box().scrollTop - box().clientHeight < 480) toEnd();
}

function bytes(size) {
  if (size < 1024) return `${size} B`;
  return size < 1048576 ? `${Math.round(size / 1024)} KB` : `${(size / 1048576).toFixed(1)} MB`;
}

function keys(message, rows) {
  return make("div", { class: "keys", role: "group", "aria-label": "Buttons" },
    ...rows.map((row) => make("div", {}, ...row.map((button) => key(message, button)))));
}

function key(message, button) {
  const mark = button.web_app ? "app" : button.url ? "link" : button.copy_text ? "copy" : null;
  const node = make("button", {
    type: "button", class: button.style ?? "", disabled: Boolean(button.disabled),
    onclick: async () => {
      node.classList.add("waiting");
      setTimeout(() => node.classList.remove("waiting"), 10_000);
      const kept = await on.tap(message, button);
      if (!kept) node.classList.remove("waiting");
    },
  }, button.text, mark ? icon(mark) : null);
  return node;
}
