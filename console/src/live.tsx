// Live: the events the server accepts, as it accepts them, by whomever they were sent; and one posted by hand to see what it does.
import { useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, askJson, type Failure } from './api';
import { clock, money, number } from './format';
import { Empty, Problem } from './parts';
import { has } from './routes';
import type { ShopEvent } from './shapes';
import { follow, type StreamState } from './stream';
import { t, tn, word } from './texts';
import { toCustomer, toProduct } from './things';

// randomUUID is there in a secure context alone (https, or this machine).
function newId(): string {
  return `console-${[...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('')}`;
}

interface Taken {
  accepted: number;
  duplicates: number;
  offset: number;
}
const FIELDS = ['product', 'customer', 'session', 'quantity', 'price', 'time'] as const;
const KINDS = ['view', 'cart', 'purchase', 'return'];


function PostEvent() {
  const [kind, setKind] = useState('view');
  const [values, setValues] = useState<Record<string, string>>({});
  const [id, setId] = useState(newId);
  const [taken, setTaken] = useState<Taken | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const post = async (e: Event) => {
    e.preventDefault();
    setFailure(null);
    setTaken(null);
    const event: Record<string, unknown> = { id, kind };
    for (const name of FIELDS) {
      const value = (values[name] ?? '').trim();
      if (value) event[name] = name === 'quantity' ? Number(value) : value;
    }
    try {
      setTaken(await askJson<Taken>('POST', '/v1/events', event));
      setId(newId());
    } catch (e) {
      setFailure(asFailure(e));
    }
  };
  return (
    <section>
      <h2>{t('eventTitle')}</h2>
      <p class="lead">{t('eventText')}</p>
      <form class="question" onSubmit={post}>
        <div class="inputs">
          <div class="input">
            <label for="event-kind">{t('kind')}</label>
            <select id="event-kind" value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
              {KINDS.map((k) => (
                <option value={k}>{word(k)}</option>
              ))}
            </select>
          </div>
          {FIELDS.map((name) => (
            <div class="input" key={name}>
              <label for={`event-${name}`}>{name === 'product' ? t('productId') : name === 'customer' ? t('customerId') : t(name)}</label>
              <input
                id={`event-${name}`}
                type={name === 'quantity' ? 'number' : 'text'}
                step={1}
                inputMode={name === 'price' ? 'decimal' : undefined}
                required={name === 'product'}
                autocomplete="off"
                spellcheck={false}
                aria-describedby={`event-${name}-about`}
                value={values[name] ?? ''}
                onInput={(e) => setValues({ ...values, [name]: e.currentTarget.value })}
              />
              <small id={`event-${name}-about`}>{name === 'product' ? t('required') : name === 'time' ? t('timeNow') : t('optional')}</small>
            </div>
          ))}
          <div class="input">
            <label for="event-id">id</label>
            <input id="event-id" required autocomplete="off" spellcheck={false} value={id} onInput={(e) => setId(e.currentTarget.value)} />
          </div>
        </div>
        <div class="actions">
          <button type="submit" class="main">{t('post')}</button>
        </div>
      </form>
      <div aria-live="polite" id="posted">
        {failure && <Problem failure={failure} />}
        {taken && (
          <p class="good">
            {taken.accepted > 0 ? t('eventPosted') : t('eventDuplicate')} {t('offset')}: {number(taken.offset)}
          </p>
        )}
      </div>
    </section>
  );
}

interface Batch {
  offset: number;
  events: ShopEvent[];
}
interface Row {
  key: number;
  event: ShopEvent;
}
export const KEPT = 200;

// The newest first, so many of them; what came beyond is let go of.
export function added(rows: Row[], batch: Batch): Row[] {
  const first = batch.offset - batch.events.length + 1;
  const fresh = batch.events.map((event, i) => ({ key: first + i, event })).reverse();
  const seen = rows[0]?.key ?? -Infinity;
  return [...fresh.filter((r) => r.key > seen), ...rows].slice(0, KEPT);
}

function Stream() {
  const [rows, setRows] = useState<Row[]>([]);
  const [waiting, setWaiting] = useState<Row[]>([]);
  const [paused, setPaused] = useState(false);
  const [state, setState] = useState<StreamState>('connecting');
  const [failure, setFailure] = useState<Failure | null>(null);
  const [count, setCount] = useState(0);
  const hold = useRef(false);
  hold.current = paused;
  useEffect(() => {
    let last: number | null = null;
    return follow({
      // Cut off: on from the last event that was seen.
      path: () => (last === null ? '/v1/events/stream' : `/v1/events/stream?after=${last}`),
      state: (s, f) => {
        setState(s);
        setFailure(f);
      },
      on: (message) => {
        if (message.event !== 'events') return;
        const batch = JSON.parse(message.data) as Batch;
        last = batch.offset;
        setCount((n) => n + batch.events.length);
        (hold.current ? setWaiting : setRows)((before) => added(before, batch));
      },
    });
  }, []);
  const goOn = () => {
    setRows((before) => [...waiting, ...before].slice(0, KEPT));
    setWaiting([]);
    setPaused(false);
  };
  return (
    <section data-stream={state}>
      <div class="stream-head">
        <p class={`stream-state ${state}`} role="status">
          {paused ? tn('pausedWith', { n: number(waiting.length) }) : t(`stream_${state}`)}
        </p>
        <p class="quiet">{tn('eventsSeen', { n: number(count) })}</p>
        <button type="button" id="pause" aria-pressed={paused} onClick={() => (paused ? goOn() : setPaused(true))}>{t(paused ? 'goOn' : 'pause')}</button>
        <button type="button" disabled={rows.length === 0} onClick={() => setRows([])}>{t('clear')}</button>
      </div>
      {failure && <Problem failure={failure} />}
      {rows.length === 0 ? (
        !failure && (
          <Empty title={t('noLiveEvents')}>
            <p class="quiet">
              {t('noLiveEventsText')} <a href="/shop">{t('storefront')}</a>
            </p>
          </Empty>
        )
      ) : (
        <div class="scroll" role="region" aria-label={t('live')} tabIndex={0}>
          <table class="events">
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                <th scope="col">{t('kind')}</th>
                <th scope="col">{t('productId')}</th>
                <th scope="col">{t('customerId')}</th>
                <th scope="col">{t('session')}</th>
                <th scope="col" class="number">{t('price')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ key, event }) => (
                <tr key={key} data-event={event.id ?? key}>
                  <td class="figure">{clock(event.time)}</td>
                  <td><span class={`kind ${event.kind}`}>{word(event.kind)}</span></td>
                  <td><a href={toProduct(event.product)}>{event.product}</a></td>
                  <td>{event.customer ? <a href={toCustomer(event.customer)}>{event.customer}</a> : '–'}</td>
                  <td class="quiet">{event.session ?? '–'}</td>
                  <td class="number">{event.price == null ? '–' : money(String(event.price))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export function Live() {
  return (
    <>
      <h1>{t('live')}</h1>
      {has('GET /v1/events/stream') && (
        <>
          <p class="lead">{t('liveText')}</p>
          <Stream />
        </>
      )}
      <PostEvent />
    </>
  );
}
