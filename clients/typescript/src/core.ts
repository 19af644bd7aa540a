/** What every call goes through: the address, the key, time limits, trying again, errors. The routes are in generated.ts. */
import { errorOf, MerxError } from "./errors.js";
import { parseEvents, type ServerEvent } from "./events.js";
import type { NewEvent, Reply, ShopEvent } from "./generated.js";

export type { ServerEvent } from "./events.js";

export interface ClientOptions {
  /** Where merx serve is; default http://127.0.0.1:7373. A path before /v1 is kept. */
  url?: string;
  /** What merx key create gave. It selects the shop. */
  key?: string;
  /** Which shop, where several are served and none has a key. */
  shop?: string;
  /** Milliseconds that one try may take (of downloads and streams: until the reply begins); default 30,000. */
  timeoutMs?: number;
  /** How often a call is tried again; default 4. */
  retries?: number;
  /** Milliseconds before the first new try, doubled for each further one; default 250. A Retry-After of the server goes first. */
  backoffMs?: number;
  /** The longest wait before a new try, in milliseconds; a server that says longer is believed, and the call fails; default 30,000. */
  longestWaitMs?: number;
  /** In place of the global fetch. */
  fetch?: typeof fetch;
}

/** Of one call. */
export interface CallOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  retries?: number;
  /** Sent as X-Request-Id: up to 64 of A-Z a-z 0-9 . _ - ; found again in the server's log. */
  requestId?: string;
}

/** What can be uploaded. A ReadableStream is read once, so it is not tried again. */
export type Uploadable = Blob | ArrayBuffer | Uint8Array | string | ReadableStream<Uint8Array>;
/** A JPEG, PNG or WebP; bytes are recognised by how they begin. */
export type Picture = Blob | ArrayBuffer | Uint8Array;

type Query = Record<string, unknown>;

interface Call {
  repeatable: boolean;
  query?: Query;
  body?: unknown;
  bytes?: Uploadable;
  type?: string;
}

/** Statuses that say: not now. */
const LATER = new Set([429, 502, 503, 504]);

/** A part of a path. */
export function part(value: string | number): string {
  const text = encodeURIComponent(String(value));
  // What a URL takes for "here" and "one up" even when it is encoded can't be asked for.
  if (text === "" || text === "." || text === "..") throw new TypeError(`"${value}" can't be an id in a path`);
  return text;
}

/** A random id (RFC 4122, version 4); crypto.randomUUID is there in secure pages alone. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Events with the ids that are missing: made once, before the first try, so that the server counts each event once however often it is sent. */
export function withIds(events: NewEvent | NewEvent[]): ShopEvent | ShopEvent[] {
  const one = (event: NewEvent): ShopEvent => ({ ...event, id: event.id ?? newId() });
  return Array.isArray(events) ? events.map(one) : one(events);
}

function pictureType(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "image/jpeg";
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  if (bytes[0] === 0x52 && bytes[8] === 0x57) return "image/webp";
  throw new TypeError("the picture is neither JPEG, PNG nor WebP");
}

