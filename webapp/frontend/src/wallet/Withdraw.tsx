// A withdrawal: how much and where to, then one screen to check it, then it is asked for once.
import { useEffect, useId, useRef, useState } from "react";
import { errorText, isPassing, isRefusal, Refused } from "@/api/errors";
import { refresh } from "@/api/resource";
import type { Rail, Withdrawal } from "@/api/types";
import { api, balanceOf, chosenAsset, me, readMe } from "@/app/account";
import { replaceWith } from "@/app/router";
import { useStore } from "@/app/store";
import { ActionBar } from "@/design/ActionBar";
import { Button } from "@/design/Button";
import { Banner, Chip, Empty, Failure, Field, SkeletonRows } from "@/design/parts";
import { showProblem } from "@/design/toast";
import { CommandProblem, useCommands, WayOut } from "@/games/pendingBet";
import { decimalsOf, fieldText, parseUnits } from "@/money/money";
import { haptics } from "@/telegram/telegram";
import { amountText, fieldDigits, referenceText, t } from "@/texts/texts";
import { AddressPicker, useAddressBook } from "@/wallet/AddressPicker";
import { addressFault, faultText } from "@/wallet/addresses";
import { useQuote, type Quoted } from "@/wallet/quotes";
import { RailChoice, useRails } from "@/wallet/rails";
import { WithdrawReview } from "@/wallet/WithdrawReview";

const BEGINNINGS: Readonly<Record<string, string>> = {
  ton: "UQ…",
  ethereum: "0x…",
  bitcoin: "bc1…",
};
const SHARES = [25n, 50n, 100n];

interface Checked {
  /** What was asked: rail, address and comment. */
  readonly asked: string;
  /** The address as it would be paid. */
  readonly destination: string | null;
  readonly refusal: unknown;
}

