// What pages of customers and of products share: finding one by its id, its record, and an answer about it.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { answerPath, type Reply, type Value } from './api';
import { field, moment, number } from './format';
import { Fact, Told, useAsk } from './parts';
import { ReplyView } from './reply';
import { t, word } from './texts';

export const toProduct = (id: string) => `#/products/${encodeURIComponent(id)}`;
export const toCustomer = (id: string) => `#/customers/${encodeURIComponent(id)}`;

export function Finder({ label, id, go }: { label: string; id: string; go: (id: string) => string }) {
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
export function Known({ path }: { path: string }) {
  const asked = useAsk<Record_>(path);
  return (
    <Told asked={asked}>
      {(record) => (
        <dl class="facts">
          {Object.entries(record)
            .filter(([, value]) => !Array.isArray(value) && value !== null && value !== '')
            .flatMap(([name, value]): [string, Value][] => (value !== null && typeof value === 'object' ? Object.entries(value) : [[name, value]]))
            .map(([name, value]) => (
              <Fact key={name} name={word(name)}>
                {name === 'price' ? field(name, value) : /^(created|first_event|last_event)$/.test(name) ? moment(String(value)) : typeof value === 'boolean' ? t(value ? 'yes' : 'no') : typeof value === 'number' ? number(value) : String(value)}
              </Fact>
            ))}
        </dl>
      )}
    </Told>
  );
}

export function Part({ title, answer, question, link, pictures = false, children }: { title: string; answer: string; question: Record<string, string>; link?: (id: string) => string | null; pictures?: boolean; children?: (reply: Reply) => ComponentChildren }) {
  const path = answerPath(answer, question);
  const asked = useAsk<Reply>(path);
  return (
    <section>
      <h2>
        {title} <a class="more" href={`#/answers/${answer}?${new URLSearchParams(question)}`} aria-label={`${title}: ${t('answers')}`}>→</a>
      </h2>
      <Told asked={asked}>{(reply) => children?.(reply) ?? <ReplyView reply={reply} path={path} link={link} open={0} brief pictures={pictures} />}</Told>
    </section>
  );
}
