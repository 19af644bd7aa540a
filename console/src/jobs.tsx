// Jobs: what runs and ran, live; one job with its log; cancelling it. Starting one is in start_job.tsx.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, ask, askJson, download, type Failure, type Value } from './api';
import { bytes, duration, field, moment, number } from './format';
import { Measured } from './models';
import { Confirm, Empty, Fact, Problem, Progress, Rows, Told, useAsk, useListing } from './parts';
import { type Evaluation, goesOn, type Job } from './shapes';
import { StartJob } from './start_job';
import { follow, type Message } from './stream';
import { t, tn, word } from './texts';

export const jobPath = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`;
const toJob = (id: string) => `#/jobs/${encodeURIComponent(id)}`;

// The job of a message, when it is one.
export function jobOf(message: Message): Job | null {
  return message.event === 'job' || message.event === 'end' ? (JSON.parse(message.data) as Job) : null;
}

// A job as it changes, and the lines of its log, for as long as it goes on.
function useJobStream(id: string | null, told: (job: Job) => void, line?: (text: string) => void) {
  const latest = useRef({ told, line });
  latest.current = { told, line };
  useEffect(() => {
    if (id === null) return;
    let ended = false;
    return follow({
      path: () => `${jobPath(id)}/events`,
      over: () => ended,
      on: (message) => {
        const job = jobOf(message);
        if (job) latest.current.told(job);
        else if (message.event === 'log') {
          const said = JSON.parse(message.data) as { time?: string; text: string };
          latest.current.line?.(said.time ? `${said.time} ${said.text}` : said.text);
        }
        if (message.event === 'end') ended = true;
      },
    });
  }, [id]);
}

export function whatOf(job: Job): string {
  const p = job.parameters;
  const list = (value: unknown) => (Array.isArray(value) ? value.map((v) => String(v)) : []);
  const some = (all: string[], put: (one: string) => string) => (all.length > 3 ? `${all.slice(0, 3).map(put).join(', ')} …` : all.map(put).join(', '));
  switch (job.kind) {
    case 'import':
      return some(list(p['uploads']), (u) => u);
    case 'train':
    case 'evaluate':
      return some(list(p['answers']), word) || t('allAnswers');
    case 'erase':
      return tn('nCustomers', { n: number(list(p['customers']).length) });
    case 'export':
      return list(p['customers']).length > 0 ? tn('nCustomers', { n: number(list(p['customers']).length) }) : t('wholeShop');
    default:
      return '';
  }
}

export function leftText(job: Job): string {
  return job.left_s !== null && job.left_s > 0 ? tn('timeLeft', { time: duration(job.left_s) }) : '';
}

function State({ job }: { job: Job }) {
  return <span class={`state ${job.state}`}>{t(`job_${job.state}`)}</span>;
}

function Going({ job }: { job: Job }) {
  return (
    <div class="going">
      <Progress value={job.state === 'waiting' ? 0 : job.progress} label={`${t(`kind_${job.kind}`)}: ${t(`job_${job.state}`)}`} />
      <p class="quiet">
        <span>{job.stage ? word(job.stage) : t(`job_${job.state}`)}</span>
        <span class="figure">{job.progress !== null && job.state === 'running' ? `${Math.floor(job.progress * 100)} %` : ''}</span>
        <span class="figure">{leftText(job)}</span>
      </p>
    </div>
  );
}

function Cancel({ job, told }: { job: Job; told: (job: Job) => void }) {
  const [asks, setAsks] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const cancel = async () => {
    setBusy(true);
    setFailure(null);
    try {
      told(await askJson<Job>('DELETE', jobPath(job.id)));
    } catch (e) {
      setFailure(asFailure(e));
    }
    setBusy(false);
    setAsks(false);
  };
  return (
    <>
      <button type="button" class="small" aria-label={`${t('cancelJob')}: ${t(`kind_${job.kind}`)} ${job.id}`} onClick={() => setAsks(true)}>{t('cancelJob')}</button>
      {asks && (
        <Confirm title={t('cancelTitle')} action={t('cancelDo')} busy={busy} danger yes={cancel} no={() => setAsks(false)}>
          <p>{t('cancelText')}</p>
        </Confirm>
      )}
      {failure && <Problem failure={failure} />}
    </>
  );
}

