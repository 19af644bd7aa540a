import type { ErrorReply } from "./generated.js";
/** What is wrong with one thing of a request. */
export type RowError = NonNullable<ErrorReply["errors"]>[number];
/**
 * A request that did not succeed. `status` is the HTTP status; 0: there was no reply (`code` "unreachable", "timeout", "aborted" or "stream_lost").
 */
export declare class MerxError extends Error {
    readonly name = "MerxError";
    /** One word: "bad_request", "not_found", "conflict" ...; "http_502" of what does not come from merx. */
    readonly code: string;
    readonly status: number;
    /** The option, field or place; may be empty. */
    readonly where: string;
    /** What would be right. */
    readonly hint: string;
    /** The id of the request, as in the server's log. */
    readonly requestId: string;
    /** Of data that was refused: each thing wrong, the first 100. */
    readonly errors: RowError[];
    constructor(status: number, reply: Partial<ErrorReply> & {
        code: string;
    }, cause?: unknown);
}
/** The error that a reply of 400 or more is. A page of a proxy in between is none of merx's JSON. */
export declare function errorOf(response: Response): Promise<MerxError>;
