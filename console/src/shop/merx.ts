// What a shop's page needs of merx, in one file without dependencies: copy it.
//
//   const merx = new Merx({ session: 'the visitor’s session' });
//   merx.event('view', 'P1');                                        tell what the visitor does
//   const reply = await merx.answer('recommend', { session: merx.session, n: 8, why: true });
//   reply.items.map((item) => item.title);                           show what comes back
//
// Events go out one request after another and are kept until the server has said that it stored them. Each has an id of its own, so one that
// is sent twice (the answer was lost on the way) is counted once.

export interface Reason {
  kind: string;
  id: string;
  text: string;
  contribution: number;
}
export interface Item {
  id: string;
  title: string;
  score: number;
  fields: Record<string, string | number | boolean | null>;
  reasons?: Reason[];
}
export interface Reply {
  sentence: string;
  data_offset: number; // the last event this answer has seen
  items: Item[];
}
export interface Product {
  id: string;
  title?: string | null;
  category?: string | null;
  brand?: string | null;
  text?: string | null;
  price?: string | null;
}
export type EventKind = 'view' | 'cart' | 'purchase';
export interface EventMore {
  quantity?: number;
  price?: string;
  order?: string;
}

// What the server refused: its status, and its own words. Status 0: it could not be reached.
export class Refusal extends Error {
  constructor(readonly status: number, message: string, readonly hint: string, readonly where: string) {
    super(message);
  }
}

// What was sent and asked, for whoever wants to look on.
export interface Traffic {
  id: number;
  what: 'event' | 'answer';
  name: string; // of an event its kind, of an answer its name
  about: string; // the product, or the question
  ms: number | null; // null: under way
  offset: number | null; // of an event: where it was stored; of an answer: the last event it has seen
  failed: string;
}

export interface Options {
  session: string;
  address?: string; // of merx serve; without it the page's own
  key?: string; // a key in a web page is everybody's: give a page a reader key alone, and send events through your own server (docs/storefront.md)
  shop?: string; // which one, where the server has several and no keys
  saw?: (traffic: Traffic) => void;
  known?: boolean; // events of this session were stored before
  changed?: () => void; // events were stored, so that answers asked from now on know them; or were refused
}

export class Merx {
  readonly session: string;
  // The key may not send events: nothing is sent any more.
  readOnly = false;
  // Something of this session is stored: it can be asked about.
  known: boolean;
  // Events are on their way: what is asked about the session now would not know them.
  get telling(): boolean {
    return this.queue.length > 0 && !this.readOnly;
  }
  private queue: Record<string, unknown>[] = [];
  private sending = false;
  private count = 0;

  constructor(private readonly options: Options) {
    this.session = options.session;
    this.known = options.known ?? false;
  }

  // GET /v1/answers/NAME?…: recommend, next, similar and the others of GET /v1/answers.
  async answer(name: string, question: Record<string, string | number | boolean>): Promise<Reply> {
    const query = new URLSearchParams(Object.entries(question).map(([k, v]) => [k, String(v)]));
    const about = [...query].filter(([k]) => k !== 'why' && k !== 'n').map(([k, v]) => `${k} ${v}`).join(', ');
    return this.watched('answer', name, about, () => this.json<Reply>('GET', `/v1/answers/${name}?${query}`), (reply) => reply.data_offset);
  }

  // A page of products; q: words of the title. `after` is what `next` was.
  products(limit: number, q = '', after: string | null = null): Promise<{ items: Product[]; next: string | null }> {
    return this.json('GET', `/v1/products?${new URLSearchParams({ limit: String(limit), ...(q ? { q } : {}), ...(after ? { after } : {}) })}`);
  }
  product(id: string): Promise<Product> {
    return this.json('GET', `/v1/products/${encodeURIComponent(id)}`);
  }
  // Its picture, at most so many pixels a side. A shop that has its pictures elsewhere needs none of this.
  async picture(id: string, size: number): Promise<Blob> {
    return (await this.request('GET', `/v1/products/${encodeURIComponent(id)}/picture?size=${size}`)).blob();
  }

  // Tells merx what the visitor did. It returns at once: no page waits for it.
  event(kind: EventKind, product: string, more: EventMore = {}) {
    if (this.readOnly) return;
    this.queue.push({ id: newId(), kind, product, session: this.session, time: new Date().toISOString(), ...more });
    if (!this.sending) void this.send();
  }

  private async send() {
    this.sending = true;
    let wait_ms = 500;
    while (this.queue.length > 0 && !this.readOnly) {
      const events = this.queue.slice(0, 100);
      const name = [...new Set(events.map((e) => String(e['kind'])))].join(', ');
      const about = events.map((e) => String(e['product'])).join(', ');
      try {
        await this.watched('event', name, about, () => this.json<{ offset: number }>('POST', '/v1/events', events), (reply) => reply.offset);
        this.queue.splice(0, events.length);
        wait_ms = 500;
        this.known = true;
        this.options.changed?.();
      } catch (e) {
        const status = e instanceof Refusal ? e.status : 0;
        if (status === 403) this.readOnly = true;
        // Refused for good: sending it again would change nothing. Else (out of reach, too busy) the same events go again.
        if (status >= 400 && status < 500 && status !== 429) {
          this.queue.splice(0, events.length);
          this.options.changed?.();
          continue;
        }
        await new Promise((done) => setTimeout(done, wait_ms));
        wait_ms = Math.min(30000, wait_ms * 2);
      }
    }
    this.sending = false;
  }

  private async watched<T>(what: Traffic['what'], name: string, about: string, ask: () => Promise<T>, offset: (reply: T) => number): Promise<T> {
    const traffic: Traffic = { id: ++this.count, what, name, about, ms: null, offset: null, failed: '' };
    this.options.saw?.({ ...traffic });
    const start = performance.now();
    try {
      const reply = await ask();
      this.options.saw?.({ ...traffic, ms: performance.now() - start, offset: offset(reply) });
      return reply;
    } catch (e) {
      this.options.saw?.({ ...traffic, ms: performance.now() - start, failed: e instanceof Error ? e.message : String(e) });
      throw e;
    }
  }

  private async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.request(method, path, body)).json() as Promise<T>;
  }
  private async request(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.options.key) headers['Authorization'] = `Bearer ${this.options.key}`;
    if (this.options.shop) headers['Merx-Shop'] = this.options.shop;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      // keepalive: an event still goes out when the visitor leaves the page.
      response = await fetch((this.options.address ?? '') + path, { method, headers, credentials: 'omit', keepalive: method === 'POST', body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (e) {
      throw new Refusal(0, e instanceof Error ? e.message : String(e), '', '');
    }
    if (response.ok) return response;
    const said = (await response.json().catch(() => ({}))) as { message?: string; hint?: string; where?: string };
    throw new Refusal(response.status, said.message ?? `status ${response.status}`, said.hint ?? '', said.where ?? '');
  }
}

// Not randomUUID: that is there over https and on this machine alone.
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
}
