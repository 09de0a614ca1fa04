// Small parts that all screens share: cards, rows, chips, fields, states of loading and refusal.
import { useId, type InputHTMLAttributes, type ReactNode } from "react";
import { errorText } from "@/api/errors";
import { Button } from "@/design/Button";
import { Icon, type IconName } from "@/design/Icon";
import { haptics } from "@/telegram/telegram";
import { t } from "@/texts/texts";

type Kids = { readonly children: ReactNode };

/** A bordered group of content. */
export function Card({ children, flush = false }: Kids & { readonly flush?: boolean }) {
  return (
    <section
      className={`rounded-2xl border border-line bg-card ${flush ? "overflow-hidden" : "p-4"}`}
    >
      {children}
    </section>
  );
}

/** A heading above a group. */
export function Heading({ children, action }: Kids & { readonly action?: ReactNode }) {
  return (
    <div className="mt-6 mb-2 flex min-h-6 items-center justify-between gap-3">
      <h2 className="text-[15px] font-semibold text-muted">{children}</h2>
      {action}
    </div>
  );
}

/** A list with hairlines between its rows. */
export function Rows({ children }: Kids) {
  return (
    <ul className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-card">
      {children}
    </ul>
  );
}

export interface RowProps {
  readonly icon?: ReactNode;
  readonly title: ReactNode;
  readonly note?: ReactNode;
  readonly side?: ReactNode;
  readonly sideNote?: ReactNode;
  readonly onPress?: () => void;
}

/** One row of a list; with `onPress` it is a button that leads somewhere. */
export function Row({ icon, title, note, side, sideNote, onPress }: RowProps) {
  const inside = (
    <>
      {icon}
      <span className="min-w-0 flex-1">
        <span className="block truncate">{title}</span>
        {note !== undefined && <span className="block text-[13px] text-muted">{note}</span>}
      </span>
      {(side !== undefined || sideNote !== undefined) && (
        <span className="figures max-w-[55%] shrink-0 text-right">
          <span className="block">{side}</span>
          {sideNote !== undefined && (
            <span className="block text-[13px] text-muted">{sideNote}</span>
          )}
        </span>
      )}
      {onPress !== undefined && <Icon name="next" size={16} className="text-muted" />}
    </>
  );
  const shape = "flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left";
  return (
    <li>
      {onPress === undefined ? (
        <div className={shape}>{inside}</div>
      ) : (
        <button
          type="button"
          className={`press ${shape}`}
          onClick={() => {
            haptics.tap();
            onPress();
          }}
        >
          {inside}
        </button>
      )}
    </li>
  );
}

/** The square behind an icon in a row. */
export function IconTile({
  name,
  tone = "calm",
}: {
  readonly name: IconName;
  readonly tone?: "calm" | "good" | "care";
}) {
  const tones = { calm: "text-ink", good: "text-felt-text", care: "text-brass-text" };
  return (
    <span
      className={`grid size-10 shrink-0 place-items-center rounded-xl bg-raised ${tones[tone]}`}
    >
      <Icon name={name} size={20} />
    </span>
  );
}

export interface Option<V extends string> {
  readonly value: V;
  readonly label: ReactNode;
}

/** One choice out of a few, side by side. */
export function Segments<V extends string>({
  label,
  options,
  value,
  onChange,
  disabled = false,
}: {
  readonly label: string;
  readonly options: readonly Option<V>[];
  readonly value: V;
  readonly onChange: (value: V) => void;
  readonly disabled?: boolean;
}) {
  return (
    <div
      role="radiogroup"
      aria-label={label}
      className="no-bar flex gap-1 overflow-x-auto rounded-xl bg-raised p-1"
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          disabled={disabled}
          onClick={() => {
            haptics.select();
            onChange(option.value);
          }}
          className={`press figures min-h-11 flex-auto shrink-0 rounded-lg px-2 text-[15px] whitespace-nowrap ${
            option.value === value ? "bg-page font-semibold text-ink" : "text-muted"
          }`}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** A small button with a border: presets and filters. */
export function Chip({
  children,
  onPress,
  pressed,
  disabled = false,
  label,
}: Kids & {
  readonly onPress: () => void;
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly label?: string;
}) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      aria-label={label}
      disabled={disabled}
      onClick={() => {
        haptics.select();
        onPress();
      }}
      className={`press figures min-h-11 min-w-11 flex-auto rounded-lg border px-2 text-[15px] whitespace-nowrap disabled:opacity-50 ${
        pressed === true
          ? "border-felt bg-felt/15 font-semibold text-felt-text"
          : "border-line bg-card"
      }`}
    >
      {children}
    </button>
  );
}

type FieldProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly side?: ReactNode;
  readonly note?: ReactNode;
  readonly problem?: string | null;
} & Pick<
  InputHTMLAttributes<HTMLInputElement>,
  "inputMode" | "placeholder" | "autoComplete" | "maxLength" | "disabled" | "onBlur"
>;

