// What the routes beside the answers say.
import type { Value } from './api';

export interface Listing<T> {
  items: T[];
  next: string | null;
}

export type JobKind = 'import' | 'train' | 'evaluate' | 'erase' | 'export';
export type JobState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
export interface Job {
  id: string;
  kind: JobKind;
  state: JobState;
  created: string;
  started: string | null;
  ended: string | null;
  progress: number | null; // 0 to 1
  stage: string;
  left_s: number | null;
  parameters: Record<string, unknown>;
  result: Record<string, unknown> | null;
  error: { code: string; message: string; where: string; hint: string } | null;
}
export function goesOn(job: Job): boolean {
  return job.state === 'waiting' || job.state === 'running';
}

export interface Upload {
  name: string;
  bytes: number;
  created?: string;
}

export interface ModelRow {
  answer: string;
  title: string;
  live: number | null;
  versions: number;
  newest: number | null;
}
export interface Figure {
  name: string;
  baseline_name: string;
  value: number;
  low: number | null;
  high: number | null;
  baseline: number | null;
  difference: number | null;
  difference_low: number | null;
  difference_high: number | null;
  best_reachable: number | null;
  higher_is_better: boolean;
}
export interface Evaluation {
  unit: string;
  test_units: number;
  train_rows: number;
  test_rows: number;
  protocol: string;
  figures: Figure[];
  gate_passed: boolean;
  gate: string;
}
export interface Curve {
  name: string;
  points: [number, number][];
}
export interface Version {
  version: number;
  live: boolean;
  created: string;
  data_offset: number;
  bytes: number;
  sha256: string;
  options: Record<string, Value>;
  evaluation: Evaluation | null;
  curves: Curve[];
}
export interface Measured {
  value: number;
  low: number | null;
  high: number | null;
}
export interface Comparison {
  answer: string;
  a: number;
  b: number;
  figures: { name: string; a: Measured | null; b: Measured | null; difference: number | null }[];
}

export interface Key {
  id: string;
  name: string;
  role: string;
  created: string;
}
export interface Setting {
  name: string;
  value: Value;
  default: Value;
  text: string;
  from: 'flag' | 'environment' | 'file' | 'default';
}

export interface ShopEvent {
  id?: string;
  offset?: number;
  kind: string;
  product: string;
  time: string;
  customer?: string | null;
  session?: string | null;
  order?: string | null;
  quantity?: number;
  price?: string | null;
}
export interface Product {
  id: string;
  title?: string | null;
  category?: string | null;
  brand?: string | null;
  image?: string | null;
  price?: string | null;
  service?: boolean;
}
export interface Customer {
  id: string;
  country?: string | null;
  created?: string | null;
  [name: string]: unknown;
}
