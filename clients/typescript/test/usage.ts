// Compiled, not run: what the types must allow, and what they must refuse.
import { MerxClient, MerxError, type Item, type Reply } from "../dist/index.js";

const merx = new MerxClient({ url: "http://127.0.0.1:7373", key: "merx_" });

export async function allowed(signal: AbortSignal): Promise<string[]> {
  const reply: Reply = await merx.answers.recommend({ customer: "C1", n: 5, why: true }, { signal, timeoutMs: 1000 });
  await merx.addEvents([{ kind: "purchase", product: "P1", customer: "C1", quantity: 2, price: "3.50" }]);
  await merx.putProduct("P1", { title: "Tea", price: 3.5, attributes: { origin: "Assam" } });
  const known = await merx.getCustomer("C1");
  const events: number | undefined = known.events;
  return reply.items.map((item: Item) => `${item.title} ${item.reasons?.[0]?.contribution ?? events}`);
}

export function refused(): void {
  // @ts-expect-error: no such option
  void merx.answers.recommend({ custmer: "C1" });
  // @ts-expect-error: a number
  void merx.answers.recommend({ n: "5" });
  // @ts-expect-error: a kind of event
  void merx.addEvents({ kind: "buy", product: "P1" });
  // @ts-expect-error: the product is needed
  void merx.addEvents({ kind: "view" });
  // @ts-expect-error: a text
  void new MerxError(400, { code: 7 });
}
