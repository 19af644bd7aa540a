import { beforeAll, expect, test, vi } from 'vitest';
import type { Figure, Job } from './shapes';

beforeAll(() => {
  vi.stubGlobal('localStorage', { getItem: () => 'en', setItem: () => {} });
  vi.stubGlobal('navigator', { language: 'en' });
});

test('routes by method and path, whatever their parameters are called', async () => {
  const { routesOf } = await import('./routes');
  const routes = routesOf({ paths: { '/v1/jobs/{id}/events': { get: {} }, '/v1/models/{answer}/versions/{version}/file': { get: {} }, '/v1/jobs': { get: {}, post: {} } } });
  expect([...routes].sort()).toEqual(['GET /v1/jobs', 'GET /v1/jobs/{}/events', 'GET /v1/models/{}/versions/{}/file', 'POST /v1/jobs']);
});

test('ids pasted in any way, each once', async () => {
  const { idsOf } = await import('./start_job');
  expect(idsOf('C1\nC2, C3;C1\n\n  zoe/1 ü \t')).toEqual(['C1', 'C2', 'C3', 'zoe/1 ü']);
});

const job = (over: Partial<Job>): Job => ({ id: '1', kind: 'train', state: 'running', created: '2026-11-29T14:00:00Z', started: null, ended: null, progress: 0.5, stage: '', left_s: 200, parameters: {}, result: null, error: null, ...over });

test('what a job is about, and how long it takes yet', async () => {
  const { leftText, whatOf } = await import('./jobs');
  expect(whatOf(job({}))).toBe('all answers');
  expect(whatOf(job({ parameters: { answers: ['recommend', 'next'] } }))).toBe('recommend, next');
  expect(whatOf(job({ kind: 'import', parameters: { uploads: ['a.csv', 'b.csv', 'c.csv', 'd.csv'] } }))).toBe('a.csv, b.csv, c.csv …');
  expect(whatOf(job({ kind: 'erase', parameters: { customers: ['C1', 'C2'] } }))).toBe('2 customers');
  expect(whatOf(job({ kind: 'export' }))).toBe('the whole shop');
  expect(leftText(job({}))).toBe('3 min 20 s left');
  expect(leftText(job({ left_s: null }))).toBe('');
});

test('durations in two words', async () => {
  const { duration } = await import('./format');
  expect(duration(0.0123)).toBe('12.3 ms');
  expect(duration(59.6)).toBe('1 min');
  expect(duration(7265)).toBe('2 h 1 min');
  expect(duration(86400 * 3 + 5)).toBe('3 d');
  expect(duration(NaN)).toBe('–');
});

const FIGURE: Figure = { name: 'wape', baseline_name: 'mean of 8 weeks', value: 0.5338, low: 0.5053, high: 0.5625, baseline: 0.5442, difference: -0.0104, difference_low: -0.0186, difference_high: -0.003, best_reachable: null, higher_is_better: false };

test('a figure is better when the whole interval of its difference is', async () => {
  const { bandsOf } = await import('./models');
  expect(bandsOf([FIGURE])[0]).toMatchObject({ better: true, mark: 0.5442, note: '−0.0104 [−0.0186, −0.0030] against mean of 8 weeks' });
  expect(bandsOf([{ ...FIGURE, difference_high: 0.002 }])[0]!.better).toBe(false);
  expect(bandsOf([{ ...FIGURE, higher_is_better: true }])[0]!.better).toBe(false);
  expect(bandsOf([{ ...FIGURE, baseline: null, difference: null, difference_low: null, difference_high: null }])[0]).toMatchObject({ better: null, note: '' });
});

test('scales show all of it', async () => {
  const { span, ticks } = await import('./plots');
  const [low, high] = span([0.2, 0.4, null, 0.3]);
  expect(low).toBeCloseTo(0.164);
  expect(high).toBeCloseTo(0.436);
  expect(span([0.01, 0.4])[0]).toBe(0); // below zero is nothing of theirs
  expect(span([-2, -2])[0]).toBeLessThan(-2);
  expect(ticks(930, 4)).toEqual([0, 500, 1000]);
});

test('curves of one thing stand in one plot', async () => {
  const { curveGroups } = await import('./models');
  const groups = curveGroups([{ name: 'training loss', points: [[1, 2]] }, { name: 'validation loss', points: [[1, 3]] }, { name: 'ndcg@10', points: [[1, 0.1]] }, { name: 'empty', points: [] }]);
  expect(groups.map((g) => [g.title, g.curves.length])).toEqual([['loss', 2], ['ndcg@10', 1]]);
});

test('axes of the map: everything between 0 and 1, days run backwards, marks apart', async () => {
  const { axisOf } = await import('./segments');
  const money = axisOf('money', [5, 52.5, 2553.8]);
  expect(money.at(5)).toBeCloseTo(0);
  expect(money.at(2553.8)).toBeCloseTo(1);
  expect(money.at(52.5)).toBeGreaterThan(0.3); // by powers of ten
  expect(money.marks.length).toBeGreaterThan(2);
  const days = axisOf('recency_days', [0, 100, 326]);
  expect(days.at(0)).toBe(1);
  expect(days.at(326)).toBe(0);
  expect(axisOf('orders', [3, 3]).at(3)).toBe(0); // all the same: no division by zero
});

test('live events: newest first, none twice, not more than are kept', async () => {
  const { added, KEPT } = await import('./live');
  const event = (id: string) => ({ id, kind: 'view', product: 'P', time: '2026-11-29T14:00:00Z' });
  const first = added([], { offset: 11, events: [event('a'), event('b')] });
  expect(first.map((r) => [r.key, r.event.id])).toEqual([[11, 'b'], [10, 'a']]);
  const again = added(first, { offset: 12, events: [event('b'), event('c')] });
  expect(again.map((r) => r.event.id)).toEqual(['c', 'b', 'a']);
  expect(added(again, { offset: 1000, events: Array.from({ length: 500 }, (_, i) => event(`x${i}`)) }).length).toBe(KEPT);
});

test('fields by the type the server says', async () => {
  const { field } = await import('./format');
  expect(field('anything', 0.1234, 'share')).toBe('12.3%');
  expect(field('share', 0.1234, 'real')).toBe('0.1234');
  expect(field('price', '1234.50', 'money')).toBe('1,234.50');
  expect(field('version', '1.2')).toBe('1.2');
});
