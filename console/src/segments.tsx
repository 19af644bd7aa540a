// Customers' segments as a map: each segment a bubble where its customers stand on the mean, as large as they are many; behind them the
// customers themselves, as far as they were asked for. A segment chosen shows its members.
import { useEffect, useState } from 'preact/hooks';
import { answerPath, asFailure, askJson, type Failure, type Item, type Reply, typeOf, type Value } from './api';
import { field, number, percent } from './format';
import { Fact, Problem, Rows, Told, useAsk, useWidth } from './parts';
import { has, hasBatch } from './routes';
import type { Customer, Listing } from './shapes';
import { language, t, tn, word } from './texts';

export interface Member {
  id: string;
  segment: number;
  fields: Record<string, Value>;
}

type Fields = Record<string, Value>;
export function numberOf(fields: Fields, name: string): number | null {
  const value = fields[name];
  const n = typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : NaN;
  return Number.isFinite(n) ? n : null;
}

// What the axes can be. Most sums and counts reach over powers of ten, days crowd near zero; shares are as they are.
const AXES: Record<string, 'log' | 'root' | 'plain'> = {
  recency_days: 'root', money: 'log', orders: 'log', basket_value: 'log', products: 'log', recent_orders: 'log', tenure_days: 'plain', gap_days: 'root', returns_share: 'plain',
};
const REVERSED = new Set(['recency_days', 'gap_days']);

// From 0 to 1 along an axis, over all values that are drawn.
export function axisOf(name: string, values: number[]): { at: (v: number) => number; marks: number[] } {
  const bend = { log: (v: number) => Math.log1p(Math.max(0, v)), root: (v: number) => Math.sqrt(Math.max(0, v)), plain: (v: number) => v }[AXES[name] ?? 'plain'];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const from = bend(low);
  const size = bend(high) - from || 1;
  const at = (v: number) => {
    const share = (bend(v) - from) / size;
    return REVERSED.has(name) ? 1 - share : share;
  };
  const marks: number[] = [];
  for (const power of [0.01, 0.1, 1, 10, 100, 1000, 10000, 100000, 1e6]) for (const step of [1, 3]) marks.push(step * power);
  const seen = [0, ...marks].filter((m) => m >= low && m <= high);
  const kept: number[] = [];
  for (const m of seen.reverse()) if (kept.every((k) => Math.abs(at(k) - at(m)) > 0.12)) kept.push(m);
  return { at, marks: kept };
}

const MEMBERS = 1000;
// Where customers stand: the first of the listing, asked in one batch.
async function membersOf(signal: AbortSignal): Promise<Member[]> {
  const { items } = await askJson<Listing<Customer>>('GET', `/v1/customers?limit=${MEMBERS}`, undefined, signal);
  if (items.length === 0) return [];
  const { replies } = await askJson<{ replies: (Reply & { error?: unknown })[] }>('POST', '/v1/answers/segment/batch', { why: false, questions: items.map(({ id }) => ({ customer: id })) }, signal);
  const out: Member[] = [];
  replies.forEach((reply, i) => {
    const item = reply.items?.[0];
    const segment = item ? numberOf(item.fields, 'segment') : null;
    if (item && segment !== null) out.push({ id: items[i]!.id, segment, fields: item.fields });
  });
  return out;
}

function nameOf(item: Item): string {
  const chinese = item.fields['name_zh'];
  return language() === 'zh' && typeof chinese === 'string' && chinese ? chinese : item.title;
}

const HEIGHT = 440;
// Room around what is drawn: for the scales, and for bubbles that stand at an edge.
const PAD = { left: 100, right: 52, top: 52, bottom: 86 };
const SCALE = 52;

