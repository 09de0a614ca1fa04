// The terms and what we know about the player: the same words that the bot says.
import { find } from "@/texts/texts";

const PAGES = ["terms", "privacy", "paysupport"] as const;

export function TermsText({ version }: { readonly version: string }) {
  return (
    <div className="space-y-6">
      {PAGES.map((page) => (
        <section key={page}>
          <h3 className="mb-2 text-[17px] font-semibold">
            {plain(`legal.${page}.title`, version)}
          </h3>
          <ul className="space-y-2">
            {plain(`legal.${page}.body`, version)
              .split("\n")
              .map((line) => (
                <li key={line} className="flex gap-2">
                  <span aria-hidden="true" className="text-muted">
                    •
                  </span>
                  <span>{line.replace(/^•\s*/, "")}</span>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** The bot's texts carry its mark-up; here they are plain. */
function plain(key: string, version: string): string {
  return (find(key, { version }) ?? "").replace(/<[^>]+>/g, "");
}
