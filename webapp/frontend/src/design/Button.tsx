// Buttons: one look per weight, never smaller than a thumb.
import type { ReactNode } from "react";
import { haptics } from "@/telegram/telegram";

type Weight = "primary" | "quiet" | "danger" | "plain";

const LOOKS: Record<Weight, string> = {
  primary: "bg-felt text-on-felt",
  quiet: "bg-raised text-ink",
  danger: "border border-coral text-coral-text",
  plain: "text-felt-text",
};

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onPress: () => void;
  readonly weight?: Weight;
  readonly disabled?: boolean;
  readonly busy?: boolean;
  readonly small?: boolean;
  readonly wide?: boolean;
  readonly label?: string;
  readonly pressed?: boolean;
}

/** A button that answers at once: pressed state and a light tap of the phone. */
export function Button({
  children,
  onPress,
  weight = "primary",
  disabled = false,
  busy = false,
  small = false,
  wide = false,
  label,
  pressed,
}: ButtonProps) {
  return (
    <button
      type="button"
      disabled={disabled || busy}
      aria-busy={busy}
      aria-label={label}
      aria-pressed={pressed}
      onClick={() => {
        haptics.tap();
        onPress();
      }}
      className={`press figures inline-flex items-center justify-center gap-2 rounded-xl font-semibold ${
        LOOKS[weight]
      } ${small ? "min-h-11 px-3 text-[15px]" : "min-h-13 px-5 text-[17px]"} ${
        wide ? "w-full" : ""
      } ${busy ? "animate-pulse" : ""} disabled:opacity-55`}
    >
      {children}
    </button>
  );
}

/** A round button that holds one icon; `label` is read aloud. */
export function IconButton({
  children,
  onPress,
  label,
}: {
  readonly children: ReactNode;
  readonly onPress: () => void;
  readonly label: string;
}) {
  return (
    <button
      type="button"
      aria-label={label}
      onClick={() => {
        haptics.tap();
        onPress();
      }}
      className="press inline-flex size-11 shrink-0 items-center justify-center rounded-xl text-ink"
    >
      {children}
    </button>
  );
}
