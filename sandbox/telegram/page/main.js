/** Starts the page and connects its parts. */

import { act, listen } from "./api.js";
import { startBridge, tell, resized } from "./bridge.js";
import { startChats } from "./chats.js";
import { reply, say, startComposer } from "./composer.js";
import { readLink, readMessage } from "./deposits.js";
import { alertPerson, ask, copy, openMenu, toast } from "./dialogs.js";
import { find, paintAvatar } from "./dom.js";
import { did, forgetSteps, startHints } from "./hints.js";
import * as messages from "./messages.js";
import { showPane } from "./panes.js";
import * as phone from "./phone.js";
import { forget, hasOffer, openSend, remember, startSendForm } from "./send_form.js";
import { actAs, changed, chat, here, me, refresh, refreshSoon, state, watch } from "./state.js";
import { copyMyAddress, startWorld, wallets } from "./world.js";

const OWNER = 9001;
const theme = () => document.documentElement.dataset.theme;
let busy = null;

// -- moving around ------------------------------------------------------------------------------

async function openChat(key, { pane = "chat" } = {}) {
  state.open = key;
  reply(null);
  busy = null;
  changed();
  showPane(pane);
  const seen = await messages.load();
  for (const message of seen) if (message.from.is_bot) remember(readMessage(message));
}

async function switchPerson(person) {
  if (phone.running) await phone.leave({ ask: false });
  forget();
  const next = await actAs(person);
  if (next) await openChat(next.key, { pane: document.body.dataset.pane });
}

async function launch(fields, label = "") {
  try {
    phone.open(await act("/sim/launch", { theme: theme(), ...fields }), label);
  } catch (error) {
    toast(error.message);
  }
}

// -- buttons and links --------------------------------------------------------------------------

async function tap(message, button) {
  if (button.url) return void (await link(button.url));
  if (button.copy_text) return void (await copy(button.copy_text.text));
  if (button.pay) return void (await payMessage(message));
  try {
    const where = { ...here(), message_id: message.message_id };
    const which = button.callback_data ? { data: button.callback_data } : { label: button.text };
    const result = await act("/sim/tap", { ...where, ...which, theme: theme() });
    if (result.launch) phone.open(result.launch);
    if (result.url) await link(result.url);
    return Boolean(result.callback);
  } catch (error) {
    toast(error.message);
    return false;
  }
}

async function link(url) {
  const transfer = readLink(url);
  if (transfer) return openSend(transfer);
  if (!/^(https?:\/\/(t|telegram)\.me\/|tg:)/.test(url)) {
    const yes = await ask({ title: "Open link", body: url, buttons: [{ id: "no", text: "Cancel" }, { id: "yes", text: "Open", kind: "strong" }] });
    if (yes === "yes") open(url, "_blank", "noopener");
    return;
  }
  try {
    const target = await act("/sim/link", { person: state.person, url, theme: theme() });
    if (target.kind === "invoice") return void (await pay({ slug: target.slug }));
    await refresh();
    await openChat(target.chat);
    if (target.launch) phone.open(target.launch);
  } catch (error) {
    toast(error.message);
  }
}

async function pay(which, words = "Pay this invoice?") {
  const sure = await ask({ title: "Confirm payment", body: `${words}\nYou have ⭐ ${me().stars}.`, buttons: [{ id: "no", text: "Cancel" }, { id: "pay", text: "Pay", kind: "strong" }] });
  if (sure !== "pay") return "cancelled";
  const result = await act("/sim/pay", { ...here(), ...which }).catch((error) => ({ status: "failed", error: error.message }));
  toast(result.status === "paid" ? "Paid" : result.error);
  refreshSoon();
  return result.status;
}

const payMessage = (message) =>
  pay({ message_id: message.message_id }, message.invoice?.title);

// -- the chat's header --------------------------------------------------------------------------

function drawHead() {
  const one = chat();
  if (!one) return;
  paintAvatar(find("#chat-avatar"), { id: one.bot ?? one.id, name: one.title });
  find("#chat-title").textContent = one.title;
  const status = find("#chat-status");
  const quiet = one.private ? (one.blocked ? "blocked" : "bot") : `${one.members.length} members`;
  status.textContent = busy ?? quiet;
  status.classList.toggle("busy", Boolean(busy));
  find("#chat-send").hidden = !wallets().length;
  const pinned = one.pinned.at(-1);
  find("#pinned").hidden = !pinned;
  if (pinned) {
    find("#pinned span").textContent = (pinned.text ?? pinned.caption ?? "Message").split("\n")[0];
    find("#pinned").onclick = () => messages.scrollTo(pinned.message_id);
  }
}

