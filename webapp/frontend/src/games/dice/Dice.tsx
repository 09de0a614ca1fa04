// Dice: set a line, say over or under, roll; the result is known before it is animated.
import { useEffect, useRef, useState } from "react";
import type { GameCard, Receipt } from "@/api/types";
import { refresh } from "@/api/resource";
import { holdBalance, setCash } from "@/app/account";
import { IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import {
  diceMultiplier,
  diceWinningRolls,
  fractionText,
  scaled,
  type DiceChoice,
} from "@/fairness/games";
import { DiceStage, type Shown } from "@/games/dice/DiceStage";
import { TargetControls } from "@/games/dice/TargetControls";
import { rollText } from "@/games/outcome";
import { StageProblem, useCommands } from "@/games/pendingBet";
import { ResultChips, useRecent, type Result } from "@/games/recent";
import { RulesSheet } from "@/games/RulesSheet";
import { StakeField, useStake } from "@/games/stake";
import { gameName } from "@/lobby/Lobby";
import { haptics, useOwnSwipes } from "@/telegram/telegram";
import { amountText, multiplierText, percentText, t } from "@/texts/texts";

const CHOICE = "choice:dice";
const FIRST: DiceChoice = { target: 5050, over: true };

export function Dice({ game }: { readonly game: GameCard }) {
  useOwnSwipes();
  const stake = useStake(game);
  const [choice, setChoiceState] = useState<DiceChoice>(readChoice);
  const [shown, setShown] = useState<Shown | null>(null);
  const [rules, setRules] = useState(false);
  const [fresh, setFresh] = useState<Result[]>([]);
  const recent = useRecent("dice");
  const commands = useCommands<Receipt>("dice");
  const release = useRef<(() => void) | null>(null);
  useEffect(() => () => release.current?.(), []);

  const multiplier = diceMultiplier(choice);
  const setChoice = (next: DiceChoice): void => {
    sessionStorage.setItem(CHOICE, JSON.stringify(next));
    setChoiceState(next);
    setShown(null);
  };
  const receive = (receipt: Receipt): void => {
    const played = receipt as Receipt & { choice?: DiceChoice };
    if (played.choice !== undefined) setChoiceState(played.choice);
    setCash(receipt.asset, receipt.balance);
    setShown({
      id: receipt.round_id,
      roll: Number(receipt.outcome["roll"]),
      won: BigInt(receipt.payout) > 0n,
      payout: BigInt(receipt.payout),
      asset: receipt.asset,
    });
  };
  const settle = (): void => {
    release.current?.();
    release.current = null;
    if (shown === null) return;
    if (shown.won) haptics.success();
    setFresh((before) =>
      [
        { id: shown.id, text: rollText(shown.roll), won: shown.won },
        ...before.filter((one) => one.id !== shown.id),
      ].slice(0, 12),
    );
    refresh("rounds");
  };
  const roll = async (): Promise<void> => {
    if (stake.units === null || stake.problem !== null) return;
    release.current ??= holdBalance();
    const receipt = await commands.send("/api/play/dice", {
      asset: stake.asset,
      stake: stake.units.toString(),
      choice,
    });
    if (receipt === null) {
      release.current?.();
      release.current = null;
    } else {
      receive(receipt);
    }
  };
  const known = recent.rounds
    .filter(
      (round) => !fresh.some((one) => one.id === round.round_id) && round.round_id !== shown?.id,
    )
    .map((round) => ({
      id: round.round_id,
      text: rollText(Number(round.outcome?.["roll"])),
      won: BigInt(round.payout ?? "0") > 0n,
    }));
  const pays = stake.units === null ? null : scaled(stake.units, multiplier);

  return (
    <div className="flex flex-1 flex-col gap-3 pt-2 pb-[calc(var(--safe-bottom)+12px)]">
      <div className="flex items-center gap-2">
        <h1 className="text-[17px] font-semibold">{gameName("dice")}</h1>
        <div className="min-w-0 flex-1">
          <ResultChips results={[...fresh, ...known].slice(0, 12)} />
        </div>
        <IconButton label={t("app.rules.open")} onPress={() => setRules(true)}>
          <Icon name="info" />
        </IconButton>
      </div>
      <div className="relative flex flex-1 flex-col">
        <DiceStage
          choice={choice}
          shown={shown}
          waiting={commands.busy}
          onSettled={settle}
          onChoice={setChoice}
        />
        <StageProblem commands={commands} onAnswer={receive} />
      </div>
      <TargetControls
        choice={choice}
        disabled={commands.busy}
        multiplier={multiplierText(fractionText(multiplier))}
        chance={percentText((diceWinningRolls(choice) / 10_001) * 10_000)}
        onChoice={setChoice}
      />
      <StakeField stake={stake} disabled={commands.busy} />
      <button
        type="button"
        disabled={commands.busy || commands.unanswered || stake.problem !== null}
        aria-busy={commands.busy}
        onClick={() => {
          haptics.tap();
          void roll();
        }}
        className="press figures flex min-h-14 w-full flex-col items-center justify-center rounded-xl bg-felt px-4 text-on-felt disabled:opacity-55"
      >
        <span className="text-[17px] leading-tight font-semibold">
          {t(choice.over ? "app.dice.roll_over" : "app.dice.roll_under", {
            target: rollText(choice.target),
            multiplier: multiplierText(fractionText(multiplier)),
          })}
        </span>
        {pays !== null && (
          <span className="text-[13px] leading-tight opacity-85">
            {t("app.dice.pays", { amount: amountText(pays, stake.asset) })}
          </span>
        )}
      </button>
      {rules && <RulesSheet game={game} onClose={() => setRules(false)} />}
    </div>
  );
}

function readChoice(): DiceChoice {
  const kept = sessionStorage.getItem(CHOICE);
  return kept === null ? FIRST : (JSON.parse(kept) as DiceChoice);
}
