// The running server: its health and its figures.
import { useEffect, useState } from 'preact/hooks';
import { ask } from './api';
import { bytes, number, seconds } from './format';
import { parseMetrics, routeRows, type Sample } from './metrics';
import { Fact, Rows, Told, useAsk } from './parts';
import { t } from './texts';

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
      <div><dt>{t('uptime')}</dt><dd>{running(sum(samples, 'merx_uptime_seconds'))}</dd></div>
      <div><dt>{t('shops')}</dt><dd>{number(sum(samples, 'merx_shops'))}</dd></div>
    </dl>
  );
}

function running(s: number): string {
  const days = Math.floor(s / 86400);
  const time = [Math.floor((s % 86400) / 3600), Math.floor((s % 3600) / 60), Math.floor(s % 60)].map((n) => String(n).padStart(2, '0')).join(':');
  return days > 0 ? `${days} d ${time}` : time;
}

export function Server() {
  const live = useAsk<{ status: string; version: string }>('/v1/health/live');
  const ready = useAsk<{ status: string; shop: string; offset: number }>('/v1/health/ready');
  const metrics = useAsk<Sample[]>('/metrics', readMetrics);
  const [auto, setAuto] = useState(false);
  const again = () => {
    live.reload();
    ready.reload();
    metrics.reload();
  };
  useEffect(() => {
    if (!auto) return;
    const timer = setInterval(metrics.reload, 5000);
    return () => clearInterval(timer);
  }, [auto, metrics.reload]);
  return (
    <>
      <h1>{t('server')}</h1>
      <div class="actions">
        <button type="button" onClick={again}>{t('refresh')}</button>
        <label class="check">
          <input type="checkbox" checked={auto} onChange={(e) => setAuto(e.currentTarget.checked)} /> {t('every5')}
        </label>
      </div>
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
    </>
  );
}
