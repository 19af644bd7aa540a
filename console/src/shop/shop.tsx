// The demo storefront: a shop front on top of merx's API, small enough to be copied from. merx.ts is the part that talks to merx, reasons.ts
// puts its reasons into words, visit.ts keeps the visit; this file has the pages.
import { render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Merx, newId, type Product, Refusal, type Traffic } from './merx';
import { aboutVisitor, cardOfProduct, Picture, Row, Saw, type Shop, ShopContext, useAnswer, useShop, Waiting } from './parts';
import { nameIn } from './reasons';
import { inBasket, keepVisit, type Line, newVisit, readVisit, sumOf, touched, type Visit } from './visit';
import { say, speak, spoken } from './words';
import './shop.css';

// ---- pages ----

function Shelf({ q }: { q: string }) {
  const { merx, titles } = useShop();
  const [products, setProducts] = useState<Product[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  const load = async (after: string | null) => {
    const page = await merx.products(24, q, after);
    for (const p of page.items) titles.set(p.id, p.title || p.id);
    setProducts((before) => (after === null ? page.items : [...(before ?? []), ...page.items]));
    setNext(page.next);
  };
  useEffect(() => {
    setProducts(null);
    load(null).catch(() => setFailed(true));
  }, [q, merx]);
  if (failed) return null;
  return (
    <section class="row" aria-label={say('all')} aria-live="polite">
      <h2>{q ? say('found', { q }) : say('all')}</h2>
      {products?.length === 0 ? (
        <p class="quiet">{q ? say('nothing', { q }) : say('noProducts')}</p>
      ) : (
        <ul class="cards">{products ? products.map(cardOfProduct) : Array.from({ length: 12 }, (_, i) => <Waiting key={i} />)}</ul>
      )}
      {next && <button type="button" onClick={() => void load(next)}>{say('more')}</button>}
    </section>
  );
}

// What sells best, by the answer insight, which knows no prices: those come with the products themselves.
function Best() {
  const { merx } = useShop();
  const { reply } = useAnswer('insight', { topic: 'products', n: 8 });
  const [products, setProducts] = useState<Product[] | null>(null);
  useEffect(() => {
    if (!reply) return;
    void Promise.all(reply.items.map((item) => merx.product(item.id).catch((): Product => ({ id: item.id, title: item.title })))).then(setProducts);
  }, [reply, merx]);
  if (reply?.items.length === 0) return null;
  return (
    <section class="row" aria-label={say('best')}>
      <h2>{say('best')}</h2>
      <ul class="cards">{products ? products.map(cardOfProduct) : Array.from({ length: 8 }, (_, i) => <Waiting key={i} />)}</ul>
    </section>
  );
}

function ForYou({ count }: { count: number }) {
  const { visit, merx } = useShop();
  const about = aboutVisitor(visit, merx);
  if (!about) return null;
  return (
    <>
      <Row title={say('forYou')} text={say('forYouText')} name="recommend" question={about.recommend} count={count} />
      <Row title={say('next')} name="next" question={about.next} count={4} />
    </>
  );
}

function Home({ q }: { q: string }) {
  const { visit } = useShop();
  return (
    <>
      {q === '' && visit.trail.length === 0 && (
        <div class="hero">
          <h1>{say('lead')}</h1>
          <p>{say('leadText')}</p>
        </div>
      )}
      {(q !== '' || visit.trail.length > 0) && <h1 class="unseen">{q || say('title')}</h1>}
      {q === '' && (visit.trail.length > 0 ? <ForYou count={4} /> : <Best />)}
      <Shelf q={q} />
    </>
  );
}

function OneProduct({ id, saw }: { id: string; saw: (product: Product) => void }) {
  const { merx, visit, add } = useShop();
  const [product, setProduct] = useState<Product | null>(null);
  const [failed, setFailed] = useState<Error | null>(null);
  useEffect(() => {
    merx.product(id).then(
      (p) => {
        setProduct(p);
        saw(p); // looked at: this is the view event
      },
      (e: Error) => setFailed(e),
    );
  }, [id, merx]);
  if (failed)
    return (
      <>
        <h1>{failed instanceof Refusal && failed.status === 404 ? say('notFound') : say('failed')}</h1>
        <p>{failed.message}</p>
        <p><a href="#/">{say('back')}</a></p>
      </>
    );
  const name = nameIn(product?.title || id);
  // The basket says most of what this visitor is about; what is looked at now goes first.
  const basket = [id, ...visit.basket.map((l) => l.id).filter((l) => l !== id)].slice(0, 20).join(',');
  const has = visit.basket.some((l) => l.id === id);
  return (
    <>
      <p class="crumbs"><a href="#/">{say('back')}</a></p>
      <div class="one">
        <Picture id={id} title={name} size={640} />
        <div class="one-words">
          {product?.category && <p class="quiet">{[product.category, product.brand].filter(Boolean).join(', ')}</p>}
          <h1>{name}</h1>
          <p class="price large">{product?.price ?? ' '}</p>
          {product?.text && <p class="about">{product.text}</p>}
          <button type="button" class="main" id="add" disabled={!product} onClick={() => product && add({ id, title: product.title || id, price: product.price ?? null })}>{say(has ? 'added' : 'add')}</button>
        </div>
      </div>
      <Row title={say('goesWith')} name="recommend" question={{ basket }} count={4} />
      <Row title={say('similar')} name="similar" question={{ product: id }} count={4} />
      {/* Once what is looked at has been told: asked before that, the answer would not know of it. */}
      {visit.trail[visit.trail.length - 1] === id && <ForYouNext />}
    </>
  );
}
function ForYouNext() {
  const { visit, merx } = useShop();
  const about = aboutVisitor(visit, merx);
  return about && <Row title={say('next')} name="next" question={about.next} count={4} />;
}

function Basket({ change, buy }: { change: (line: Line, by: number) => void; buy: () => void }) {
  const { visit } = useShop();
  if (visit.basket.length === 0)
    return (
      <>
        <h1>{say('basket')}</h1>
        <p>{say('emptyBasket')}</p>
        <p><a href="#/">{say('back')}</a></p>
        <ForYou count={4} />
      </>
    );
  return (
    <>
      <h1>{say('basket')}</h1>
      <ul class="lines">
        {visit.basket.map((line) => {
          const name = nameIn(line.title);
          return (
            <li key={line.id} data-line={line.id}>
              <Picture id={line.id} title="" size={128} />
              <a href={`#/product/${encodeURIComponent(line.id)}`}>{name}</a>
              <input type="number" min={1} max={99} aria-label={say('quantity', { name })} value={line.quantity} onChange={(e) => change(line, Math.min(99, Math.max(1, Math.round(Number(e.currentTarget.value)) || 1)) - line.quantity)} />
              <span class="price">{line.price ?? '–'}</span>
              <button type="button" class="link" aria-label={say('removeOne', { name })} onClick={() => change(line, -line.quantity)}>{say('remove')}</button>
            </li>
          );
        })}
      </ul>
      <p class="total"><span>{say('total')}</span> <strong>{sumOf(visit.basket)}</strong></p>
      <button type="button" class="main" id="buy" onClick={buy}>{say('buy')}</button>
      <Row title={say('goesWithBasket')} name="recommend" question={{ basket: visit.basket.map((l) => l.id).slice(-20).join(',') }} count={4} />
    </>
  );
}

function Thanks({ order }: { order: string }) {
  return (
    <>
      <h1>{say('thanks')}</h1>
      <p>{say('thanksText', { order })}</p>
      <p><a href="#/">{say('goOn')}</a></p>
      <ForYou count={4} />
    </>
  );
}

// ---- the key ----

// The console's names, so that one sign-in serves both.
const KEY = 'merx.key';
const SHOP = 'merx.shop';

function Door({ refusal }: { refusal: Refusal }) {
  const byShop = refusal.status !== 401;
  const [value, setValue] = useState('');
  return (
    <form
      class="door"
      onSubmit={(e) => {
        e.preventDefault();
        sessionStorage.setItem(byShop ? SHOP : KEY, value.trim().replace(/[^\x21-\x7e]/g, '?'));
        location.reload();
      }}
    >
      <h1>{say(byShop ? 'doorShop' : 'doorTitle')}</h1>
      <p>{say(byShop ? 'doorShopText' : 'doorText')}</p>
      {sessionStorage.getItem(byShop ? SHOP : KEY) && <p class="problem" role="alert">{refusal.message}</p>}
      <label for="door">{say(byShop ? 'shop' : 'key')}</label>
      <input id="door" type={byShop ? 'text' : 'password'} autocomplete="off" spellcheck={false} required value={value} onInput={(e) => setValue(e.currentTarget.value)} />
      <button type="submit" class="main">{say('open')}</button>
    </form>
  );
}

// ---- the frame ----

const THEME = 'merx.theme';
function theme(): 'light' | 'dark' {
  const kept = localStorage.getItem(THEME);
  return kept === 'light' || kept === 'dark' ? kept : matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

// #/ · #/search/WORDS · #/product/ID · #/basket · #/thanks/ORDER
function addressed(): { page: string; id: string } {
  const [page = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/');
  try {
    return { page, id: decodeURIComponent(rest.join('/')) };
  } catch {
    return { page, id: '' };
  }
}

const TRAFFIC_KEPT = 40;

function Front() {
  const [address, setAddress] = useState(addressed);
  const [visit, setVisit] = useState<Visit>(readVisit);
  const [traffic, setTraffic] = useState<Traffic[]>([]);
  const [round, setRound] = useState(0);
  const [panel, setPanel] = useState(() => matchMedia('(min-width: 1180px)').matches);
  const [door, setDoor] = useState<Refusal | null>(null);
  const [words, setWords] = useState('');
  const [, again] = useState(0);
  const main = useRef<HTMLElement>(null);
  const titles = useRef(new Map<string, string>(visit.basket.map((l) => [l.id, l.title])));
  const merx = useMemo(
    () =>
      new Merx({
        session: visit.session,
        key: sessionStorage.getItem(KEY) ?? '',
        shop: sessionStorage.getItem(SHOP) ?? '',
        saw: (one) => setTraffic((before) => [one, ...before.filter((b) => b.id !== one.id)].sort((a, b) => b.id - a.id).slice(0, TRAFFIC_KEPT)),
        known: visit.known,
        changed: () => setRound((n) => n + 1),
      }),
    [visit.session],
  );
  useEffect(() => keepVisit(visit), [visit]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme();
    document.documentElement.lang = spoken() === 'zh' ? 'zh-CN' : 'en';
  });
  useEffect(() => {
    const moved = () => {
      setAddress(addressed());
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    };
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  useEffect(() => {
    if (merx.known && !visit.known) setVisit((v) => ({ ...v, known: true }));
  }, [round]);
  // Whether the shop may be entered. A server that has no listing says so with 404, which is an answer too.
  const [entered, setEntered] = useState(false);
  useEffect(() => {
    merx.products(1).then(
      () => setEntered(true),
      (e: unknown) => (e instanceof Refusal && (e.status === 401 || e.where === 'Merx-Shop') ? setDoor(e) : setEntered(true)),
    );
  }, [merx]);

  const change = (line: Omit<Line, 'quantity'>, by: number) => setVisit((v) => inBasket(v, line, by));
  const add: Shop['add'] = (product) => {
    titles.current.set(product.id, product.title);
    setVisit((v) => touched(inBasket(v, product, 1), product.id, 'cart'));
    merx.event('cart', product.id, product.price ? { price: product.price } : {});
  };
  const saw = (product: Product) => {
    titles.current.set(product.id, product.title || product.id);
    setVisit((v) => touched(v, product.id, 'view'));
    merx.event('view', product.id, product.price ? { price: product.price } : {});
  };
  const buy = () => {
    const order = `demo-${newId().slice(0, 10)}`;
    for (const line of visit.basket) merx.event('purchase', line.id, { order, quantity: line.quantity, ...(line.price ? { price: line.price } : {}) });
    setVisit((v) => v.basket.reduce<Visit>((w, line) => touched(w, line.id, 'purchase'), { ...v, basket: [] }));
    location.hash = `#/thanks/${order}`;
  };
  const fresh = () => {
    setTraffic([]);
    titles.current.clear();
    setVisit(newVisit());
    location.hash = '#/';
  };

  const shop: Shop = { merx, visit, titles: titles.current, round, add };
  const count = visit.basket.reduce((sum, l) => sum + l.quantity, 0);
  document.title = `${address.page === 'product' ? nameIn(titles.current.get(address.id) ?? address.id) : say('title')} · merx`;
  return (
    <ShopContext.Provider value={shop}>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>{say('skip')}</a>
      <header>
        <a class="brand" href="#/">{say('title')}</a>
        <form class="search" role="search" onSubmit={(e) => { e.preventDefault(); location.hash = words.trim() ? `#/search/${encodeURIComponent(words.trim())}` : '#/'; }}>
          <input type="search" aria-label={say('search')} placeholder={say('search')} autocomplete="off" value={words} onInput={(e) => setWords(e.currentTarget.value)} />
          <button type="submit" class="small">{say('find')}</button>
        </form>
        <a class="to-basket" href="#/basket" aria-label={say('basketOf', { n: String(count) })}>
          {say('basket')} <span class="count" data-count={count}>{count}</span>
        </a>
        <div class="settings">
          {!door && <button type="button" class="small" id="show-saw" aria-expanded={panel} aria-controls="saw" onClick={() => setPanel(!panel)}>{say('saw')}</button>}
          <button type="button" class="small" id="language" lang={spoken() === 'zh' ? 'en' : 'zh-CN'} onClick={() => { speak(spoken() === 'zh' ? 'en' : 'zh'); again((n) => n + 1); }}>{say('language')}</button>
          <button type="button" class="small" id="theme" aria-label={`${say('colours')}: ${say(theme() === 'dark' ? 'toLight' : 'toDark')}`} onClick={() => { localStorage.setItem(THEME, theme() === 'dark' ? 'light' : 'dark'); again((n) => n + 1); }}>{say(theme() === 'dark' ? 'toLight' : 'toDark')}</button>
          {sessionStorage.getItem(KEY) && <button type="button" class="small" id="forget" onClick={() => { sessionStorage.removeItem(KEY); location.reload(); }}>{say('forget')}</button>}
          <a class="small" href="/">{say('console')}</a>
        </div>
      </header>
      <div class={panel && !door ? 'floor with-saw' : 'floor'}>
        <main id="main" ref={main} tabIndex={-1}>
          {merx.readOnly && <p class="notice" id="read-only">{say('readOnly')}</p>}
          {door ? (
            <Door refusal={door} />
          ) : !entered ? (
            <h1 class="unseen">{say('title')}</h1>
          ) : address.page === 'product' && address.id ? (
            <OneProduct key={address.id} id={address.id} saw={saw} />
          ) : address.page === 'basket' ? (
            <Basket change={change} buy={buy} />
          ) : address.page === 'thanks' ? (
            <Thanks order={address.id} />
          ) : (
            <Home q={address.page === 'search' ? address.id : ''} />
          )}
        </main>
        {panel && !door && <Saw traffic={traffic} session={visit.session} close={() => setPanel(false)} fresh={fresh} />}
      </div>
    </ShopContext.Provider>
  );
}

render(<Front />, document.getElementById('shop')!);
