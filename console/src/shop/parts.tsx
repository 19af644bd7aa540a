// What the storefront's pages are made of: a product's picture and card, a row of recommendations, the panel that shows the traffic.
import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import type { Item, Merx, Product, Reply, Traffic } from './merx';
import { Placeholder } from './placeholder';
import { inWords, nameIn, strongest } from './reasons';
import type { Visit } from './visit';
import { say, spoken } from './words';

export interface Shop {
  merx: Merx;
  visit: Visit;
  titles: Map<string, string>; // of every product that was seen on the page
  round: number; // grows with each event that merx has stored: what was asked before is asked again
  add: (product: { id: string; title: string; price: string | null }) => void;
}
export const ShopContext = createContext<Shop | null>(null);
export const useShop = () => useContext(ShopContext)!;

export const toProduct = (id: string) => `#/product/${encodeURIComponent(id)}`;

// ---- pictures ----

// Drawn on a canvas, because a request for an <img> can't carry the key. With pictures of your own: <img src=… loading="lazy">.
const pictures = new Map<string, Promise<ImageBitmap | null>>();
export function Picture({ id, title, size }: { id: string; title: string; size: number }) {
  const { merx } = useShop();
  const [bitmap, setBitmap] = useState<ImageBitmap | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    setBitmap(null);
    let current = true;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((e) => e.isIntersecting)) return;
      seen.disconnect();
      const name = `${id}/${size}`;
      if (!pictures.has(name)) pictures.set(name, merx.picture(id, size).then((b) => createImageBitmap(b)).catch(() => null));
      void pictures.get(name)!.then((b) => current && setBitmap(b));
    }, { rootMargin: '300px' });
    seen.observe(frame.current!);
    return () => {
      current = false;
      seen.disconnect();
    };
  }, [id, size, merx]);
  useEffect(() => {
    if (!bitmap || !canvas.current) return;
    canvas.current.width = bitmap.width;
    canvas.current.height = bitmap.height;
    canvas.current.getContext('2d')?.drawImage(bitmap, 0, 0);
  }, [bitmap]);
  return (
    <div ref={frame} class="picture">
      {bitmap ? <canvas ref={canvas} role={title ? 'img' : undefined} aria-label={title || undefined} aria-hidden={title ? undefined : true} /> : <Placeholder id={id} />}
    </div>
  );
}

// ---- cards ----

function Why({ item, name }: { item: Item; name: string }) {
  const { visit, titles } = useShop();
  const [open, setOpen] = useState(false);
  const reasons = [...(item.reasons ?? [])].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const shown = reasons.slice(0, 5);
  const rest = reasons.slice(5).reduce((sum, r) => sum + r.contribution, 0);
  const largest = Math.max(1e-12, Math.abs(rest), ...shown.map((r) => Math.abs(r.contribution)));
  const row = (key: string, text: string, value: number) => (
    <li key={key}>
      <span>{text}</span>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class={value < 0 ? 'against' : 'for'} width={(100 * Math.abs(value)) / largest} height={6} rx={1} />
      </svg>
      <span class="figure">{value < 0 ? '−' : '+'}{Math.abs(value).toPrecision(2)}</span>
    </li>
  );
  return (
    <div class="why">
      <button type="button" class="link" aria-expanded={open} aria-label={say('whyOf', { name })} onClick={() => setOpen(!open)}>{say('why')}</button>
      {open && (
        <div class="why-all">
          <ul>
            {shown.map((r, i) => row(String(i), inWords(r, visit.did, titles), r.contribution))}
            {reasons.length > 5 && row('rest', say('others', { n: String(reasons.length - 5) }), rest)}
          </ul>
          <p>{say('sum', { score: item.score.toPrecision(3) })}</p>
        </div>
      )}
    </div>
  );
}

export function Card({ id, title, price, item }: { id: string; title: string; price: string | null; item?: Item }) {
  const { visit, titles, add } = useShop();
  const name = nameIn(title);
  const reason = item && strongest(item);
  const has = visit.basket.some((l) => l.id === id);
  return (
    <li class="card" data-product={id}>
      <a href={toProduct(id)}>
        <Picture id={id} title="" size={256} />
        <span class="card-name">{name}</span>
      </a>
      <div class="card-foot">
        <span class="price">{price ?? ' '}</span>
        <button type="button" class="add" aria-label={say('addOne', { name })} data-has={has} onClick={() => add({ id, title, price })}>
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><path d={has ? 'M4 10.5l4 4 8-9' : 'M10 4v12M4 10h12'} /></svg>
        </button>
      </div>
      {item && (
        <>
          <p class="reason">{reason ? inWords(reason, visit.did, titles) : ' '}</p>
          {item.reasons && item.reasons.length > 0 && <Why item={item} name={name} />}
        </>
      )}
    </li>
  );
}

