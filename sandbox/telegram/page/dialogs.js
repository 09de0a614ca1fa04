/** Toasts, alerts, questions and small menus. */

import { find, make } from "./dom.js";

let fading = null;

export function toast(text) {
  if (!text) return;
  const box = find("#toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (box.hidden = true), 3500);
}

/**
 * Ask something. `buttons` are { id, text, kind } with kind "strong", "danger" or none.
 * Resolves with the id of the button, or undefined when the question was closed.
 */
export function ask({ title = "", body = "", buttons = [{ id: "ok", text: "OK" }] }) {
  const dialog = find("#dialog");
  if (dialog.open) dialog.close("");
  find("#dialog-title").textContent = title;
  find("#dialog-title").hidden = !title;
  const content = typeof body === "string" ? make("p", {}, body) : body;
  find("#dialog-body").replaceChildren(content);
  const made = buttons.map(({ id, text, kind }) =>
    make("button", { value: id, class: kind ?? "", type: "submit" }, text));
  find("#dialog-buttons").replaceChildren(...made);
  dialog.setAttribute("role", "alertdialog");
  dialog.returnValue = "";
  dialog.showModal();
  made.at(-1)?.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue || undefined), { once: true });
  });
}

export const alertPerson = (title, body) => ask({ title, body });

/** A menu at an element: `items` are { text, hint, danger, run }. */
export function openMenu(anchor, items, label) {
  const menu = find("#popover");
  menu.setAttribute("aria-label", label);
  menu.replaceChildren(...items.map((item) =>
    make("button", {
      role: "menuitem", type: "button", class: item.danger ? "danger" : "",
      onclick: () => { closeMenu(); item.run(); },
    }, item.text, item.hint ? make("small", {}, item.hint) : null)));
  menu.hidden = false;
  const at = anchor.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const left = Math.min(at.left, innerWidth - size.width - 12);
  const above = at.top > innerHeight / 2;
  menu.style.left = `${Math.max(12, left)}px`;
  menu.style.top = above ? `${Math.max(8, at.top - size.height - 6)}px` : `${at.bottom + 6}px`;
  menu.querySelector("button")?.focus();
}

export function closeMenu() {
  find("#popover").hidden = true;
}

addEventListener("pointerdown", (event) => {
  if (!find("#popover").contains(event.target)) closeMenu();
});
addEventListener("keydown", (event) => {
  const menu = find("#popover");
  if (menu.hidden) return;
  if (event.key === "Escape") closeMenu();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const items = [...menu.querySelectorAll("button")];
    const step = event.key === "ArrowDown" ? 1 : items.length - 1;
    items[(items.indexOf(document.activeElement) + step) % items.length]?.focus();
  }
});

/** Put `text` on the clipboard; what somebody `offered` is remembered for the next transfer. */
export async function copy(text, { said = "Copied", offered = true } = {}) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission there is still the page's own memory of what was copied.
  }
  sessionStorage.setItem("copied", text);
  if (offered) dispatchEvent(new CustomEvent("copied", { detail: text }));
  toast(said);
}
