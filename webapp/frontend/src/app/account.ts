// Who plays and what he has: read at the start, kept fresh by news from the server.
import { Client } from "@/api/client";
import type { Refused } from "@/api/errors";
import { Live, type LiveMessage } from "@/api/live";
import { refresh } from "@/api/resource";
import { storageOf } from "@/api/storage";
import type { Balance, Me, RoundView } from "@/api/types";
import { createStore } from "@/app/store";
import { showNotice } from "@/design/toast";
import type { Launch } from "@/telegram/telegram";
import { find } from "@/texts/texts";

export type Standing = "starting" | "ready" | "refused" | "unreachable";

export const standing = createStore<Standing>("starting");
export const refusal = createStore<Refused | null>(null);
export const me = createStore<Me | null>(null);
export const chosenAsset = createStore<string>(sessionStorage.getItem("asset") ?? "TON");

const NOTHING = {
  cash: "0",
  bonus: "0",
  reserved: "0",
  held: "0",
  withdrawable: "0",
  not_final: "0",
};

let client: Client | null = null;
let holders = 0;
let heldBack: Balance[] | null = null;

/** The way to the server; exists once the page has started inside Telegram. */
export function api(): Client {
  if (client === null) throw new Error("the page has not started");
  return client;
}

/** Log in, read who plays, and listen for news. */
export async function startAccount(launch: Launch): Promise<void> {
  client = new Client({
    origin: "",
    initData: launch.initData,
    agent: launch.device,
    storage: storageOf(launch.initData, sessionStorage),
    onLoginRefused: (error) => {
      // An old launch is mended by opening the page again; anything else has its own words.
      refusal.set(error.code === "refusal.login_refused" ? null : error);
      standing.set("refused");
    },
  });
  chosenAsset.subscribe(() => sessionStorage.setItem("asset", chosenAsset.get()));
  await readMe();
  const address = `${location.origin.replace(/^http/, "ws")}/ws`;
  new Live(client, address, hear, () => void catchUp()).start();
}

/** Read the account again. */
export async function readMe(): Promise<void> {
  try {
    const answer = await api().get<Me>("/api/me");
    const balances = holders > 0 ? (me.get()?.balances ?? answer.balances) : answer.balances;
    if (holders > 0) heldBack = answer.balances;
    me.set({ ...answer, balances });
    standing.set("ready");
  } catch {
    if (standing.get() === "starting") standing.set("unreachable");
  }
}

/** The player's balance in one asset; zero when he never had any. */
export function balanceOf(account: Me | null, asset: string): Balance {
  const found = account?.balances.find((balance) => balance.asset === asset);
  return found ?? { asset, ...NOTHING };
}

/**
 * Keep the shown balance still while a result is being animated, so that it does not tell the
 * outcome early. The returned function lets the balance go on.
 */
export function holdBalance(): () => void {
  holders += 1;
  let done = false;
  return () => {
    if (done) return;
    done = true;
    holders -= 1;
    if (holders === 0 && heldBack !== null) {
      const balances = heldBack;
      heldBack = null;
      show(balances);
    }
  };
}

/** The stake left the wallet: show it at once, before the server's own word arrives. */
export function setCash(asset: string, cash: string): void {
  const balances = (heldBack ?? me.get()?.balances ?? []).map((balance) =>
    balance.asset === asset ? { ...balance, cash } : balance,
  );
  take(balances);
}

/** Keep the list of open rounds in step with what the game page knows. */
export function setOpenRound(round: RoundView): void {
  me.update((account) => {
    if (account === null) return null;
    const others = account.open_rounds.filter((open) => open.round_id !== round.round_id);
    return { ...account, open_rounds: round.status === "open" ? [...others, round] : others };
  });
}

function hear(message: LiveMessage): void {
  if (message.type === "balance") take(message.balances);
  else if (message.type === "round") refresh("rounds");
  else if (message.type === "movement" || message.type === "notice") hearNews(message.kind);
}

function hearNews(kind: string): void {
  refresh("movements");
  if (kind.startsWith("support.")) refresh("support");
  if (kind.startsWith("kyc.") || kind.startsWith("player.")) void readMe();
  const text = find(`app.notice.${kind}`);
  if (text !== null) showNotice(text);
}

async function catchUp(): Promise<void> {
  await readMe();
  refresh("");
}

function take(balances: Balance[]): void {
  if (holders > 0) heldBack = balances;
  else show(balances);
}

function show(balances: Balance[]): void {
  me.update((account) => (account === null ? null : { ...account, balances }));
}
