// A command of a game: sent once, kept when nobody answers, asked for again by the same reference.
import { useCallback, useRef, useState } from "react";
import { errorText, isPassing, Refused } from "@/api/errors";
import { api, readMe } from "@/app/account";
import { Button } from "@/design/Button";
import { Banner } from "@/design/parts";
import { open } from "@/app/router";
import { haptics } from "@/telegram/telegram";
import { t } from "@/texts/texts";

export interface Commands<T> {
  readonly busy: boolean;
  readonly problem: unknown;
  /** True when a command may or may not have happened. */
  readonly unanswered: boolean;
  readonly send: (path: string, body: Readonly<Record<string, unknown>>) => Promise<T | null>;
  readonly ask: () => Promise<T | null>;
  readonly forget: () => void;
}

/** Commands of one slot, one at a time. */
export function useCommands<T>(slot: string): Commands<T> {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const [unanswered, setUnanswered] = useState(() => api().pending.find(slot) !== null);
  const running = useRef(false);
  const run = useCallback(
    async (deliver: () => Promise<T>): Promise<T | null> => {
      if (running.current) return null;
      running.current = true;
      setBusy(true);
      setProblem(null);
      try {
        const answer = await deliver();
        setUnanswered(false);
        return answer;
      } catch (error) {
        haptics.warning();
        setProblem(error);
        setUnanswered(api().pending.find(slot) !== null);
        void readMe();
        return null;
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
    [slot],
  );
  const send = useCallback(
    (path: string, body: Readonly<Record<string, unknown>>) =>
      run(() => api().command<T>(slot, path, body)),
    [run, slot],
  );
  const ask = useCallback(() => run(() => api().resume<T>(slot)), [run, slot]);
  const forget = useCallback(() => {
    api().pending.end(slot);
    setUnanswered(false);
    setProblem(null);
  }, [slot]);
  return { busy, problem, unanswered, send, ask, forget };
}

/** What went wrong with the last command, and what can be done about it. */
export function CommandProblem<T>({
  commands,
  onAnswer,
}: {
  readonly commands: Commands<T>;
  readonly onAnswer: (answer: T) => void;
}) {
  const { busy, problem, unanswered } = commands;
  if (unanswered && !busy) {
    return (
      <Banner
        tone="care"
        action={
          <>
            <Button small weight="plain" onPress={commands.forget}>
              {t("app.pending.forget")}
            </Button>
            <Button
              small
              weight="quiet"
              onPress={() =>
                void commands.ask().then((answer) => {
                  if (answer !== null) onAnswer(answer);
                })
              }
            >
              {t("app.pending.ask")}
            </Button>
          </>
        }
      >
        {t("app.pending.text")}
      </Banner>
    );
  }
  if (problem === null) return null;
  return (
    <Banner
      tone={isPassing(problem) ? "care" : "bad"}
      action={
        <>
          <Button small weight="plain" onPress={commands.forget}>
            {t("app.close")}
          </Button>
          <WayOut problem={problem} />
        </>
      }
    >
      {errorText(problem)}
    </Banner>
  );
}

/** The same over the stage of a game, so that nothing below it moves. */
export function StageProblem<T>(props: {
  readonly commands: Commands<T>;
  readonly onAnswer: (answer: T) => void;
}) {
  return (
    <div className="absolute inset-x-2 top-2 z-10 rounded-2xl bg-page shadow-lg empty:hidden">
      <CommandProblem {...props} />
    </div>
  );
}

/** The next step that a refusal suggests. */
export function WayOut({ problem }: { readonly problem: unknown }) {
  if (!(problem instanceof Refused)) return null;
  const go = (text: string, press: () => void) => (
    <Button small weight="quiet" onPress={press}>
      {text}
    </Button>
  );
  switch (problem.code) {
    case "refusal.insufficient_funds":
      return go(t("app.deposit"), () => open({ screen: "deposit" }));
    case "refusal.limit_reached":
      return go(t("app.way.limits"), () => open({ screen: "limits" }));
    case "refusal.kyc_required":
      return go(t("app.way.verify"), () => open({ screen: "verification" }));
    case "refusal.address_not_saved":
    case "refusal.address_cooling":
      return go(t("app.book.open"), () => open({ screen: "addresses" }));
    case "refusal.account_closed":
      return go(t("app.way.support"), () => open({ screen: "support" }));
    default:
      return null;
  }
}
