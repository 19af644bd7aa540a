// Which routes the server has, by its OpenAPI document: a page whose route is not there is not shown.
import { useEffect, useState } from 'preact/hooks';
import { asFailure, askJson, type Failure } from './api';

export type Routes = Set<string>;

// "GET /v1/jobs/{}": what the parameter is called says nothing.
export function routeName(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replace(/\{[^}]*\}/g, '{}')}`;
}
export function routesOf(document: { paths?: Record<string, Record<string, unknown>> }): Routes {
  const out: Routes = new Set();
  for (const [path, methods] of Object.entries(document.paths ?? {})) for (const method of Object.keys(methods)) out.add(routeName(method, path));
  return out;
}

let known: Routes | null = null;
let failed: Failure | null = null;
let asking: Promise<void> | null = null;
const listeners = new Set<() => void>();

function askRoutes() {
  if (known || asking) return;
  asking = askJson<Parameters<typeof routesOf>[0]>('GET', '/v1/openapi.json').then(
    (document) => {
      known = routesOf(document);
      failed = null;
    },
    (e: unknown) => {
      failed = asFailure(e);
    },
  ).finally(() => {
    asking = null;
    for (const listener of listeners) listener();
  });
}

// Asked once for each visit; after a refusal (no key yet) when `again` has changed, that is when another key was given.
export function useRoutes(again: unknown): { routes: Routes | null; failure: Failure | null } {
  const [, turn] = useState(0);
  useEffect(() => {
    const told = () => turn((n) => n + 1);
    listeners.add(told);
    askRoutes();
    return () => {
      listeners.delete(told);
    };
  }, [again]);
  return { routes: known, failure: known ? null : failed };
}
export function has(route: string): boolean {
  return known?.has(route) ?? false;
}
// Whether many questions of an answer can be asked at once.
export function hasBatch(answer: string): boolean {
  return has('POST /v1/answers/{}/batch') || has(`POST /v1/answers/${answer}/batch`);
}
