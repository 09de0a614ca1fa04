// The address book: saved addresses by name, and being paid to them only.
import { useState } from "react";
import { errorText } from "@/api/errors";
import { refresh } from "@/api/resource";
import type { AddressBook as Book, SavedAddress } from "@/api/types";
import { api } from "@/app/account";
import { Button } from "@/design/Button";
import { CopyButton } from "@/design/Copy";
import {
  Banner,
  Empty,
  Failure,
  Field,
  Heading,
  IconTile,
  Row,
  Rows,
  SkeletonRows,
  Switch,
} from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { haptics } from "@/telegram/telegram";
import { momentText, t } from "@/texts/texts";
import { AddressGrid } from "@/wallet/Address";
import { addressFault, endsOf, faultText } from "@/wallet/addresses";
import { useAddressBook } from "@/wallet/AddressPicker";
import { railName, RailChoice, useRails } from "@/wallet/rails";

const LABEL_MAX = 40;

export function AddressBook() {
  const book = useAddressBook();
  const [opened, setOpened] = useState<string | null>(null);
  const [adding, setAdding] = useState(false);
  const only = book.data?.saved_only.on === true;
  const entry = book.data?.saved.find((one) => one.id === opened);
  return (
    <div className="space-y-4 pt-4 pb-[calc(var(--safe-bottom)+24px)]">
      <h1 className="text-[24px] font-semibold">{t("app.book.title")}</h1>
      {book.data === undefined && book.error === null && <SkeletonRows count={3} />}
      {book.data === undefined && book.error !== null && (
        <Failure error={book.error} onRetry={() => void book.reload()} />
      )}
      {book.data !== undefined && (
        <>
          <Only book={book.data} />
          {book.data.saved.length === 0 ? (
            <Empty icon="wallet" text={t("app.book.empty")} />
          ) : (
            <section>
              <Heading>{t("app.book.saved")}</Heading>
              <Rows>
                {book.data.saved.map((one) => (
                  <Row
                    key={one.id}
                    icon={<IconTile name={only && !one.ready ? "clock" : "wallet"} />}
                    title={one.label}
                    note={
                      <>
                        {railName({ rail: one.rail, asset: one.rail })}
                        <span className="block font-mono">{endsOf(one.destination)}</span>
                      </>
                    }
                    onPress={() => setOpened(one.id)}
                  />
                ))}
              </Rows>
            </section>
          )}
          <Button wide onPress={() => setAdding(true)}>
            {t("app.book.add")}
          </Button>
        </>
      )}
      {entry !== undefined && (
        <Entry
          entry={entry}
          isWaiting={only && !entry.ready}
          onClose={() => setOpened(null)}
        />
      )}
      {adding && <Add onClose={() => setAdding(false)} />}
    </div>
  );
}

/** One deed at a time, its trouble in words; the book is read again when it is done. */
function useDeed(): {
  readonly busy: boolean;
  readonly problem: string | null;
  readonly run: (deed: () => Promise<unknown>) => Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async (deed: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      await deed();
      haptics.success();
      return true;
    } catch (error) {
      haptics.warning();
      setProblem(errorText(error));
      return false;
    } finally {
      refresh("addresses");
      setBusy(false);
    }
  };
  return { busy, problem, run };
}

function Only({ book }: { readonly book: Book }) {
  const { busy, problem, run } = useDeed();
  const { on, ends_at: endsAt } = book.saved_only;
  const change = (wanted: boolean): void => {
    if (!busy) void run(() => api().post("/api/cashier/saved-only", { on: wanted }));
  };
  return (
    <div className="space-y-3">
      <Rows>
        <Switch
          label={t("app.book.only")}
          note={t("app.book.only_note", { count: book.cool_down_hours })}
          on={on && endsAt === null}
          onChange={change}
        />
      </Rows>
      {on && endsAt !== null && (
        <Banner
          tone="care"
          action={
            <Button small weight="quiet" busy={busy} onPress={() => change(true)}>
              {t("app.book.keep")}
            </Button>
          }
        >
          {t("app.book.ending", { moment: momentText(endsAt) })}
        </Banner>
      )}
      {problem !== null && <Banner tone="bad">{problem}</Banner>}
    </div>
  );
}

