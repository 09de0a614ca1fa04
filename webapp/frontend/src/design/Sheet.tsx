// A sheet from below: one matter at a time, closed by its cross, by Escape or by the ground behind.
import { useEffect, useId, useRef, type ReactNode } from "react";
import { IconButton } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { useBackButton } from "@/telegram/telegram";
import { t } from "@/texts/texts";

/** A modal sheet; Telegram's back button closes it too. */
export function Sheet({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const titleId = useId();
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current!;
    if (!dialog.open) dialog.showModal();
    document.body.style.overflow = "hidden";
    return () => {
      document.body.style.overflow = "";
    };
  }, []);
  useBackButton(onClose);
  return (
    <dialog
      ref={box}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose();
      }}
      className="rise m-0 mx-auto mt-auto max-h-[88dvh] w-full max-w-(--column) overflow-y-auto rounded-t-[20px] border-t border-line bg-page text-ink backdrop:bg-black/55"
    >
      <div className="px-4 pt-2 pb-[calc(var(--safe-bottom)+20px)]">
        <header className="sticky top-0 z-10 -mx-4 flex items-center gap-2 bg-page px-4 py-1">
          <h2 id={titleId} className="flex-1 text-[17px] font-semibold">
            {title}
          </h2>
          <IconButton label={t("app.close")} onPress={onClose}>
            <Icon name="close" />
          </IconButton>
        </header>
        {children}
      </div>
    </dialog>
  );
}
