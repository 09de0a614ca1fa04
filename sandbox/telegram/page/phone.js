/** The phone frame: opens a Mini App, draws Telegram's buttons around it, closes it. */

import { find } from "./dom.js";
import { ask, openMenu } from "./dialogs.js";
import { onNarrow, showPane } from "./panes.js";

const device = () => find(".device");
const frame = () => find("#app");

/** The Mini App that is open: { launch, label, origin, confirmClose, insets }. */
export let running = null;
let on;

/** `handlers`: pressed(name) for Telegram's own buttons, left(), opened(). */
export function startPhone(handlers) {
  on = handlers;
  find("#app-main").onclick = () => on.pressed("main_button_pressed");
  find("#app-secondary").onclick = () => on.pressed("secondary_button_pressed");
  find("#app-back").onclick = () => (running?.back ? on.pressed("back_button_pressed") : leave());
  find("#app-more").onclick = more;
  new ResizeObserver(() => running && on.resized()).observe(frame());
}

export function open(launch, label = "") {
  reset();
  running = { launch, label, origin: new URL(launch.url).origin, back: false, settings: false, confirmClose: false, speaks: false };
  find("#app-title").textContent = launch.title;
  find("#app-empty").hidden = true;
  frame().hidden = false;
  // The same address with other launch data is only a jump inside a page: start from nothing, and
  // only once nothing is there.
  const mine = running;
  frame().addEventListener("load", () => { if (running === mine) frame().src = launch.url; }, { once: true });
  frame().src = "about:blank";
  document.body.dataset.app = "open";
  if (onNarrow()) showPane("app");
  on.opened(launch);
}

export async function leave({ ask: asks = true } = {}) {
  if (!running) return showPane("chat");
  if (asks && running.confirmClose) {
    const sure = await ask({
      title: running.launch.title, body: "Changes that you made may not be saved.",
      buttons: [{ id: "stay", text: "Cancel" }, { id: "close", text: "Close anyway", kind: "danger" }],
    });
    if (sure !== "close") return;
  }
  running = null;
  reset();
  frame().src = "about:blank";
  frame().hidden = true;
  find("#app-empty").hidden = false;
  find("#app-title").textContent = "Mini App";
  document.body.dataset.app = "";
  if (document.body.dataset.pane === "app") showPane("chat");
  on.left();
}

function reset() {
  device().className = "device";
  for (const name of ["--head", "--head-text", "--screen", "--bar"]) device().style.removeProperty(name);
  find("#app-buttons").hidden = true;
  find("#app-main").hidden = true;
  find("#app-secondary").hidden = true;
  back(false);
}

function more() {
  const items = [{ text: "Reload", run: () => running && open(running.launch, running.label) }];
  if (running?.settings) items.unshift({ text: "Settings", run: () => on.pressed("settings_button_pressed") });
  if (running) items.push({ text: "Close", run: () => leave() });
  openMenu(find("#app-more"), items, "Mini App actions");
}

// -- what the Mini App may change ---------------------------------------------------------------

export function back(visible) {
  if (running) running.back = visible;
  const button = find("#app-back");
  button.querySelector("use").setAttribute("href", visible ? "#i-back" : "#i-close");
  button.querySelector("span").textContent = visible ? "Back" : "Close";
  button.setAttribute("aria-label", visible ? "Back in the Mini App" : "Close the Mini App");
}

export function settings(visible) {
  if (running) running.settings = visible;
}

export function confirmClose(needed) {
  if (running) running.confirmClose = needed;
}

export function bottomButton(which, wish) {
  const button = find(which);
  if (wish.is_visible !== undefined) button.hidden = !(wish.is_visible && (wish.text ?? button.textContent));
  if (wish.text !== undefined) button.textContent = wish.text;
  if (wish.is_active !== undefined) button.disabled = !wish.is_active;
  if (wish.color) button.style.background = wish.color;
  if (wish.text_color) button.style.color = wish.text_color;
  if (wish.is_progress_visible !== undefined) button.classList.toggle("progress", wish.is_progress_visible);
  const bar = find("#app-buttons");
  if (wish.position) {
    bar.classList.toggle("column", wish.position === "top" || wish.position === "bottom");
    bar.classList.toggle("reverse", wish.position === "right" || wish.position === "bottom");
  }
  bar.hidden = find("#app-main").hidden && find("#app-secondary").hidden;
}

const PARTS = { header: "--head", background: "--screen", bottom: "--bar" };

export function colour(part, { color, color_key: key }) {
  const value = color ?? (key ? running?.launch.theme_params[key] : undefined);
  if (!value) return;
  device().style.setProperty(PARTS[part], value);
  if (part === "header") device().style.setProperty("--head-text", isDark(value) ? "#fff" : "#0d1720");
}

/** Is white the readable text on this colour? */
function isDark(value) {
  const [red, green, blue] = (/^#(..)(..)(..)/.exec(value) ?? []).slice(1).map((part) => parseInt(part, 16));
  return red * 0.299 + green * 0.587 + blue * 0.114 < 150;
}

export function fullscreen(wanted) {
  device().classList.toggle("fullscreen", wanted);
}

export const isFullscreen = () => device().classList.contains("fullscreen");

export function feel() {
  device().classList.remove("felt");
  void device().offsetWidth;
  device().classList.add("felt");
  navigator.vibrate?.(10);
}

export function viewport() {
  const { width, height } = frame().getBoundingClientRect();
  return { width, height, is_expanded: true, is_state_stable: true };
}

/** The header floats over the content only in full screen. */
export function contentInset() {
  const top = isFullscreen() ? find("#app-head").getBoundingClientRect().height : 0;
  return { top, bottom: 0, left: 0, right: 0 };
}
