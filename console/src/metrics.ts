// Prometheus text, as far as merx writes it, and what a person wants to know of it.

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export function parseMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match || line.startsWith('#')) continue;
    const labels: Record<string, string> = {};
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[name!] = value!.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    const value = match[3] === '+Inf' ? Infinity : Number(match[3]);
    if (!Number.isNaN(value)) samples.push({ name: match[1]!, labels, value });
  }
  return samples;
}

export interface RouteRow {
  shop: string;
  method: string;
  route: string;
  requests: number;
  failed: number; // 4xx and 5xx
  mean: number; // seconds
  p50: number;
  p99: number;
}

// A quantile of a histogram, linear within its bucket as Prometheus does it; beyond the last bound: that bound.
export function quantile(buckets: [number, number][], q: number): number {
  const sorted = [...buckets].sort((a, b) => a[0] - b[0]);
  const total = sorted[sorted.length - 1]?.[1] ?? 0;
  if (!(total > 0)) return NaN;
  let below = 0;
  let low = 0;
  for (const [bound, count] of sorted) {
    if (count >= q * total) {
      if (bound === Infinity) return low;
      return count > below ? low + ((bound - low) * (q * total - below)) / (count - below) : bound;
    }
    below = count;
    low = bound;
  }
  return low;
}

const DURATION = 'merx_http_request_duration_seconds';
export function routeRows(samples: Sample[]): RouteRow[] {
  const rows = new Map<string, RouteRow & { sum: number; buckets: [number, number][] }>();
  for (const { name, labels, value } of samples) {
    if (!labels['route'] && !labels['method']) continue;
    const key = [labels['shop'], labels['method'], labels['route']].join('\n');
    let row = rows.get(key);
    if (!row) {
      row = { shop: labels['shop'] ?? '', method: labels['method'] ?? '', route: labels['route'] ?? '', requests: 0, failed: 0, mean: NaN, p50: NaN, p99: NaN, sum: 0, buckets: [] };
      rows.set(key, row);
    }
    if (name === 'merx_http_requests_total') {
      row.requests += value;
      if (Number(labels['status']) >= 400) row.failed += value;
    } else if (name === `${DURATION}_sum`) row.sum = value;
    else if (name === `${DURATION}_bucket`) row.buckets.push([labels['le'] === '+Inf' ? Infinity : Number(labels['le']), value]);
  }
  return [...rows.values()]
    .filter((row) => row.requests > 0)
    .map(({ sum, buckets, ...row }) => ({ ...row, mean: sum / row.requests, p50: quantile(buckets, 0.5), p99: quantile(buckets, 0.99) }))
    .sort((a, b) => b.requests - a.requests);
}

// What stands for itself, without routes.
export function plainSamples(samples: Sample[]): Sample[] {
  return samples.filter((s) => !('route' in s.labels) && !s.name.endsWith('_bucket'));
}
