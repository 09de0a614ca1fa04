// The one decision of a form: Telegram's main button, or our own where the client has none.
import { mainButton } from "@tma.js/sdk-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "@/design/Button";

/** A full-width decision at the foot of the screen; its text says what will happen. */
export function ActionBar({
  text,
  onPress,
  disabled = false,
  busy = false,
}: {
  readonly text: string;
  readonly onPress: () => void;
  readonly disabled?: boolean;
  readonly busy?: boolean;
}) {
  const [isTelegrams] = useState(mountMainButton);
  const press = useRef(onPress);
  useEffect(() => {
    press.current = onPress;
  });
  useEffect(() => {
    if (!isTelegrams) return undefined;
    const off = mainButton.onClick.ifAvailable(() => press.current());
    return () => {
      if (off.ok) off.data();
      mainButton.setParams.ifAvailable({ isVisible: false, isLoaderVisible: false });
    };
  }, [isTelegrams]);
  useEffect(() => {
    if (!isTelegrams) return;
    mainButton.setParams.ifAvailable({
      text,
      isVisible: true,
      isEnabled: !disabled && !busy,
      isLoaderVisible: busy,
      bgColor: disabled ? "#3b5249" : "#18a672",
      textColor: disabled ? "#c9d6d0" : "#04130d",
    });
  }, [isTelegrams, text, disabled, busy]);
  if (isTelegrams) return null;
  return (
    <div className="sticky bottom-0 -mx-4 bg-page px-4 pt-3 pb-[calc(var(--safe-bottom)+12px)]">
      <Button wide onPress={onPress} disabled={disabled} busy={busy}>
        {text}
      </Button>
    </div>
  );
}

function mountMainButton(): boolean {
  return mainButton.mount.ifAvailable().ok;
}