function Entry({
  entry,
  isWaiting,
  onClose,
}: {
  readonly entry: SavedAddress;
  readonly isWaiting: boolean;
  readonly onClose: () => void;
}) {
  const { busy, problem, run } = useDeed();
  const [label, setLabel] = useState(entry.label);
  const path = `/api/cashier/addresses/${entry.id}`;
  const named = label.trim();
  return (
    <Sheet title={entry.label} onClose={onClose}>
      <div className="space-y-4">
        <div className="flex min-h-11 items-center justify-between gap-2">
          <p className="min-w-0 truncate text-[13px] text-muted">
            {railName({ rail: entry.rail, asset: entry.rail })}
          </p>
          <CopyButton label={t("app.address.copy")} text={entry.destination} />
        </div>
        <AddressGrid text={entry.destination} />
        {isWaiting && (
          <Banner>{t("app.book.ready_from", { moment: momentText(entry.ready_at) })}</Banner>
        )}
        <Field
          label={t("app.book.label")}
          value={label}
          onChange={setLabel}
          autoComplete="off"
          maxLength={LABEL_MAX}
          problem={problem}
        />
        <Button
          wide
          weight="quiet"
          busy={busy}
          disabled={named === "" || named === entry.label}
          onPress={() =>
            void run(() => api().put(path, { label: named })).then((done) => done && onClose())
          }
        >
          {t("app.book.rename")}
        </Button>
        <div>
          <Button
            wide
            weight="danger"
            busy={busy}
            onPress={() => void run(() => api().remove(path)).then((done) => done && onClose())}
          >
            {t("app.book.remove")}
          </Button>
          <p className="mt-1 text-center text-[13px] text-muted">{t("app.book.remove_text")}</p>
        </div>
      </div>
    </Sheet>
  );
}

function Add({ onClose }: { readonly onClose: () => void }) {
  const rails = useRails();
  const { busy, problem, run } = useDeed();
  const paying = (rails.data?.rails ?? []).filter((one) => one.withdraw.enabled);
  const [chosen, setChosen] = useState<string | null>(null);
  const [destination, setDestination] = useState("");
  const [label, setLabel] = useState("");
  const rail = paying.find((one) => one.rail === chosen) ?? paying[0];
  const to = destination.trim();
  const fault = to === "" || rail === undefined ? null : addressFault(to, rail.network);
  const body = { rail: rail?.rail ?? "", destination: to, label: label.trim() };
  return (
    <Sheet title={t("app.book.add")} onClose={onClose}>
      <div className="space-y-4">
        <RailChoice
          rails={paying}
          chosen={rail?.rail ?? null}
          isOn={(one) => one.withdraw.enabled}
          onChoose={setChosen}
        />
        <Field
          label={t("app.withdraw.destination")}
          value={destination}
          onChange={(next) => setDestination(next.replace(/\s/g, ""))}
          autoComplete="off"
          maxLength={120}
          problem={
            fault === null || rail === undefined
              ? null
              : (faultText(fault, rail.network) ?? t("app.withdraw.bad_address"))
          }
        />
        {to !== "" && fault === null && <AddressGrid text={to} />}
        <Field
          label={t("app.book.label")}
          value={label}
          onChange={setLabel}
          autoComplete="off"
          maxLength={LABEL_MAX}
          placeholder={t("app.book.label_hint")}
        />
        {problem !== null && <Banner tone="bad">{problem}</Banner>}
        <Button
          wide
          busy={busy}
          disabled={to === "" || fault !== null || body.label === "" || rail === undefined}
          onPress={() =>
            void run(() => api().post("/api/cashier/addresses", body)).then(
              (done) => done && onClose(),
            )
          }
        >
          {t("app.book.save")}
        </Button>
      </div>
    </Sheet>
  );
}
