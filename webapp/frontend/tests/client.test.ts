// The way to the server, against a real one on loopback: log-in, repeats, references, refusals.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "@/api/client";
import { Refused, Unreachable } from "@/api/errors";
import { makeReference } from "@/api/references";
import { storageOf } from "@/api/storage";

interface Asked {
  method: string;
  path: string;
  token: string | undefined;
  body: Record<string, unknown>;
}
type Answer = (asked: Asked, response: ServerResponse) => void;

let server: Server;
let origin: string;
let asked: Asked[];
let answer: Answer;
let kept: Map<string, string>;
let refusedLogins: number;

const say = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
};
const refusal = (code: string): unknown => ({
  error: { code, data: { asset: "TON" }, request_id: "r" },
});

async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function client(): Client {
  return new Client({
    origin,
    initData: "signed",
    agent: "test",
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    onLoginRefused: () => {
      refusedLogins += 1;
    },
    repeatAfterMs: [1, 1],
  });
}

beforeEach(async () => {
  asked = [];
  kept = new Map();
  refusedLogins = 0;
  let logins = 0;
  answer = (_asked, response) => say(response, 200, { ok: true });
  server = createServer((request, response) => {
    void read(request).then((body) => {
      const one = {
        method: request.method ?? "",
        path: request.url ?? "",
        token: request.headers.authorization,
        body,
      };
      asked.push(one);
      if (one.path === "/api/login" && body["init_data"] === "signed") {
        logins += 1;
        say(response, 200, { token: `t${logins}` });
      } else {
        answer(one, response);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("logging in", () => {
  it("happens once for many requests at the same time", async () => {
    const one = client();
    await Promise.all([one.get("/api/me"), one.get("/api/lobby"), one.get("/api/limits")]);
    expect(asked.filter(({ path }) => path === "/api/login")).toHaveLength(1);
    expect(asked.filter(({ token }) => token === "Bearer t1")).toHaveLength(3);
  });

  it("is done again when the token is refused, and the request goes on", async () => {
    answer = ({ token }, response) =>
      token === "Bearer t2"
        ? say(response, 200, { ok: true })
        : say(response, 401, refusal("refusal.login_refused"));
    expect(await client().get("/api/me")).toEqual({ ok: true });
  });

  it("tells when the launch itself is refused", async () => {
    const stale = new Client({
      origin,
      initData: "stale",
      agent: "",
      storage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
      onLoginRefused: () => {
        refusedLogins += 1;
      },
    });
    answer = (_asked, response) => say(response, 401, refusal("refusal.login_refused"));
    await expect(stale.get("/api/me")).rejects.toBeInstanceOf(Refused);
    expect(refusedLogins).toBe(1);
  });
});

describe("commands", () => {
  it("are repeated under the same reference until somebody answers", async () => {
    let failures = 2;
    answer = (_asked, response) => {
      if (failures-- > 0) response.destroy();
      else say(response, 200, { round_id: "x" });
    };
    const one = client();
    expect(await one.command("dice", "/api/play/dice", { stake: "1" })).toEqual({ round_id: "x" });
    const sent = asked.filter(({ path }) => path === "/api/play/dice");
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ body }) => body["reference"])).size).toBe(1);
    expect(one.pending.find("dice")).toBeNull();
  });

  it("are kept when nobody answers, and asked for again after a reload", async () => {
    answer = (_asked, response) => void response.destroy();
    await expect(client().command("dice", "/api/play/dice", { stake: "7" })).rejects.toBeInstanceOf(
      Unreachable,
    );
    const reloaded = client();
    const reference = reloaded.pending.find("dice")?.body["reference"];
    expect(reference).toBeTypeOf("string");
    answer = ({ body }, response) =>
      say(response, 200, { same: body["reference"] === reference, stake: body["stake"] });
    expect(await reloaded.resume("dice")).toEqual({ same: true, stake: "7" });
    expect(reloaded.pending.find("dice")).toBeNull();
  });

  it("are kept when a gateway or the server itself fails", async () => {
    answer = (_asked, response) => say(response, 503, refusal("error.outside_unavailable"));
    const one = client();
    await expect(one.command("dice", "/api/play/dice", {})).rejects.toBeInstanceOf(Unreachable);
    answer = (_asked, response) => say(response, 500, refusal("error.internal"));
    await expect(one.resume("dice")).rejects.toBeInstanceOf(Refused);
    expect(one.pending.find("dice")).not.toBeNull();
  });

  it("are over when a rule says no", async () => {
    answer = (_asked, response) => say(response, 422, refusal("refusal.insufficient_funds"));
    const one = client();
    const failed = await one.command("dice", "/api/play/dice", {}).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: "refusal.insufficient_funds",
      status: 422,
      data: { asset: "TON" },
    });
    expect(one.pending.find("dice")).toBeNull();
  });

  it("without a reference are never repeated", async () => {
    answer = (_asked, response) => void response.destroy();
    await expect(client().post("/api/support", { text: "hello" })).rejects.toBeInstanceOf(
      Unreachable,
    );
    expect(asked.filter(({ path }) => path === "/api/support")).toHaveLength(1);
  });
});

describe("references", () => {
  it("are UUIDv7 of the moment, and never twice the same", () => {
    const now = 1_795_000_000_123;
    const made = Array.from({ length: 200 }, () => makeReference(now));
    expect(new Set(made).size).toBe(200);
    for (const reference of made) {
      expect(reference).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(Number.parseInt(reference.replaceAll("-", "").slice(0, 12), 16)).toBe(now);
    }
  });
});

describe("what is kept on a device", () => {
  const launch = (id: number, date: number): string =>
    new URLSearchParams({ user: JSON.stringify({ id }), auth_date: `${date}` }).toString();
  const keeping = (initData: string) =>
    storageOf(initData, {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    });

  it("is found again by the same person and by nobody else", () => {
    keeping(launch(1, 5)).setItem("token", "anns");
    expect(keeping(launch(1, 6)).getItem("token")).toBe("anns");
    expect(keeping(launch(2, 6)).getItem("token")).toBeNull();
    keeping(launch(2, 6)).removeItem("token");
    expect(keeping(launch(1, 7)).getItem("token")).toBe("anns");
  });

  it("belongs to one launch where nobody is named", () => {
    keeping("").setItem("token", "x");
    expect(keeping("user=broken").getItem("token")).toBeNull();
    expect(keeping(launch(1, 5)).getItem("token")).toBeNull();
  });
});
