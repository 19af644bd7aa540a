import { language, t } from './texts';

function locale() {
  return language() === 'zh' ? 'zh-CN' : 'en-GB';
}

// A number for a person: whole ones whole, others with four digits that count.
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const options = Number.isInteger(value) || Math.abs(value) >= 10000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 };
  return new Intl.NumberFormat(locale(), options).format(value);
}

// Numbers that stand below each other: with as many places as show the largest in four digits.
export function places(largest: number): number {
  return largest > 0 ? Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(largest)))) : 0;
}
export function fixed(value: number, digits: number): string {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: 'exceptZero' })
    .format(value)
    .replace('-', '−');
}

export function percent(value: number): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
}

// Money comes as a decimal text and is never made a floating number: only its thousands are set apart.
export function money(text: string): string {
  return text.replace(/^(-?)(\d+)(?=\.|$)/, (_, sign: string, whole: string) => (sign ? '−' : '') + whole.replace(/\B(?=(\d{3})+$)/g, ','));
}

// A difference with its sign.
export function difference(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 4;
  return fixed(value, digits);
}

// A time of the server ("2026-11-29T14:00:00Z") as the reader's own clock says it.
export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return new Intl.DateTimeFormat(locale(), { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(date);
}
export function clock(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(date);
}

// How long: "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
export function duration(s: number): string {
  if (!(s >= 0)) return '–';
  if (s < 1) return seconds(s);
  const whole = Math.round(s);
  const parts = ([['d', 86400], ['h', 3600], ['min', 60], ['s', 1]] as const).map(([unit, size], i, all) => [unit, Math.floor((i ? whole % all[i - 1]![1] : whole) / size)] as const);
  const first = parts.findIndex(([, n]) => n > 0);
  return parts.slice(first, first + 2).filter(([, n]) => n > 0).map(([unit, n]) => `${n} ${t(`unit_${unit}`)}`).join(' ');
}

export function seconds(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value < 1 ? `${number(Number((value * 1e3).toPrecision(3)))} ms` : `${number(Number(value.toPrecision(3)))} s`;
}

export function bytes(value: number): string {
  return value >= 1 << 20 ? `${number(Number((value / (1 << 20)).toPrecision(3)))} MB` : value >= 1024 ? `${number(Math.round(value / 1024))} KB` : `${number(value)} B`;
}

const SHARES = /(^|[ _])(share|probability|rate)$|^month \d+$|^buys_again$/;
// By the type the server says; without one (a record, an older server) by the name.
export function field(name: string, value: string | number | boolean | null, type?: string): string {
  if (value === null || value === '') return '–';
  if (typeof value === 'boolean') return value ? '✓' : '–';
  if (typeof value === 'string') return type === 'money' || (type === undefined && /^-?\d+\.\d+$/.test(value)) ? money(value) : value;
  if (type === 'share' || (type === undefined && SHARES.test(name))) return percent(value);
  return type === 'money' ? fixedPlain(value, 2) : number(value);
}
function fixedPlain(value: number, digits: number): string {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace('-', '−');
}

// Sums as the server sums: the difference allowed is one part in a million.
export function addsUp(contributions: number[], score: number): boolean {
  const sum = contributions.reduce((a, b) => a + b, 0);
  return Math.abs(sum - score) <= 1e-6 * Math.max(1, Math.abs(score));
}
