// An address as eyes compare it: all of it, in groups of four, with its ends standing out.
import { grouped } from "@/wallet/addresses";

/** The groups in a grid, for the moment when it matters; read aloud as one text. */
export function AddressGrid({ text }: { readonly text: string }) {
  const groups = grouped(text);
  return (
    <p
      aria-label={text}
      className="grid grid-cols-4 gap-x-2 gap-y-1.5 text-center font-mono text-[17px]"
    >
      {groups.map((group, index) => (
        <span
          key={`${index}:${group}`}
          aria-hidden
          className={`rounded-lg py-1 ${
            isEnd(index, groups) ? "bg-felt/15 font-semibold text-felt-text" : "bg-raised"
          }`}
        >
          {group}
        </span>
      ))}
    </p>
  );
}

/** The groups on running lines, where the address is one fact among others. */
export function AddressText({ text }: { readonly text: string }) {
  const groups = grouped(text);
  return (
    <span aria-label={text} className="flex flex-wrap gap-x-[0.6ch]">
      {groups.map((group, index) => (
        <span
          key={`${index}:${group}`}
          className={isEnd(index, groups) ? "font-semibold text-felt-text" : ""}
        >
          {group}
        </span>
      ))}
    </span>
  );
}

function isEnd(index: number, groups: readonly string[]): boolean {
  return index === 0 || index === groups.length - 1;
}
