// The client against a running merx serve: MERX_URL, and keys of one shop in MERX_READER, MERX_WRITER, MERX_ADMIN. The shop has customers "ann" and "bob" and products "tea1" ... "tea16".
import assert from "node:assert/strict";
import { test } from "node:test";

import { MerxClient, MerxError } from "../dist/index.js";

const url = process.env.MERX_URL;
const of = (role) => new MerxClient({ url, key: process.env[`MERX_${role}`] });
const reader = of("READER");
const writer = of("WRITER");
const admin = of("ADMIN");

const fails = (status, code) => (error) => {
  assert.ok(error instanceof MerxError, String(error));
  assert.deepEqual([error.status, error.code], [status, code]);
  assert.ok(error.requestId && error.hint, "an error says its request and what would be right");
  return true;
};

test("health", async () => {
  assert.equal((await new MerxClient({ url }).live()).status, "live");
  assert.equal((await reader.ready()).status, "ready");
  await assert.rejects(new MerxClient({ url }).ready(), fails(401, "unauthorized"));
});

test("an answer with reasons that add up", async () => {
  const reply = await reader.answers.recommend({ customer: "bob", n: 3, why: true });
  assert.equal(reply.answer, "recommend");
  assert.equal(reply.items.length, 3);
  for (const item of reply.items) {
    const sum = item.reasons.reduce((total, reason) => total + reason.contribution, 0);
    assert.ok(Math.abs(sum - item.score) <= 1e-6 * Math.max(1, Math.abs(item.score)), `${sum} is not ${item.score}`);
  }
  assert.equal((await reader.answers.recommend({ customer: "bob", n: 2 })).items[0].reasons, undefined);
});

test("every answer of the server has its method", async () => {
  const { answers } = await reader.listAnswers();
  assert.ok(answers.length >= 7);
  for (const { name } of answers) {
    assert.equal(typeof reader.answers[name], "function", name);
    // What has no model yet, or needs an option, says so.
    await reader.answers[name]({}).catch((error) => assert.ok(error instanceof MerxError && [400, 404, 409].includes(error.status), `${name}: ${error}`));
  }
});

test("every route of the server has its method", async () => {
  const api = await reader.openapi();
  for (const item of Object.values(api.paths))
    for (const op of Object.values(item))
      if (!op["x-merx-answer"]) assert.equal(typeof reader[op.operationId], "function", op.operationId);
});

test("live events are in the next answer, and counted once", async () => {
  const events = [
    { kind: "purchase", product: "tea2", customer: "ts-new", price: "3.50" },
    { id: "ts-1", kind: "view", product: "tea3", customer: "ts-new" },
  ];
  const taken = await writer.addEvents(events);
  assert.deepEqual([taken.accepted, taken.duplicates], [2, 0]);
  assert.deepEqual((({ accepted, duplicates }) => [accepted, duplicates])(await writer.addEvents(events[1])), [0, 1]);
  const known = await writer.getCustomer("ts-new");
  assert.equal(known.events, 2);
  const reply = await reader.answers.recommend({ customer: "ts-new" });
  assert.ok(reply.data_offset >= taken.offset, "the answer has not seen the event");
});

test("products", async () => {
  await writer.putProduct("ts/new ü", { title: "New tea", price: 4.5, attributes: { origin: "Assam" } });
  const product = await reader.getProduct("ts/new ü");
  assert.deepEqual([product.title, product.price, product.attributes], ["New tea", "4.50", { origin: "Assam" }]);
  await writer.deleteProduct("ts/new ü");
  await assert.rejects(reader.getProduct("ts/new ü"), fails(404, "not_found"));
});

test("errors", async () => {
  await assert.rejects(reader.addEvents({ kind: "view", product: "tea1" }), fails(403, "forbidden"));
  await assert.rejects(reader.answers.recommend({ custmer: "ann" }), (error) => {
    assert.match(error.message, /did you mean "customer"/);
    return fails(400, "bad_request")(error);
  });
  await assert.rejects(writer.addEvents([{ id: "ts-2", kind: "buy", product: "tea1" }]), (error) => {
    assert.deepEqual(error.errors.map(({ index, field }) => [index, field]), [[0, "kind"]]);
    return fails(422, "invalid_data")(error);
  });
  await assert.rejects(reader.getProduct("nothing", { requestId: "ts-request" }), (error) => (assert.equal(error.requestId, "ts-request"), true));
});

test("erasing, with a receipt", async () => {
  await writer.addEvents({ kind: "view", product: "tea1", customer: "ts-gone" });
  const receipt = await writer.eraseCustomer("ts-gone");
  assert.equal(receipt.events, 1);
  assert.ok("recommend" in receipt.answers);
  await assert.rejects(writer.getCustomer("ts-gone"), fails(404, "not_found"));
});

test("metrics", async () => {
  assert.match(await admin.metrics(), /^# HELP merx_/m);
  await assert.rejects(writer.metrics(), fails(403, "forbidden"));
});

// ---- what is asked only where the server has the route ----

const where = (method) => ({ skip: typeof reader[method] === "function" || typeof reader.answers[method] === "function" ? false : `the server has no ${method}`, timeout: 60_000 });

test("listings, page by page", where("iterateProducts"), async () => {
  await writer.addProducts(["c", "a", "b"].map((id) => ({ id: `ts-list-${id}`, title: "Listed" })));
  const seen = [];
  for await (const product of reader.iterateProducts({ q: "ts-list-", limit: 2 })) seen.push(product.id);
  assert.deepEqual(seen, ["ts-list-a", "ts-list-b", "ts-list-c"]);
  const page = await reader.listProducts({ q: "ts-list-", limit: 1 });
  assert.equal(page.items.length, 1);
  assert.equal(typeof page.next, "string");
  await writer.patchProduct("ts-list-a", { title: "Changed" });
  assert.equal((await reader.getProduct("ts-list-a")).title, "Changed");
});

test("many questions at once", where("recommendMany"), async () => {
  const { replies } = await reader.answers.recommendMany({ questions: [{ customer: "bob", n: 1 }, { customer: "nobody-at-all" }] });
  assert.equal(replies[0].items.length, 1);
  assert.ok(replies[1].error.message);
});

test("the stream of events", where("streamEvents"), async () => {
  const { offset } = await writer.addEvents({ id: "ts-before", kind: "view", product: "tea1" });
  const later = setTimeout(() => void writer.addEvents({ id: "ts-streamed", kind: "view", product: "tea1" }), 300);
  for await (const { event, data } of writer.streamEvents({ after: offset })) {
    assert.equal(event, "events");
    if (data.events.some(({ id }) => id === "ts-streamed")) break;
  }
  clearTimeout(later);
});

test("a job from upload to end", where("startJob"), async () => {
  const csv = "order_id,time,customer,product,quantity,unit_price\nTS1,2024-03-05,ts-import,tea1,1,1.00\n";
  assert.equal((await admin.putUpload("ts.csv", new Blob([csv]))).bytes, csv.length);
  const job = await admin.startJob({ kind: "import", uploads: ["ts.csv"] });
  let last;
  for await (const event of admin.streamJob(job.id)) last = event;
  assert.deepEqual([last.event, last.data.state], ["end", "done"]);
  assert.equal((await writer.getCustomer("ts-import")).events, 1);
  assert.equal(typeof (await admin.getJobLog(job.id)), "string");
  const ids = [];
  for await (const { id } of admin.iterateJobs({ limit: 1 })) ids.push(id);
  assert.ok(ids.includes(job.id));
  await admin.deleteUpload("ts.csv");
});
