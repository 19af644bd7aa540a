// A page for every answer of the registry, made from its description: what comes to the registry later has its page by itself.
import { useEffect, useState } from 'preact/hooks';
import { answerPath, type Answer, type Option, type Reply } from './api';
import { number } from './format';
import { Told, useAsk } from './parts';
import { ReplyView } from './reply';
import { said, t, word } from './texts';

function rangeText(option: Option): string {
  const parts: string[] = [];
  if (option.range) parts.push(`${number(option.range[0])} – ${number(option.range[1])}`);
  if (option.choices && option.type !== 'choice') parts.push(option.choices.join(` ${t('orWord')} `));
  return parts.join(` ${t('orWord')} `);
}

function Input({ option, value, set }: { option: Option; value: string; set: (value: string) => void }) {
  const id = `option-${option.name}`;
  const about = `${id}-about`;
  const range = rangeText(option);
  const common = { id, name: option.name, 'aria-describedby': about };
  const words = option.type === 'bool' ? ['true', 'false'] : option.type === 'choice' ? (option.choices ?? []) : null;
  const shown = (w: string) => (w === 'true' ? t('yes') : w === 'false' ? t('no') : word(w));
  // Numbers beside which words are taken need a field of text.
  const isNumber = (option.type === 'int' || option.type === 'real') && !option.choices;
  return (
    <div class="input">
      <label for={id}>{word(option.name)}</label>
      {words ? (
        <select {...common} value={value} onChange={(e) => set(e.currentTarget.value)}>
          <option value="">{option.default === null ? t('unset') : `${shown(option.default)} (${t('default')})`}</option>
          {words.filter((w) => w !== option.default).map((w) => (
            <option value={w}>{shown(w)}</option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          type={isNumber ? 'number' : 'text'}
          min={isNumber ? option.range?.[0] : undefined}
          max={isNumber ? option.range?.[1] : undefined}
          step={option.type === 'int' ? 1 : 'any'}
          placeholder={option.default ?? ''}
          autocomplete="off"
          spellcheck={false}
          value={value}
          onInput={(e) => set(e.currentTarget.value)}
        />
      )}
      <small id={about}>
        {said(option.text)} {range && <span>({range})</span>}
      </small>
    </div>
  );
}

function Form({ answer, question, hash }: { answer: Answer; question: Record<string, string>; hash: string }) {
  const [values, setValues] = useState(question);
  const [why, setWhy] = useState(question['why'] !== 'false');
  // The address is the truth: who goes back or opens a link sees that question.
  useEffect(() => {
    setValues(question);
    setWhy(question['why'] !== 'false');
  }, [hash]);
  const options = answer.question;
  const submit = (e: Event) => {
    e.preventDefault();
    const asked: Record<string, string> = {};
    for (const o of options) {
      const value = (values[o.name] ?? '').trim();
      if (value) asked[o.name] = value;
    }
    asked['why'] = String(why);
    location.hash = `#/answers/${answer.name}?${new URLSearchParams(asked)}`;
  };
  return (
    <form class="question" onSubmit={submit}>
      <div class="inputs">
        {options.map((o) => (
          <Input key={o.name} option={o} value={values[o.name] ?? ''} set={(v) => setValues({ ...values, [o.name]: v })} />
        ))}
      </div>
      {options.length < answer.question.length && <p class="quiet">{t('noPaths')}</p>}
      <div class="actions">
        <button type="submit" class="main">{t('ask')}</button>
        <label class="check">
          <input type="checkbox" name="why" checked={why} onChange={(e) => setWhy(e.currentTarget.checked)} /> {t('why')}
        </label>
      </div>
    </form>
  );
}

// Where an item of an answer leads to, for those of the answers whose items are products.
function linkOf(name: string, question: Record<string, string>) {
  const products = ['recommend', 'next', 'similar'].includes(name) || (name === 'insight' && question['topic'] === 'products') || (name === 'demand' && !question['product']);
  const customers = name === 'insight' && question['topic'] === 'customers';
  return (id: string) => (products ? `#/products/${encodeURIComponent(id)}` : customers ? `#/customers/${encodeURIComponent(id)}` : null);
}

function One({ answer, query }: { answer: Answer; query: string | null }) {
  const question = Object.fromEntries(new URLSearchParams(query ?? ''));
  const path = query === null ? null : answerPath(answer.name, question);
  const asked = useAsk<Reply>(path);
  return (
    <>
      <h1>{word(answer.title)}</h1>
      <p class="lead">{said(answer.text)}</p>
      <dl class="facts">
        <div>
          <dt>{t('needs')}</dt>
          <dd>{said(answer.needs)}</dd>
        </div>
      </dl>
      <p class="quiet">
        {answer.learns ? (
          <>
            {t('learns')} <code>merx train {answer.name}</code>
          </>
        ) : (
          t('learnsNot')
        )}
      </p>
      <Form key={answer.name} answer={answer} question={question} hash={query ?? ''} />
      <section aria-label={t('results')} id="answer">
        {path !== null && <Told asked={asked}>{(reply) => <ReplyView reply={reply} path={path} link={linkOf(answer.name, question)} />}</Told>}
      </section>
    </>
  );
}

export function Answers({ name, query }: { name: string | null; query: string | null }) {
  const asked = useAsk<{ answers: Answer[] }>('/v1/answers');
  return (
    <Told asked={asked}>
      {({ answers }) => {
        const one = answers.find((a) => a.name === name);
        if (one) return <One key={one.name} answer={one} query={query} />;
        return (
          <>
            <h1>{t('answers')}</h1>
            <p class="lead">{name === null ? t('chooseAnswer') : t('notFound')}</p>
            <ul class="tiles wide">
              {answers.map((a) => (
                <li>
                  <a href={`#/answers/${a.name}`}>
                    <h2>{word(a.title)}</h2>
                    <p>{said(a.text)}</p>
                  </a>
                </li>
              ))}
            </ul>
          </>
        );
      }}
    </Told>
  );
}
