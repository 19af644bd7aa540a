// Customers and products: one found by its id, and what merx has to say about it.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { answerPath, askJson, Failure, type Reply, type Value } from './api';
import { field } from './format';
import { Fact, Problem, Told, useAsk } from './parts';
import { Forecast } from './plots';
import { ItemTable, ReplyView } from './reply';
import { t, word } from './texts';

const toProduct = (id: string) => `#/products/${encodeURIComponent(id)}`;
const toCustomer = (id: string) => `#/customers/${encodeURIComponent(id)}`;

function Finder({ label, id, go }: { label: string; id: string; go: (id: string) => string }) {
  const [value, setValue] = useState(id);
  useEffect(() => setValue(id), [id]);
  return (
    <form
      class="finder"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        if (value.trim()) location.hash = go(value.trim());
      }}
    >
      <label for="finder">{label}</label>
      <input id="finder" type="search" autocomplete="off" spellcheck={false} value={value} onInput={(e) => setValue(e.currentTarget.value)} />
      <button type="submit" class="main">{t('find')}</button>
    </form>
  );
}

type Record_ = Record<string, Value | Record<string, Value>>;
function Known({ path }: { path: string }) {
  const asked = useAsk<Record_>(path);
  return (
    <Told asked={asked}>
      {(record) => (
        <dl class="facts">
          {Object.entries(record)
            .flatMap(([name, value]): [string, Value][] => (value !== null && typeof value === 'object' ? Object.entries(value) : [[name, value]]))
            .map(([name, value]) => (
              <Fact key={name} name={word(name)}>
                {name === 'price' ? field(name, value) : /^(created|first_event|last_event)$/.test(name) ? String(value).replace('T', ' ').replace('Z', '') : typeof value === 'boolean' ? t(value ? 'yes' : 'no') : String(value)}
              </Fact>
            ))}
        </dl>
      )}
    </Told>
  );
}

function Part({ title, answer, question, link, children }: { title: string; answer: string; question: Record<string, string>; link?: (id: string) => string | null; children?: (reply: Reply) => ComponentChildren }) {
  const path = answerPath(answer, question);
  const asked = useAsk<Reply>(path);
  return (
    <section>
      <h2>
        {title} <a class="more" href={`#/answers/${answer}?${new URLSearchParams(question)}`} aria-label={`${title}: ${t('answers')}`}>→</a>
      </h2>
      <Told asked={asked}>{(reply) => children?.(reply) ?? <ReplyView reply={reply} path={path} link={link} open={0} brief />}</Told>
    </section>
  );
}

// ---- customers ----

interface Receipt {
  customer: string;
  answers: Record<string, string>;
  [name: string]: unknown;
}

function Erase({ id }: { id: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const erase = async (e: Event) => {
    e.preventDefault();
    if (typed.trim() !== id || busy) return;
    setBusy(true);
    setFailure(null);
    try {
      setReceipt(await askJson<Receipt>('DELETE', `/v1/customers/${encodeURIComponent(id)}`));
    } catch (e) {
      setFailure(e instanceof Failure ? e : new Failure(0, 'console', String(e)));
    }
    setBusy(false);
    dialog.current?.close();
  };
  return (
    <section class="erase">
      <h2>{t('eraseTitle')}</h2>
      <p>{t('eraseText')}</p>
      {!receipt && (
        <button type="button" class="danger" onClick={() => { setTyped(''); dialog.current?.showModal(); }}>{t('eraseOpen')}</button>
      )}
      <dialog ref={dialog} aria-labelledby="erase-title">
        <form onSubmit={erase}>
          <h2 id="erase-title">{t('eraseTitle')}: {id}</h2>
          <p>{t('eraseText')}</p>
          <div class="input">
            <label for="erase-id">{t('eraseConfirm')}</label>
            <input id="erase-id" autocomplete="off" spellcheck={false} value={typed} onInput={(e) => setTyped(e.currentTarget.value)} />
          </div>
          <div class="actions">
            <button type="submit" class="danger" disabled={typed.trim() !== id || busy}>{t('eraseDo')}</button>
            <button type="button" onClick={() => dialog.current?.close()}>{t('cancel')}</button>
          </div>
        </form>
      </dialog>
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
          </div>
        )}
      </div>
    </section>
  );
}

export function Customers({ id }: { id: string | null }) {
  return (
    <>
      <h1>{t('customers')}</h1>
      <Finder label={t('customerId')} id={id ?? ''} go={toCustomer} />
      {id === null ? (
        <Part title={t('topCustomers')} answer="insight" question={{ topic: 'customers', n: '20' }}>
          {(reply) => <ItemTable reply={reply} label={t('topCustomers')} link={toCustomer} />}
        </Part>
      ) : (
        <div key={id}>
          <h2>{t('record')}</h2>
          <Known path={`/v1/customers/${encodeURIComponent(id)}`} />
          <div class="halves">
            <Part title={t('recommendations')} answer="recommend" question={{ customer: id, n: '6', why: 'true' }} link={toProduct} />
            <Part title={t('nextPurchase')} answer="next" question={{ customer: id, n: '6', why: 'true' }} link={toProduct} />
          </div>
          <Part title={t('segmentTitle')} answer="segment" question={{ customer: id, why: 'true' }} />
          <Erase id={id} />
        </div>
      )}
    </>
  );
}

// ---- products ----

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

export function Products({ id }: { id: string | null }) {
  return (
    <>
      <h1>{t('products')}</h1>
      <Finder label={t('productId')} id={id ?? ''} go={toProduct} />
      {id === null ? (
        <Part title={t('topProducts')} answer="insight" question={{ topic: 'products', n: '20' }}>
          {(reply) => <ItemTable reply={reply} label={t('topProducts')} link={toProduct} />}
        </Part>
      ) : (
        <div key={id}>
          <h2>{t('record')}</h2>
          <Known path={`/v1/products/${encodeURIComponent(id)}`} />
          <Demand id={id} />
          <Part title={t('similarTitle')} answer="similar" question={{ product: id, n: '8', why: 'true' }} link={toProduct} />
        </div>
      )}
    </>
  );
}
