/** The bar of the world: chains, the acting person's wallet, mining, the services' log. */

import { act, look } from "./api.js";
import { fromUnits, roundUnits } from "./amounts.js";
import { copy, openMenu, toast } from "./dialogs.js";
import { find, icon, make } from "./dom.js";
import { state, watch } from "./state.js";

const SECONDS = 1.5;
let world = { chains: [], wallets: [], log: [] };
let heights = new Map();
let person = 0;
let drawn = "";

export const wallets = () => world.wallets.filter((one) => one.can_send !== false);

export function startWorld() {
  find("#mine").onclick = mine;
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
  find("#chains").replaceChildren(...world.chains.map((chain) => {
    const moved = heights.has(chain.name) && heights.get(chain.name) !== chain.height;
    heights.set(chain.name, chain.height);
    return make("div", { class: moved ? "chain new" : "chain", title: `${chain.title ?? chain.name}: newest block` },
      make("i"), make("span", {}, chain.title ?? chain.name), make("b", {}, `#${chain.height}`));
  }));
  const held = JSON.stringify(world.wallets);
  if (held !== drawn) find("#wallets").replaceChildren(...world.wallets.map(walletChip));
  drawn = held;
  find("#open-send").hidden = !wallets().length;
  find("#mine").hidden = !world.chains.length;
  if (!find("#log").hidden) drawLog();
}

/** What the wallet holds; one with an address gives it away when pressed. */
function walletChip(wallet) {
  const amount = [make("b", {}, roundUnits(wallet.units, wallet.decimals)), ` ${wallet.asset}`];
  const all = `${fromUnits(wallet.units, wallet.decimals)} ${wallet.asset}`;
  if (!wallet.address) return make("span", { class: "wallet", title: all }, ...amount);
  return make("button", {
    type: "button", class: "wallet", title: `${all}\nPress to copy my address\n${wallet.address}`,
    "aria-label": `My ${wallet.asset}: ${all}. Copy my address`, onclick: () => copyMine(wallet),
  }, ...amount, icon("copy"));
}

async function copyMine(wallet) {
  await copy(wallet.address, { said: `Your ${wallet.asset} address is copied`, offered: false });
  dispatchEvent(new Event("own-address"));
}

/** Put the acting person's own address on the clipboard: it is where a withdrawal goes. */
export async function copyMyAddress() {
  const mine = world.wallets.find((wallet) => wallet.address);
  if (mine) await copyMine(mine);
  else toast("Only players have a wallet here");
}

async function mine() {
  const chains = world.chains;
  if (chains.length > 1) {
    openMenu(find("#mine"), chains.map((chain) => ({ text: chain.title ?? chain.name, run: () => mineOn(chain.name) })), "Mine on");
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