/** Retry-After: seconds, or a date; undefined: not said. */
function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get("Retry-After");
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(aborted(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

function aborted(signal: AbortSignal | undefined): MerxError {
  return new MerxError(0, { code: "aborted", message: "the call was aborted" }, signal?.reason);
}

/** One try's time limit and the caller's signal, as one signal. */
class Limit {
  private readonly controller = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  timedOut = false;
  private readonly stop = () => this.controller.abort(this.outer?.reason);

  constructor(
    private readonly ms: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    if (outer?.aborted) this.stop();
    outer?.addEventListener("abort", this.stop, { once: true });
    this.again();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Counts from now on. */
  again(ms = this.ms): void {
    clearTimeout(this.timer);
    if (ms > 0)
      this.timer = setTimeout(() => {
        this.timedOut = true;
        this.controller.abort();
      }, ms);
  }

  /** No limit of time any more; the caller's signal goes on counting. */
  lift(): void {
    clearTimeout(this.timer);
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.stop);
  }

  /** Ends the request itself. */
  cancel(): void {
    this.end();
    this.controller.abort();
  }

  errorOf(cause: unknown): MerxError {
    if (cause instanceof MerxError) return cause;
    if (this.timedOut) return new MerxError(0, { code: "timeout", message: `no reply within ${this.ms} ms` }, cause);
    if (this.outer?.aborted) return aborted(this.outer);
    const reason = (cause as { cause?: { message?: string } })?.cause?.message ?? (cause as Error)?.message ?? "";
    return new MerxError(0, { code: "unreachable", message: `the server can't be reached: ${reason}` }, cause);
  }
}

/** Silence of a stream that is taken for a lost connection: the server sends a line at least every 15 seconds. */
const STREAM_SILENCE_MS = 60_000;

export class Core {
  private readonly base: string;
  private readonly headers: Record<string, string> = {};
  private readonly options: Required<Pick<ClientOptions, "timeoutMs" | "retries" | "backoffMs" | "longestWaitMs">>;
  private readonly fetch: typeof fetch;

  constructor(options: ClientOptions = {}) {
    const url = new URL(options.url ?? "http://127.0.0.1:7373");
    this.base = url.origin + url.pathname.replace(/\/+$/, "");
    if (options.key) this.headers["Authorization"] = `Bearer ${options.key}`;
    if (options.shop) this.headers["Merx-Shop"] = options.shop;
    this.options = {
      timeoutMs: options.timeoutMs ?? 30_000,
      retries: options.retries ?? 4,
      backoffMs: options.backoffMs ?? 250,
      longestWaitMs: options.longestWaitMs ?? 30_000,
    };
    const given = options.fetch ?? globalThis.fetch;
    if (!given) throw new TypeError("there is no fetch here: Node 18 or newer has it, or give one");
    this.fetch = (input, init) => given(input, init);
  }

  private url(path: string, query: Query | undefined): string {
    const text = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {}))
      if (value !== undefined && value !== null) text.set(name, String(value));
    const all = text.toString();
    return this.base + path + (all ? `?${all}` : "");
  }

  private init(method: string, call: Call, options: CallOptions | undefined, signal: AbortSignal): RequestInit {
    const headers: Record<string, string> = { ...this.headers };
    const init: RequestInit & { duplex?: "half" } = { method, headers, signal, redirect: "error", credentials: "omit" };
    if (options?.requestId) headers["X-Request-Id"] = options.requestId;
    if (call.bytes !== undefined) {
      headers["Content-Type"] = call.type ?? "application/octet-stream";
      init.body = call.bytes as BodyInit;
      if (typeof ReadableStream !== "undefined" && call.bytes instanceof ReadableStream) init.duplex = "half";
    } else if (call.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(call.body);
    }
    return init;
  }

  /** How long to wait before a new try; undefined: there is none. */
  private waitBefore(attempt: number, call: Call, options: CallOptions | undefined, response: Response | undefined): number | undefined {
    const once = typeof ReadableStream !== "undefined" && call.bytes instanceof ReadableStream;
    if (attempt >= (options?.retries ?? this.options.retries) || once) return undefined;
    // A refusal by the limit of rates comes before anything is done; of all else a call that may not be repeated may have been done.
    if (!call.repeatable && response?.status !== 429) return undefined;
    if (response && !LATER.has(response.status)) return undefined;
    const said = response && retryAfterMs(response);
    if (said !== undefined) return said <= this.options.longestWaitMs ? said : undefined;
    const most = Math.min(this.options.backoffMs * 2 ** attempt, this.options.longestWaitMs);
    return most / 2 + (Math.random() * most) / 2; // so that many clients don't come back together
  }

  /** One call with its new tries; `use` reads the reply within the time limit. */
  private async call<T>(
    method: string,
    path: string,
    call: Call,
    options: CallOptions | undefined,
    use: (response: Response, limit: Limit) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const limit = new Limit(options?.timeoutMs ?? this.options.timeoutMs, options?.signal);
      let response: Response | undefined;
      let error: MerxError;
      try {
        response = await this.fetch(this.url(path, call.query), this.init(method, call, options, limit.signal));
        if (response.ok) return await use(response, limit);
        error = await errorOf(response);
      } catch (cause) {
        response = undefined;
        error = limit.errorOf(cause);
      }
      limit.end();
      const wait = error.code === "aborted" ? undefined : this.waitBefore(attempt, call, options, response);
      if (wait === undefined) throw error;
      await sleep(wait, options?.signal);
    }
  }

  json(method: string, path: string, call: Call, options?: CallOptions): Promise<any> {
    return this.call(method, path, call, options, async (response, limit) => {
      const value: unknown = await response.json();
      limit.end();
      return value;
    });
  }

  text(method: string, path: string, call: Call, options?: CallOptions): Promise<string> {
    return this.call(method, path, call, options, async (response, limit) => {
      const text = await response.text();
      limit.end();
      return text;
    });
  }

  nothing(method: string, path: string, call: Call, options?: CallOptions): Promise<void> {
    return this.text(method, path, call, options).then(() => undefined);
  }

  /** The reply as it comes: `.body` is a stream, `.arrayBuffer()` and `.blob()` read it whole. */
  bytes(method: string, path: string, call: Call, options?: CallOptions): Promise<Response> {
    return this.call(method, path, call, options, async (response, limit) => {
      limit.lift();
      return response;
    });
  }

  /** An answer about a picture: the picture is the body, the question the query. */
  async picture(path: string, question: object, picture: Picture, options?: CallOptions): Promise<Reply> {
    const bytes = picture instanceof Blob ? new Uint8Array(await picture.arrayBuffer()) : new Uint8Array(picture);
    return this.json("POST", path, { repeatable: true, query: { ...question }, bytes, type: pictureType(bytes) }, options);
  }

  /** The items of a listing, page after page. */
  async *pages(path: string, query: Query, options?: CallOptions): AsyncGenerator<any, void, undefined> {
    let after = query["after"];
    do {
      const page = await this.json("GET", path, { repeatable: true, query: { ...query, after } }, options);
      yield* page.items;
      after = page.next;
    } while (after !== null && after !== undefined);
  }

  /**
   * A stream of server-sent events. It ends with the event "end", or when the loop is left. A lost connection is taken up again where the route can go on from an offset
   * (events carry it); elsewhere it is the error "stream_lost".
   */
  async *stream(method: string, path: string, call: Call, options?: CallOptions): AsyncGenerator<ServerEvent, void, undefined> {
    const query: Query = { ...call.query };
    const resumable = call.query !== undefined;
    for (let quick = 0; ; quick++) {
      const { response, limit } = await this.call(method, path, { ...call, query }, options, async (response, limit) => ({ response, limit }));
      const reader = response.body!.getReader();
      let lost: unknown = "the stream ended";
      try {
        limit.again(STREAM_SILENCE_MS);
        for await (const event of parseEvents(async () => {
          const { done, value } = await reader.read();
          limit.again(STREAM_SILENCE_MS);
          return done ? undefined : value;
        })) {
          quick = 0;
          if (resumable && typeof event.data?.offset === "number") query["after"] = event.data.offset;
          limit.lift(); // the loop's body may take its time
          yield event;
          limit.again(STREAM_SILENCE_MS);
          if (event.event === "end") return;
        }
      } catch (cause) {
        if (options?.signal?.aborted) throw aborted(options.signal);
        lost = cause;
      } finally {
        limit.cancel();
      }
      if (!resumable || quick >= (options?.retries ?? this.options.retries))
        throw new MerxError(0, { code: "stream_lost", message: `the stream broke off: ${String(lost)}` }, lost);
      await sleep(this.options.backoffMs * 2 ** quick, options?.signal);
    }
  }
}
