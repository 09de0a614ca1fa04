/** Where a person writes: text, commands, files, the menu button and the bot's own keyboard. */

import { act, upload } from "./api.js";
import { ask, openMenu, toast } from "./dialogs.js";
import { find, icon, make } from "./dom.js";
import { did } from "./hints.js";
import { sampleCard } from "./sample_card.js";
import { chat, here, me, state, watch } from "./state.js";

const PHOTO_SIDE = 2560;
const text = () => find("#text");
let on;
let replyTo = null;
let keysHidden = false;

/** `handlers`: launch(fields), opened(result), refused(error). */
export function startComposer(handlers) {
  on = handlers;
  find("#composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  text().addEventListener("input", grow);
  text().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === "Escape") reply(null);
  });
  text().addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (file) { event.preventDefault(); offer(file, file.name); }
  });
  find("#attach").onclick = attach;
  find("#file").onchange = () => {
    const file = find("#file").files[0];
    if (file) offer(file, file.name);
    find("#file").value = "";
  };
  find("#keys").onclick = () => { keysHidden = !keysHidden; draw(); };
  find("#menu-button").onclick = menu;
  find("#big-button").onclick = big;
  find("#replying button").onclick = () => reply(null);
  watch(draw);
}

export function reply(message) {
  replyTo = message;
  find("#replying").hidden = !message;
  if (!message) return;
  find("#replying b").textContent = message.from.first_name;
  find("#replying span").textContent = message.text ?? message.caption ?? "Message";
  text().focus();
}

function grow() {
  text().style.height = "auto";
  text().style.height = `${text().scrollHeight}px`;
}

async function tried(deed) {
  try {
    return await deed();
  } catch (error) {
    toast(error.message);
    return null;
  }
}

export async function say(words) {
  await tried(() => act("/sim/send", { ...here(), text: words, reply_to: replyTo?.message_id }));
  reply(null);
}

async function send() {
  const words = text().value.trim();
  if (!words) return;
  text().value = "";
  grow();
  const dice = ["🎲", "🎯", "🎳", "🏀", "⚽", "🎰"].includes(words);
  if (dice) await tried(() => act("/sim/dice", { ...here(), emoji: words }));
  else await say(words);
}

// -- files --------------------------------------------------------------------------------------

function attach() {
  openMenu(find("#attach"), [
    { text: "Photo or file…", run: () => find("#file").click() },
    { text: "A sample identity card", run: async () => offer(await sampleCard(me()), "identity-card.png") },
    { text: "🎲 Throw a die", run: () => tried(() => act("/sim/dice", { ...here(), emoji: "🎲" })) },
    { text: "🎰 Pull the lever", run: () => tried(() => act("/sim/dice", { ...here(), emoji: "🎰" })) },
  ], "Attach");
}

async function offer(file, name) {
  const image = /^image\/(png|jpeg|webp|gif)$/.test(file.type);
  const caption = make("input", { placeholder: "Add a caption", "aria-label": "Caption", maxlength: 1024 });
  const picture = image ? make("img", { src: URL.createObjectURL(file), alt: name }) : make("p", {}, `📎 ${name}`);
  const buttons = [{ id: "cancel", text: "Cancel" }, { id: "document", text: "Send as file" }];
  if (image) buttons.push({ id: "photo", text: "Send photo", kind: "strong" });
  const body = make("div", { style: "display:grid;gap:12px" }, picture, caption);
  const kind = await ask({ title: image ? "Send a photo" : "Send a file", body, buttons });
  if (kind !== "photo" && kind !== "document") return;
  const [sent, called] = kind === "photo" ? [await asPhoto(file), "photo.jpg"] : [file, name];
  await tried(() => upload({ ...here(), kind, caption: caption.value }, sent, called));
  did("verify");
}

/** A picture as Telegram sends photos: JPEG, no side longer than PHOTO_SIDE. */
async function asPhoto(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, PHOTO_SIDE / Math.max(picture.width, picture.height));
  const canvas = make("canvas", {});
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.87));
}

// -- menu button, start, the bot's keyboard -----------------------------------------------------

function menu() {
  const one = chat();
  if (one.menu.type === "web_app") {
    on.launch({ person: state.person, bot: one.bot, way: "menu" });
    return;
  }
  openMenu(find("#menu-button"), one.commands.map((command) => ({
    text: `/${command.command}`, hint: command.description, run: () => say(`/${command.command}`),
  })), "Commands");
}

function big() {
  const one = chat();
  if (one.blocked) tried(() => act("/sim/block", { ...here(), blocked: false }));
  else tried(() => act("/sim/start", here()));
}

function draw() {
  const one = chat();
  if (!one) return;
  const closed = one.private && (one.blocked || !one.started);
  find("#composer").hidden = closed;
  const button = find("#big-button");
  button.hidden = !closed;
  button.textContent = one.blocked ? "Unblock" : "Start";
  button.classList.toggle("start", !one.blocked);
  drawMenu(one);
  drawKeyboard(one, closed);
}

function drawMenu(one) {
  const button = find("#menu-button");
  const app = one.menu.type === "web_app";
  button.hidden = !app && !one.commands.length;
  const name = app ? one.menu.text : "Menu";
  button.replaceChildren(icon(app ? "app" : "menu"), make("span", {}, name));
  button.setAttribute("aria-label", name);
}

function drawKeyboard(one, closed) {
  const rows = one.keyboard?.keyboard ?? [];
  find("#keys").hidden = !rows.length;
  find("#reply-keyboard").hidden = closed || keysHidden || !rows.length;
  text().placeholder = one.keyboard?.input_field_placeholder || "Message";
  find("#reply-keyboard").replaceChildren(...rows.map((row) =>
    make("div", {}, ...row.map((button) => make("button", {
      type: "button",
      onclick: async () => {
        const result = await tried(() => act("/sim/keyboard", { ...here(), label: button.text }));
        if (result?.launch) on.opened(result.launch, button.text);
      },
    }, button.text)))));
}
