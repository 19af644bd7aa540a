// Server-sent events by fetch: the browser's EventSource can't send an Authorization header, so the stream is read here.
import { asFailure, type Failure, request } from './api';

export interface Message {
  event: string;
  data: string;
}

// Takes the stream in pieces cut anywhere and gives each message once it is whole. Comment lines are passed over.
export function messages(emit: (message: Message) => void): (piece: string) => void {
  let rest = '';
  let event = '';
  let data: string[] = [];
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) emit({ event: event || 'message', data: data.join('\n') });
        event = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'event') event = value;
      else if (name === 'data') data.push(value);
    }
  };
}

export type StreamState = 'connecting' | 'open' | 'waiting' | 'refused' | 'ended';

export interface Following {
  path: () => string; // where to go on from, asked again at each connection
  on: (message: Message) => void;
  state?: (state: StreamState, failure: Failure | null) => void;
  over?: () => boolean; // nothing more will come: a cut stream is not taken up again
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

// Follows a stream until it is over or given up. What is cut off is taken up again, after waits that grow; what is refused is not.
export function follow({ path, on, state, over }: Following): () => void {
  const abort = new AbortController();
  void (async () => {
    let wait = FIRST_WAIT_MS;
    while (!abort.signal.aborted) {
      state?.('connecting', null);
      try {
        const response = await request('GET', path(), undefined, abort.signal);
        state?.('open', null);
        const reader = response.body!.getReader();
        const decoder = new TextDecoder();
        const take = messages((message) => {
          wait = FIRST_WAIT_MS;
          if (!abort.signal.aborted) on(message);
        });
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          take(decoder.decode(value, { stream: true }));
        }
      } catch (e) {
        if (abort.signal.aborted) return;
        const failure = asFailure(e);
        if (failure.status >= 400 && failure.status < 500 && failure.status !== 429) {
          state?.('refused', failure);
          return;
        }
      }
      if (over?.()) {
        state?.('ended', null);
        return;
      }
      state?.('waiting', null);
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    }
  })();
  return () => abort.abort();
}
