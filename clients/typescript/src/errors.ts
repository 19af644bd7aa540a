import type { ErrorReply } from "./generated.js";

/** What is wrong with one thing of a request. */
export type RowError = NonNullable<ErrorReply["errors"]>[number];

/**
 * A request that did not succeed. `status` is the HTTP status; 0: there was no reply (`code` "unreachable", "timeout", "aborted" or "stream_lost").
 */
export class MerxError extends Error {
  override readonly name = "MerxError";
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

  constructor(status: number, reply: Partial<ErrorReply> & { code: string }, cause?: unknown) {
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
export async function errorOf(response: Response): Promise<MerxError> {
  const requestId = response.headers.get("X-Request-Id") ?? "";
  let text = "";
  try {
    text = await response.text();
    const reply: unknown = JSON.parse(text);
    if (reply && typeof reply === "object" && typeof (reply as ErrorReply).code === "string")
      return new MerxError(response.status, reply as ErrorReply);
  } catch {
    // not JSON: said below
  }
  const message = `${response.status} ${response.statusText}`.trim() + (text ? `: ${text.slice(0, 200)}` : "");
  return new MerxError(response.status, { code: `http_${response.status}`, message, request_id: requestId });
}
