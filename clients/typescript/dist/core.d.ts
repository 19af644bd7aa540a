import { type ServerEvent } from "./events.js";
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
/** A part of a path. */
export declare function part(value: string | number): string;
/** A random id (RFC 4122, version 4); crypto.randomUUID is there in secure pages alone. */
export declare function newId(): string;
/** Events with the ids that are missing: made once, before the first try, so that the server counts each event once however often it is sent. */
export declare function withIds(events: NewEvent | NewEvent[]): ShopEvent | ShopEvent[];
export declare class Core {
    private readonly base;
    private readonly headers;
    private readonly options;
    private readonly fetch;
    constructor(options?: ClientOptions);
    private url;
    private init;
    /** How long to wait before a new try; undefined: there is none. */
    private waitBefore;
    /** One call with its new tries; `use` reads the reply within the time limit. */
    private call;
    json(method: string, path: string, call: Call, options?: CallOptions): Promise<any>;
    text(method: string, path: string, call: Call, options?: CallOptions): Promise<string>;
    nothing(method: string, path: string, call: Call, options?: CallOptions): Promise<void>;
    /** The reply as it comes: `.body` is a stream, `.arrayBuffer()` and `.blob()` read it whole. */
    bytes(method: string, path: string, call: Call, options?: CallOptions): Promise<Response>;
    /** An answer about a picture: the picture is the body, the question the query. */
    picture(path: string, question: object, picture: Picture, options?: CallOptions): Promise<Reply>;
    /** The items of a listing, page after page. */
    pages(path: string, query: Query, options?: CallOptions): AsyncGenerator<any, void, undefined>;
    /**
     * A stream of server-sent events. It ends with the event "end", or when the loop is left. A lost connection is taken up again where the route can go on from an offset
     * (events carry it); elsewhere it is the error "stream_lost".
     */
    stream(method: string, path: string, call: Call, options?: CallOptions): AsyncGenerator<ServerEvent, void, undefined>;
}