// One line of the list; while it goes on it follows its own stream.
function Row({ job: first }: { job: Job }) {
  const [job, setJob] = useState(first);
  useEffect(() => setJob(first), [first]);
  useJobStream(goesOn(first) ? first.id : null, setJob);
  const ran = job.started ? ((job.ended ? Date.parse(job.ended) : Date.now()) - Date.parse(job.started)) / 1000 : null;
  return (
    <li class="job" data-job={job.id} data-state={job.state}>
      <div class="job-head">
        <a href={toJob(job.id)} class="job-name">{t(`kind_${job.kind}`)}</a>
        <span class="quiet job-what">{whatOf(job)}</span>
        <State job={job} />
        {goesOn(job) && <Cancel job={job} told={setJob} />}
      </div>
      {goesOn(job) ? (
        <Going job={job} />
      ) : (
        <p class="quiet">
          {moment(job.created)}
          {ran !== null && job.ended && <>, {duration(ran)}</>}
          {job.error && <>: {job.error.message}</>}
        </p>
      )}
    </li>
  );
}

function List() {
  const jobs = useListing<Job>('/v1/jobs', 30);
  return (
    <>
      <h1>{t('jobs')}</h1>
      <p class="lead">{t('jobsText')}</p>
      <StartJob started={(job) => { location.hash = toJob(job.id); }} />
      <h2>{t('jobsAll')}</h2>
      <div aria-live="polite" aria-busy={jobs.loading}>
        {jobs.failure && <Problem failure={jobs.failure} />}
        {!jobs.loading && !jobs.failure && jobs.items.length === 0 && (
          <Empty title={t('noJobs')}>
            <p class="quiet">{t('noJobsText')}</p>
          </Empty>
        )}
        <ul class="jobs">
          {jobs.items.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </ul>
        {jobs.more && <button type="button" onClick={jobs.more}>{t('more')}</button>}
      </div>
    </>
  );
}

type Row_ = Record<string, unknown>;
const plain = (v: unknown): v is Value => v === null || typeof v !== 'object';
const cell = (name: string, v: unknown) => (name === 'outcome' || name === 'answer' ? word(String(v)) : name === 'bytes' && typeof v === 'number' ? bytes(v) : field(name, v as Value));

// What came of it: numbers and words as facts, lists (files, answers, receipts) as tables, evaluations as figures.
function Result({ result }: { result: Row_ }) {
  const facts = Object.entries(result).filter(([, v]) => plain(v));
  const lists = Object.entries(result).filter((e): e is [string, Row_[]] => Array.isArray(e[1]) && e[1].length > 0 && e[1].every((r) => r !== null && typeof r === 'object'));
  const groups = Object.entries(result).filter(([, v]) => !plain(v) && !Array.isArray(v)) as [string, Row_][];
  return (
    <>
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map(([name, value]) => (
            <Fact key={name} name={word(name)}>{cell(name, value)}</Fact>
          ))}
        </dl>
      )}
      {lists.map(([name, list]) => {
        const columns = [...new Set(list.flatMap((row) => Object.keys(row).filter((key) => plain(row[key]) && row[key] !== null)))];
        return (
          <div key={name}>
            <h3>{word(name)}</h3>
            <Rows label={word(name)} head={columns.map(word)} rows={list.map((row) => columns.map((c) => (row[c] == null ? '–' : cell(c, row[c]))))} />
            {list.map((row) => row['evaluation'] != null && (
              <section key={String(row['answer'])}>
                <h3>{word(String(row['answer']))}</h3>
                <Measured evaluation={row['evaluation'] as Evaluation} />
              </section>
            ))}
          </div>
        );
      })}
      {groups.map(([name, group]) => (
        <div key={name}>
          <h3>{word(name)}</h3>
          <dl class="facts">
            {Object.entries(group).filter(([, v]) => plain(v)).map(([key, v]) => (
              <Fact key={key} name={word(key)}>{cell(key, v)}</Fact>
            ))}
          </dl>
        </div>
      ))}
    </>
  );
}