function chatMenu() {
  const one = chat();
  const deed = (path, fields) => act(path, { ...here(), ...fields }).then(refreshSoon, (error) => toast(error.message));
  const items = one.private
    ? [{ text: one.blocked ? "Unblock the bot" : "Block the bot", danger: !one.blocked, run: () => deed("/sim/block", { blocked: !one.blocked }) }]
    : [{ text: "Members", run: () => ask({ title: one.title, body: one.members.map((who) => `${who.first_name} · @${who.username}`).join("\n") }) },
      { text: "Leave the group", danger: true, run: () => deed("/sim/leave", {}).then(() => openChat(state.overview.chats[0].key)) }];
  if (one.private && one.started && !one.blocked) items.unshift({ text: "Start again", run: () => say("/start") });
  // On a phone the bar of the world is behind the chat; its uses are here too.
  items.unshift({ text: "Copy my address", run: copyMyAddress }, { text: "Dark or light", run: switchTheme });
  const left = state.overview.groups.filter((group) => !state.overview.chats.some((known) => known.key === group.key));
  items.push(...left.map((group) => ({ text: `Join ${group.title}`, run: () => deed("/sim/join", { group: group.id }) })));
  openMenu(find("#chat-more"), items, "Chat actions");
}

const ACTIONS = {
  typing: "typing…", upload_photo: "sending a photo…", upload_document: "sending a file…",
};

function typing(event) {
  if (event.chat !== state.open) return;
  const words = ACTIONS[event.action] ?? `${event.action.replaceAll("_", " ")}…`;
  busy = words;
  drawHead();
  setTimeout(() => { if (busy === words) { busy = null; drawHead(); } }, 5000);
}

// -- what the server says -----------------------------------------------------------------------

function hear(event) {
  const open = event.chat === state.open;
  if (event.type === "message" || event.type === "edit") {
    if (open) {
      if (event.message.from.is_bot) busy = null;
      messages.put(event.message);
      if (event.type === "message") messages.read();
      if (event.message.from.is_bot) remember(readMessage(event.message));
    }
  } else if (event.type === "delete" && open) {
    messages.drop(event.message_id);
  } else if (event.type === "callback_answer" && event.person === state.person) {
    answered(event);
  } else if (event.type === "action") {
    typing(event);
    return;
  } else if (event.type === "reset") {
    forgetSteps();
    begin();
    return;
  }
  refreshSoon();
}

function answered({ message_id: id, answer, chat: key }) {
  if (key === state.open) messages.answered(id);
  if (answer.url) link(answer.url);
  else if (answer.show_alert) alertPerson(chat()?.title ?? "", answer.text);
  else toast(answer.text);
}

// -- start --------------------------------------------------------------------------------------

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
}

async function switchTheme() {
  setTheme(theme() === "dark" ? "light" : "dark");
  if (!phone.running) return;
  const fresh = await act("/sim/launch", {
    person: state.person, bot: phone.running.launch.bot, url: phone.running.launch.url.split("#")[0], way: "keyboard", theme: theme(),
  });
  phone.running.launch.theme_params = fresh.theme_params;
  tell("theme_changed", { theme_params: fresh.theme_params });
}

/** Say a command to the players' bot, as somebody who has a wallet. */
async function askBot(command) {
  if (!wallets().length) await switchPerson(state.overview.people[0].id);
  await openChat(player().key);
  await say(command);
}

const player = () => state.overview.chats.find((one) => one.bot === state.overview.bots[0].id);

async function begin() {
  await refresh();
  const known = state.overview.chats.find((one) => one.key === state.open);
  await openChat((known ?? player()).key, { pane: document.body.dataset.pane });
}

function start() {
  setTheme(localStorage.getItem("theme") ?? "dark");
  startChats({ actAs: switchPerson, openChat });
  messages.startMessages({ tap, link, command: say, reply });
  startComposer({ launch, opened: (opened, label) => phone.open(opened, label) });
  phone.startPhone({ pressed: tell, left: refreshSoon, opened: () => did("play"), resized });
  startBridge({
    link,
    tgLink: (path) => link(`https://t.me${path}`),
    invoice: (slug) => pay({ slug }),
    sendData: (app, label, data) => act("/sim/web_app_data", { person: state.person, bot: app.bot, label, data }),
  });
  startWorld();
  startSendForm(() => did("deposit"));
  startHints({
    start: () => openChat(player().key),
    deposit: async () => {
      if (hasOffer()) return openSend();
      await openChat(player().key);
      toast("Ask the bot for a deposit address, then press Send from my wallet");
    },
    play: () => launch({ person: state.person, bot: player().bot, way: "menu" }),
    verify: () => askBot("/verify"),
    withdraw: async () => {
      await askBot("/withdraw");
      await copyMyAddress();
    },
    decide: async () => {
      await switchPerson(OWNER);
      const desk = state.overview.chats.find((one) => one.private && one.bot !== state.overview.bots[0].id);
      if (desk) await openChat(desk.key);
    },
  });
  watch(drawHead);
  find("#chat-more").onclick = chatMenu;
  find("#chat-send").onclick = () => openSend();
  find("#chat-back").onclick = () => showPane("list");
  find("#theme").onclick = switchTheme;
  addEventListener("focus", messages.read);
  listen(hear, begin);
  return begin();
}

await start();
document.body.dataset.ready = "true";
