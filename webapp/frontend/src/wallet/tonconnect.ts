// TON Connect without its outside requests: our own list of wallets, no analytics, no pictures.
import { TonConnect, type Wallet } from "@tonconnect/sdk";
import { useEffect, useState } from "react";

export interface WalletChoice {
  readonly appName: string;
  readonly name: string;
  readonly universalUrl: string | null;
  readonly bridgeUrl: string | null;
  readonly jsKey: string | null;
}

let shared: TonConnect | null = null;

/** The connector, made on first use; nothing is sent anywhere before a wallet is chosen. */
function connectorOf(): TonConnect {
  shared ??= new TonConnect({
    manifestUrl: new URL("tonconnect-manifest.json", document.baseURI).href,
    walletsListSource: new URL("tonconnect/wallets.json", document.baseURI).href,
    analytics: { mode: "off" },
  });
  return shared;
}

/** Which wallets there are, and which one is connected (by its name). */
export function useTonConnect(): {
  wallets: readonly WalletChoice[];
  connected: string | null;
  connector: TonConnect;
} {
  const connector = connectorOf();
  const [wallets, setWallets] = useState<readonly WalletChoice[]>([]);
  const [wallet, setWallet] = useState<Wallet | null>(connector.wallet);
  useEffect(() => {
    let gone = false;
    const stop = connector.onStatusChange(setWallet, () => setWallet(null));
    void connector.restoreConnection().catch(() => undefined);
    void readWallets().then((found) => {
      if (!gone) setWallets(found);
    });
    return () => {
      gone = true;
      stop();
    };
  }, [connector]);
  return { wallets, connected: wallet === null ? null : wallet.device.appName, connector };
}

/** Begin to connect; the answer is the link that opens the wallet, or null for one in the page. */
export function connectTo(connector: TonConnect, wallet: WalletChoice): string | null {
  if (wallet.jsKey !== null && isInjected(wallet.jsKey)) {
    connector.connect({ jsBridgeKey: wallet.jsKey });
    return null;
  }
  return connector.connect({
    universalLink: wallet.universalUrl ?? "",
    bridgeUrl: wallet.bridgeUrl ?? "",
  });
}

function isInjected(key: string): boolean {
  const found = (window as unknown as Record<string, unknown>)[key];
  return typeof found === "object" && found !== null && "tonconnect" in found;
}

interface Listed {
  app_name: string;
  name: string;
  universal_url?: string;
  bridge: { type: string; url?: string; key?: string }[];
}

async function readWallets(): Promise<readonly WalletChoice[]> {
  try {
    const answer = await fetch(new URL("tonconnect/wallets.json", document.baseURI));
    const listed = (await answer.json()) as Listed[];
    return listed.map((one) => ({
      appName: one.app_name,
      name: one.name,
      universalUrl: one.universal_url ?? null,
      bridgeUrl: one.bridge.find((bridge) => bridge.type === "sse")?.url ?? null,
      jsKey: one.bridge.find((bridge) => bridge.type === "js")?.key ?? null,
    }));
  } catch {
    // Without the list the payment link still works.
    return [];
  }
}
