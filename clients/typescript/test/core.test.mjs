// The client against a server that misbehaves as told: new tries, time limits, errors, streams, uploads.
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseEvents } from "../dist/events.js";
import { MerxClient, MerxError } from "../dist/index.js";
import { fakeServer, hangUp, stream } from "./fake_server.mjs";

const GOOD = [200, { id: "p", offset: 1 }];
const ERROR = { code: "unavailable", message: "too much waits", where: "", hint: "try again soon", request_id: "r1" };

/** A test with a server of these replies and a client of it. */
function served(name, replies, options, run) {
  test(name, { timeout: 30_000 }, async () => {
    const server = await fakeServer(replies);
    try {
      await run(new MerxClient({ url: server.url, key: "merx_key", backoffMs: 10, ...options }), server.requests, server);
    } finally {
      await server.close();
    }
  });
}

const code = (wanted, status) => (error) => {
  assert.ok(error instanceof MerxError, String(error));
  assert.equal(error.code, wanted);
  if (status !== undefined) assert.equal(error.status, status);
  return true;
};

served("unavailable, then good", [[503, ERROR], [429, ERROR, { "Retry-After": "0" }], GOOD], {}, async (merx, requests) => {
  assert.equal((await merx.putProduct("a/b ä", { title: "A" })).offset, 1);
  assert.deepEqual(requests.map((r) => r.path), Array(3).fill("/v1/products/a%2Fb%20%C3%A4"));
  assert.equal(requests[0].headers.authorization, "Bearer merx_key");
});

/** A date three seconds from now: dates have whole seconds, so that more than two are left. */
const later = (_, response) => response.writeHead(503, { "Retry-After": new Date(Date.now() + 3000).toUTCString() }).end(JSON.stringify(ERROR));
served("Retry-After is waited for, in seconds and as a date", [[503, ERROR, { "Retry-After": "1" }], later, GOOD], {}, async (merx) => {
  const began = Date.now();
  await merx.putProduct("p", {});
  assert.ok(Date.now() - began >= 2900, `${Date.now() - began} ms`);
});

served("a wait that is too long is an error", [[503, ERROR, { "Retry-After": "3600" }]], {}, async (merx) => {
  await assert.rejects(merx.putProduct("p", {}), code("unavailable", 503));
});

served("no more tries than asked for", Array(9).fill([503, ERROR]), { retries: 2 }, async (merx, requests) => {
  await assert.rejects(merx.putProduct("p", {}), code("unavailable"));
  assert.equal(requests.length, 3);
  await assert.rejects(merx.putProduct("p", {}, { retries: 0 }), code("unavailable"));
  assert.equal(requests.length, 4);
});

served("a lost connection is tried again", [hangUp, hangUp, GOOD], {}, async (merx, requests) => {
  assert.equal((await merx.deleteProduct("p")).id, "p");
  assert.equal(requests.length, 3);
});

served("what may not be repeated", [[503, ERROR], hangUp, [429, ERROR, { "Retry-After": "0" }], GOOD], {}, async (merx, requests) => {
  const start = () => merx.json("POST", "/v1/jobs", { repeatable: false, body: {} });
  await assert.rejects(start(), code("unavailable", 503));
  await assert.rejects(start(), code("unreachable", 0));
  await start(); // a limit of rates refuses before anything is done
  assert.equal(requests.length, 4);
});

served("other errors are final", [[404, { ...ERROR, code: "not_found", where: "id" }], [422, { ...ERROR, errors: [{ index: 3 }] }]], {}, async (merx) => {
  await assert.rejects(merx.getProduct("p"), (error) => {
    assert.equal(error.message, "id: too much waits");
    assert.equal(error.hint, "try again soon");
    assert.equal(error.requestId, "r1");
    return code("not_found", 404)(error);
  });
  await assert.rejects(merx.addEvents([]), (error) => (assert.deepEqual(error.errors, [{ index: 3 }]), true));
});

served("a page of a proxy", [[500, Buffer.from("<h1>oops</h1>"), { "X-Request-Id": "r9" }]], {}, async (merx) => {
  await assert.rejects(merx.live(), (error) => {
    assert.equal(error.requestId, "r9");
    assert.match(error.message, /oops/);
    return code("http_500", 500)(error);
  });
});

served("a server that says nothing", [() => {}, () => {}], { timeoutMs: 200, retries: 1 }, async (merx, requests) => {
  await assert.rejects(merx.live(), code("timeout", 0));
  assert.equal(requests.length, 2);
});

served("a caller that gives up", [() => {}, [503, ERROR, { "Retry-After": "20" }]], {}, async (merx, requests) => {
  for (let i = 0; i < 2; i++) {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    await assert.rejects(merx.live({ signal: stop.signal }), code("aborted", 0));
  }
  await assert.rejects(merx.live({ signal: AbortSignal.abort() }), code("aborted", 0));
  assert.equal(requests.length, 2);
});

test("no server", async () => {
  const server = await fakeServer([]);
  await server.close();
  await assert.rejects(new MerxClient({ url: server.url, retries: 0 }).live(), code("unreachable", 0));
});

served("addresses and ids", [GOOD], {}, async (_, requests, server) => {
  assert.throws(() => new MerxClient({ url: "nonsense" }));
  for (const bad of ["", ".", ".."]) assert.throws(() => new MerxClient().getProduct(bad), TypeError);
  await new MerxClient({ url: `${server.url}/merx/`, shop: "tea" }).live({ requestId: "mine" });
  assert.equal(requests[0].path, "/merx/v1/health/live");
  assert.equal(requests[0].headers["merx-shop"], "tea");
  assert.equal(requests[0].headers["x-request-id"], "mine");
});

