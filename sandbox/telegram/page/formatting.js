/** Draws a text with its entities; offsets are UTF-16 units, as in JavaScript strings. */

import { make } from "./dom.js";

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

const BLOCKS = new Set(["PRE", "BLOCKQUOTE"]);

/** `on` has { link(url), command(text), copy(text) }. */
export function draw(text, entities = [], on) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const box = document.createDocumentFragment();
  fill(box, text, 0, text.length, sorted, on);
  return box;
}

function fill(box, text, from, to, entities, on) {
  let at = from;
  while (entities.length && entities[0].offset < to) {
    const entity = entities.shift();
    const end = Math.min(entity.offset + entity.length, to);
    if (entity.offset < at || end <= at) continue;
    box.append(text.slice(at, entity.offset));
    const inside = [];
    while (entities.length && entities[0].offset < end) inside.push(entities.shift());
    const element = dress(entity, text.slice(entity.offset, end), on);
    fill(element, text, entity.offset, end, inside, on);
    box.append(element);
    at = end;
    // A block ends its own line: the newline after it would be an empty one.
    if (BLOCKS.has(element.tagName) && text[at] === "\n") at += 1;
  }
  box.append(text.slice(at, to));
}

function dress(entity, words, on) {
  const { type } = entity;
  if (type === "url" || type === "text_link") {
    const url = entity.url ?? words;
    return make("a", { href: url, onclick: (event) => { event.preventDefault(); on.link(url); } });
  }
  if (type === "bot_command") {
    return make("a", { href: "#", onclick: (event) => { event.preventDefault(); on.command(words); } });
  }
  if (type === "mention" || type === "hashtag") return make("a");
  if (type === "spoiler") {
    return make("span", { class: "spoiler", onclick: (event) => event.currentTarget.classList.add("shown") });
  }
  const attributes = type === "code" ? { title: "Copy", onclick: () => on.copy(words) } : {};
  return make(TAGS[type] ?? "span", attributes);
}

/** One line for the chat list. */
export function summary(message) {
  if (!message) return "";
  if (message.text) return message.text;
  const kinds = [
    ["photo", "🖼 Photo"], ["document", "📎 File"], ["dice", message.dice?.emoji ?? ""],
    ["invoice", `🧾 ${message.invoice?.title ?? ""}`], ["successful_payment", "Payment done"],
    ["refunded_payment", "Payment returned"], ["new_chat_members", "joined"],
    ["left_chat_member", "left"], ["pinned_message", "pinned a message"],
    ["web_app_data", "Data sent"], ["contact", "👤 Contact"],
  ];
  const found = kinds.find(([name]) => message[name] !== undefined);
  const words = found ? found[1] : "Message";
  return message.caption ? `${words} ${message.caption}` : words;
}
