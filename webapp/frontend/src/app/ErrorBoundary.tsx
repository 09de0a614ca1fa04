// A fault of the page itself: said plainly, with a way on; money is on the server and safe.
import { Component, type ReactNode } from "react";
import { Button } from "@/design/Button";
import { Icon } from "@/design/Icon";
import { t } from "@/texts/texts";

interface State {
  readonly broken: boolean;
}

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { broken: false };

  static getDerivedStateFromError(): State {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <main className="mx-auto flex min-h-dvh max-w-(--column) flex-col items-center justify-center gap-4 px-6 text-center">
        <Icon name="alert" size={40} className="text-coral-text" />
        <h1 className="text-[24px] font-semibold">{t("app.broken.title")}</h1>
        <p className="text-muted">{t("app.broken.text")}</p>
        <Button onPress={() => location.reload()}>{t("app.broken.reload")}</Button>
      </main>
    );
  }
}
