// The running server: its health and figures; and live: an event posted, and what it does to them.
import { useEffect, useState } from 'preact/hooks';
import { access, ask, askJson, Failure } from './api';
import { bytes, number, seconds } from './format';
import { parseMetrics, routeRows, type Sample } from './metrics';
import { Copy, Fact, Problem, Rows, Told, useAsk } from './parts';
import { t, word } from './texts';

const readMetrics = async (path: string, signal: AbortSignal) => parseMetrics(await ask('GET', path, undefined, signal));

function sum(samples: Sample[], name: string): number {
  return samples.filter((s) => s.name === name).reduce((all, s) => all + s.value, 0);
}

function Figures({ samples }: { samples: Sample[] }) {
  return (
    <dl class="tiles">
      <div><dt>{t('requests')}</dt><dd>{number(sum(samples, 'merx_http_requests_total'))}</dd></div>
      <div><dt>{t('eventsAccepted')}</dt><dd data-figure="events">{number(sum(samples, 'merx_events_accepted_total'))}</dd></div>
      <div><dt>{t('eventsDuplicate')}</dt><dd>{number(sum(samples, 'merx_events_duplicate_total'))}</dd></div>
      <div><dt>{t('memory')}</dt><dd>{bytes(sum(samples, 'process_resident_memory_bytes'))}</dd></div>
      <div><dt>{t('uptime')}</dt><dd>{duration(sum(samples, 'merx_uptime_seconds'))}</dd></div>
      <div><dt>{t('shops')}</dt><dd>{number(sum(samples, 'merx_shops'))}</dd></div>
    </dl>
  );
}

function duration(s: number): string {
  const days = Math.floor(s / 86400);
  const clock = [Math.floor((s % 86400) / 3600), Math.floor((s % 3600) / 60), Math.floor(s % 60)].map((n) => String(n).padStart(2, '0')).join(':');
  return days > 0 ? `${days} d ${clock}` : clock;
}

export function Server() {
  const live = useAsk<{ status: string; version: string }>('/v1/health/live');
  const ready = useAsk<{ status: string; shop: string; offset: number }>('/v1/health/ready');
  const metrics = useAsk<Sample[]>('/metrics', readMetrics);
  const again = () => {
    live.reload();
    ready.reload();
    metrics.reload();
  };
  return (
    <>
      <h1>{t('server')}</h1>
      <button type="button" onClick={again}>{t('refresh')}</button>
      <h2>{t('health')}</h2>
      <Told asked={live}>
        {(state) => (
          <dl class="facts">
            <Fact name={t('alive')}>{state.status}</Fact>
            <Fact name={t('version')}>merx {state.version}</Fact>
          </dl>
        )}
      </Told>
      <Told asked={ready}>
        {(state) => (
          <dl class="facts">
            <Fact name={t('shop')}>{state.shop}: {state.status}</Fact>
            <Fact name={t('offset')}>{number(state.offset)}</Fact>
          </dl>
        )}
      </Told>
      <h2>{t('figures')}</h2>
      <Told asked={metrics}>
        {(samples) => (
          <>
            <Figures samples={samples} />
            <h3>{t('requestsByRoute')}</h3>
            <Rows
              label={t('requestsByRoute')}
              head={[t('route'), t('requests'), t('failed'), t('mean'), t('median'), t('p99')]}
              rows={routeRows(samples).map((row) => [
                <code>{row.method} {row.route || '–'}{row.shop && ` · ${row.shop}`}</code>,
                number(row.requests), number(row.failed), seconds(row.mean), seconds(row.p50), seconds(row.p99),
              ])}
            />
          </>
        )}
      </Told>
      <h2>{t('keysTitle')}</h2>
      <p>{t('keysText')}</p>
      <Copy text="merx key create SHOP --role reader" />
      <Copy text="merx key list SHOP" />
    </>
  );
}

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

export function Live() {
  const [kind, setKind] = useState('view');
  const [values, setValues] = useState<Record<string, string>>({});
  const [id, setId] = useState(newId);
  const [taken, setTaken] = useState<Taken | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [auto, setAuto] = useState(false);
  const metrics = useAsk<Sample[]>('/metrics', readMetrics);
  useEffect(() => {
    if (!auto) return;
    const timer = setInterval(metrics.reload, 5000);
    return () => clearInterval(timer);
  }, [auto, metrics.reload]);
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
      metrics.reload();
    } catch (e) {
      setFailure(e instanceof Failure ? e : new Failure(0, 'console', String(e)));
    }
  };
  return (
    <>
      <h1>{t('live')}</h1>
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
      <h2>{t('newest')}</h2>
      <div class="actions">
        <button type="button" onClick={metrics.reload}>{t('refresh')}</button>
        <label class="check">
          <input type="checkbox" checked={auto} onChange={(e) => setAuto(e.currentTarget.checked)} /> {t('every5')}
        </label>
      </div>
      <Told asked={metrics}>{(samples) => <Figures samples={samples} />}</Told>
    </>
  );
}

// Asked for a key, or for which shop: what the server said, and the fields for it.
export function Door({ failure, enter }: { failure: Failure; enter: () => void }) {
  const byShop = failure.status !== 401;
  const [key, setKey] = useState('');
  const [shop, setShop] = useState(access.shop);
  return (
    <form
      class="door"
      onSubmit={(e) => {
        e.preventDefault();
        // A header holds no character beyond Latin; the server would not take such a key or name anyway.
        access.set(byShop ? access.key : key.trim().replace(/[^\x21-\x7e]/g, '?'), byShop ? encodeHeader(shop.trim()) : '');
        enter();
      }}
    >
      <h1>{t(byShop ? 'shopTitle' : 'keyTitle')}</h1>
      <p>{t(byShop ? 'shopText' : 'keyText')}</p>
      {(access.key || byShop) && <Problem failure={failure} />}
      <div class="input">
        <label for="door">{t(byShop ? 'shop' : 'key')}</label>
        {byShop ? (
          <input id="door" autocomplete="off" spellcheck={false} required value={shop} onInput={(e) => setShop(e.currentTarget.value)} />
        ) : (
          <input id="door" type="password" autocomplete="off" spellcheck={false} required value={key} onInput={(e) => setKey(e.currentTarget.value)} />
        )}
      </div>
      <div class="actions">
        <button type="submit" class="main">{t('open')}</button>
      </div>
    </form>
  );
}
function encodeHeader(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
