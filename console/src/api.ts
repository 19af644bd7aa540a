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
  types?: Record<string, string>; // of fields that are not what the reply says
  reasons?: Reason[];
}
export interface Reply {
  answer: string;
  sentence: string;
  score_unit: string;
  model_version: number;
  data_offset: number;
  types?: Record<string, string>; // of fields: text, int, real, share, money or date
  items: Item[];
  notes: string[];
  heat_map?: { type: string; base64: string };
}
export function typeOf(reply: Reply, item: Item, field: string): string | undefined {
  return item.types?.[field] ?? reply.types?.[field];
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

function headersOf(type?: string): Record<string, string> {
  const headers: Record<string, string> = {};
  if (access.key) headers['Authorization'] = `Bearer ${access.key}`;
  if (access.shop) headers['Merx-Shop'] = access.shop;
  if (type) headers['Content-Type'] = type;
  return headers;
}

// Every failure of the console is of one kind.
export function asFailure(e: unknown): Failure {
  return e instanceof Failure ? e : new Failure(0, 'console', e instanceof Error ? e.message : String(e));
}

// A reply of the server that is no failure. A body that is a Blob (a file, a picture) goes out as it is, another as JSON.
export async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const raw = body instanceof Blob;
  let response: Response;
  try {
    response = await fetch(path, {
      method, signal, credentials: 'omit',
      headers: headersOf(raw ? body.type || 'application/octet-stream' : body === undefined ? undefined : 'application/json'),
      body: raw ? body : body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Failure(0, 'unreachable', e instanceof Error ? e.message : String(e));
  }
  if (response.ok) return response;
  const failure = failureOf(response.status, await response.text());
  if (failure.asksAccess) onRefused(failure);
  throw failure;
}

export async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<string> {
  const response = await request(method, path, body, signal);
  try {
    return await response.text();
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Failure(0, 'unreachable', e instanceof Error ? e.message : String(e));
  }
}

// A file goes up; how much of it has gone is told meanwhile (0 to 1), which fetch can't.
export function upload(path: string, file: Blob, progress: (share: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((done, refuse) => {
    const xhr = new XMLHttpRequest();
    xhr.open('PUT', path);
    for (const [name, value] of Object.entries(headersOf('application/octet-stream'))) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (e) => progress(file.size > 0 ? e.loaded / file.size : 1);
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) done(xhr.responseText);
      else {
        const failure = failureOf(xhr.status, xhr.responseText);
        if (failure.asksAccess) onRefused(failure);
        refuse(failure);
      }
    };
    xhr.onerror = () => refuse(new Failure(0, 'unreachable', 'the upload was cut off'));
    xhr.onabort = () => refuse(new Failure(0, 'aborted', 'the upload was given up'));
    signal.addEventListener('abort', () => xhr.abort());
    xhr.send(file);
  });
}

// Keeps what a path gives as a file. A link can't carry the key, so the bytes are fetched and handed to the browser.
export async function download(path: string, name: string): Promise<void> {
  save(await (await request('GET', path)).blob(), name);
}
export function save(blob: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
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
