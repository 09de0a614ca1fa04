/** "Send from my wallet": filled in from what the chat or the Mini App offered. */

import { act } from "./api.js";
import { fromUnits, toUnits } from "./amounts.js";
import { readText } from "./deposits.js";
import { toast } from "./dialogs.js";
import { find, make } from "./dom.js";
import { state } from "./state.js";
import { look_, wallets } from "./world.js";

const FAUCET = "faucet";
let offer = {};
let sent;

/** `done()` is called after something was sent. */
export function startSendForm(done) {
  sent = done;
  find("#open-send").onclick = () => openSend();
  find("#send-cancel").onclick = () => find("#send-dialog").close();
  find("#send-asset").onchange = drawAsset;
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
  find("#send-asset").replaceChildren(...wallets().map((wallet) =>
    make("option", { value: wallet.asset }, `${wallet.asset} · ${fromUnits(wallet.units, wallet.decimals)}`)));
  find("#send-to").value = offer.to ?? "";
  find("#send-comment").value = offer.comment ?? "";
  find("#send-amount").value = offer.units ? fromUnits(offer.units, wallet().decimals).replace(/\s/g, "") : "";
  find("#send-error").hidden = true;
  drawAsset();
  dialog.showModal();
  find(find("#send-to").value || find("#send-to").disabled ? "#send-amount" : "#send-to").focus();
}

const wallet = () => wallets().find((one) => one.asset === find("#send-asset").value) ?? wallets()[0];

function drawAsset() {
  const { asset, decimals, units, chain } = wallet();
  const fromFaucet = chain === FAUCET;
  find("#send-unit").textContent = asset;
  for (const name of ["#send-to", "#send-comment"]) {
    find(name).disabled = fromFaucet;
    find(name).closest("label").hidden = fromFaucet;
  }
  find("#send-note").textContent = fromFaucet
    ? `Play dollars: the faucet pays them straight into your casino account. It has ${fromUnits(units, decimals)} ${asset} for you.`
    : `You have ${fromUnits(units, decimals)} ${asset}. It arrives after a few blocks.`;
}

function pasted(event) {
  const found = readText(event.clipboardData?.getData("text") ?? "");
  if (!found?.to) return;
  event.preventDefault();
  find("#send-to").value = found.to;
  if (found.comment) find("#send-comment").value = found.comment;
  if (found.units) find("#send-amount").value = fromUnits(found.units, wallet().decimals).replace(/\s/g, "");
}

async function send(event) {
  event.preventDefault();
  const { asset, decimals, chain } = wallet();
  const link = readText(find("#send-to").value);
  const to = chain === FAUCET ? FAUCET : link?.to ?? find("#send-to").value.trim();
  const units = toUnits(find("#send-amount").value, decimals);
  if (units === null) return refuse(`Write an amount with at most ${decimals} decimals.`);
  try {
    const comment = chain === FAUCET ? "" : find("#send-comment").value.trim();
    await act("/world/send", { person: state.person, asset, to, comment, units: String(units) });
  } catch (error) {
    return refuse(error.message);
  }
  find("#send-dialog").close();
  toast(`${fromUnits(units, decimals)} ${asset} is on its way`);
  // The address stays ours to send to again; an amount that was asked for has been paid.
  offer = { to: offer.to, comment: offer.comment };
  sent();
  look_();
}

function refuse(words) {
  const error = find("#send-error");
  error.textContent = words;
  error.hidden = false;
}
