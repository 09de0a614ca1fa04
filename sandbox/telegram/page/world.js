/** The bar of the world: chains, the acting person's wallet, mining, the services' log. */

import { act, look } from "./api.js";
import { fromUnits, roundUnits } from "./amounts.js";
import { copy, openMenu, toast } from "./dialogs.js";
import { find, icon, make } from "./dom.js";
import { state, watch } from "./state.js";

const SECONDS = 1.5;
const CODES = { ton: "TON", ethereum: "ETH", bitcoin: "BTC" };
let world = { chains: [], wallets: [], log: [] };
let heights = new Map();
let person = 0;
let drawn = "";

export const wallets = () => world.wallets.filter((one) => one.can_send !== false);

export function startWorld() {
  find("#mine").onclick = mine;
  find("#my-wallets").onclick = () => copyMyAddress();
  find("#open-log").onclick = () => showLog(find("#log").hidden);
  find("#close-log").onclick = () => showLog(false);
  find("#log-filter").oninput = () => drawLog(true);
  watch(() => {
    if (person !== state.person) look_();
    person = state.person;
  });
  setInterval(() => document.visibilityState === "visible" && look_(), SECONDS * 1000);
}

export async function look_() {
  if (!state.person) return;
  try {
    world = { chains: [], wallets: [], log: [], ...(await look("/world", { person: state.person })) };
  } catch {
    return; // the world is starting or stopping; the next look will tell
  }
  draw();
}

function draw() {
  find("#chains").replaceChildren(...world.chains.map(chainChip));
  const held = JSON.stringify(world.wallets);
  if (held !== drawn) find("#wallets").replaceChildren(...world.wallets.map(walletChip));
  drawn = held;
  find("#open-send").hidden = find("#my-wallets").hidden = !wallets().length;
  find("#mine").hidden = !world.chains.length;
  if (!find("#log").hidden) drawLog();
}

/** A chain's newest block; pressed, it makes the next one. */
function chainChip(chain) {
  const moved = heights.has(chain.name) && heights.get(chain.name) !== chain.height;
  heights.set(chain.name, chain.height);
  return make("button", {
    type: "button", class: moved ? "chain new" : "chain", title: "Press to mine the next block",
    "aria-label": `${chain.title}: block ${chain.height}. Mine the next`, onclick: () => mineOn(chain.name),
  }, make("i"), make("span", { class: "long" }, chain.title), make("span", { class: "short" }, CODES[chain.name] ?? chain.title), make("b", {}, `#${chain.height}`));
}

/** What the wallet holds; one with an address gives it away when pressed. */
function walletChip(wallet) {
  const amount = [make("b", {}, roundUnits(wallet.units, wallet.decimals)), ` ${wallet.asset}`];
  // A coin is at home on one network; a dollar says on which it is.
  const code = CODES[wallet.chain] ?? wallet.network;
  const on = code === wallet.asset ? null : make("small", {}, code);
  const all = `${fromUnits(wallet.units, wallet.decimals)} ${wallet.asset}`;
  if (!wallet.address) return make("span", { class: "wallet", title: all }, ...amount, on);
  return make("button", {
    type: "button", class: "wallet", title: `${all} on ${wallet.network}\nPress to copy my address\n${wallet.address}`,
    "aria-label": `My ${wallet.asset} on ${wallet.network}: ${all}. Copy my address`, onclick: () => copyMine(wallet),
  }, ...amount, on, icon("copy"));
}

async function copyMine(wallet) {
  await copy(wallet.address, { said: `Your ${wallet.asset} address on ${wallet.network} is copied`, offered: false });
  dispatchEvent(new Event("own-address"));
}

/** Put one of the acting person's own addresses on the clipboard: it is where a withdrawal goes. */
export function copyMyAddress() {
  const mine = world.wallets.filter((wallet) => wallet.address);
  if (!mine.length) return toast("Only players have a wallet here");
  // What of these can be seen depends on the width and on the pane.
  const anchor = ["#my-wallets", "#wallets", "#chat-more"].map(find).find((one) => one.offsetParent) ?? document.body;
  openMenu(anchor, mine.map((wallet) => ({
    text: `${wallet.asset} · ${wallet.network}`,
    hint: `${fromUnits(wallet.units, wallet.decimals)} · ${shorten(wallet.address)}`,
    run: () => copyMine(wallet),
  })), "Copy my address");
}

const shorten = (address) => `${address.slice(0, 6)}…${address.slice(-6)}`;

async function mine() {
  const chains = world.chains;
  if (chains.length > 1) {
    openMenu(find("#mine"), chains.map((chain) => ({ text: chain.title ?? chain.name, hint: `#${chain.height}`, run: () => mineOn(chain.name) })), "Mine on");
  } else if (chains.length) {
    await mineOn(chains[0].name);
  }
}

async function mineOn(chain) {
  try {
    const { height } = await act("/world/mine", { chain });
    toast(height ? `Block #${height}` : "A new block");
  } catch (error) {
    toast(error.message);
  }
  look_();
}

function showLog(open) {
  find("#log").hidden = !open;
  find("#open-log").setAttribute("aria-expanded", String(open));
  if (open) drawLog(true);
}

async function drawLog(jump = false) {
  const list = find("#log-lines");
  const { log } = await look("/world/log", { limit: 400 }).catch(() => ({ log: world.log ?? [] }));
  const wanted = find("#log-filter").value.toLowerCase();
  const lines = log.filter((one) => `${one.service} ${one.text}`.toLowerCase().includes(wanted));
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.replaceChildren(...lines.map((one) =>
    make("li", {}, make("time", {}, /\d\d:\d\d:\d\d/.exec(one.at)?.[0] ?? ""), make("b", {}, one.service), make("span", {}, one.text))));
  if (atEnd || jump) list.scrollTop = list.scrollHeight;
}
