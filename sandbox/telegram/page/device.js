/** What a phone can do for a Mini App: storage of three kinds, the clipboard, sharing, and refusals. */

import { act } from "./api.js";
import { state } from "./state.js";

const storage = (app, fields) =>
  act("/sim/storage", { person: state.person, bot: app.launch.bot, ...fields });

/** CloudStorage speaks through custom methods. */
const CLOUD = {
  saveStorageValue: async ({ key, value }, app) => {
    await storage(app, { area: "cloud", op: "set", key, value });
    return true;
  },
  getStorageValues: async ({ keys }, app) => {
    const { values } = await storage(app, { area: "cloud", op: "get", keys });
    return Object.fromEntries(keys.map((key) => [key, values[key] ?? ""]));
  },
  getStorageKeys: async (_, app) => (await storage(app, { area: "cloud", op: "keys" })).keys,
  deleteStorageValues: async ({ keys }, app) => {
    await storage(app, { area: "cloud", op: "delete", keys });
    return true;
  },
  getCurrentTime: async () => Math.floor(Date.now() / 1000),
};

async function custom({ req_id: id, method, params }, tell, app) {
  try {
    if (!CLOUD[method]) throw new Error("METHOD_INVALID");
    tell("custom_method_invoked", { req_id: id, result: await CLOUD[method](params ?? {}, app) });
  } catch (error) {
    tell("custom_method_invoked", { req_id: id, error: error.message });
  }
}

/** DeviceStorage and SecureStorage differ in name and size only. */
function local(area) {
  const name = `${area}_storage`;
  const guarded = (work) => async (data, tell, app) => {
    try {
      await work(data, tell, app);
    } catch (error) {
      tell(`${name}_failed`, { req_id: data.req_id, error: error.message });
    }
  };
  return {
    [`web_app_${name}_save_key`]: guarded(async ({ req_id, key, value }, tell, app) => {
      const op = value === null || value === undefined ? "delete" : "set";
      await storage(app, { area, op, key, value });
      tell(`${name}_key_saved`, { req_id });
    }),
    [`web_app_${name}_get_key`]: guarded(async ({ req_id, key }, tell, app) => {
      const { values } = await storage(app, { area, op: "get", key });
      tell(`${name}_key_received`, { req_id, value: values[key] ?? null });
    }),
    [`web_app_${name}_clear`]: guarded(async ({ req_id }, tell, app) => {
      await storage(app, { area, op: "clear" });
      tell(`${name}_cleared`, { req_id });
    }),
  };
}

async function clipboard({ req_id: id }, tell) {
  let data = sessionStorage.getItem("copied");
  try {
    data = (await navigator.clipboard.readText()) || data;
  } catch {
    // Not permitted: what was last copied on this page is the answer.
  }
  tell("clipboard_text_received", { req_id: id, data });
}

async function share({ id }, tell, app) {
  try {
    await act("/sim/share", { person: state.person, bot: app.launch.bot, prepared: id });
    tell("prepared_message_sent", {});
  } catch {
    tell("prepared_message_failed", { error: "MESSAGE_EXPIRED" });
  }
}

const say = (type, data) => (_, tell) => tell(type, data);

export const deviceEvents = {
  web_app_invoke_custom_method: custom,
  ...local("device"),
  ...local("secure"),
  web_app_secure_storage_restore_key: ({ req_id }, tell) =>
    tell("secure_storage_failed", { req_id, error: "RESTORE_UNAVAILABLE" }),
  web_app_read_text_from_clipboard: clipboard,
  web_app_send_prepared_message: share,
  web_app_biometry_get_info: say("biometry_info_received", { available: false }),
  web_app_check_home_screen: say("home_screen_checked", { status: "unsupported" }),
  web_app_add_to_home_screen: say("home_screen_failed", { error: "UNSUPPORTED" }),
  web_app_check_location: say("location_checked", { available: false }),
  web_app_open_scan_qr_popup: say("scan_qr_popup_closed", {}),
  web_app_set_emoji_status: say("emoji_status_failed", { error: "UNSUPPORTED" }),
  web_app_request_emoji_status_access: say("emoji_status_access_requested", { status: "cancelled" }),
  web_app_request_file_download: say("file_download_requested", { status: "cancelled" }),
  web_app_start_accelerometer: say("accelerometer_failed", { error: "UNSUPPORTED" }),
  web_app_start_gyroscope: say("gyroscope_failed", { error: "UNSUPPORTED" }),
  web_app_start_device_orientation: say("device_orientation_failed", { error: "UNSUPPORTED" }),
};
