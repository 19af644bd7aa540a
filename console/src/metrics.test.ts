import { expect, test } from 'vitest';
import { parseMetrics, plainSamples, quantile, routeRows } from './metrics';

test('samples with labels, escapes and infinity', () => {
  const samples = parseMetrics('# HELP a b\n# TYPE a counter\na{shop="te\\"a",route="/v1/{id}"} 3\nb 1.5e3\nc{le="+Inf"} +Inf\nnonsense\n');
  expect(samples).toEqual([
    { name: 'a', labels: { shop: 'te"a', route: '/v1/{id}' }, value: 3 },
    { name: 'b', labels: {}, value: 1500 },
    { name: 'c', labels: { le: '+Inf' }, value: Infinity },
  ]);
  expect(plainSamples(samples).map((s) => s.name)).toEqual(['b', 'c']);
});

test('quantiles are linear within their bucket', () => {
  const buckets: [number, number][] = [[1, 0], [2, 10], [Infinity, 20]];
  expect(quantile(buckets, 0.25)).toBeCloseTo(1.5);
  expect(quantile(buckets, 0.99)).toBe(2);
  expect(quantile([], 0.5)).toBeNaN();
});

test('rows of routes: statuses summed, refusals counted', () => {
  const d = 'merx_http_request_duration_seconds';
  const l = 'shop="s",method="GET",route="/v1/a"';
  const text = `merx_http_requests_total{${l},status="200"} 3\nmerx_http_requests_total{${l},status="404"} 1\n${d}_sum{${l}} 0.4\n${d}_bucket{${l},le="0.1"} 2\n${d}_bucket{${l},le="+Inf"} 4\n${d}_count{${l}} 4\n`;
  const [row] = routeRows(parseMetrics(text));
  expect(row).toMatchObject({ requests: 4, failed: 1, route: '/v1/a' });
  expect(row!.mean).toBeCloseTo(0.1);
  expect(row!.p50).toBeCloseTo(0.1);
});
