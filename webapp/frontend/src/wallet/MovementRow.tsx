// One line for one deposit or withdrawal.
import type { Movement } from "@/api/types";
import { open } from "@/app/router";
import { Amount } from "@/design/money";
import { IconTile, Row } from "@/design/parts";
import { isMoving, kindText, statusText, statusTone } from "@/wallet/movements";
import { networkName } from "@/wallet/rails";
import { timeText } from "@/texts/texts";

const INKS = {
  good: "text-felt-text",
  bad: "text-coral-text",
  care: "text-brass-text",
  calm: "text-muted",
};

export function MovementRow({ movement }: { readonly movement: Movement }) {
  const isDeposit = movement.kind === "deposit";
  const tone = statusTone(movement.status);
  return (
    <Row
      icon={
        <IconTile
          name={isMoving(movement) && movement.status !== "credited" ? "clock" : isDeposit ? "down" : "up"}
          tone={tone === "good" ? "good" : tone === "care" ? "care" : "calm"}
        />
      }
      title={kindText(movement)}
      note={
        <>
          {movement.detail.network != null && (
            <span className="block">{networkName(movement.detail.network)}</span>
          )}
          <span className={`block ${INKS[tone]}`}>{statusText(movement)}</span>
        </>
      }
      side={
        <Amount
          units={isDeposit ? movement.units : `-${movement.units}`}
          asset={movement.asset}
          sign
        />
      }
      sideNote={timeText(movement.at)}
      onPress={() => open({ screen: "movement", id: movement.id })}
    />
  );
}
