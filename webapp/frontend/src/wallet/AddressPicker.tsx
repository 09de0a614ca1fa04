// Addresses that the player knows, to choose one from: those he saved, and where he was paid to.
import { useState } from "react";
import { useResource } from "@/api/resource";
import type { AddressBook } from "@/api/types";
import { api } from "@/app/account";
import { open } from "@/app/router";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { Banner, Heading, IconTile, Row, Rows } from "@/design/parts";
import { Sheet } from "@/design/Sheet";
import { momentText, t } from "@/texts/texts";
import { endsOf } from "@/wallet/addresses";

export function useAddressBook() {
  return useResource<AddressBook>("addresses", () => api().get("/api/cashier/addresses"));
}

/** A button below the address field, and the sheet behind it. */
export function AddressPicker({
  rail,
  chosen,
  onChoose,
}: {
  readonly rail: string;
  readonly chosen: string;
  readonly onChoose: (destination: string) => void;
}) {
  const book = useAddressBook();
  const [choosing, setChoosing] = useState(false);
  const saved = (book.data?.saved ?? []).filter((one) => one.rail === rail);
  const only = book.data?.saved_only.on === true;
  const paid = only ? [] : (book.data?.paid ?? []).filter((one) => one.rail === rail);
  const label = saved.find((one) => one.destination === chosen)?.label;
  const choose = (destination: string): void => {
    onChoose(destination);
    setChoosing(false);
  };
  return (
    <div className="-mt-2">
      <Button small weight="plain" onPress={() => setChoosing(true)}>
        <Icon name="paper" size={18} /> {label ?? t("app.book.choose")}
      </Button>
      {only && <p className="text-[13px] text-muted">{t("app.book.only_here")}</p>}
      {choosing && (
        <Sheet title={t("app.book.choose")} onClose={() => setChoosing(false)}>
          {saved.length === 0 && paid.length === 0 && (
            <p className="py-4 text-muted">{t("app.book.empty")}</p>
          )}
          {saved.length > 0 && (
            <>
              <Heading>{t("app.book.saved")}</Heading>
              <Rows>
                {saved.map((one) => (
                  <Row
                    key={one.id}
                    icon={<IconTile name={only && !one.ready ? "clock" : "wallet"} />}
                    title={one.label}
                    note={
                      <>
                        <span className="font-mono">{endsOf(one.destination)}</span>
                        {only && !one.ready && (
                          <span className="block">
                            {t("app.book.ready_from", { moment: momentText(one.ready_at) })}
                          </span>
                        )}
                      </>
                    }
                    onPress={() => choose(one.destination)}
                  />
                ))}
              </Rows>
            </>
          )}
          {paid.length > 0 && (
            <>
              <Heading>{t("app.book.paid")}</Heading>
              <Rows>
                {paid.map((one) => (
                  <Row
                    key={one.destination}
                    icon={<IconTile name="up" />}
                    title={<span className="font-mono">{endsOf(one.destination)}</span>}
                    onPress={() => choose(one.destination)}
                  />
                ))}
              </Rows>
            </>
          )}
          {only && (
            <div className="mt-3">
              <Banner>{t("app.book.only_here")}</Banner>
            </div>
          )}
          <div className="mt-3">
            <Button wide weight="quiet" onPress={() => open({ screen: "addresses" })}>
              {t("app.book.open")}
            </Button>
          </div>
        </Sheet>
      )}
    </div>
  );
}