export function cardOf(item: Item) {
  return <Card key={item.id} id={item.id} title={item.title || item.id} price={typeof item.fields['price'] === 'string' ? item.fields['price'] : null} item={item} />;
}
export function cardOfProduct(product: Product) {
  return <Card key={product.id} id={product.id} title={product.title || product.id} price={product.price ?? null} />;
}

// ---- a row of recommendations ----

// Asks when the question changes, and what is about the visitor's session also with each event that is stored. What was there stays until the new is
// there, so nothing jumps.
export function useAnswer(name: string, question: Record<string, string | number | boolean> | null): { reply: Reply | null; failed: Error | null } {
  const { merx, round, titles } = useShop();
  const [state, setState] = useState<{ reply: Reply | null; failed: Error | null }>({ reply: null, failed: null });
  const asked = question && JSON.stringify(question);
  const since = question && 'session' in question ? round : 0;
  useEffect(() => {
    if (!question) {
      setState({ reply: null, failed: null });
      return;
    }
    // The next round asks: it comes when they are stored.
    if ('session' in question && merx.telling) return;
    let current = true;
    merx.answer(name, question).then(
      (reply) => {
        if (!current) return;
        for (const item of reply.items) titles.set(item.id, item.title || item.id);
        setState({ reply, failed: null });
      },
      (e: unknown) => current && setState({ reply: null, failed: e instanceof Error ? e : new Error(String(e)) }),
    );
    return () => {
      current = false;
    };
  }, [merx, name, asked, since]);
  return state;
}

export function Row({ title, text, name, question, count }: { title: string; text?: string; name: string; question: Record<string, string | number | boolean> | null; count: number }) {
  const { reply, failed } = useAnswer(name, question && { ...question, n: count, why: true });
  if (!question) return null;
  if (reply && reply.items.length === 0) return null;
  return (
    <section class="row" aria-label={title} data-answer={name} data-offset={reply?.data_offset}>
      <h2>{title}</h2>
      {text && <p class="quiet">{text}</p>}
      {failed ? (
        <p class="quiet">{say('noModel')} <span class="small">({failed.message})</span></p>
      ) : (
        <ul class={`cards of-${count}`}>{reply ? reply.items.map(cardOf) : Array.from({ length: count }, (_, i) => <Waiting key={i} />)}</ul>
      )}
    </section>
  );
}
export function Waiting() {
  return (
    <li class="card waiting" aria-hidden="true">
      <div class="picture" />
      <span class="card-name"> </span>
    </li>
  );
}

// What to ask about this visitor. With a key that may send events, merx knows the session; with one that may not, what was touched goes along.
export function aboutVisitor(visit: Visit, merx: Merx): { recommend: Record<string, string>; next: Record<string, string> } | null {
  if (visit.trail.length === 0) return null;
  if (merx.readOnly) return { recommend: { basket: visit.trail.join(',') }, next: { items: visit.trail.join(',') } };
  return merx.known ? { recommend: { session: visit.session }, next: { session: visit.session } } : null;
}

// ---- what merx saw ----

export function Saw({ traffic, session, close, fresh }: { traffic: Traffic[]; session: string; close: () => void; fresh: () => void }) {
  const number = (n: number) => new Intl.NumberFormat(spoken() === 'zh' ? 'zh-CN' : 'en-GB').format(n);
  return (
    <aside class="saw" id="saw" aria-label={say('saw')}>
      <div class="saw-head">
        <h2>{say('saw')}</h2>
        <button type="button" class="small close" onClick={close}>{say('close')}</button>
      </div>
      <p class="quiet">{say('sawText')}</p>
      {traffic.length === 0 ? (
        <p class="quiet">{say('sawNothing')}</p>
      ) : (
        <ol>
          {traffic.map((one) => (
            <li key={one.id} class={one.what} data-failed={one.failed ? 'true' : undefined}>
              <span class="saw-line">
                <span class="saw-what">{say(one.what)}</span> <strong>{one.name}</strong>
                <span class="saw-ms">{one.ms === null ? say('underWay') : `${one.ms < 10 ? one.ms.toFixed(1) : Math.round(one.ms)} ms`}</span>
              </span>
              <span class="saw-about">{one.about.length > 90 ? `${one.about.slice(0, 90)} …` : one.about}</span>
              {one.offset !== null && <span class="saw-about">{say(one.what === 'event' ? 'stored' : 'seen', { n: number(one.offset) })}</span>}
              {one.failed && <span class="saw-about">{one.failed}</span>}
            </li>
          ))}
        </ol>
      )}
      <p class="quiet">{say('session')}: <code>{session}</code></p>
      <button type="button" class="small" id="fresh" onClick={fresh}>{say('newVisitor')}</button>
    </aside>
  );
}