function Map_({ items, members, x, y, chosen, choose }: { items: Item[]; members: Member[]; x: string; y: string; chosen: string | null; choose: (id: string) => void }) {
  const [hold, width] = useWidth();
  const all = [...items.map((i) => i.fields), ...members.map((m) => m.fields)];
  const values = (name: string) => all.map((f) => numberOf(f, name)).filter((v): v is number => v !== null);
  const ax = axisOf(x, values(x));
  const ay = axisOf(y, values(y));
  const px = (v: number) => PAD.left + (width - PAD.left - PAD.right) * ax.at(v);
  const py = (v: number) => HEIGHT - PAD.bottom - (HEIGHT - PAD.top - PAD.bottom) * ay.at(v);
  const most = Math.max(1, ...items.map((i) => numberOf(i.fields, 'customers') ?? 0));
  const radius = (item: Item) => Math.max(13, Math.min(46, width / 14) * Math.sqrt((numberOf(item.fields, 'customers') ?? 0) / most));
  const dots = members.filter((m) => String(m.segment) !== chosen);
  const own = members.filter((m) => String(m.segment) === chosen);
  const dot = (m: Member) => {
    const vx = numberOf(m.fields, x);
    const vy = numberOf(m.fields, y);
    return vx === null || vy === null ? null : <circle key={m.id} cx={px(vx)} cy={py(vy)} r={2.4} />;
  };
  return (
    <div ref={hold} class="plot map">
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="group" aria-label={t('segmentMap')}>
          {ay.marks.map((m) => (
            <g key={`y${m}`}>
              <line class="grid" x1={SCALE} x2={width} y1={py(m)} y2={py(m)} />
              <text class="axis" x={SCALE - 8} y={py(m) + 4} text-anchor="end">{number(m)}</text>
            </g>
          ))}
          {ax.marks.map((m) => (
            <text key={`x${m}`} class="axis" x={px(m)} y={HEIGHT - 12} text-anchor="middle">{number(m)}</text>
          ))}
          <g class="dots">{dots.map(dot)}</g>
          <g class="dots own">{own.map(dot)}</g>
          {[...items].sort((a, b) => radius(b) - radius(a)).map((item) => {
            const vx = numberOf(item.fields, x);
            const vy = numberOf(item.fields, y);
            if (vx === null || vy === null) return null;
            return (
              <g key={item.id} class={item.id === chosen ? 'bubble chosen' : 'bubble'} role="button" tabindex={0} aria-pressed={item.id === chosen} aria-label={`${item.id}: ${nameOf(item)}`} data-segment={item.id}
                onClick={() => choose(item.id)}
                onKeyDown={(e) => {
                  if (e.key !== 'Enter' && e.key !== ' ') return;
                  e.preventDefault();
                  choose(item.id);
                }}
              >
                <circle cx={px(vx)} cy={py(vy)} r={radius(item)} />
                <text x={px(vx)} y={py(vy) + 5} text-anchor="middle">{item.id}</text>
                <title>{nameOf(item)}</title>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

function Detail({ reply, item, members, sampled }: { reply: Reply; item: Item; members: Member[]; sampled: boolean }) {
  const own = members.filter((m) => String(m.segment) === item.id).sort((a, b) => (numberOf(b.fields, 'money') ?? 0) - (numberOf(a.fields, 'money') ?? 0));
  const names = Object.keys(item.fields).filter((n) => n !== 'name_zh');
  return (
    <section class="panel" id="segment" aria-live="polite">
      <h3 class="segment-name"><span class="badge">{item.id}</span> {nameOf(item)}</h3>
      <dl class="facts">
        {names.map((name) => (
          <Fact key={name} name={word(name)}>{field(name, item.fields[name]!, typeOf(reply, item, name))}</Fact>
        ))}
      </dl>
      {own.length > 0 && (
        <>
          <h3>{t('members')}</h3>
          <Rows
            label={t('members')}
            head={[t('customerId'), word('orders'), word('money'), word('recency_days')]}
            rows={own.slice(0, 20).map((m) => [
              <a href={`#/customers/${encodeURIComponent(m.id)}`}>{m.id}</a>,
              number(numberOf(m.fields, 'orders') ?? NaN), number(numberOf(m.fields, 'money') ?? NaN), number(numberOf(m.fields, 'recency_days') ?? NaN),
            ])}
          />
          <p class="quiet">{tn('membersShown', { n: number(Math.min(20, own.length)), all: number(own.length) })} {sampled && t('membersSampled')}</p>
        </>
      )}
    </section>
  );
}

function View({ reply }: { reply: Reply }) {
  const [members, setMembers] = useState<Member[]>([]);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const there = reply.items.length > 0 ? Object.keys(AXES).filter((name) => reply.items.every((i) => numberOf(i.fields, name) !== null)) : [];
  const [x, setX] = useState(there.includes('recency_days') ? 'recency_days' : (there[0] ?? ''));
  const [y, setY] = useState(there.includes('money') ? 'money' : (there[1] ?? ''));
  useEffect(() => {
    if (!has('GET /v1/customers') || !hasBatch('segment')) return;
    const abort = new AbortController();
    membersOf(abort.signal).then(setMembers, (e: unknown) => !abort.signal.aborted && setFailure(asFailure(e)));
    return () => abort.abort();
  }, []);
  const item = reply.items.find((i) => i.id === chosen);
  const total = reply.items.reduce((sum, i) => sum + (numberOf(i.fields, 'customers') ?? 0), 0);
  const select = (id: string, label: string, value: string, set: (v: string) => void) => (
    <div class="input">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(e) => set(e.currentTarget.value)}>
        {there.map((name) => (
          <option value={name}>{word(name)}</option>
        ))}
      </select>
    </div>
  );
  return (
    <>
      <p class="sentence">{reply.sentence}</p>
      {there.length >= 2 && (
        <div class="segments">
          <div>
            <Map_ items={reply.items} members={members} x={x} y={y} chosen={chosen} choose={(id) => setChosen(id === chosen ? null : id)} />
            <div class="pair axes">
              {select('axis-x', t('axisX'), x, setX)}
              {select('axis-y', t('axisY'), y, setY)}
            </div>
            <p class="quiet">{REVERSED.has(x) ? t('axisReversed') : ''} {members.length > 0 && tn('dotsAre', { n: number(members.length) })}</p>
          </div>
          <ul class="segment-list">
            {reply.items.map((i) => (
              <li key={i.id}>
                <button type="button" aria-pressed={i.id === chosen} onClick={() => setChosen(i.id === chosen ? null : i.id)}>
                  <span class="badge">{i.id}</span>
                  <span class="segment-words">
                    <span>{nameOf(i)}</span>
                    <span class="quiet">
                      {tn('nCustomers', { n: number(numberOf(i.fields, 'customers') ?? 0) })}, {percent(numberOf(i.fields, 'revenue_share') ?? 0)} {t('ofRevenue')}
                    </span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      {failure && failure.status !== 403 && <Problem failure={failure} />}
      {item && <Detail reply={reply} item={item} members={members} sampled={total > members.length} />}
      {reply.notes.map((note) => (
        <p class="quiet">{note}</p>
      ))}
    </>
  );
}

export function Segments() {
  const asked = useAsk<Reply>(answerPath('segment', {}));
  return (
    <section>
      <h2>{t('segmentMap')}</h2>
      <Told asked={asked}>{(reply) => <View reply={reply} />}</Told>
    </section>
  );
}
