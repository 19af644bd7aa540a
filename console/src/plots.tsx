// Plots drawn by hand: bars over time, and a forecast with its interval. Each has its figures as a table beside it.
import { number } from './format';
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
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 }).format(value);
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
