/** One server-sent event; `data` is parsed JSON, or the text when it is none. */
export interface ServerEvent<T = any> {
    event: string;
    data: T;
    id: string;
}
/**
 * The events of a text/event-stream (WHATWG HTML, 9.2): lines end with CR, LF or both, an empty one ends an event, those that begin with a colon keep the connection alive.
 * `read` gives the next bytes, undefined at the end; what was begun and not ended is dropped.
 */
export declare function parseEvents(read: () => Promise<Uint8Array | undefined>): AsyncGenerator<ServerEvent, void, undefined>;