export function Withdraw({ first }: { readonly first?: string }) {
  const rails = useRails();
  const account = useStore(me);
  const [chosen, setChosen] = useState<string | null>(first ?? null);
  const [text, setText] = useState("");
  const [destination, setDestination] = useState("");
  const [memo, setMemo] = useState<string | null>(null);
  const [reviewing, setReviewing] = useState(false);
  const [checking, setChecking] = useState(false);
  const [checked, setChecked] = useState<Checked | null>(null);
  const commands = useCommands<Withdrawal>("withdraw");
  const offered = (rails.data?.rails ?? []).filter((one) => one.withdraw.offered);
  const usable = offered.filter((one) => one.withdraw.enabled);
  const wanted = chosenAsset.get();
  const held = usable.filter((one) => BigInt(balanceOf(account, one.asset).withdrawable) > 0n);
  const rail =
    offered.find((one) => one.rail === chosen) ??
    held.find((one) => one.asset === wanted) ??
    held[0] ??
    usable[0] ??
    null;
  const asset = rail?.asset ?? "TON";
  const units = parseUnits(text, decimalsOf(asset));
  const available = BigInt(balanceOf(account, asset).withdrawable);
  const { quoted, again } = useQuote(rail?.rail, units);
  const book = useAddressBook();
  const to = destination.trim();
  const network = rail?.network ?? "ton";
  const fault = to === "" ? null : addressFault(to, network);
  const takesMemo = rail?.withdraw.memo === true;
  const note = takesMemo ? (memo?.trim() ?? "") : "";
  const asked = `${rail?.rail ?? ""} ${to} ${note}`;
  const answered = checked?.asked === asked ? checked : null;
  const refused = answered?.refusal ?? null;
  const payable = answered?.destination ?? to;
  const saved = book.data?.saved.find(
    (one) => one.rail === rail?.rail && one.destination === payable,
  );
  const problem = amountProblem(text, units, available, rail, asset);
  const ready =
    rail !== null &&
    units !== null &&
    problem === null &&
    to !== "" &&
    fault === null &&
    (refused === null || isPassing(refused)) &&
    quoted?.quote != null;

  // What is wrong with it only the server can tell: an address of ours, one that is too new.
  const check = async (): Promise<void> => {
    if (rail === null) return;
    setChecking(true);
    commands.forget();
    try {
      const [payable] = await Promise.all([
        api().post<{ destination: string }>("/api/cashier/destination", {
          rail: rail.rail,
          destination: to,
          memo: note,
        }),
        again(),
      ]);
      setChecked({ asked, destination: payable.destination, refusal: null });
      setReviewing(true);
      scrollTo(0, 0);
    } catch (error) {
      haptics.warning();
      if (error instanceof Refused && error.data["reason"] === "memo_missing") setMemo(memo ?? "");
      setChecked({ asked, destination: null, refusal: error });
    } finally {
      setChecking(false);
    }
  };
  const arrived = (made: Withdrawal): void => {
    haptics.success();
    refresh("movements");
    void readMe();
    replaceWith({ screen: "movement", id: made.id });
  };
  const request = async (): Promise<void> => {
    if (rail === null || units === null || quoted?.quote == null) return;
    const made = await commands.send("/api/cashier/withdraw", {
      rail: rail.rail,
      units: units.toString(),
      destination: payable,
      memo: note,
      quote: quoted.quote.id,
    });
    if (made !== null) arrived(made);
  };

  if (reviewing && rail !== null && units !== null && quoted?.quote != null) {
    return (
      <WithdrawReview
        rail={rail}
        units={units}
        quote={quoted.quote}
        until={quoted.until}
        refused={isRefusal(commands.problem, "refusal.quote_expired")}
        destination={payable}
        label={saved?.label ?? null}
        memo={note}
        busy={commands.busy}
        blocked={commands.unanswered}
        failed={commands.problem !== null}
        problem={<CommandProblem commands={commands} onAnswer={arrived} />}
        onConfirm={() => void request()}
        onRequote={async () => {
          commands.forget();
          await again();
        }}
        onEdit={() => {
          setReviewing(false);
          void again();
        }}
      />
    );
  }
  return (
    <div className="flex flex-1 flex-col gap-4 pt-4 pb-[calc(var(--safe-bottom)+16px)]">
      <h1 className="text-[24px] font-semibold">{t("app.withdraw.title")}</h1>
      {commands.unanswered && <CommandProblem commands={commands} onAnswer={arrived} />}
      {rails.data === undefined && rails.error === null && <SkeletonRows count={3} />}
      {rails.data === undefined && rails.error !== null && (
        <Failure error={rails.error} onRetry={() => void rails.reload()} />
      )}
      {offered.length > 0 && (
        <RailChoice
          rails={offered}
          chosen={rail?.rail ?? null}
          isOn={(one) => one.withdraw.enabled}
          onChoose={setChosen}
        />
      )}
      {rails.data !== undefined && rail === null && (
        <Empty icon="pause" text={t("app.withdraw.none")} />
      )}
      {rail !== null && (
        <>
          <div>
            <Field
              label={t("app.withdraw.amount")}
              value={fieldDigits(text)}
              onChange={(next) => setText(next.replace(",", "."))}
              inputMode="decimal"
              autoComplete="off"
              maxLength={24}
              placeholder="0.00"
              problem={problem}
              note={t("app.withdraw.available", { amount: amountText(available, asset) })}
              side={<span className="px-3 text-muted">{asset}</span>}
            />
            <div className="mt-2 flex gap-2">
              {SHARES.map((share) => (
                <Chip
                  key={share}
                  disabled={available === 0n}
                  onPress={() => setText(fieldText((available * share) / 100n, decimalsOf(asset)))}
                >
                  {share === 100n ? t("app.withdraw.everything") : `${share}\u202f%`}
                </Chip>
              ))}
            </div>
          </div>
          <AddressField
            value={destination}
            network={network}
            problem={
              fault === null ? null : (faultText(fault, network) ?? t("app.withdraw.bad_address"))
            }
            onChange={setDestination}
          />
          <AddressPicker rail={rail.rail} chosen={to} onChoose={setDestination} />
          {refused !== null && <AddressRefused problem={refused} />}
          {!takesMemo ? null : memo !== null ? (
            <Field
              label={t("app.withdraw.memo")}
              value={memo}
              onChange={setMemo}
              autoComplete="off"
              maxLength={120}
              note={t("app.withdraw.memo_note")}
            />
          ) : (
            <div>
              <Button small weight="plain" onPress={() => setMemo("")}>
                {t("app.withdraw.add_memo")}
              </Button>
            </div>
          )}
          {problem === null && <QuoteLine quoted={quoted} asset={asset} />}
          <div className="flex-1" />
          <ActionBar
            text={t("app.withdraw.continue")}
            disabled={!ready}
            busy={checking}
            onPress={() => void check()}
          />
        </>
      )}
    </div>
  );
}

