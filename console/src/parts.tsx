// What several pages are made of.
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useId, useRef, useState } from 'preact/hooks';
import { access, asFailure, askJson, type Failure } from './api';
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
        setState({ path, data: null, failure: asFailure(e) });
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
      {failure.status === 403 && access.key && <p class="quiet">{t('needsRole')}</p>}
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

// Nothing is here yet, and what to do about it.
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

// A question before something that can't be undone. It is open while it is shown; Escape is no.
export function Confirm({ title, action, busy = false, disabled = false, danger = false, yes, no, children }: {
  title: string; action: string; busy?: boolean; disabled?: boolean; danger?: boolean; yes: () => void; no: () => void; children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); no(); }}>
      <form onSubmit={(e) => { e.preventDefault(); if (!busy && !disabled) yes(); }}>
        <h2 id={id}>{title}</h2>
        {children}
        <div class="actions">
          <button type="submit" class={danger ? 'danger' : 'main'} disabled={busy || disabled}>{action}</button>
          <button type="button" onClick={no}>{t('cancel')}</button>
        </div>
      </form>
    </dialog>
  );
}

// How far something is, 0 to 1; null: it goes on, how far is not known.
export function Progress({ value, label }: { value: number | null; label: string }) {
  const share = value === null ? null : Math.min(1, Math.max(0, value));
  return (
    <div class={share === null ? 'progress unknown' : 'progress'} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={share === null ? undefined : Math.round(share * 100)}>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect width={share === null ? 30 : 100 * share} height={4} />
      </svg>
    </div>
  );
}

// One of a few, side by side; arrows move as in every group of radio buttons.
export function Choice<T extends string>({ label, name, of, value, set, said }: { label: string; name: string; of: readonly T[]; value: T; set: (value: T) => void; said: (value: T) => string }) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {of.map((one) => (
        <label>
          <input type="radio" name={name} value={one} checked={one === value} onChange={() => set(one)} />
          <span>{said(one)}</span>
        </label>
      ))}
    </fieldset>
  );
}

// What a listing has, a page after the other.
export interface Listed<T> {
  items: T[];
  more: (() => void) | null;
  loading: boolean;
  failure: Failure | null;
  reload: () => void;
}
export function useListing<T>(path: string | null, limit: number): Listed<T> {
  const [items, setItems] = useState<T[]>([]);
  const [after, setAfter] = useState<string | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const first = path === null ? null : `${path}${path.includes('?') ? '&' : '?'}limit=${limit}`;
  const asked = useAsk<{ items: T[]; next: string | null }>(first === null ? null : after === null ? first : `${first}&after=${encodeURIComponent(after)}`);
  useEffect(() => {
    setAfter(null);
    setItems([]);
    setNext(null);
  }, [path]);
  useEffect(() => {
    if (!asked.data) return;
    setItems((before) => (after === null ? asked.data!.items : [...before, ...asked.data!.items]));
    setNext(asked.data.next);
  }, [asked.data]);
  const reload = useCallback(() => {
    if (after === null) asked.reload();
    else setAfter(null);
  }, [after, asked.reload]);
  return { items, more: next === null || asked.loading ? null : () => setAfter(next), loading: asked.loading, failure: asked.failure, reload };
}
