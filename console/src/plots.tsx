// Plots drawn by hand: bars over time, a forecast with its interval, figures with theirs, curves. Each has its figures as text or as a table beside it.
import { number } from './format';
import { t, word } from './texts';
import { useWidth } from './parts';

// Steps of 1, 2 or 5 times a power of ten, about so many.
export function ticks(high: number, about: number): number[] {
  if (!(high > 0)) return [0];
  const raw = high / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10) * power;
  const out: number[] = [];
  for (let i = 0; i * step < high + step * 0.999; i++) out.push(i * step);
  return out;
}

function compact(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value).replace('-', '−');
}

export interface Bar {
  label: string;
  value: number;
  partial?: boolean;
  text: string;
}

const HEIGHT = 220;
const LEFT = 44;
const BOTTOM = 26;
const TOP = 10;

export function Bars({ label, bars }: { label: string; bars: Bar[] }) {
  const [hold, width] = useWidth();
  const marks = ticks(Math.max(0, ...bars.map((b) => b.value)), 4);
  const high = marks[marks.length - 1] || 1;
  const inner = Math.max(0, width - LEFT);
  const step = inner / Math.max(1, bars.length);
  const y = (v: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.max(0, v) / high);
  const every = Math.max(1, Math.ceil(62 / Math.max(1, step)));
  return (
    <div ref={hold} class="plot">
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="img" aria-label={label}>
          {marks.map((m) => (
            <g key={m}>
              <line class="grid" x1={LEFT} x2={width} y1={y(m)} y2={y(m)} />
              <text class="axis" x={LEFT - 8} y={y(m) + 4} text-anchor="end">{compact(m)}</text>
            </g>
          ))}
          {bars.map((b, i) => (
            <g key={b.label}>
              <rect class={b.partial ? 'bar partial' : 'bar'} x={LEFT + i * step + step * 0.14} width={Math.max(1, step * 0.72)} y={y(b.value)} height={Math.max(0, y(0) - y(b.value))} rx={2}>
                <title>{b.text}</title>
              </rect>
              {(bars.length - 1 - i) % every === 0 && (
                <text class="axis" x={LEFT + (i + 0.5) * step} y={HEIGHT - 8} text-anchor="middle">{b.label}</text>
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

export interface Step {
  label: string;
  value: number;
  low: number;
  high: number;
}

export function Forecast({ label, steps }: { label: string; steps: Step[] }) {
  const [hold, width] = useWidth();
  const marks = ticks(Math.max(0, ...steps.map((s) => s.high)), 4);
  const top = marks[marks.length - 1] || 1;
  const inner = Math.max(0, width - LEFT);
  const step = inner / Math.max(1, steps.length);
  const x = (i: number) => LEFT + (i + 0.5) * step;
  const y = (v: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - v / top);
  const every = Math.max(1, Math.ceil(52 / Math.max(1, step)));
  return (
    <div ref={hold} class="plot">
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="img" aria-label={label}>
          {marks.map((m) => (
            <g key={m}>
              <line class="grid" x1={LEFT} x2={width} y1={y(m)} y2={y(m)} />
              <text class="axis" x={LEFT - 8} y={y(m) + 4} text-anchor="end">{compact(m)}</text>
            </g>
          ))}
          {steps.map((s, i) => (
            <g key={s.label}>
              <line class="interval" x1={x(i)} x2={x(i)} y1={y(s.low)} y2={y(s.high)} />
              <circle class="point" cx={x(i)} cy={y(s.value)} r={5}>
                <title>{`${s.label}: ${number(s.value)} (${number(s.low)} – ${number(s.high)})`}</title>
              </circle>
              {i % every === 0 && <text class="axis" x={x(i)} y={HEIGHT - 8} text-anchor="middle">{s.label.slice(5)}</text>}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

// ---- figures with intervals, each on a scale of its own ----

export interface Band {
  name: string;
  value: number;
  low: number | null;
  high: number | null;
  mark: number | null; // the baseline
  markName: string;
  limit: number | null; // what no model could pass
  better: boolean | null; // whether the difference is beyond doubt
  note: string;
  other?: { value: number; low: number | null; high: number | null }; // to compare with, drawn above
}

// From and to of a scale on which all of it is seen, with some room.
export function span(values: (number | null)[]): [number, number] {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  const low = Math.min(...known);
  const high = Math.max(...known);
  const room = high > low ? (high - low) * 0.18 : Math.max(Math.abs(high) * 0.2, 1e-9);
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

export function Bands({ label, bands }: { label: string; bands: Band[] }) {
  return (
    <ul class="bands" aria-label={label}>
      {bands.map((b) => {
        const [from, to] = span([b.value, b.low, b.high, b.mark, b.other?.value ?? null, b.other?.low ?? null, b.other?.high ?? null]);
        const x = (v: number) => (1000 * (v - from)) / (to - from);
        const interval = b.low !== null && b.high !== null ? ` (${number(b.low)} – ${number(b.high)})` : '';
        const row = (y: number, of: { value: number; low: number | null; high: number | null }, second: boolean) => (
          <g class={second ? 'other' : undefined}>
            {of.low !== null && of.high !== null && <rect class="band" x={x(of.low)} width={Math.max(4, x(of.high) - x(of.low))} y={y - 5} height={10} />}
            <rect class="dot" x={x(of.value) - 4} width={8} y={y - 8} height={16} />
          </g>
        );
        return (
          <li key={b.name}>
            <span class="band-name">{word(b.name)}</span>
            <svg class="band-plot" viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">
              <line class="grid" x1={0} x2={1000} y1={20} y2={20} />
              {b.mark !== null && <rect class="mark" x={x(b.mark) - 2} width={4} y={4} height={32} />}
              {b.other && row(12, b.other, true)}
              {row(b.other ? 28 : 20, b, false)}
            </svg>
            <span class="band-text">
              <span class="figure">
                {b.other && <>{number(b.other.value)} → </>}
                <strong>{number(b.value)}</strong>
                {interval}
              </span>
              {b.mark !== null && <span class="quiet"> {b.markName} {number(b.mark)}</span>}
              {b.note && <span class={b.better ? 'good' : 'quiet'}> {b.note}</span>}
              {b.limit !== null && <span class="quiet"> · {t('bestReachable')} {number(b.limit)}</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

// ---- curves ----

const LINES = 200;
export function Lines({ label, curves }: { label: string; curves: { name: string; points: [number, number][] }[] }) {
  const [hold, width] = useWidth();
  const all = curves.flatMap((c) => c.points);
  const xs = all.map((p) => p[0]);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = span(all.map((p) => p[1]));
  const inner = Math.max(0, width - LEFT - 12);
  const x = (v: number) => LEFT + (x1 > x0 ? (inner * (v - x0)) / (x1 - x0) : inner / 2);
  const y = (v: number) => TOP + (LINES - TOP - BOTTOM) * (1 - (v - y0) / (y1 - y0));
  const marks = [0, 1, 2, 3].map((i) => y0 + ((y1 - y0) * i) / 3);
  return (
    <div ref={hold} class="plot lines">
      {width > 0 && (
        <svg width={width} height={LINES} role="img" aria-label={`${label}. ${curves.map((c) => `${c.name}: ${number(c.points[0]![1])} → ${number(c.points[c.points.length - 1]![1])}`).join('; ')}`}>
          {marks.map((m) => (
            <g key={m}>
              <line class="grid" x1={LEFT} x2={width} y1={y(m)} y2={y(m)} />
              <text class="axis" x={LEFT - 8} y={y(m) + 4} text-anchor="end">{compact(m)}</text>
            </g>
          ))}
          <text class="axis" x={LEFT} y={LINES - 6}>{compact(x0)}</text>
          <text class="axis" x={width - 12} y={LINES - 6} text-anchor="end">{compact(x1)}</text>
          {curves.map((c, i) => (
            <g class={`curve curve-${i % 4}`} key={c.name}>
              <path d={c.points.map((p, n) => `${n ? 'L' : 'M'}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join('')} />
              {c.points.length === 1 && <circle cx={x(c.points[0]![0])} cy={y(c.points[0]![1])} r={4} />}
            </g>
          ))}
        </svg>
      )}
      <p class="quiet legend">
        {curves.map((c, i) => (
          <span key={c.name}>
            <svg class={`curve curve-${i % 4}`} width={22} height={8} aria-hidden="true"><path d="M1 4H21" /></svg> {word(c.name)}
          </span>
        ))}
      </p>
    </div>
  );
}
