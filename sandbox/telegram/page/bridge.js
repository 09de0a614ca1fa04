/** Answers a Mini App as Telegram does: events as JSON over postMessage, both ways. */

import { find } from "./dom.js";
import { ask } from "./dialogs.js";
import * as phone from "./phone.js";
import { deviceEvents } from "./device.js";

const frame = () => find("#app");
let on;

/** `handlers`: link(url, launch), tgLink(path), invoice(slug), sendData(launch, label, data). */
export function startBridge(handlers) {
  on = handlers;
  addEventListener("message", hear);
}

/** Tell the Mini App that something happened. */
export function tell(type, data = {}) {
  // Before the app has said anything there may be another page in the frame still.
  if (!phone.running?.speaks) return;
  const message = JSON.stringify({ eventType: type, eventData: data });
  frame().contentWindow?.postMessage(message, phone.running.origin);
}

function hear(event) {
  // Only the page that was launched may speak: another origin in the frame is not listened to.
  if (!phone.running || event.source !== frame().contentWindow) return;
  if (event.origin !== phone.running.origin) return;
  phone.running.speaks = true;
  let message;
  try {
    message = typeof event.data === "string" ? JSON.parse(event.data) : event.data;
  } catch {
    return;
  }
  const answer = events[message?.eventType] ?? deviceEvents[message?.eventType];
  if (!answer) return;
  let data = message.eventData ?? {};
  if (typeof data === "string") {
    try { data = JSON.parse(data); } catch { data = {}; }
  }
  answer(data, tell, phone.running);
}

export function resized() {
  tell("viewport_changed", phone.viewport());
}

async function popup({ title = "", message = "", buttons = [] }) {
  const words = { ok: "OK", close: "Close", cancel: "Cancel" };
  const shown = (buttons.length ? buttons : [{ id: "", type: "close" }]).map((one, index) => ({
    id: `b${index}`, text: one.text || words[one.type] || "OK",
    kind: one.type === "destructive" ? "danger" : "",
  }));
  const pressed = await ask({ title, body: message, buttons: shown });
  const chosen = pressed && buttons[Number(pressed.slice(1))];
  tell("popup_closed", chosen ? { button_id: chosen.id ?? "" } : {});
}

async function invoice({ slug }) {
  tell("invoice_closed", { slug, status: await on.invoice(slug) });
}

function goFullscreen(wanted) {
  if (wanted === phone.isFullscreen()) {
    if (wanted) tell("fullscreen_failed", { error: "ALREADY_FULLSCREEN" });
    return;
  }
  phone.fullscreen(wanted);
  tell("fullscreen_changed", { is_fullscreen: wanted });
  tell("content_safe_area_changed", phone.contentInset());
  resized();
}

const NO_INSET = { top: 0, bottom: 0, left: 0, right: 0 };

const events = {
  iframe_ready: () => tell("set_custom_style", ""),
  web_app_ready: () => {},
  web_app_expand: resized,
  web_app_close: () => phone.leave({ ask: false }),
  web_app_request_viewport: resized,
  web_app_request_theme: () => tell("theme_changed", { theme_params: phone.running.launch.theme_params }),
  web_app_request_safe_area: () => tell("safe_area_changed", NO_INSET),
  web_app_request_content_safe_area: () => tell("content_safe_area_changed", phone.contentInset()),
  web_app_setup_main_button: (wish) => phone.bottomButton("#app-main", wish),
  web_app_setup_secondary_button: (wish) => phone.bottomButton("#app-secondary", wish),
  web_app_setup_back_button: ({ is_visible: visible }) => phone.back(Boolean(visible)),
  web_app_setup_settings_button: ({ is_visible: visible }) => phone.settings(Boolean(visible)),
  web_app_setup_closing_behavior: ({ need_confirmation: needed }) => phone.confirmClose(Boolean(needed)),
  web_app_setup_swipe_behavior: () => {},
  web_app_toggle_orientation_lock: () => {},
  web_app_hide_keyboard: () => document.activeElement?.blur(),
  web_app_set_header_color: (wish) => phone.colour("header", wish),
  web_app_set_background_color: (wish) => phone.colour("background", wish),
  web_app_set_bottom_bar_color: (wish) => phone.colour("bottom", wish),
  web_app_open_popup: popup,
  web_app_open_link: ({ url }, _, app) => on.link(url, app.launch),
  web_app_open_tg_link: ({ path_full: path }) => on.tgLink(path),
  web_app_open_invoice: invoice,
  web_app_trigger_haptic_feedback: ({ type }) => type !== "selection_change" && phone.feel(),
  web_app_request_fullscreen: () => goFullscreen(true),
  web_app_exit_fullscreen: () => goFullscreen(false),
  web_app_data_send: async ({ data }, _, app) => {
    await on.sendData(app.launch, app.label, data);
    phone.leave({ ask: false });
  },
  web_app_request_write_access: () => tell("write_access_requested", { status: "allowed" }),
  web_app_request_phone: () => tell("phone_requested", { status: "cancelled" }),
};