const TAKEN = [200, { accepted: 1, duplicates: 0, offset: 1 }];
served("ids of events are made once", [hangUp, [503, ERROR], TAKEN, TAKEN], {}, async (merx, requests) => {
  const events = [{ kind: "view", product: "p" }, { id: "mine", kind: "view", product: "p" }];
  await merx.addEvents(events);
  const bodies = requests.map((r) => JSON.parse(r.body));
  assert.deepEqual(bodies[0], bodies[1]);
  assert.deepEqual(bodies[0], bodies[2]);
  assert.match(bodies[0][0].id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(bodies[0][1].id, "mine");
  assert.equal(events[0].id, undefined);
  await merx.addEvents({ kind: "view", product: "p" });
  assert.notEqual(JSON.parse(requests[3].body).id, bodies[0][0].id);
});

test("a stream cut anywhere has the same events", async () => {
  const text = ': hello\r\nevent: job\r\ndata: {"a":\ndata: "é"}\nid: 7\r\r\ndata: plain\n\n\ndata: never ended';
  const bytes = new TextEncoder().encode(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const pieces = [bytes.slice(0, cut), bytes.slice(cut), undefined];
    const seen = [];
    for await (const event of parseEvents(async () => pieces.shift())) seen.push(event);
    assert.deepEqual(seen, [{ event: "job", id: "7", data: { a: "é" } }, { event: "message", id: "7", data: "plain" }], `cut at ${cut}`);
  }
});

served(
  "a stream is taken up again",
  [stream('event: events\ndata: {"offset":5}\n\n', ": alive\n\n", "data: {"), [503, ERROR], stream('event: events\ndata: {"offset":6}\n\n'), stream("event: end\ndata: {}\n\n")],
  {},
  async (merx, requests) => {
    const seen = [];
    for await (const event of merx.stream("GET", "/v1/events/stream", { repeatable: true, query: { after: 3 } })) seen.push(event.data.offset);
    assert.deepEqual(seen, [5, 6, undefined]);
    assert.deepEqual(requests.map((r) => r.path.split("=")[1]), ["3", "5", "5", "6"]);
  },
);

served("a stream that can't go on", [stream('event: log\ndata: {"text":"x"}\n\n')], {}, async (merx) => {
  const seen = merx.stream("GET", "/v1/jobs/1/events", { repeatable: true });
  assert.equal((await seen.next()).value.event, "log");
  await assert.rejects(seen.next(), code("stream_lost", 0));
});

served("a loop that is left ends the request", [stream(...Array(500).fill('data: {"offset":1}\n\n'))], {}, async (merx, requests) => {
  for await (const event of merx.stream("GET", "/v1/events/stream", { repeatable: true, query: {} })) {
    assert.equal(event.data.offset, 1);
    break;
  }
  assert.equal(requests.length, 1);
});

served("uploads", [[503, ERROR], GOOD, GOOD, GOOD, [503, ERROR], GOOD], {}, async (merx, requests) => {
  const put = (bytes) => merx.json("PUT", "/v1/uploads/x", { repeatable: true, bytes, type: "application/octet-stream" });
  await put(new Uint8Array([1, 2, 3]));
  await put(new Blob(["blob"]));
  await put(new Blob(["streamed"]).stream());
  await assert.rejects(put(new Blob(["once"]).stream()), code("unavailable", 503)); // a stream is read once
  assert.deepEqual(requests.map((r) => r.body.toString("latin1")), ["\x01\x02\x03", "\x01\x02\x03", "blob", "streamed", "once"]);
  assert.equal(requests[0].headers["content-type"], "application/octet-stream");
});

served("downloads", [[200, Buffer.alloc(300_000, "ab"), { "Content-Type": "application/octet-stream" }]], {}, async (merx) => {
  const response = await merx.bytes("GET", "/v1/file", { repeatable: true });
  assert.equal((await response.arrayBuffer()).byteLength, 300_000);
});

served("pictures", [GOOD, GOOD], {}, async (merx, requests) => {
  await merx.picture("/v1/answers/classify", { n: 3, product: undefined, why: true }, new Uint8Array([0xff, 0xd8, 0xff]));
  await merx.picture("/v1/answers/classify", {}, new Blob([new Uint8Array([0x89, 0x50, 0x4e, 0x47])]));
  assert.deepEqual(
    requests.map((r) => [r.path, r.headers["content-type"]]),
    [
      ["/v1/answers/classify?n=3&why=true", "image/jpeg"],
      ["/v1/answers/classify", "image/png"],
    ],
  );
  await assert.rejects(merx.picture("/v1/answers/classify", {}, new TextEncoder().encode("GIF89a")), TypeError);
});

served("pages", [[200, { items: [1, 2], next: "c1" }], [200, { items: [], next: "c2" }], [200, { items: [3], next: null }]], {}, async (merx, requests) => {
  const seen = [];
  for await (const item of merx.pages("/v1/products", { limit: 2 })) seen.push(item);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(requests.map((r) => r.path), ["/v1/products?limit=2", "/v1/products?limit=2&after=c1", "/v1/products?limit=2&after=c2"]);
});
