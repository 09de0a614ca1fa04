// "Send from my wallet": amount, then a wallet by TON Connect, or any wallet by a payment link.
import { useEffect, useState } from "react";
import type { Instruction } from "@/api/types";
import { Button } from "@/design/Button";
import { copyText } from "@/design/Copy";
import { Icon } from "@/design/Icon";
import { Banner, Chip, Field, Rows, Row } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { showNotice } from "@/design/toast";
import { decimalsOf, fieldText, parseUnits } from "@/money/money";
import { haptics, openOutside } from "@/telegram/telegram";
import { amountText, fieldDigits, t } from "@/texts/texts";
import { Qr } from "@/wallet/Qr";
import { api } from "@/app/account";
import { commentPayload, JETTON_ATTACHED_COINS, jettonPayload } from "@/wallet/comment";
import { connectTo, useTonConnect, type WalletChoice } from "@/wallet/tonconnect";

type Stage = "amount" | "connecting" | "approving" | "sent" | "failed";
const PRESETS: Readonly<Record<string, readonly bigint[]>> = { TON: [1n, 5n, 20n] };
const PRESETS_OF_OTHERS = [10n, 50n, 200n];

export function SendSheet({
  instruction,
  onClose,
}: {
  readonly instruction: Instruction & { address: string };
  readonly onClose: () => void;
}) {
  const { asset, address, tag, token } = instruction;
  const decimals = decimalsOf(asset);
  const minimum = BigInt(instruction.minimum);
  const presets = PRESETS[asset] ?? PRESETS_OF_OTHERS;
  const [text, setText] = useState(() => {
    const usual = presets[0]! * 10n ** BigInt(decimals);
    return fieldText(minimum > usual ? minimum : usual, decimals);
  });
  const [stage, setStage] = useState<Stage>("amount");
  const [link, setLink] = useState<string | null>(null);
  const { wallets, connected, connector } = useTonConnect();
  const units = parseUnits(text, decimals);
  const problem =
    units === null
      ? t("app.stake.not_a_number")
      : units < minimum
        ? t("app.stake.too_small", { amount: amountText(minimum, asset) })
        : null;

  const send = async (): Promise<void> => {
    if (units === null) return;
    setStage("approving");
    try {
      await connector.sendTransaction({
        validUntil: Math.floor(Date.now() / 1000) + 300,
        messages: [
          token === null
            ? {
                address,
                amount: units.toString(),
                ...(tag === null ? {} : { payload: commentPayload(tag) }),
              }
            : await jettonMessage(instruction, units, connector.account?.address ?? ""),
        ],
      });
      haptics.success();
      setStage("sent");
    } catch {
      setStage("failed");
    }
  };
  const connect = (wallet: WalletChoice): void => {
    const found = connectTo(connector, wallet);
    setStage("connecting");
    setLink(found);
    if (found !== null) openOutside(found);
  };
  useEffect(() => {
    if (connected !== null && stage === "connecting") {
      setLink(null);
      setStage("amount");
    }
  }, [connected, stage]);

  const payLink = [
    `ton://transfer/${address}?amount=${units ?? 0n}`,
    ...(token === null ? [] : [`jetton=${token}`]),
    ...(tag === null ? [] : [`text=${tag}`]),
  ].join("&");
  const payByLink = async (): Promise<void> => {
    if (problem !== null) return;
    showNotice(t((await copyText(payLink)) ? "app.send.link_copied" : "app.copy_failed"));
    window.open(payLink, "_blank", "noopener,noreferrer");
    onClose();
  };

  return (
    <Sheet title={t("app.send.title")} onClose={onClose}>
      <div className="space-y-4">
        <Field
          label={t("app.send.amount")}
          value={fieldDigits(text)}
          onChange={(next) => setText(next.replace(",", "."))}
          inputMode="decimal"
          problem={problem}
          side={<span className="px-3 text-muted">{asset}</span>}
        />
        <div className="flex gap-2">
          {presets.map((preset) => (
            <Chip key={preset} onPress={() => setText(preset.toString())}>
              {preset.toString()}
            </Chip>
          ))}
        </div>
        {tag !== null && (
          <p className="text-[13px] text-muted">{t("app.send.comment_added", { tag })}</p>
        )}
        {stage === "failed" && <Banner tone="care">{t("app.send.failed")}</Banner>}
        {stage === "sent" && <Banner tone="good">{t("app.send.sent")}</Banner>}
        {stage === "approving" && <Banner>{t("app.send.approve")}</Banner>}
        {stage === "connecting" && link !== null && (
          <div className="flex flex-col items-center gap-3">
            <Qr text={link} label={t("app.send.qr")} />
            <p className="text-center text-[13px] text-muted">{t("app.send.scan")}</p>
          </div>
        )}
        {connected !== null ? (
          <>
            <Button
              wide
              disabled={problem !== null}
              busy={stage === "approving"}
              onPress={() => void send()}
            >
              {t("app.send.ask", {
                amount: units === null ? asset : amountText(units, asset),
                wallet: connected,
              })}
            </Button>
            <Button wide small weight="plain" onPress={() => void connector.disconnect()}>
              {t("app.send.disconnect")}
            </Button>
          </>
        ) : (
          <>
            <p className="text-[13px] font-semibold text-muted">{t("app.send.choose")}</p>
            <Rows>
              {wallets.map((wallet) => (
                <Row
                  key={wallet.appName}
                  icon={<WalletBadge name={wallet.name} />}
                  title={wallet.name}
                  onPress={() => connect(wallet)}
                />
              ))}
              <Row
                icon={
                  <span className="grid size-10 place-items-center rounded-xl bg-raised">
                    <Icon name="link" size={20} />
                  </span>
                }
                title={t("app.send.any")}
                note={t("app.send.any_note")}
                onPress={() => void payByLink()}
              />
            </Rows>
          </>
        )}
      </div>
    </Sheet>
  );
}

/** The message by which the player's own jetton wallet pays us; where that is only we can ask. */
async function jettonMessage(
  { rail, address, tag }: Instruction & { address: string },
  units: bigint,
  owner: string,
): Promise<{ address: string; amount: string; payload: string }> {
  const { wallet } = await api().post<{ wallet: string }>("/api/cashier/jetton-wallet", {
    rail,
    owner,
  });
  const payload = jettonPayload({ units, to: address, owner, comment: tag });
  return { address: wallet, amount: JETTON_ATTACHED_COINS.toString(), payload };
}

/** A neutral sign for a wallet: its first letter. */
function WalletBadge({ name }: { readonly name: string }) {
  return (
    <span
      aria-hidden="true"
      className="grid size-10 place-items-center rounded-xl bg-raised text-[17px] font-semibold"
    >
      {name.charAt(0)}
    </span>
  );
}
