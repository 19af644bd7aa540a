// The server's API: one function that asks, and the shapes of what it says. The key lives in sessionStorage, so it ends with the tab.

export interface Reason {
  kind: string;
  id: string;
  text: string;
  contribution: number;
  without: number | null;
}
export type Value = string | number | boolean | null;
export interface Item {
  id: string;
  title: string;
  score: number;
  fields: Record<string, Value>;
  reasons?: Reason[];
}
export interface Reply {
  answer: string;
  sentence: string;
  score_unit: string;
  model_version: number;
  data_offset: number;
  items: Item[];
  notes: string[];
}
export interface Option {
  name: string;
  type: 'bool' | 'int' | 'real' | 'choice' | 'text';
  default: string | null;
  text: string;
  range?: [number, number];
  choices?: string[];
}
export interface Answer {
  name: string;
  title: string;
  text: string;
  needs: string;
  learns: boolean;
  question: Option[];
}

export interface FieldError {
  index?: number;
  field?: string;
  value?: string | null;
  expected?: string;
}

// What the server refused, or that it could not be reached (status 0).
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly where = '',
    readonly hint = '',
    readonly requestId = '',
    readonly errors: FieldError[] = [],
  ) {
    super(message);
  }
  // The server asks who is there, or of which of its shops.
  get asksAccess(): boolean {
    return this.status === 401 || (this.status === 400 && this.where === 'Merx-Shop') || (this.status === 404 && this.where === 'Merx-Shop');
  }
}

const KEY = 'merx.key';
const SHOP = 'merx.shop';
export const access = {
  get key() {
    return sessionStorage.getItem(KEY) ?? '';
  },
  get shop() {
    return sessionStorage.getItem(SHOP) ?? '';
  },
  set(key: string, shop: string) {
    for (const [name, value] of [[KEY, key], [SHOP, shop]] as const)
      if (value) sessionStorage.setItem(name, value);
      else sessionStorage.removeItem(name);
  },
};

let onRefused: (failure: Failure) => void = () => {};
// Who is told when the server asks for a key.
export function whenRefused(listener: (failure: Failure) => void) {
  onRefused = listener;
}

function failureOf(status: number, text: string): Failure {
  try {
    const e = JSON.parse(text);
    return new Failure(status, String(e.code), String(e.message), e.where, e.hint, e.request_id, e.errors);
  } catch {
    return new Failure(status, `http_${status}`, text.slice(0, 300) || `status ${status}`);
  }
}

export async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<string> {
  const headers: Record<string, string> = {};
  if (access.key) headers['Authorization'] = `Bearer ${access.key}`;
  if (access.shop) headers['Merx-Shop'] = access.shop;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let status: number;
  let text: string;
  try {
    const response = await fetch(path, {
      method, headers, signal, credentials: 'omit', body: body === undefined ? undefined : JSON.stringify(body),
    });
    status = response.status;
    text = await response.text();
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Failure(0, 'unreachable', e instanceof Error ? e.message : String(e));
  }
  if (status >= 200 && status < 300) return text;
  const failure = failureOf(status, text);
  if (failure.asksAccess) onRefused(failure);
  throw failure;
}

export async function askJson<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  return JSON.parse(await ask(method, path, body, signal)) as T;
}

export function answerPath(name: string, question: Record<string, string>): string {
  const query = new URLSearchParams(question).toString();
  return `/v1/answers/${encodeURIComponent(name)}${query ? `?${query}` : ''}`;
}

// What one types into a shell to ask the same; the key stays out of it.
export function curlLine(path: string): string {
  const url = `${location.origin}${path}`.replace(/'/g, '%27');
  const auth = access.key ? ` -H "Authorization: Bearer $MERX_KEY"` : '';
  const shop = access.shop ? ` -H 'Merx-Shop: ${access.shop.replace(/'/g, `'\\''`)}'` : '';
  return `curl${auth}${shop} '${url}'`;
}
