import { language } from './texts';

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

export function seconds(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value < 1 ? `${number(Number((value * 1e3).toPrecision(3)))} ms` : `${number(Number(value.toPrecision(3)))} s`;
}

export function bytes(value: number): string {
  return value >= 1 << 20 ? `${number(Math.round(value / (1 << 20)))} MB` : `${number(Math.round(value / 1024))} KB`;
}

const SHARES = /(^|[ _])(share|probability|rate)$|^month \d+$|^buys_again$/;
export function field(name: string, value: string | number | boolean | null): string {
  if (value === null) return '–';
  if (typeof value === 'number') return SHARES.test(name) ? percent(value) : number(value);
  if (typeof value === 'boolean') return value ? '✓' : '–';
  return /^-?\d+\.\d+$/.test(value) ? money(value) : value;
}

// Sums as the server sums: the difference allowed is one part in a million.
export function addsUp(contributions: number[], score: number): boolean {
  const sum = contributions.reduce((a, b) => a + b, 0);
  return Math.abs(sum - score) <= 1e-6 * Math.max(1, Math.abs(score));
}
