// The shop at a glance, from the answer insight.
import { answerPath, type Reply, typeOf } from './api';
import { field, money } from './format';
import { Told, useAsk } from './parts';
import { Bars } from './plots';
import { ItemTable } from './reply';
import { t, word } from './texts';

const TILES = ['net revenue', 'orders', 'mean basket', 'units', 'customers', 'repeat rate'];

function Tiles({ reply }: { reply: Reply }) {
  return (
    <>
      <p class="sentence">{reply.sentence}</p>
      <dl class="tiles">
        {TILES.map((id) => reply.items.find((item) => item.id === id)).map(
          (item) =>
            item && (
              <div>
                <dt>{word(item.id)}</dt>
                <dd>{field(item.id === 'repeat rate' ? 'rate' : 'value', item.fields['value'] ?? null, typeOf(reply, item, 'value'))}</dd>
              </div>
            ),
        )}
      </dl>
    </>
  );
}

function Revenue({ reply }: { reply: Reply }) {
  const bars = reply.items.map((item) => {
    const partial = item.title !== item.id;
    return { label: item.id, value: item.score, partial, text: `${item.id}: ${money(String(item.fields['revenue']))}${partial ? ` (${t('notWhole')})` : ''}` };
  });
  return (
    <>
      <Bars label={`${t('revenueByMonth')}. ${reply.sentence}`} bars={bars} />
      {bars.some((b) => b.partial) && (
        <p class="quiet">
          <span class="swatch" aria-hidden="true" /> {t('notWhole')}
        </p>
      )}
      <details>
        <summary>{t('asTable')}</summary>
        <ItemTable reply={{ ...reply, items: reply.items.map((i) => ({ ...i, title: i.id })) }} label={t('revenueByMonth')} />
      </details>
    </>
  );
}

export function Overview() {
  const overview = useAsk<Reply>(answerPath('insight', {}));
  const revenue = useAsk<Reply>(answerPath('insight', { topic: 'revenue', n: '18' }));
  const products = useAsk<Reply>(answerPath('insight', { topic: 'products', n: '8' }));
  const customers = useAsk<Reply>(answerPath('insight', { topic: 'customers', n: '8' }));
  return (
    <>
      <h1>{t('overview')}</h1>
      <Told asked={overview}>{(reply) => <Tiles reply={reply} />}</Told>
      <h2>{t('revenueByMonth')}</h2>
      <Told asked={revenue}>{(reply) => <Revenue reply={reply} />}</Told>
      <div class="halves">
        <section>
          <h2>{t('topProducts')}</h2>
          <Told asked={products}>
            {(reply) => <ItemTable reply={reply} label={t('topProducts')} fields={['revenue', 'share', 'units']} link={(id) => `#/products/${encodeURIComponent(id)}`} />}
          </Told>
        </section>
        <section>
          <h2>{t('topCustomers')}</h2>
          <Told asked={customers}>
            {(reply) => <ItemTable reply={reply} label={t('topCustomers')} fields={['revenue', 'share', 'orders']} link={(id) => `#/customers/${encodeURIComponent(id)}`} />}
          </Told>
        </section>
      </div>
    </>
  );
}