/** A labelled text field with its problem below. */
export function Field({ label, value, onChange, side, note, problem, ...input }: FieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-[13px] text-muted">
        {label}
      </label>
      <div
        className={`flex min-h-12 items-center gap-2 rounded-xl border bg-card pl-4 focus-within:border-felt ${
          problem ? "border-coral" : "border-line"
        } ${side === undefined ? "pr-4" : "pr-1"}`}
      >
        <input
          id={id}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          aria-invalid={Boolean(problem)}
          aria-describedby={`${id}-note`}
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          className="figures h-12 w-full min-w-0 flex-1 bg-transparent text-[17px] font-semibold outline-none placeholder:font-normal placeholder:text-muted"
          {...input}
        />
        {side}
      </div>
      <p
        id={`${id}-note`}
        className={`mt-1 text-[13px] ${problem ? "text-coral-text" : "text-muted"} empty:hidden`}
      >
        {problem ?? note}
      </p>
    </div>
  );
}

/** A switch with its name. */
export function Switch({
  label,
  note,
  on,
  onChange,
}: {
  readonly label: string;
  readonly note?: string;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}) {
  return (
    <li>
      <button
        type="button"
        role="switch"
        aria-checked={on}
        onClick={() => {
          haptics.select();
          onChange(!on);
        }}
        className="flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left"
      >
        <span className="flex-1">
          <span className="block">{label}</span>
          {note !== undefined && <span className="block text-[13px] text-muted">{note}</span>}
        </span>
        <span
          className={`h-7 w-12 rounded-full p-0.5 transition-colors ${on ? "bg-felt" : "bg-raised"}`}
        >
          <span
            className={`block size-6 rounded-full bg-white shadow transition-transform ${on ? "translate-x-5" : ""}`}
          />
        </span>
      </button>
    </li>
  );
}

type Tone = "info" | "care" | "bad" | "good";
const BANNER_LOOKS: Record<Tone, { icon: IconName; look: string; ink: string }> = {
  info: { icon: "info", look: "border-line bg-card", ink: "text-muted" },
  good: { icon: "check", look: "border-felt/50 bg-felt/10", ink: "text-felt-text" },
  care: { icon: "alert", look: "border-brass/50 bg-brass/10", ink: "text-brass-text" },
  bad: { icon: "alert", look: "border-coral/60 bg-coral/10", ink: "text-coral-text" },
};

/** A message that stays on the screen, with what to do about it. */
export function Banner({
  tone = "info",
  children,
  action,
}: Kids & { readonly tone?: Tone; readonly action?: ReactNode }) {
  const { icon, look, ink } = BANNER_LOOKS[tone];
  return (
    <div role={tone === "bad" ? "alert" : "note"} className={`fade rounded-2xl border p-3 ${look}`}>
      <div className="flex items-start gap-3">
        <Icon name={icon} size={20} className={`mt-0.5 ${ink}`} />
        <div className="min-w-0 flex-1 text-[15px]">{children}</div>
      </div>
      {action !== undefined && (
        <div className="mt-2 flex flex-wrap justify-end gap-2">{action}</div>
      )}
    </div>
  );
}

/** Grey bars in the shape of what is coming. */
export function SkeletonRows({ count }: { readonly count: number }) {
  return (
    <div
      role="status"
      aria-label={t("app.loading")}
      className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-card"
    >
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className="flex min-h-14 items-center gap-3 px-4 py-2">
          <div className="skeleton size-10" />
          <div className="flex-1 space-y-2">
            <div className="skeleton h-3.5 w-2/5" />
            <div className="skeleton h-3 w-3/5" />
          </div>
          <div className="skeleton h-4 w-16" />
        </div>
      ))}
    </div>
  );
}

/** Nothing here yet: one sentence and the next step. */
export function Empty({
  icon,
  text,
  action,
}: {
  readonly icon: IconName;
  readonly text: string;
  readonly action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center gap-4 rounded-2xl border border-dashed border-line px-6 py-10 text-center">
      <span className="grid size-14 place-items-center rounded-2xl bg-raised text-muted">
        <Icon name={icon} size={26} />
      </span>
      <p className="max-w-64 text-muted">{text}</p>
      {action}
    </div>
  );
}

/** What could not be read, and a way to try again. */
export function Failure({
  error,
  onRetry,
}: {
  readonly error: unknown;
  readonly onRetry: () => void;
}) {
  return (
    <Banner
      tone="bad"
      action={
        <Button small weight="quiet" onPress={onRetry}>
          {t("app.try_again")}
        </Button>
      }
    >
      {errorText(error)}
    </Banner>
  );
}

/** A name and its value on one line of a table of facts. */
export function Fact({ name, children }: Kids & { readonly name: string }) {
  return (
    <div className="flex min-h-9 items-baseline justify-between gap-4 py-1.5">
      <dt className="shrink-0 text-muted">{name}</dt>
      <dd className="figures min-w-0 text-right break-words">{children}</dd>
    </div>
  );
}
