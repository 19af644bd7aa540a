import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Message, messages } from './stream';

beforeEach(() => {
  vi.stubGlobal('sessionStorage', { getItem: () => 'merx_k', setItem: () => {}, removeItem: () => {} });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const JOB = '{"id":"7","kind":"train","state":"running","created":"2026-11-29T14:00:00.000Z","started":"2026-11-29T14:00:01.000Z","ended":null,"progress":0.25,"stage":"recommend: learning","left_s":12.5,"parameters":{"answers":["recommend"]},"result":null,"error":null}';
const STREAM = `: hello\n\nevent: job\ndata: ${JOB}\n\n: still here\n\nevent: log\ndata: {"time":"2026-11-29T14:00:02.000Z","text":"a"}\n\nevent: end\r\ndata: ${JOB}\r\n\r\ndata: one\ndata: two\n\nevent: job\ndata: cut`;

test('a stream cut anywhere gives the same messages', () => {
  const whole: Message[] = [];
  messages((m) => whole.push(m))(STREAM);
  expect(whole.map((m) => m.event)).toEqual(['job', 'log', 'end', 'message']);
  expect(JSON.parse(whole[0]!.data)).toMatchObject({ id: '7', progress: 0.25 });
  expect(whole[3]!.data).toBe('one\ntwo');
  for (let cut = 1; cut < STREAM.length; cut++) {
    const got: Message[] = [];
    const take = messages((m) => got.push(m));
    take(STREAM.slice(0, cut));
    take(STREAM.slice(cut));
    expect(got).toEqual(whole);
  }
});

const reply = (text: string) => ({ ok: true, status: 200, body: new Blob([text]).stream() });

test('what is cut off is taken up again from where it was, with the key; what has ended is not', async () => {
  vi.useFakeTimers();
  const { follow } = await import('./stream');
  const asked: [string, string][] = [];
  const replies = ['event: events\ndata: {"offset":5}\n\n', 'event: events\ndata: {"offset":6}\n\nevent: end\ndata: {}\n\n'];
  vi.stubGlobal('fetch', async (path: string, init: { headers: Record<string, string> }) => {
    asked.push([path, init.headers['Authorization']!]);
    return reply(replies.shift()!);
  });
  let last = 0;
  let over = false;
  const states: string[] = [];
  follow({
    path: () => `/v1/events/stream?after=${last}`,
    state: (s) => states.push(s),
    over: () => over,
    on: (m) => {
      if (m.event === 'end') over = true;
      else last = (JSON.parse(m.data) as { offset: number }).offset;
    },
  });
  await vi.waitFor(() => expect(states).toContain('waiting'));
  await vi.advanceTimersByTimeAsync(1500);
  await vi.waitFor(() => expect(states).toContain('ended'));
  expect(asked).toEqual([['/v1/events/stream?after=0', 'Bearer merx_k'], ['/v1/events/stream?after=5', 'Bearer merx_k']]);
  await vi.advanceTimersByTimeAsync(60000);
  expect(asked.length).toBe(2);
});

test('what is refused is not asked again', async () => {
  vi.useFakeTimers();
  const { follow } = await import('./stream');
  let asked = 0;
  vi.stubGlobal('fetch', async () => {
    asked++;
    return { ok: false, status: 403, text: async () => '{"code":"forbidden","message":"role writer is needed","where":"key","hint":"x","request_id":"r"}' };
  });
  const told: [string, string | undefined][] = [];
  follow({ path: () => '/v1/events/stream', on: () => {}, state: (s, f) => told.push([s, f?.code]) });
  await vi.waitFor(() => expect(told).toContainEqual(['refused', 'forbidden']));
  await vi.advanceTimersByTimeAsync(60000);
  expect(asked).toBe(1);
});
