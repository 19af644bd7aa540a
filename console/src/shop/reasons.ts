// From what merx says about a recommendation to a line a visitor understands. A reason has a kind, the id of what it is about, and a number: how
// much of the score it is. The strongest one is told; all of them stand behind "Why?".
import type { Item, Reason } from './merx';
import { say, spoken } from './words';

export type Did = Map<string, 'view' | 'cart' | 'purchase'>; // what the visitor did with a product, the strongest of it

// "Family Red Qipao 家用红色旗袍": a name in two languages is shown in the visitor's.
export function nameIn(title: string, language = spoken()): string {
  const both = /^([\x20-\x7e]+?)\s+([^\x00-\xff].*)$/.exec(title);
  return both ? both[language === 'zh' ? 2 : 1]! : title;
}

export function inWords(reason: Reason, did: Did, titles: Map<string, string>): string {
  const name = nameIn(titles.get(reason.id) ?? titleWithin(reason.text) ?? reason.id);
  const number = /\d+/.exec(reason.text)?.[0] ?? '';
  switch (reason.kind) {
    case 'session':
    case 'purchase':
    case 'basket':
    case 'item': {
      const what = did.get(reason.id);
      if (reason.kind === 'purchase' || what === 'purchase') return say('becauseBought', { name });
      if (what === 'cart') return say('becauseCart', { name });
      if (what === 'view' && reason.kind !== 'basket') return say('becauseViewed', { name });
      return say('becauseGoes', { name });
    }
    case 'base':
      return number ? say('becausePopular', { n: number }) : reason.text;
    case 'bought':
      return number ? say('becauseTogether', { n: number }) : reason.text;
    case 'words':
      return say('becauseWords', { words: reason.text.replace(/^shares the words? /, '') });
    case 'category':
      return say('becauseCategory', { category: reason.text.replace(/^of the same category, /, '') });
    case 'price':
      return say('becausePrice');
    case 'looks':
      return say('becauseLooks');
    default:
      return reason.text; // a kind this page does not know: merx's own words
  }
}
// "Family Red Qipao in this session", "bought X on 2025-12-07", "X is in the basket"
function titleWithin(text: string): string | undefined {
  return /^(?:bought )?(.+?)(?: in this session| is in the basket| on \d{4}-\d\d-\d\d| was given)$/.exec(text)?.[1];
}

export function strongest(item: Item): Reason | undefined {
  return item.reasons?.reduce<Reason | undefined>((best, r) => (r.contribution > (best?.contribution ?? 0) ? r : best), undefined);
}
