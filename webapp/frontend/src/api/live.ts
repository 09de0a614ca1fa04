// News from the server as it happens: one WebSocket that comes back by itself.
import type { Client } from "@/api/client";
import type { Balance } from "@/api/types";
import { createStore } from "@/app/store";

export type LiveMessage =
  | { type: "balance"; balances: Balance[] }
  | { type: "round" | "movement" | "notice"; kind: string; payload: Record<string, unknown> }
  | { type: "pong" };

export type LinkState = "connecting" | "open" | "lost";

const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15_000];
const LOGIN_ENDED = 4401;
const PING_EVERY_MS = 25_000;
const ANSWER_WITHIN_MS = 10_000;
// A link that fails once comes back unseen; only a second failure is told to the person.
const FAILURES_SHOWN = 2;

export const link = createStore<LinkState>("connecting");

export class Live {
  private socket: WebSocket | null = null;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private pulse: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: Client,
    private readonly address: string,
    private readonly hear: (message: LiveMessage) => void,
    private readonly onBack: () => void,
  ) {}

  /** Connect, and connect again for as long as the page lives. */
  start(): void {
    addEventListener("online", this.hurry);
    addEventListener("offline", this.lose);
    document.addEventListener("visibilitychange", this.hurry);
    void this.connect();
  }

  /** Close and stay closed. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.pulse);
    removeEventListener("online", this.hurry);
    removeEventListener("offline", this.lose);
    document.removeEventListener("visibilitychange", this.hurry);
    this.socket?.close();
  }

  private async connect(): Promise<void> {
    let ticket: string;
    try {
      ({ ticket } = await this.client.post<{ ticket: string }>("/api/ws-ticket"));
    } catch {
      this.again();
      return;
    }
    if (this.stopped) return;
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ ticket }));
    socket.onmessage = (event) => this.receive(socket, String(event.data));
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.pulse);
      if (event.code === LOGIN_ENDED) this.client.forgetToken();
      this.again();
    };
  }

  private receive(socket: WebSocket, text: string): void {
    if (link.get() !== "open") {
      const wasLost = this.failures > 0;
      this.failures = 0;
      link.set("open");
      if (wasLost) this.onBack();
    }
    this.expect(socket);
    this.hear(JSON.parse(text) as LiveMessage);
  }

  /** A link that was cut without a word is noticed by the answer that does not come. */
  private expect(socket: WebSocket): void {
    clearTimeout(this.pulse);
    this.pulse = setTimeout(() => {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(JSON.stringify({ type: "ping" }));
      this.pulse = setTimeout(() => socket.close(), ANSWER_WITHIN_MS);
    }, PING_EVERY_MS);
  }

  private again(): void {
    if (this.stopped) return;
    this.failures += 1;
    link.set(this.failures >= FAILURES_SHOWN ? "lost" : "connecting");
    const pause = PAUSES_MS[Math.min(this.failures, PAUSES_MS.length) - 1]!;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.connect(), pause * (0.8 + Math.random() * 0.4));
  }

  private readonly hurry = (): void => {
    if (document.visibilityState !== "visible" || this.socket !== null || this.stopped) return;
    clearTimeout(this.timer);
    void this.connect();
  };

  private readonly lose = (): void => {
    link.set("lost");
    this.failures = FAILURES_SHOWN;
    this.socket?.close();
  };
}
