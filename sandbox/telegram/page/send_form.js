/** "Send from my wallet": filled in from what the chat or the Mini App offered. */

import { act } from "./api.js";
import { fromUnits, roundUnits, toUnits } from "./amounts.js";
import { chainOf, readText } from "./deposits.js";
import { toast } from "./dialogs.js";
import { find, make } from "./dom.js";
import { state } from "./state.js";
import { look_, wallets } from "./world.js";

const LOOKS = { ton: "a TON address", ethereum: "an Ethereum address", bitcoin: "a Bitcoin address" };
let offer = {};
let sent;

/** `done()` is called after something was sent. */
export function startSendForm(done) {
  sent = done;
  find("#open-send").onclick = () => openSend();
  find("#send-cancel").onclick = () => find("#send-dialog").close();
  find("#send-rail").onchange = drawWallet;
  find("#send-to").oninput = checkAddress;
  find("#send-form").addEventListener("submit", send);
  find("#send-to").addEventListener("paste", pasted);
  addEventListener("copied", (event) => remember(readText(event.detail)));
}

/** Keep what was offered last; the form opens with it. */
export function remember(found) {
  if (!found) return;
  // An address without a tag must not go out with the tag of another address.
  const fresh = found.to && found.to !== offer.to;
  offer = fresh ? found : { ...offer, ...Object.fromEntries(Object.entries(found).filter(([, value]) => value)) };
}

/** Is there somewhere to send to? */
export const hasOffer = () => Boolean(offer.to);

export function forget() {
  offer = {};
}

export function openSend(given = null) {
  if (!wallets().length) return toast("There is no wallet in this world");
  remember(given);
  const dialog = find("#send-dialog");
  const rail = offer.rail ?? find("#send-rail").value;
  find("#send-rail").replaceChildren(...wallets().map((one) =>
    make("option", { value: one.rail }, `${one.asset} · ${one.network} · ${roundUnits(one.units, one.decimals)}`)));
  if (wallets().some((one) => one.rail === rail)) find("#send-rail").value = rail;
  find("#send-to").value = offer.to ?? "";
  find("#send-comment").value = offer.comment ?? "";
  find("#send-amount").value = offer.units ? plain(offer.units) : "";
  drawWallet();
  dialog.showModal();
  find(find("#send-to").value ? "#send-amount" : "#send-to").focus();
}

const wallet = () => wallets().find((one) => one.rail === find("#send-rail").value) ?? wallets()[0];
const plain = (units) => fromUnits(units, wallet().decimals).replace(/\s/g, "");

function drawWallet() {
  const { asset, network, decimals, units, comments, fuel } = wallet();
  find("#send-unit").textContent = asset;
  find("#send-comment").closest("label").hidden = !comments;
  find("#send-to").placeholder = comments ? "Address or ton:// link" : `Address on ${network}`;
  const fees = fuel ? ` The network's fee is paid in ${fuel.name}; you have ${roundUnits(fuel.units, fuel.decimals)}.` : "";
  find("#send-note").textContent = `You have ${fromUnits(units, decimals)} ${asset}.${fees} It arrives after a few blocks.`;
  checkAddress();
}

/** Say it at once when the address is another network's: such coins would be gone. */
function checkAddress() {
  const found = chainOf(find("#send-to").value.trim());
  const wrong = found && found !== wallet().chain;
  if (wrong) refuse(`This is ${LOOKS[found]}, but this wallet sends ${wallet().asset} on ${wallet().network.replace(" network", "")}. Choose another wallet above, or another address.`);
  else find("#send-error").hidden = true;
  return !wrong;
}

function pasted(event) {
  const found = readText(event.clipboardData?.getData("text") ?? "");
  if (!found?.to) return;
  event.preventDefault();
  find("#send-to").value = found.to;
  if (found.comment) find("#send-comment").value = found.comment;
  if (found.units) find("#send-amount").value = plain(found.units);
  checkAddress();
}

async function send(event) {
  event.preventDefault();
  const { rail, asset, decimals, comments } = wallet();
  const to = readText(find("#send-to").value)?.to ?? find("#send-to").value.trim();
  find("#send-to").value = to;
  if (!checkAddress()) return;
  const units = toUnits(find("#send-amount").value, decimals);
  if (units === null) return refuse(`Write an amount with at most ${decimals} decimals.`);
  try {
    const comment = comments ? find("#send-comment").value.trim() : "";
    await act("/world/send", { person: state.person, rail, to, comment, units: String(units) });
  } catch (error) {
    return refuse(capital(error.message));
  }
  find("#send-dialog").close();
  toast(`${fromUnits(units, decimals)} ${asset} is on its way`);
  // The address stays ours to send to again; an amount that was asked for has been paid.
  offer = { to: offer.to, rail, comment: offer.comment };
  sent();
  look_();
}

const capital = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

function refuse(words) {
  const error = find("#send-error");
  error.textContent = words;
  error.hidden = false;
}
