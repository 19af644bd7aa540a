// A reply of any answer: its sentence, its items (with reasons: as cards with bars; without: as a table), and where it comes from.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { curlLine, type Item, type Reason, type Reply, typeOf } from './api';
import { addsUp, field, fixed, number, places } from './format';
import { Copy, Fact, Rows } from './parts';
import { ProductPicture } from './picture';
import { language, t, word } from './texts';

export type Link = (id: string) => string | null;

function nameOf(item: Item): string {
  const chinese = item.fields['name_zh'];
  return language() === 'zh' && typeof chinese === 'string' && chinese ? chinese : item.title || item.id;
}

function fieldsOf(items: Item[]): string[] {
  const names = new Set<string>();
  for (const item of items) for (const name of Object.keys(item.fields)) if (name !== 'name_zh') names.add(name);
  return [...names];
}

const FIRST = 8;

// Contributions as bars to both sides of zero. What is folded away is one row of its own, so that what is seen adds up too.
function Reasons({ reasons, score }: { reasons: Reason[]; score: number }) {
  const [all, setAll] = useState(false);
  const shown = all || reasons.length <= FIRST + 1 ? reasons : reasons.slice(0, FIRST);
  const rest = reasons.slice(shown.length);
  const restSum = rest.reduce((sum, r) => sum + r.contribution, 0);
  const largest = Math.max(1e-300, Math.abs(restSum), ...shown.map((r) => Math.abs(r.contribution)));
  const digits = places(largest);
  // Room to the left of zero only where something stands there.
  const lefts = restSum < 0 || shown.some((r) => r.contribution < 0);
  const good = addsUp(reasons.map((r) => r.contribution), score);
  const row = (key: string, text: ComponentChildren, contribution: number) => (
    <li key={key} data-contribution={contribution}>
      <span class="reason-text">{text}</span>
      <svg class="reason-bar" viewBox={lefts ? '-100 0 200 10' : '0 0 100 10'} preserveAspectRatio="none" aria-hidden="true">
        <line x1={0} x2={0} y1={0} y2={10} />
        <rect class={contribution < 0 ? 'against' : 'for'} x={contribution < 0 ? (100 * contribution) / largest : 0} y={1.5} width={(100 * Math.abs(contribution)) / largest} height={7} />
      </svg>
      <span class="reason-number">{fixed(contribution, digits)}</span>
    </li>
  );
  return (
    <div class="reasons">
      <ul>
        {shown.map((r, i) => row(`${i}`, r.text || r.id, r.contribution))}
        {rest.length > 0 &&
          row(
            'rest',
            <>
              {t('others').replace('{n}', String(rest.length))}{' '}
              <button type="button" class="link" onClick={() => setAll(true)}>{t('showAll')}</button>
            </>,
            restSum,
          )}
      </ul>
      <p class={good ? 'sum' : 'sum wrong'} data-sum={reasons.reduce((sum, r) => sum + r.contribution, 0)}>
        <span>{t('reasonsSum')}</span> <span>= {number(reasons.reduce((sum, r) => sum + r.contribution, 0))}</span>
        <span class="quiet">{good ? `✓ ${t('addsUp')}` : `✗ ${t('addsNotUp')}`}</span>
      </p>
    </div>
  );
}

function Name({ item, link }: { item: Item; link?: Link }) {
  const to = item.id ? link?.(item.id) : null;
  const name = nameOf(item);
  return to ? <a href={to}>{name}</a> : <>{name}</>;
}

function Cards({ reply, link, open, pictures }: { reply: Reply; link?: Link; open: number; pictures: boolean }) {
  return (
    <ol class="cards">
      {reply.items.map((item, i) => (
        <li key={`${item.id}-${i}`} data-score={item.score}>
          <div class="card-head">
            <span class="rank">{i + 1}</span>
            {pictures && <ProductPicture id={item.id} title="" size={128} />}
            <span class="card-name">
              <Name item={item} link={link} /> {item.id !== nameOf(item) && <code class="quiet">{item.id}</code>}
            </span>
            <span class="score" title={t('score')}>{number(item.score)}</span>
          </div>
          <dl class="facts">
            {fieldsOf([item]).map((name) => (
              <Fact key={name} name={word(name)}>{field(name, item.fields[name]!, typeOf(reply, item, name))}</Fact>
            ))}
          </dl>
          {item.reasons && item.reasons.length > 0 && (
            <details open={i < open}>
              <summary>{t('reasons')}</summary>
              <Reasons reasons={item.reasons} score={item.score} />
            </details>
          )}
        </li>
      ))}
    </ol>
  );
}

export function ItemTable({ reply, link, label, fields }: { reply: Reply; link?: Link; label: string; fields?: string[] }) {
  const names = fields ?? fieldsOf(reply.items);
  const scored = !fields && reply.score_unit !== '';
  return (
    <Rows
      label={label}
      head={[t('name'), ...(scored ? [t('score')] : []), ...names.map(word)]}
      rows={reply.items.map((item) => [
        <>
          <Name item={item} link={link} />
          {item.id && item.id !== nameOf(item) && <code class="quiet"> {item.id}</code>}
        </>,
        ...(scored ? [number(item.score)] : []),
        ...names.map((name) => (name in item.fields ? field(name, item.fields[name]!, typeOf(reply, item, name)) : '')),
      ])}
    />
  );
}

export function ReplyView({ reply, path, link, open = 1, brief = false, pictures = false }: { reply: Reply; path: string; link?: Link; open?: number; brief?: boolean; pictures?: boolean }) {
  const reasons = reply.items.some((item) => item.reasons?.length);
  return (
    <div class="reply">
      <p class="sentence">{reply.sentence}</p>
      {reply.items.length === 0 ? (
        <p class="quiet">{t('noItems')}</p>
      ) : reasons ? (
        <Cards key={path} reply={reply} link={link} open={open} pictures={pictures} />
      ) : (
        <ItemTable reply={reply} link={link} label={t('results')} />
      )}
      {reply.notes.length > 0 && (
        <>
          <h3>{t('notes')}</h3>
          <ul>
            {reply.notes.map((note) => (
              <li>{note}</li>
            ))}
          </ul>
        </>
      )}
      <dl class="facts origin">
        {reply.score_unit && <Fact name={t('scoreUnit')}>{word(reply.score_unit)}</Fact>}
        <Fact name={t('modelVersion')}>{reply.model_version > 0 ? String(reply.model_version) : t('noModel')}</Fact>
        <Fact name={t('dataOffset')}>{number(reply.data_offset)}</Fact>
      </dl>
      {!brief && (
        <>
          <h3>{t('curl')}</h3>
          <Copy text={curlLine(path)} />
        </>
      )}
    </div>
  );
}
