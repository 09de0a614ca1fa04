/** Talks to the person API and keeps one stream of events open. */

export class Refused extends Error {}

async function read(response) {
  const body = await response.json().catch(() => ({ error: `error ${response.status}` }));
  if (!response.ok) throw new Refused(body.error ?? `error ${response.status}`);
  return body;
}

export async function look(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return read(await fetch(`${path}?${new URLSearchParams(given)}`));
}

export async function act(path, fields) {
  const body = JSON.stringify(fields);
  const headers = { "Content-Type": "application/json" };
  return read(await fetch(path, { method: "POST", headers, body }));
}

export async function upload(fields, file, name) {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append("file", file, name);
  return read(await fetch("/sim/upload", { method: "POST", body: form }));
}

/** Calls `hear(event)` for everything that happens; after a lost line calls `again()`. */
export function listen(hear, again) {
  let lost = false;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/sim/ws`);
    socket.onopen = () => {
      if (lost) again();
      lost = false;
    };
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onclose = () => {
      lost = true;
      setTimeout(connect, 800);
    };
  };
  connect();
}
