// One visit: who it is, what is in the basket, what was done with which product. It lives in this tab and ends with it.
import type { Did } from './reasons';
import { newId } from './merx';

export interface Line {
  id: string;
  title: string;
  price: string | null;
  quantity: number;
}
export interface Visit {
  session: string;
  basket: Line[];
  trail: string[]; // products in the order they were touched, the last one last, each once
  did: Did;
  known: boolean; // merx has stored an event of it
}

const KEPT = 'merx.visit';
const LONGEST_TRAIL = 20;

export function newVisit(): Visit {
  return { session: `demo-${newId()}`, basket: [], trail: [], did: new Map(), known: false };
}
export function readVisit(): Visit {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '') as Visit & { did: [string, 'view' | 'cart' | 'purchase'][] };
    return { ...kept, did: new Map(kept.did) };
  } catch {
    return newVisit();
  }
}
export function keepVisit(visit: Visit) {
  sessionStorage.setItem(KEPT, JSON.stringify({ ...visit, did: [...visit.did] }));
}

const STRENGTH = { view: 1, cart: 2, purchase: 3 };
export function touched(visit: Visit, id: string, what: 'view' | 'cart' | 'purchase'): Visit {
  const did = new Map(visit.did);
  if (STRENGTH[what] >= STRENGTH[did.get(id) ?? 'view']) did.set(id, what);
  return { ...visit, did, trail: [...visit.trail.filter((t) => t !== id), id].slice(-LONGEST_TRAIL) };
}
export function inBasket(visit: Visit, line: Omit<Line, 'quantity'>, by: number): Visit {
  const there = visit.basket.find((l) => l.id === line.id);
  const basket = there ? visit.basket.map((l) => (l === there ? { ...l, quantity: l.quantity + by } : l)) : [...visit.basket, { ...line, quantity: by }];
  return { ...visit, basket: basket.filter((l) => l.quantity > 0) };
}

// Prices are decimal texts; a sum of them is taken in whole units of their last place, never as floating numbers.
export function sumOf(lines: { price: string | null; quantity: number }[]): string {
  const places = Math.max(0, ...lines.map((l) => (l.price?.split('.')[1] ?? '').length));
  const unit = 10n ** BigInt(places);
  let sum = 0n;
  for (const { price, quantity } of lines) {
    const [whole = '0', part = ''] = (price ?? '0').split('.');
    const minor = BigInt(whole) * unit + (whole.startsWith('-') ? -1n : 1n) * BigInt(part.padEnd(places, '0') || '0');
    sum += minor * BigInt(quantity);
  }
  const text = (sum < 0n ? -sum : sum).toString().padStart(places + 1, '0');
  return (sum < 0n ? '−' : '') + (places > 0 ? `${text.slice(0, -places)}.${text.slice(-places)}` : text);
}
