// What several pages are made of.
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { askJson, Failure } from './api';
import { t } from './texts';

export interface Asked<T> {
  data: T | null;
  failure: Failure | null;
  loading: boolean;
  reload: () => void;
}

// What GET path says; path null: nothing is asked. The reply of an older path never replaces a newer one's.
export function useAsk<T>(path: string | null, read?: (path: string, signal: AbortSignal) => Promise<T>): Asked<T> {
  const [state, setState] = useState<{ path: string | null; data: T | null; failure: Failure | null }>({ path: null, data: null, failure: null });
  const [round, setRound] = useState(0);
  const [loading, setLoading] = useState(path !== null);
  useEffect(() => {
    if (path === null) {
      setLoading(false);
      return;
    }
    const abort = new AbortController();
    setLoading(true);
    (read ? read(path, abort.signal) : askJson<T>('GET', path, undefined, abort.signal)).then(
      (data) => {
        if (abort.signal.aborted) return;
        setState({ path, data, failure: null });
        setLoading(false);
      },
      (e: unknown) => {
        if (abort.signal.aborted) return;
        setState({ path, data: null, failure: e instanceof Failure ? e : new Failure(0, 'console', String(e)) });
        setLoading(false);
      },
    );
    return () => abort.abort();
  }, [path, round]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const own = state.path === path;
  return { data: own ? state.data : null, failure: own ? state.failure : null, loading, reload };
}

export function Problem({ failure }: { failure: Failure }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{failure.status === 0 ? t('unreachable') : t('errorTitle')}</strong> <code>{failure.code}</code>
      </p>
      <p class="message">{failure.message}</p>
      {failure.errors.length > 0 && (
        <ul>
          {failure.errors.slice(0, 20).map((e) => (
            <li>
              <code>{e.field}</code>
              {e.value != null && <> = {e.value}</>}: {t('errorExpected')} {e.expected}
            </li>
          ))}
        </ul>
      )}
      <dl class="facts">
        {failure.where && <Fact name={t('errorWhere')}>{failure.where}</Fact>}
        {failure.hint && <Fact name={t('errorHint')}>{failure.hint}</Fact>}
        {failure.requestId && (
          <Fact name={t('requestId')}>
            <code>{failure.requestId}</code>
          </Fact>
        )}
      </dl>
    </div>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

// Live for screen readers: it is there before its content is.
export function Told<T>({ asked, children }: { asked: Asked<T>; children: (data: T) => ComponentChildren }) {
  return (
    <div aria-live="polite" aria-busy={asked.loading}>
      {asked.failure && <Problem failure={asked.failure} />}
      {asked.data !== null && children(asked.data)}
      {asked.loading && asked.data === null && !asked.failure && <p class="quiet">{t('loading')}</p>}
    </div>
  );
}

export function Copy({ text }: { text: string }) {
  const [done, setDone] = useState(false);
  const code = useRef<HTMLElement>(null);
  const copy = () => {
    const select = () => {
      // Without a secure context there is no clipboard: what is to be copied is selected instead.
      if (code.current) getSelection()?.selectAllChildren(code.current);
    };
    if (navigator.clipboard)
      navigator.clipboard.writeText(text).then(() => {
        setDone(true);
        setTimeout(() => setDone(false), 2000);
      }, select);
    else select();
  };
  return (
    <div class="copy">
      <code ref={code} tabIndex={0}>{text}</code>
      <button type="button" class="small" onClick={copy}>
        <span aria-live="polite">{done ? t('copied') : t('copy')}</span>
      </button>
    </div>
  );
}

export function Rows({ label, head, rows }: { label: string; head: string[]; rows: ComponentChildren[][] }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((h, i) => (
              <th scope="col" class={numeric(rows, i) ? 'number' : undefined}>{h}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell, i) =>
                i === 0 ? <th scope="row">{cell}</th> : <td class={numeric(rows, i) ? 'number' : undefined}>{cell}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
// A column of numbers stands right.
function numeric(rows: ComponentChildren[][], i: number): boolean {
  return i > 0 && rows.length > 0 && rows.every((row) => typeof row[i] === 'string' && /^[−-]?[\d.,]*[\d](\s?(%|ms|s|MB|KB))?$|^–$/.test(row[i]));
}

export function useWidth(): [(element: HTMLElement | null) => void, number] {
  const [width, setWidth] = useState(0);
  const observer = useRef<ResizeObserver | null>(null);
  const hold = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (!element) return;
    setWidth(element.clientWidth);
    observer.current = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.current.observe(element);
  }, []);
  return [hold, width];
}
