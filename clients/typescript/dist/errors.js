/**
 * A request that did not succeed. `status` is the HTTP status; 0: there was no reply (`code` "unreachable", "timeout", "aborted" or "stream_lost").
 */
export class MerxError extends Error {
    name = "MerxError";
    /** One word: "bad_request", "not_found", "conflict" ...; "http_502" of what does not come from merx. */
    code;
    status;
    /** The option, field or place; may be empty. */
    where;
    /** What would be right. */
    hint;
    /** The id of the request, as in the server's log. */
    requestId;
    /** Of data that was refused: each thing wrong, the first 100. */
    errors;
    constructor(status, reply, cause) {
        const place = reply.where ? `${reply.where}: ` : "";
        super(`${place}${reply.message ?? reply.code}`, cause === undefined ? undefined : { cause });
        this.status = status;
        this.code = reply.code;
        this.where = reply.where ?? "";
        this.hint = reply.hint ?? "";
        this.requestId = reply.request_id ?? "";
        this.errors = reply.errors ?? [];
    }
}
/** The error that a reply of 400 or more is. A page of a proxy in between is none of merx's JSON. */
export async function errorOf(response) {
    const requestId = response.headers.get("X-Request-Id") ?? "";
    let text = "";
    try {
        text = await response.text();
        const reply = JSON.parse(text);
        if (reply && typeof reply === "object" && typeof reply.code === "string")
            return new MerxError(response.status, reply);
    }
    catch {
        // not JSON: said below
    }
    const message = `${response.status} ${response.statusText}`.trim() + (text ? `: ${text.slice(0, 200)}` : "");
    return new MerxError(response.status, { code: `http_${response.status}`, message, request_id: requestId });
}
