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
