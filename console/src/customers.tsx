// Customers: their segments as a map, a list to find one in; one customer with all that is known, recommendations with their reasons,
// export and erasing.
import { useState } from 'preact/hooks';
import { asFailure, askJson, type Failure, save } from './api';
import { field, moment, money, number } from './format';
import { Confirm, Empty, Fact, Problem, Rows, Told, useAsk, useListing } from './parts';
import { ItemTable } from './reply';
import { has } from './routes';
import { Segments } from './segments';
import type { Customer, ShopEvent } from './shapes';
import { t, tn, word } from './texts';
import { Finder, Known, Part, toCustomer, toProduct } from './things';

interface Receipt {
  customer: string;
  answers: Record<string, string>;
  [name: string]: unknown;
}

function Erase({ id }: { id: string }) {
  const [asks, setAsks] = useState(false);
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const erase = async () => {
    setBusy(true);
    setFailure(null);
    try {
      setReceipt(await askJson<Receipt>('DELETE', `/v1/customers/${encodeURIComponent(id)}`));
    } catch (e) {
      setFailure(asFailure(e));
    }
    setBusy(false);
    setAsks(false);
  };
  return (
    <section class="erase">
      <h2>{t('eraseTitle')}</h2>
      <p>{t('eraseText')}</p>
      {!receipt && (
        <button type="button" class="danger" onClick={() => { setTyped(''); setAsks(true); }}>{t('eraseOpen')}</button>
      )}
      {asks && (
        <Confirm title={`${t('eraseTitle')}: ${id}`} action={t('eraseDo')} danger busy={busy} disabled={typed.trim() !== id} yes={() => void erase()} no={() => setAsks(false)}>
          <p>{t('eraseText')}</p>
          <div class="input">
            <label for="erase-id">{t('eraseConfirm')}</label>
            <input id="erase-id" autocomplete="off" spellcheck={false} value={typed} onInput={(e) => setTyped(e.currentTarget.value)} />
          </div>
        </Confirm>
      )}
      <div aria-live="polite">
        {failure && <Problem failure={failure} />}
        {receipt && (
          <div class="receipt">
            <h3>{t('receipt')}</h3>
            <p>{t('receiptText')}</p>
            <dl class="facts">
              {Object.entries(receipt).filter(([name]) => name !== 'answers').map(([name, value]) => (
                <Fact name={word(name)}>{typeof value === 'number' ? field(name, value) : String(value)}</Fact>
              ))}
              {Object.entries(receipt.answers).map(([name, value]) => (
                <Fact name={name}>{value}</Fact>
              ))}
            </dl>
            <button type="button" class="small" onClick={() => save(new Blob([JSON.stringify(receipt, null, 1)], { type: 'application/json' }), `merx-erased-${id}.json`)}>{t('keepReceipt')}</button>
          </div>
        )}
      </div>
    </section>
  );
}

interface Everything {
  customer: Record<string, unknown> | null;
  events: ShopEvent[];
  orders: unknown[];
  messages: unknown[];
  reviews: unknown[];
}

const FIRST = 15;
function History({ id }: { id: string }) {
  const asked = useAsk<Everything>(`/v1/customers/${encodeURIComponent(id)}/export`);
  const [all, setAll] = useState(false);
  return (
    <section>
      <h2>{t('events')}</h2>
      <Told asked={asked}>
        {(everything) => {
          const events = [...everything.events].reverse();
          const shown = all ? events : events.slice(0, FIRST);
          return (
            <>
              {events.length === 0 ? (
                <Empty title={t('noEvents')} />
              ) : (
                <Rows
                  label={t('events')}
                  head={[t('time'), t('kind'), t('productId'), t('quantity'), t('price')]}
                  rows={shown.map((e) => [
                    moment(e.time), <>{word(e.kind)}</>, <a href={toProduct(e.product)}>{e.product}</a>,
                    e.quantity == null ? '–' : number(e.quantity), e.price == null ? '–' : money(String(e.price)),
                  ])}
                />
              )}
              {events.length > shown.length && <button type="button" class="small" onClick={() => setAll(true)}>{t('showAll')} ({number(events.length)})</button>}
              <p class="quiet">{tn('alsoKnown', { orders: number(everything.orders.length), messages: number(everything.messages.length), reviews: number(everything.reviews.length) })}</p>
              <h2>{t('exportTitle')}</h2>
              <p>{t('exportCustomerText')}</p>
              <button type="button" id="export" onClick={() => save(new Blob([JSON.stringify(everything, null, 1)], { type: 'application/json' }), `merx-customer-${id}.json`)}>{t('downloadJson')}</button>
            </>
          );
        }}
      </Told>
    </section>
  );
}

function List() {
  const listing = useListing<Customer>('/v1/customers', 25);
  return (
    <section>
      <h2>{t('allCustomers')}</h2>
      <div aria-live="polite" aria-busy={listing.loading}>
        {listing.failure && <Problem failure={listing.failure} />}
        {!listing.loading && !listing.failure && listing.items.length === 0 && <Empty title={t('noCustomers')}><p><a href="#/jobs">{t('toImport')}</a></p></Empty>}
        {listing.items.length > 0 && (
          <Rows
            label={t('allCustomers')}
            head={[t('customerId'), t('country'), t('created')]}
            rows={listing.items.map((c) => [<a href={toCustomer(c.id)}>{c.id}</a>, <>{c.country ?? '–'}</>, <>{c.created ? moment(c.created) : '–'}</>])}
          />
        )}
        {listing.more && <button type="button" onClick={listing.more}>{t('more')}</button>}
      </div>
    </section>
  );
}

export function Customers({ id }: { id: string | null }) {
  if (id === null)
    return (
      <>
        <h1>{t('customers')}</h1>
        <Finder label={t('customerId')} id="" go={toCustomer} />
        <Segments />
        <Part title={t('topCustomers')} answer="insight" question={{ topic: 'customers', n: '12' }}>
          {(reply) => <ItemTable reply={reply} label={t('topCustomers')} link={toCustomer} />}
        </Part>
        {has('GET /v1/customers') && <List />}
      </>
    );
  return (
    <>
      <p class="crumbs"><a href="#/customers">{t('customers')}</a></p>
      <h1>{tn('customerN', { id })}</h1>
      <Finder label={t('customerId')} id={id} go={toCustomer} />
      <div key={id}>
        <h2>{t('record')}</h2>
        <Known path={`/v1/customers/${encodeURIComponent(id)}`} />
        <div class="halves">
          <Part title={t('recommendations')} answer="recommend" question={{ customer: id, n: '6', why: 'true' }} link={toProduct} pictures />
          <Part title={t('nextPurchase')} answer="next" question={{ customer: id, n: '6', why: 'true' }} link={toProduct} pictures />
        </div>
        <Part title={t('segmentTitle')} answer="segment" question={{ customer: id, why: 'true' }} />
        {has('GET /v1/customers/{}/export') && <History id={id} />}
        <Erase id={id} />
      </div>
    </>
  );
}
