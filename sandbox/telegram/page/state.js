/** What the page knows: who acts, which chat is open, and what the server said last. */

import { look } from "./api.js";

const PERSON = "person";

export const state = {
  person: Number(localStorage.getItem(PERSON)) || 0,
  open: null,
  overview: { people: [], bots: [], groups: [], chats: [] },
};

const watchers = new Set();

/** Call `draw` after every change of the overview, the person or the open chat. */
export function watch(draw) {
  watchers.add(draw);
}

export function changed() {
  for (const draw of watchers) draw();
}

export const me = () => state.overview.people.find((one) => one.id === state.person);
export const chat = () => state.overview.chats.find((one) => one.key === state.open);

/** The fields that name the acting person and the open chat in a request. */
export const here = () => ({ person: state.person, chat: state.open });

export async function refresh() {
  if (!state.person) {
    const everybody = await look("/sim/state");
    state.person = everybody.people[0].id;
  }
  try {
    state.overview = await look("/sim/state", { person: state.person });
  } catch (error) {
    // The remembered person is not of this world: start with its first.
    localStorage.removeItem(PERSON);
    state.person = 0;
    return refresh();
  }
  changed();
}

let waiting = null;

/** Refresh soon; many wishes within a moment are one. */
export function refreshSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    refresh();
  }, 60);
}

export async function actAs(person) {
  state.person = person;
  localStorage.setItem(PERSON, String(person));
  const wanted = state.open;
  await refresh();
  const mine = state.overview.chats;
  const bot = wanted?.includes(":") ? wanted.split(":")[0] : null;
  const same = mine.find((one) => (bot ? String(one.bot) === bot : one.key === wanted));
  return same ?? mine[0];
}
