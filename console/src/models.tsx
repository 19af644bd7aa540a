// Models: each answer's versions, what each was worth when measured, how it was learnt; comparing two; which one is live.
import { useState } from 'preact/hooks';
import { asFailure, askJson, download, type Failure } from './api';
import { bytes, difference, field, moment, number } from './format';
import { Confirm, Empty, Fact, Problem, Rows, Told, useAsk } from './parts';
import { type Band, Bands, Lines } from './plots';
import type { Comparison, Curve, Evaluation, Figure, Listing, ModelRow, Version } from './shapes';
import { t, tn, word } from './texts';

const modelPath = (answer: string) => `/v1/models/${encodeURIComponent(answer)}`;

function List() {
  const asked = useAsk<Listing<ModelRow>>('/v1/models');
  return (
    <>
      <h1>{t('models')}</h1>
      <p class="lead">{t('modelsText')}</p>
      <Told asked={asked}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t('noModels')}>
              <p><a href="#/jobs">{t('toTrain')}</a></p>
            </Empty>
          ) : (
            <ul class="tiles wide">
              {items.map((m) => (
                <li>
                  <a href={`#/models/${m.answer}`} data-model={m.answer}>
                    <h2>{word(m.title)}</h2>
                    <p>{m.live !== null ? tn('liveIs', { n: number(m.live) }) : m.versions > 0 ? t('noneLive') : t('notTrained')}</p>
                    <p>{m.versions > 0 && tn('nVersions', { n: number(m.versions) })}</p>
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Told>
    </>
  );
}

export function bandsOf(figures: Figure[]): Band[] {
  return figures.map((f) => ({
    name: f.name, value: f.value, low: f.low, high: f.high, mark: f.baseline, markName: f.baseline_name || t('baseline'), limit: f.best_reachable,
    better: f.difference === null ? null : f.difference_low !== null && f.difference_high !== null ? (f.higher_is_better ? f.difference_low > 0 : f.difference_high < 0) : null,
    note: f.difference === null ? '' : `${difference(f.difference)}${f.difference_low !== null && f.difference_high !== null ? ` [${difference(f.difference_low)}, ${difference(f.difference_high)}]` : ''} ${tn('against', { name: f.baseline_name || t('baseline') })}`,
  }));
}

// Curves of one thing (loss of training and of what was held back) belong into one plot; the first word of their names says which.
export function curveGroups(curves: Curve[]): { title: string; curves: Curve[] }[] {
  const groups = new Map<string, Curve[]>();
  for (const curve of curves) {
    if (curve.points.length === 0) continue;
    const title = curve.name.replace(/^(training|train|validation|valid|test|held[- ]out)[ _]/, '') || curve.name;
    groups.set(title, [...(groups.get(title) ?? []), curve]);
  }
  return [...groups].map(([title, of]) => ({ title, curves: of }));
}

export function Measured({ evaluation: e }: { evaluation: Evaluation | null }) {
  if (!e) return <Empty title={t('notMeasured')}><p class="quiet">{t('notMeasuredText')}</p></Empty>;
  return (
    <>
      <p class={e.gate_passed ? 'gate passed' : 'gate'} data-gate={String(e.gate_passed)}>
        <strong>{e.gate_passed ? `✓ ${t('gatePassed')}` : `✗ ${t('gateNotPassed')}`}</strong> {e.gate}
      </p>
      {e.figures.length > 0 && (
        <>
          <Bands label={t('figuresOfModel')} bands={bandsOf(e.figures)} />
          <p class="quiet">
            <span class="key-band" aria-hidden="true" /> {t('intervalKey')} &ensp; <span class="key-mark" aria-hidden="true" /> {t('baseline')}
          </p>
        </>
      )}
      {e.figures.length > 0 && <details>
        <summary>{t('howMeasured')}</summary>
        <p class="lead">{e.protocol}</p>
        <dl class="facts">
          <Fact name={t('testUnits')}>{number(e.test_units)} {word(e.unit)}</Fact>
          <Fact name={t('trainRows')}>{number(e.train_rows)}</Fact>
          <Fact name={t('testRows')}>{number(e.test_rows)}</Fact>
        </dl>
        <Rows
          label={t('figuresOfModel')}
          head={[t('name'), t('value'), t('low'), t('high'), t('baseline'), t('better')]}
          rows={e.figures.map((f) => [f.name, number(f.value), f.low === null ? '–' : number(f.low), f.high === null ? '–' : number(f.high), f.baseline === null ? '–' : number(f.baseline), t(f.higher_is_better ? 'isHigher' : 'isLower')])}
        />
      </details>}
    </>
  );
}

function Compare({ answer, versions }: { answer: string; versions: Version[] }) {
  const [a, setA] = useState(versions[1]!.version);
  const [b, setB] = useState(versions[0]!.version);
  const asked = useAsk<Comparison>(a === b ? null : `${modelPath(answer)}/compare?a=${a}&b=${b}`);
  const select = (id: string, label: string, value: number, set: (v: number) => void) => (
    <div class="input">
      <label for={id}>{label}</label>
      <select id={id} value={String(value)} onChange={(e) => set(Number(e.currentTarget.value))}>
        {versions.map((v) => (
          <option value={String(v.version)}>{tn('versionN', { n: String(v.version) })}{v.live ? ` · ${t('isLive')}` : ''}</option>
        ))}
      </select>
    </div>
  );
  return (
    <section>
      <h2>{t('compare')}</h2>
      <div class="pair">
        {select('compare-a', t('firstVersion'), a, setA)}
        {select('compare-b', t('secondVersion'), b, setB)}
      </div>
      {a === b ? (
        <p class="quiet">{t('sameVersion')}</p>
      ) : (
        <Told asked={asked}>
          {(c) => (
            <Bands
              label={t('compare')}
              bands={c.figures.flatMap((f): Band[] =>
                f.a && f.b
                  ? [{ name: f.name, value: f.b.value, low: f.b.low, high: f.b.high, mark: null, markName: '', limit: null, better: null, other: f.a, note: f.difference === null ? '' : `${difference(f.difference)} ${tn('versionDifference', { a: String(c.a), b: String(c.b) })}` }]
                  : [],
              )}
            />
          )}
        </Told>
      )}
    </section>
  );
}

interface Moved {
  live: number;
  was: number | null;
}

function One({ answer }: { answer: string }) {
  const asked = useAsk<{ answer: string; versions: Version[] }>(modelPath(answer));
  const all = useAsk<Listing<ModelRow>>('/v1/models');
  const title = all.data?.items.find((m) => m.answer === answer)?.title;
  const [seen, setSeen] = useState<number | null>(null);
  const [asks, setAsks] = useState<{ what: 'deploy'; version: Version } | { what: 'rollback' } | null>(null);
  const [busy, setBusy] = useState(false);
  const [moved, setMoved] = useState<Moved | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const act = async (path: string, body: Record<string, unknown>) => {
    setBusy(true);
    setFailure(null);
    setMoved(null);
    try {
      setMoved(await askJson<Moved>('POST', `${modelPath(answer)}/${path}`, body));
      asked.reload();
    } catch (e) {
      setFailure(asFailure(e));
    }
    setBusy(false);
    setAsks(null);
  };
  const passed = (v: Version) => v.evaluation?.gate_passed ?? false;
  const keep = async (v: Version) => {
    setFailure(null);
    try {
      await download(`${modelPath(answer)}/versions/${v.version}/file`, `merx-${answer}-${v.version}.safetensors`);
    } catch (e) {
      setFailure(asFailure(e));
    }
  };
  return (
    <>
      <p class="crumbs"><a href="#/models">{t('models')}</a></p>
      <h1>{title ? word(title) : all.loading ? ' ' : word(answer)}</h1>
      <Told asked={asked}>
        {(reply) => {
          const versions = [...reply.versions].sort((a, b) => b.version - a.version);
          const live = versions.find((v) => v.live);
          const shown = versions.find((v) => v.version === seen) ?? live ?? versions[0];
          if (!shown)
            return (
              <Empty title={t('notTrained')}>
                <p><a href="#/jobs">{t('toTrain')}</a></p>
              </Empty>
            );
          return (
            <>
              <div class="scroll" role="region" aria-label={t('versions')} tabIndex={0}>
                <table class="versions">
                  <thead>
                    <tr>
                      <th scope="col">{t('version')}</th>
                      <th scope="col">{t('created')}</th>
                      <th scope="col">{t('measuredAs')}</th>
                      <th scope="col" class="number">{t('size')}</th>
                      <th scope="col"><span class="unseen">{t('actions')}</span></th>
                    </tr>
                  </thead>
                  <tbody>
                    {versions.map((v) => (
                      <tr key={v.version} data-version={v.version} class={v === shown ? 'chosen' : undefined}>
                        <th scope="row">
                          <button type="button" class="link" aria-pressed={v === shown} onClick={() => setSeen(v.version)}>{tn('versionN', { n: String(v.version) })}</button>{' '}
                          {v.live && <span class="state done">{t('isLive')}</span>}
                        </th>
                        <td>{moment(v.created)}</td>
                        <td>{v.evaluation?.figures[0] ? `${v.evaluation.figures[0].name} ${number(v.evaluation.figures[0].value)} ${v.evaluation.gate_passed ? '✓' : '✗'}` : '–'}</td>
                        <td class="number">{bytes(v.bytes)}</td>
                        <td class="buttons">
                          {!v.live && <button type="button" class="small" aria-label={`${t('deploy')}: ${tn('versionN', { n: String(v.version) })}`} disabled={busy} onClick={() => (passed(v) ? void act('deploy', { version: v.version }) : setAsks({ what: 'deploy', version: v }))}>{t('deploy')}</button>}
                          <button type="button" class="small" aria-label={`${t('download')}: ${tn('versionN', { n: String(v.version) })}`} onClick={() => void keep(v)}>{t('download')}</button>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              <div class="actions">
                {live && versions.length > 1 && <button type="button" disabled={busy} onClick={() => setAsks({ what: 'rollback' })}>{t('rollBack')}</button>}
                <a href="#/jobs">{t('toTrain')}</a>
              </div>
              <div aria-live="polite" id="moved">
                {failure && <Problem failure={failure} />}
                {moved && <p class="good">{tn('nowLive', { n: String(moved.live) })}{moved.was !== null && ` ${tn('wasLive', { n: String(moved.was) })}`}</p>}
              </div>
              <section data-shown={shown.version}>
                <h2>{tn('versionN', { n: String(shown.version) })}: {t('figuresOfModel')}</h2>
                <Measured evaluation={shown.evaluation} />
                {curveGroups(shown.curves ?? []).length > 0 && (
                  <>
                    <h2>{t('curves')}</h2>
                    <div class="halves">
                      {curveGroups(shown.curves).map((g) => (
                        <figure key={g.title}>
                          <figcaption>{word(g.title)}</figcaption>
                          <Lines label={`${t('curves')}: ${g.title}`} curves={g.curves} />
                        </figure>
                      ))}
                    </div>
                  </>
                )}
                <details>
                  <summary>{t('optionsOf')}</summary>
                  <dl class="facts">
                    {Object.entries(shown.options ?? {}).map(([name, value]) => (
                      <Fact key={name} name={word(name)}>{field(name, value)}</Fact>
                    ))}
                    <Fact name={t('dataOffset')}>{number(shown.data_offset)}</Fact>
                    <Fact name="SHA-256"><code>{shown.sha256}</code></Fact>
                  </dl>
                </details>
              </section>
              {versions.length > 1 && <Compare key={versions.length} answer={answer} versions={versions} />}
              {asks?.what === 'deploy' && (
                <Confirm title={tn('deployTitle', { n: String(asks.version.version) })} action={t('deployAnyway')} danger busy={busy} yes={() => void act('deploy', { version: asks.version.version, force: true })} no={() => setAsks(null)}>
                  <p>{t('deployText')}</p>
                  {asks.version.evaluation && <p class="quiet">{asks.version.evaluation.gate}</p>}
                </Confirm>
              )}
              {asks?.what === 'rollback' && (
                <Confirm title={t('rollBackTitle')} action={t('rollBack')} busy={busy} yes={() => void act('rollback', {})} no={() => setAsks(null)}>
                  <p>{t('rollBackText')}</p>
                </Confirm>
              )}
            </>
          );
        }}
      </Told>
    </>
  );
}

export function Models({ id }: { id: string | null }) {
  return id === null ? <List /> : <One key={id} answer={id} />;
}
