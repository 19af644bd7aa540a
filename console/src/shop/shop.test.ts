import { beforeAll, expect, test, vi } from 'vitest';
import type { Item, Traffic } from './merx';

const kept = new Map<string, string>();
beforeAll(() => {
  vi.stubGlobal('localStorage', { getItem: () => 'en', setItem: () => {} });
  vi.stubGlobal('sessionStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) });
});

function server(handle: (path: string, init: RequestInit) => { status?: number; body: unknown } | Error) {
  const asked: { path: string; body: unknown; headers: Record<string, string> }[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    asked.push({ path, body: init.body ? JSON.parse(init.body as string) : null, headers: init.headers as Record<string, string> });
    const reply = handle(path, init);
    if (reply instanceof Error) throw reply;
    return { ok: (reply.status ?? 200) < 300, status: reply.status ?? 200, json: async () => reply.body };
  });
  return asked;
}

test('events that were not stored are sent again with the same ids, in their order', async () => {
  vi.useFakeTimers();
  const { Merx } = await import('./merx');
  let tries = 0;
  const asked = server(() => (++tries === 1 ? new Error('cut off') : tries === 2 ? { status: 503, body: { message: 'busy' } } : { body: { accepted: 2, duplicates: 0, offset: 9 } }));
  let changed = 0;
  const merx = new Merx({ session: 's', key: 'k', changed: () => changed++ });
  merx.event('view', 'P1');
  merx.event('cart', 'P2', { quantity: 2 });
  expect(merx.known).toBe(false);
  await vi.advanceTimersByTimeAsync(10000);
  expect(asked.length).toBe(3);
  const ids = asked.map((a) => (a.body as { id: string; product: string }[]).map((e) => e.id));
  expect(ids[1]!.length).toBe(2);
  expect(ids[1]![0]).toBe(ids[0]![0]);
  expect(ids[2]).toEqual(ids[1]);
  expect((asked[2]!.body as { product: string; session: string }[]).map((e) => [e.product, e.session])).toEqual([['P1', 's'], ['P2', 's']]);
  expect(asked[2]!.headers['Authorization']).toBe('Bearer k');
  expect([merx.known, changed]).toEqual([true, 1]);
  vi.useRealTimers();
});

test('a key that may only read ends the sending; a refused event is not sent again', async () => {
  const { Merx } = await import('./merx');
  const asked = server(() => ({ status: 403, body: { message: 'role writer' } }));
  const seen: Traffic[] = [];
  const merx = new Merx({ session: 's', saw: (t) => seen.push(t) });
  merx.event('view', 'P1');
  await vi.waitFor(() => expect(merx.readOnly).toBe(true));
  merx.event('view', 'P2');
  expect(asked.length).toBe(1);
  expect(seen[seen.length - 1]).toMatchObject({ what: 'event', name: 'view', about: 'P1', failed: 'role writer' });
  const refused = server(() => ({ status: 422, body: { message: 'erased' } }));
  const other = new Merx({ session: 's' });
  other.event('view', 'P1');
  await new Promise((done) => setTimeout(done, 20));
  expect([refused.length, other.readOnly, other.known]).toEqual([1, false, false]);
});

const item = (reasons: Item['reasons']): Item => ({ id: 'P', title: 'P', score: 1, fields: {}, reasons });

test('the strongest reason, in the words of what the visitor did', async () => {
  const { inWords, strongest } = await import('./reasons');
  const titles = new Map([['P1', 'Red Qipao 红色旗袍']]);
  const session = { kind: 'session', id: 'P1', text: 'Red Qipao 红色旗袍 in this session', contribution: 0.5 };
  const base = { kind: 'base', id: 'P', text: 'in 148 of 1621 customers, before any event', contribution: 0.1 };
  expect(strongest(item([base, session]))).toBe(session);
  expect(strongest(item([{ ...base, contribution: -1 }]))).toBeUndefined();
  expect(inWords(session, new Map([['P1', 'view']]), titles)).toBe('because you looked at Red Qipao');
  expect(inWords(session, new Map([['P1', 'cart']]), titles)).toBe('because you put Red Qipao into the basket');
  expect(inWords(session, new Map([['P1', 'purchase']]), new Map())).toBe('because you bought Red Qipao');
  expect(inWords({ ...session, kind: 'basket', text: 'X is in the basket' }, new Map([['P1', 'view']]), new Map())).toBe('goes with X');
  expect(inWords(base, new Map(), titles)).toBe('liked by 148 customers');
  expect(inWords({ ...base, kind: 'words', text: 'shares the words Qipao, 旗袍' }, new Map(), titles)).toBe('also “Qipao, 旗袍”');
  expect(inWords({ ...base, kind: 'something new', text: 'as merx says' }, new Map(), titles)).toBe('as merx says');
});

test('sums of prices are exact', async () => {
  const { sumOf } = await import('./visit');
  expect(sumOf([{ price: '0.10', quantity: 3 }, { price: '2', quantity: 1 }])).toBe('2.30');
  expect(sumOf([{ price: '90071992547409.93', quantity: 9 }])).toBe('810647932926689.37');
  expect(sumOf([{ price: '120', quantity: 2 }, { price: null, quantity: 1 }])).toBe('240');
  expect(sumOf([{ price: '-0.05', quantity: 1 }])).toBe('−0.05');
  expect(sumOf([])).toBe('0');
});

test('a visit is kept in the tab, and what was done remembers the strongest', async () => {
  const { inBasket, keepVisit, newVisit, readVisit, touched } = await import('./visit');
  let visit = newVisit();
  visit = touched(touched(touched(visit, 'P1', 'cart'), 'P2', 'view'), 'P1', 'view');
  expect([visit.did.get('P1'), visit.trail]).toEqual(['cart', ['P2', 'P1']]);
  visit = inBasket(inBasket(visit, { id: 'P1', title: 'P1', price: '1.00' }, 1), { id: 'P1', title: 'P1', price: '1.00' }, 2);
  expect(visit.basket).toEqual([{ id: 'P1', title: 'P1', price: '1.00', quantity: 3 }]);
  keepVisit(visit);
  expect(readVisit()).toEqual(visit);
  expect(inBasket(visit, visit.basket[0]!, -3).basket).toEqual([]);
  for (let i = 0; i < 30; i++) visit = touched(visit, `Q${i}`, 'view');
  expect(visit.trail.length).toBe(20);
  kept.set('merx.visit', 'broken');
  expect(readVisit().basket).toEqual([]);
});

test('tiles of ids that differ in one digit differ', async () => {
  const { hashOf } = await import('./placeholder');
  const tiles = new Set(Array.from({ length: 200 }, (_, i) => hashOf(`P${i}`)));
  expect(tiles.size).toBe(200);
  const tones = Array.from({ length: 600 }, (_, i) => (hashOf(`P000${i}`) >>> 20) % 6);
  for (let tone = 0; tone < 6; tone++) expect(tones.filter((t) => t === tone).length).toBeGreaterThan(60);
});
