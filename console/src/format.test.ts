import { beforeAll, expect, test, vi } from 'vitest';

beforeAll(() => {
  vi.stubGlobal('localStorage', { getItem: () => 'en', setItem: () => {} });
});
const load = () => import('./format');

test('money stays the text it is', async () => {
  const { money } = await load();
  expect(money('1234567.50')).toBe('1,234,567.50');
  expect(money('-642.50')).toBe('−642.50');
  expect(money('90071992547409931.01')).toBe('90,071,992,547,409,931.01');
});

test('fields by their names', async () => {
  const { field } = await load();
  expect(field('share', 0.0733)).toBe('7.3%');
  expect(field('month 3', 0.5)).toBe('50.0%');
  expect(field('units', 1034)).toBe('1,034');
  expect(field('week', '2025-12-08')).toBe('2025-12-08');
  expect(field('price', null)).toBe('–');
});

test('places and sums', async () => {
  const { addsUp, fixed, places } = await load();
  expect(places(0.2869)).toBe(4);
  expect(places(38.7)).toBe(2);
  expect(places(0)).toBe(0);
  expect(fixed(-0.07, 4)).toBe('−0.0700');
  expect(addsUp([0.1, 0.2], 0.3)).toBe(true);
  expect(addsUp([0.1, 0.2], 0.31)).toBe(false);
  expect(addsUp([NaN], 0)).toBe(false);
});
