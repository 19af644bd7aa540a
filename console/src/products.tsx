// Products: found by a word or their id; one with its picture, the demand to come, and what is like it.
import { useState } from 'preact/hooks';
import { field } from './format';
import { Empty, Problem, useListing } from './parts';
import { ProductPicture } from './picture';
import { Forecast } from './plots';
import { ItemTable } from './reply';
import { has } from './routes';
import type { Product } from './shapes';
import { t, tn } from './texts';
import { Finder, Known, Part, toProduct } from './things';

function Demand({ id }: { id: string }) {
  const [price, setPrice] = useState('');
  const [asked, setAsked] = useState('');
  const question: Record<string, string> = { product: id, weeks: '8', why: 'true' };
  if (asked) question['price'] = asked;
  return (
    <>
      <Part title={t('demandTitle')} answer="demand" question={question}>
        {(reply) => (
          <>
            <p class="sentence">{reply.sentence}</p>
            <Forecast
              label={reply.sentence}
              steps={reply.items.map((item) => ({ label: item.id, value: Number(item.fields['expected units']), low: Number(item.fields['low']), high: Number(item.fields['high']) }))}
            />
            <p class="quiet">● {t('units')} · │ {t('interval')}</p>
            <details>
              <summary>{t('asTable')}</summary>
              <ItemTable reply={{ ...reply, items: reply.items.map((i) => ({ ...i, title: i.id })) }} label={t('demandTitle')} fields={['units', 'expected units', 'low', 'high', 'price', 'revenue']} />
            </details>
          </>
        )}
      </Part>
      <form class="finder" onSubmit={(e) => { e.preventDefault(); setAsked(price.trim()); }}>
        <label for="what-if">{t('whatIf')}</label>
        <input id="what-if" inputMode="decimal" autocomplete="off" value={price} onInput={(e) => setPrice(e.currentTarget.value)} />
        <button type="submit">{t('ask')}</button>
      </form>
    </>
  );
}

function Shelf() {
  const [typed, setTyped] = useState('');
  const [q, setQ] = useState('');
  const listing = useListing<Product>(`/v1/products${q ? `?q=${encodeURIComponent(q)}` : ''}`, 24);
  return (
    <section>
      <h2>{t('allProducts')}</h2>
      <form class="finder" role="search" onSubmit={(e) => { e.preventDefault(); setQ(typed.trim()); }}>
        <label for="product-words">{t('productWords')}</label>
        <input id="product-words" type="search" autocomplete="off" value={typed} onInput={(e) => setTyped(e.currentTarget.value)} />
        <button type="submit">{t('find')}</button>
      </form>
      <div aria-live="polite" aria-busy={listing.loading}>
        {listing.failure && <Problem failure={listing.failure} />}
        {!listing.loading && !listing.failure && listing.items.length === 0 && (
          <Empty title={q ? tn('noneFound', { q }) : t('noProducts')}>{!q && <p><a href="#/jobs">{t('toImport')}</a></p>}</Empty>
        )}
        <ul class="shelf">
          {listing.items.map((p) => (
            <li key={p.id}>
              <a href={toProduct(p.id)}>
                <ProductPicture id={p.id} title="" />
                <span class="shelf-name">{p.title || p.id}</span>
                <span class="quiet">{p.price ? field('price', p.price) : p.id}</span>
              </a>
            </li>
          ))}
        </ul>
        {listing.more && <button type="button" onClick={listing.more}>{t('more')}</button>}
      </div>
    </section>
  );
}

export function Products({ id }: { id: string | null }) {
  if (id === null)
    return (
      <>
        <h1>{t('products')}</h1>
        <Finder label={t('productId')} id="" go={toProduct} />
        <Part title={t('topProducts')} answer="insight" question={{ topic: 'products', n: '12' }}>
          {(reply) => <ItemTable reply={reply} label={t('topProducts')} link={toProduct} />}
        </Part>
        {has('GET /v1/products') && <Shelf />}
      </>
    );
  return (
    <>
      <p class="crumbs"><a href="#/products">{t('products')}</a></p>
      <h1>{tn('productN', { id })}</h1>
      <Finder label={t('productId')} id={id} go={toProduct} />
      <div key={id}>
        <div class="with-picture">
          <ProductPicture id={id} title={tn('pictureOf', { name: id })} size={512} />
          <div>
            <h2>{t('record')}</h2>
            <Known path={`/v1/products/${encodeURIComponent(id)}`} />
          </div>
        </div>
        <Demand id={id} />
        <Part title={t('similarTitle')} answer="similar" question={{ product: id, n: '8', why: 'true' }} link={toProduct} pictures />
      </div>
    </>
  );
}
