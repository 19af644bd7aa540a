// A server that says what a test tells it to: each request takes the next of a list of replies, and is noted.
import { createServer } from "node:http";

/** replies: of [status, body, headers], or functions (request, response). */
export async function fakeServer(replies) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    requests.push({ method: request.method, path: request.url, headers: request.headers, body: Buffer.concat(pieces) });
    const reply = replies.shift();
    if (typeof reply === "function") return reply(request, response);
    const [status, content, headers = {}] = reply;
    const data = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    response.writeHead(status, { "Content-Type": "application/json", ...headers, "Content-Length": data.length });
    response.end(data);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    close: () => new Promise((closed) => (server.close(closed), server.closeAllConnections())),
  };
}

/** The connection is lost without a reply. */
export const hangUp = (request) => request.socket.destroy();

/** Server-sent events, then the end of the connection. */
export const stream =
  (...pieces) =>
  async (_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream", Connection: "close" });
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((next) => setTimeout(next, 5));
    }
    response.end();
  };
