import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test, vi } from 'vitest';

beforeAll(() => {
  vi.stubGlobal('localStorage', { getItem: () => 'en', setItem: () => {} });
});

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((e) => (e.isDirectory() ? sources(`${folder}/${e.name}`) : /\.tsx?$/.test(e.name) && !/test|texts|words/.test(e.name) ? readFileSync(`${folder}/${e.name}`, 'utf8') : ''))
    .join('\n');
}
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

test('both languages are there for every text, with the same places to fill', async () => {
  const { texts } = await import('./texts');
  const { words } = await import('./shop/words');
  for (const [table, least] of [[texts, 200], [words, 60]] as const) {
    const rows = Object.entries(table) as [string, readonly [string, string]][];
    expect(rows.length).toBeGreaterThan(least);
    for (const [name, [en, zh]] of rows) {
      expect(en.trim(), name).not.toBe('');
      expect(zh.trim(), name).not.toBe('');
      expect(placeholders(zh), name).toEqual(placeholders(en));
      // What is said in Chinese has Chinese in it, but for what has no words.
      if (/[a-z]{3}/.test(en) && !['rank', 'p99', 'language'].includes(name)) expect(zh, name).toMatch(/[\u4e00-\u9fff]/);
    }
  }
});

test('no text is left that nothing says', async () => {
  const { texts } = await import('./texts');
  const { words } = await import('./shop/words');
  const all = sources('src');
  const composed = /^(kind|job|stream|role|from|unit)_/; // t(`job_${state}`)
  for (const name of [...Object.keys(texts), ...Object.keys(words)]) if (!composed.test(name)) expect(all.includes(`'${name}'`), name).toBe(true);
});
