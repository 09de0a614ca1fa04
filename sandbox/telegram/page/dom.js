/** Small ways to build and find elements; text is always set as text, never as markup. */

export const find = (selector) => document.querySelector(selector);

/** make("button", { class: "x", onclick }, "text", child, ...) */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") element.style.cssText = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** One of the icons that index.html defines. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

const COLOURS = [
  ["#ff885e", "#ff516a"], ["#ffcd6a", "#ffa85c"], ["#82b1ff", "#665fff"], ["#a0de7e", "#54cb68"],
  ["#53edd6", "#28c9b7"], ["#72d5fd", "#2a9ef1"], ["#e0a2f3", "#d669ed"],
];

/** A round picture with initials, coloured by who it is. */
export function paintAvatar(element, { id, name }) {
  const [from, to] = COLOURS[Math.abs(id) % COLOURS.length];
  element.style.setProperty("--a", from);
  element.style.setProperty("--b", to);
  const words = name.split(/\s+/).filter(Boolean);
  element.textContent = words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
  return element;
}

export const avatar = (who) =>
  paintAvatar(make("span", { class: "avatar", "aria-hidden": "true" }), who);

const clockFormat = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat([], { day: "numeric", month: "long" });

export const clock = (seconds) => clockFormat.format(new Date(seconds * 1000));

export function day(seconds) {
  const then = new Date(seconds * 1000);
  return then.toDateString() === new Date().toDateString() ? "Today" : dayFormat.format(then);
}