/** Why this address cannot be paid, brought before the eyes. */
function AddressRefused({ problem }: { readonly problem: unknown }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.scrollIntoView({ block: "center" });
  }, [problem]);
  return (
    <div ref={place}>
      <Banner tone={isPassing(problem) ? "care" : "bad"} action={<WayOut problem={problem} />}>
        {errorText(problem)}
      </Banner>
    </div>
  );
}

/** The address on two lines, so that all of it can be seen. */
function AddressField({
  value,
  network,
  problem,
  onChange,
}: {
  readonly value: string;
  readonly network: string;
  readonly problem: string | null;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div>
      <div className="flex items-end justify-between">
        <label htmlFor={id} className="mb-1 text-[13px] text-muted">
          {t("app.withdraw.destination")}
        </label>
        <Button small weight="plain" onPress={() => void paste(onChange)}>
          {t("app.withdraw.paste")}
        </Button>
      </div>
      <textarea
        id={id}
        value={value}
        onChange={(event) => onChange(event.target.value.replace(/\s/g, ""))}
        rows={2}
        maxLength={120}
        placeholder={BEGINNINGS[network]}
        autoCapitalize="off"
        autoCorrect="off"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-problem`}
        className={`block w-full resize-none rounded-xl border bg-card px-4 py-2.5 font-mono break-all outline-none focus:border-felt ${
          problem === null ? "border-line" : "border-coral"
        }`}
      />
      <p id={`${id}-problem`} className="mt-1 text-[13px] text-coral-text empty:hidden">
        {problem}
      </p>
    </div>
  );
}

function QuoteLine({ quoted, asset }: { readonly quoted: Quoted | null; readonly asset: string }) {
  if (quoted === null) return null;
  if (quoted.quote === null) {
    return (
      <Banner
        tone={isPassing(quoted.error) ? "care" : "bad"}
        action={<WayOut problem={quoted.error} />}
      >
        {errorText(quoted.error)}
      </Banner>
    );
  }
  return (
    <p role="status" className="figures rounded-xl bg-card px-4 py-3">
      {t("app.withdraw.you_get", {
        net: amountText(BigInt(quoted.quote.net), asset),
        fee: amountText(BigInt(quoted.quote.fee), asset),
      })}
      {quoted.quote.ceiling_left !== null && (
        <span className="mt-1 block text-[13px] text-muted">
          {t("app.withdraw.ceiling", { amount: referenceText(BigInt(quoted.quote.ceiling_left)) })}
        </span>
      )}
    </p>
  );
}

function amountProblem(
  text: string,
  units: bigint | null,
  available: bigint,
  rail: Rail | null,
  asset: string,
): string | null {
  if (text.trim() === "" || rail === null) return null;
  if (units === null) return t("app.stake.not_a_number");
  if (units > available)
    return t("app.withdraw.above_available", { amount: amountText(available, asset) });
  const least = BigInt(rail.withdraw.min);
  if (units < least) return t("app.stake.too_small", { amount: amountText(least, asset) });
  return null;
}

async function paste(put: (text: string) => void): Promise<void> {
  try {
    put((await navigator.clipboard.readText()).trim());
  } catch {
    // Some clients do not let a page read the clipboard: the field's own menu can still paste.
    showProblem(t("app.withdraw.paste_failed"));
  }
}
