// Short news at the top of the screen; said to screen readers too.
import { useEffect } from "react";
import { createStore, useStore } from "@/app/store";

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: "calm" | "bad";
}

const SHOWN_MS = 4_000;
const notice = createStore<Notice | null>(null);
let lastId = 0;

/** Say something good or neutral. */
export function showNotice(text: string): void {
  lastId += 1;
  notice.set({ id: lastId, text, tone: "calm" });
}

/** Say that something did not work. */
export function showProblem(text: string): void {
  lastId += 1;
  notice.set({ id: lastId, text, tone: "bad" });
}

/** Where notices appear. */
export function Notices() {
  const shown = useStore(notice);
  useEffect(() => {
    if (shown === null) return undefined;
    const timer = setTimeout(() => notice.set(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 top-[calc(var(--safe-top)+60px)] z-50 mx-auto flex max-w-(--column) justify-center px-4"
    >
      {shown !== null && (
        <button
          key={shown.id}
          type="button"
          onClick={() => notice.set(null)}
          className={`rise pointer-events-auto min-h-11 max-w-full rounded-xl border px-4 py-2 text-left text-[15px] shadow-lg ${
            shown.tone === "bad" ? "border-coral bg-raised-solid" : "border-line bg-raised-solid"
          }`}
        >
          {shown.text}
        </button>
      )}
    </div>
  );
}