function Log({ id, lines }: { id: string; lines: string[] | null }) {
  const box = useRef<HTMLPreElement>(null);
  const asked = useAsk<string>(lines === null ? `${jobPath(id)}/log` : null, (path, signal) => ask('GET', path, undefined, signal));
  const text = lines === null ? (asked.data ?? '') : lines.join('\n');
  useEffect(() => {
    // Stays at its end unless somebody has scrolled up.
    const b = box.current;
    if (b && b.scrollHeight - b.scrollTop - b.clientHeight < 80) b.scrollTop = b.scrollHeight;
  }, [text]);
  return (
    <>
      {asked.failure && <Problem failure={asked.failure} />}
      <pre ref={box} class="log" tabIndex={0} aria-label={t('log')}>{text || t('logEmpty')}</pre>
    </>
  );
}

const MOST_LINES = 5000;

function One({ id }: { id: string }) {
  const asked = useAsk<Job>(jobPath(id));
  const [live, setLive] = useState<Job | null>(null);
  const [lines, setLines] = useState<string[]>([]);
  const [follows, setFollows] = useState(false);
  const [downloading, setDownloading] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  useEffect(() => {
    if (asked.data && goesOn(asked.data)) setFollows(true);
  }, [asked.data]);
  const told = useCallback((job: Job) => setLive(job), []);
  useJobStream(follows ? id : null, told, (text) => setLines((before) => [...before.slice(-MOST_LINES + 1), text]));
  const keep = async () => {
    setDownloading(true);
    setFailure(null);
    try {
      await download(`${jobPath(id)}/file`, `merx-export-${id}.jsonl`);
    } catch (e) {
      setFailure(asFailure(e));
    }
    setDownloading(false);
  };
  return (
    <Told asked={asked}>
      {(first) => {
        const job = live ?? first;
        return (
          <div data-job={job.id} data-state={job.state}>
            <p class="crumbs"><a href="#/jobs">{t('jobs')}</a></p>
            <h1>{t(`kind_${job.kind}`)}</h1>
            <p class="job-line">
              <State job={job} /> <span class="quiet">{whatOf(job)}</span>
            </p>
            {goesOn(job) && (
              <div class="panel">
                <Going job={job} />
                <Cancel job={job} told={setLive} />
              </div>
            )}
            {job.error && (
              <div class="problem" role="alert">
                <p><strong>{t('job_failed')}</strong> <code>{job.error.code}</code></p>
                <p class="message">{job.error.message}</p>
                <dl class="facts">
                  {job.error.where && <Fact name={t('errorWhere')}>{job.error.where}</Fact>}
                  {job.error.hint && <Fact name={t('errorHint')}>{job.error.hint}</Fact>}
                </dl>
              </div>
            )}
            {job.result && (
              <section>
                <h2>{t('result')}</h2>
                <Result result={job.result} />
              </section>
            )}
            {job.kind === 'export' && job.state === 'done' && (
              <div class="actions">
                <button type="button" class="main" disabled={downloading} onClick={keep}>{t(downloading ? 'downloading' : 'download')}</button>
              </div>
            )}
            {(job.kind === 'train' || job.kind === 'evaluate') && job.state === 'done' && <p><a href="#/models">{t('toModels')}</a></p>}
            {failure && <Problem failure={failure} />}
            <h2>{t('log')}</h2>
            <Log key={String(follows)} id={id} lines={follows ? lines : null} />
            <dl class="facts origin">
              <Fact name={t('jobId')}><code>{job.id}</code></Fact>
              <Fact name={t('created')}>{moment(job.created)}</Fact>
              {job.started && <Fact name={t('started')}>{moment(job.started)}</Fact>}
              {job.ended && <Fact name={t('ended')}>{moment(job.ended)}</Fact>}
            </dl>
          </div>
        );
      }}
    </Told>
  );
}

export function Jobs({ id }: { id: string | null }) {
  return id === null ? <List /> : <One key={id} id={id} />;
}
