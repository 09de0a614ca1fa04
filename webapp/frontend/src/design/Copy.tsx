// Text to be copied: shown in full, copied by one tap, and said so.
import { useEffect, useState, type ReactNode } from "react";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { showNotice, showProblem } from "@/design/toast";
import { haptics } from "@/telegram/telegram";
import { t } from "@/texts/texts";

/** A line with its name and a copy button as large as the line. */
export function CopyLine({
  name,
  text,
  shown,
  wrap = true,
}: {
  readonly name: string;
  readonly text: string;
  readonly shown?: ReactNode;
  readonly wrap?: boolean;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => {
    if (await copyText(text)) {
      haptics.success();
      setCopied(true);
    } else {
      showProblem(t("app.copy_failed"));
    }
  };
  return (
    <button
      type="button"
      onClick={() => void copy()}
      aria-label={t("app.copy_named", { name })}
      className="press flex min-h-14 w-full items-center gap-3 px-4 py-2 text-left"
    >
      <span className="min-w-0 flex-1">
        <span className="block text-[13px] text-muted">{name}</span>
        <span className={`figures block font-mono text-[15px] ${
            shown !== undefined ? "" : wrap ? "break-all" : "truncate"
          }`}>
          {shown ?? text}
        </span>
      </span>
      <span
        className={`flex shrink-0 items-center gap-1 text-[13px] font-semibold ${copied ? "text-felt-text" : "text-muted"}`}
      >
        <Icon name={copied ? "check" : "copy"} size={20} />
        <span aria-live="polite">{copied ? t("app.copied") : ""}</span>
      </span>
    </button>
  );
}

/** A small button that copies `text` and says so. */
export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <Button
      small
      weight="plain"
      onPress={() =>
        void copyText(text).then((done) =>
          done ? showNotice(t("app.copied")) : showProblem(t("app.copy_failed")),
        )
      }
    >
      <Icon name="copy" size={18} /> {label}
    </Button>
  );
}

/** Put text on the clipboard; inside frames the modern way may be forbidden, the old one works. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
