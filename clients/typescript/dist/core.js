/** What every call goes through: the address, the key, time limits, trying again, errors. The routes are in generated.ts. */
import { errorOf, MerxError } from "./errors.js";
import { parseEvents } from "./events.js";
/** Statuses that say: not now. */
const LATER = new Set([429, 502, 503, 504]);
/** A part of a path. */
export function part(value) {
    const text = encodeURIComponent(String(value));
    // What a URL takes for "here" and "one up" even when it is encoded can't be asked for.
    if (text === "" || text === "." || text === "..")
        throw new TypeError(`"${value}" can't be an id in a path`);
    return text;
}
/** A random id (RFC 4122, version 4); crypto.randomUUID is there in secure pages alone. */
export function newId() {
    if (typeof crypto.randomUUID === "function")
        return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
/** Events with the ids that are missing: made once, before the first try, so that the server counts each event once however often it is sent. */
export function withIds(events) {
    const one = (event) => ({ ...event, id: event.id ?? newId() });
    return Array.isArray(events) ? events.map(one) : one(events);
}
function pictureType(bytes) {
    if (bytes[0] === 0xff && bytes[1] === 0xd8)
        return "image/jpeg";
    if (bytes[0] === 0x89 && bytes[1] === 0x50)
        return "image/png";
    if (bytes[0] === 0x52 && bytes[8] === 0x57)
        return "image/webp";
    throw new TypeError("the picture is neither JPEG, PNG nor WebP");
}
/** Retry-After: seconds, or a date; undefined: not said. */
function retryAfterMs(response) {
    const text = response.headers.get("Retry-After");
    if (text === null)
        return undefined;
    if (/^\d+$/.test(text))
        return Number(text) * 1000;
    const date = Date.parse(text);
    return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
function sleep(ms, signal) {
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
function aborted(signal) {
    return new MerxError(0, { code: "aborted", message: "the call was aborted" }, signal?.reason);
}
/** One try's time limit and the caller's signal, as one signal. */
class Limit {
    ms;
    outer;
    controller = new AbortController();
    timer;
    timedOut = false;
    stop = () => this.controller.abort(this.outer?.reason);
    constructor(ms, outer) {
        this.ms = ms;
        this.outer = outer;
        if (outer?.aborted)
            this.stop();
        outer?.addEventListener("abort", this.stop, { once: true });
        this.again();
    }
    get signal() {
        return this.controller.signal;
    }
    /** Counts from now on. */
    again(ms = this.ms) {
        clearTimeout(this.timer);
        if (ms > 0)
            this.timer = setTimeout(() => {
                this.timedOut = true;
                this.controller.abort();
            }, ms);
    }
    /** No limit of time any more; the caller's signal goes on counting. */
    lift() {
        clearTimeout(this.timer);
    }
    end() {
        clearTimeout(this.timer);
        this.outer?.removeEventListener("abort", this.stop);
    }
    /** Ends the request itself. */
    cancel() {
        this.end();
        this.controller.abort();
    }
    errorOf(cause) {
        if (cause instanceof MerxError)
            return cause;
        if (this.timedOut)
            return new MerxError(0, { code: "timeout", message: `no reply within ${this.ms} ms` }, cause);
        if (this.outer?.aborted)
            return aborted(this.outer);
        const reason = cause?.cause?.message ?? cause?.message ?? "";
        return new MerxError(0, { code: "unreachable", message: `the server can't be reached: ${reason}` }, cause);
    }
}
/** Silence of a stream that is taken for a lost connection: the server sends a line at least every 15 seconds. */
const STREAM_SILENCE_MS = 60_000;
export class Core {
    base;
    headers = {};
    options;
    fetch;
    constructor(options = {}) {
        const url = new URL(options.url ?? "http://127.0.0.1:7373");
        this.base = url.origin + url.pathname.replace(/\/+$/, "");
        if (options.key)
            this.headers["Authorization"] = `Bearer ${options.key}`;
        if (options.shop)
            this.headers["Merx-Shop"] = options.shop;
        this.options = {
            timeoutMs: options.timeoutMs ?? 30_000,
            retries: options.retries ?? 4,
            backoffMs: options.backoffMs ?? 250,
            longestWaitMs: options.longestWaitMs ?? 30_000,
        };
        const given = options.fetch ?? globalThis.fetch;
        if (!given)
            throw new TypeError("there is no fetch here: Node 18 or newer has it, or give one");
        this.fetch = (input, init) => given(input, init);
    }
    url(path, query) {
        const text = new URLSearchParams();
        for (const [name, value] of Object.entries(query ?? {}))
            if (value !== undefined && value !== null)
                text.set(name, String(value));
        const all = text.toString();
        return this.base + path + (all ? `?${all}` : "");
    }
    init(method, call, options, signal) {
        const headers = { ...this.headers };
        const init = { method, headers, signal, redirect: "error", credentials: "omit" };
        if (options?.requestId)
            headers["X-Request-Id"] = options.requestId;
        if (call.bytes !== undefined) {
            headers["Content-Type"] = call.type ?? "application/octet-stream";
            init.body = call.bytes;
            if (typeof ReadableStream !== "undefined" && call.bytes instanceof ReadableStream)
                init.duplex = "half";
        }
        else if (call.body !== undefined) {
            headers["Content-Type"] = "application/json";
            init.body = JSON.stringify(call.body);
        }
        return init;
    }
    /** How long to wait before a new try; undefined: there is none. */
    waitBefore(attempt, call, options, response) {
        const once = typeof ReadableStream !== "undefined" && call.bytes instanceof ReadableStream;
        if (attempt >= (options?.retries ?? this.options.retries) || once)
            return undefined;
        // A refusal by the limit of rates comes before anything is done; of all else a call that may not be repeated may have been done.
        if (!call.repeatable && response?.status !== 429)
            return undefined;
        if (response && !LATER.has(response.status))
            return undefined;
        const said = response && retryAfterMs(response);
        if (said !== undefined)
            return said <= this.options.longestWaitMs ? said : undefined;
        const most = Math.min(this.options.backoffMs * 2 ** attempt, this.options.longestWaitMs);
        return most / 2 + (Math.random() * most) / 2; // so that many clients don't come back together
    }
    /** One call with its new tries; `use` reads the reply within the time limit. */
    async call(method, path, call, options, use) {
        for (let attempt = 0;; attempt++) {
            const limit = new Limit(options?.timeoutMs ?? this.options.timeoutMs, options?.signal);
            let response;
            let error;
            try {
                response = await this.fetch(this.url(path, call.query), this.init(method, call, options, limit.signal));
                if (response.ok)
                    return await use(response, limit);
                error = await errorOf(response);
            }
            catch (cause) {
                response = undefined;
                error = limit.errorOf(cause);
            }
            limit.end();
            const wait = error.code === "aborted" ? undefined : this.waitBefore(attempt, call, options, response);
            if (wait === undefined)
                throw error;
            await sleep(wait, options?.signal);
        }
    }
    json(method, path, call, options) {
        return this.call(method, path, call, options, async (response, limit) => {
            const value = await response.json();
            limit.end();
            return value;
        });
    }
    text(method, path, call, options) {
        return this.call(method, path, call, options, async (response, limit) => {
            const text = await response.text();
            limit.end();
            return text;
        });
    }
    nothing(method, path, call, options) {
        return this.text(method, path, call, options).then(() => undefined);
    }
    /** The reply as it comes: `.body` is a stream, `.arrayBuffer()` and `.blob()` read it whole. */
    bytes(method, path, call, options) {
        return this.call(method, path, call, options, async (response, limit) => {
            limit.lift();
            return response;
        });
    }
    /** An answer about a picture: the picture is the body, the question the query. */
    async picture(path, question, picture, options) {
        const bytes = picture instanceof Blob ? new Uint8Array(await picture.arrayBuffer()) : new Uint8Array(picture);
        return this.json("POST", path, { repeatable: true, query: { ...question }, bytes, type: pictureType(bytes) }, options);
    }
    /** The items of a listing, page after page. */
    async *pages(path, query, options) {
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
    async *stream(method, path, call, options) {
        const query = { ...call.query };
        const resumable = call.query !== undefined;
        for (let quick = 0;; quick++) {
            const { response, limit } = await this.call(method, path, { ...call, query }, options, async (response, limit) => ({ response, limit }));
            const reader = response.body.getReader();
            let lost = "the stream ended";
            try {
                limit.again(STREAM_SILENCE_MS);
                for await (const event of parseEvents(async () => {
                    const { done, value } = await reader.read();
                    limit.again(STREAM_SILENCE_MS);
                    return done ? undefined : value;
                })) {
                    quick = 0;
                    if (resumable && typeof event.data?.offset === "number")
                        query["after"] = event.data.offset;
                    limit.lift(); // the loop's body may take its time
                    yield event;
                    limit.again(STREAM_SILENCE_MS);
                    if (event.event === "end")
                        return;
                }
            }
            catch (cause) {
                if (options?.signal?.aborted)
                    throw aborted(options.signal);
                lost = cause;
            }
            finally {
                limit.cancel();
            }
            if (!resumable || quick >= (options?.retries ?? this.options.retries))
                throw new MerxError(0, { code: "stream_lost", message: `the stream broke off: ${String(lost)}` }, lost);
            await sleep(this.options.backoffMs * 2 ** quick, options?.signal);
        }
    }
}
