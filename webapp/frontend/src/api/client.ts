// The way to the server: bearer token, log-in from launch data, safe repeats, typed errors.
import { Refused, Unreachable } from "@/api/errors";
import { PendingCommands, type PendingCommand } from "@/api/references";
import type { LoginAnswer } from "@/api/types";

type Method = "GET" | "POST" | "PUT" | "DELETE";
type KeyValue = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface ClientOptions {
  readonly origin: string;
  readonly initData: string;
  readonly agent: string;
  readonly storage: KeyValue;
  readonly onLogin?: (answer: LoginAnswer) => void;
  readonly onLoginRefused?: (refusal: Refused) => void;
  /** Pauses before each repeat of a request that nobody answered. */
  readonly repeatAfterMs?: readonly number[];
}

const TOKEN = "token";
const REPEAT_AFTER_MS = [400, 1200, 3000] as const;
const TIMEOUT_MS = 15_000;

export class Client {
  readonly pending: PendingCommands;
  private readonly options: ClientOptions;
  private loggingIn: Promise<void> | null = null;

  constructor(options: ClientOptions) {
    this.options = options;
    this.pending = new PendingCommands(options.storage);
  }

  /** Read something. Repeated when nobody answers. */
  get<T>(path: string): Promise<T> {
    return this.repeated<T>("GET", path, undefined);
  }

  /** Change something that is the same when done twice. Repeated when nobody answers. */
  put<T>(path: string, body: unknown): Promise<T> {
    return this.repeated<T>("PUT", path, body);
  }

  /** Remove something. */
  remove<T>(path: string): Promise<T> {
    return this.repeated<T>("DELETE", path, undefined);
  }

  /** Ask once: for requests without a reference that must not happen twice. */
  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.authorised<T>("POST", path, body);
  }

  /**
   * Send a command under a reference that is kept until the server has answered.
   * Throws Refused when it said no, Unreachable when it may or may not have happened.
   */
  command<T>(slot: string, path: string, body: Readonly<Record<string, unknown>>): Promise<T> {
    return this.deliver<T>(slot, this.pending.begin(slot, path, body));
  }

  /** Ask again for the answer to the command that this slot still keeps. */
  resume<T>(slot: string): Promise<T> {
    const command = this.pending.find(slot);
    if (command === null) throw new Error(`nothing is pending in ${slot}`);
    return this.deliver<T>(slot, command);
  }

  /** Log in anew and throw away the old token. */
  async logIn(): Promise<void> {
    this.loggingIn ??= this.requestLogin().finally(() => {
      this.loggingIn = null;
    });
    return this.loggingIn;
  }

  /** Is there a token from before a reload? */
  hasToken(): boolean {
    return this.options.storage.getItem(TOKEN) !== null;
  }

  /** Forget the token without telling the server. */
  forgetToken(): void {
    this.options.storage.removeItem(TOKEN);
  }

  private async deliver<T>(slot: string, command: PendingCommand): Promise<T> {
    try {
      const answer = await this.repeated<T>("POST", command.path, command.body);
      this.pending.end(slot);
      return answer;
    } catch (error) {
      if (isFinal(error)) this.pending.end(slot);
      throw error;
    }
  }

  private async repeated<T>(method: Method, path: string, body: unknown): Promise<T> {
    const pauses = this.options.repeatAfterMs ?? REPEAT_AFTER_MS;
    for (const pause of pauses) {
      try {
        return await this.authorised<T>(method, path, body);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        await sleep(pause);
      }
    }
    return this.authorised<T>(method, path, body);
  }

  private async authorised<T>(method: Method, path: string, body: unknown): Promise<T> {
    if (!this.hasToken()) await this.logIn();
    try {
      return await this.request<T>(method, path, body);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
    }
    this.forgetToken();
    await this.logIn();
    return this.request<T>(method, path, body);
  }

  private async requestLogin(): Promise<void> {
    try {
      const answer = await this.request<LoginAnswer>("POST", "/api/login", {
        init_data: this.options.initData,
        agent: this.options.agent,
      });
      this.options.storage.setItem(TOKEN, answer.token);
      this.options.onLogin?.(answer);
    } catch (error) {
      if (error instanceof Refused && error.status >= 400 && error.status < 429) {
        this.options.onLoginRefused?.(error);
      }
      throw error;
    }
  }

  private async request<T>(method: Method, path: string, body: unknown): Promise<T> {
    const headers: Record<string, string> = {};
    const token = this.options.storage.getItem(TOKEN);
    if (token !== null && path !== "/api/login") headers["Authorization"] = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await this.fetched(path, {
      method,
      headers,
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return (await readJson(response)) as T;
    throw await refusalOf(response);
  }

  private async fetched(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.options.origin + path, init);
    } catch {
      throw new Unreachable();
    }
  }
}

async function refusalOf(response: Response): Promise<Error> {
  // A gateway in front of the server answers without our JSON: nothing is known about the effect.
  if ([502, 503, 504].includes(response.status)) return new Unreachable();
  const body = (await readJson(response)) as { error?: Record<string, unknown> } | null;
  const error = body?.error ?? {};
  return new Refused(
    response.status,
    typeof error["code"] === "string" ? error["code"] : "error.internal",
    (error["data"] as Record<string, unknown> | undefined) ?? {},
    typeof error["request_id"] === "string" ? error["request_id"] : null,
  );
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => {
    throw new Unreachable();
  });
  if (text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Unreachable();
  }
}

/** After these answers the same reference would only get the same answer. */
function isFinal(error: unknown): boolean {
  return error instanceof Refused && error.status < 500 && ![401, 429].includes(error.status);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
