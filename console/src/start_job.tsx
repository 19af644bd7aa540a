// The forms that start a job of each kind. Files to import go up first, each with its progress; then the job names them.
import { useRef, useState } from 'preact/hooks';
import { type Answer, asFailure, askJson, type Failure, upload } from './api';
import { bytes } from './format';
import { Choice, Problem, Progress, Told, useAsk } from './parts';
import { has } from './routes';
import type { Job, JobKind, Listing, Upload } from './shapes';
import { t, tn, word } from './texts';

const KINDS = ['import', 'train', 'evaluate', 'erase', 'export'] as const satisfies readonly JobKind[];

// Ids typed or pasted: by lines, commas or blanks; each once.
export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\n,;\t]+/).map((id) => id.trim()).filter(Boolean))];
}

interface File_ {
  file: File;
  share: number; // 0 to 1
  state: 'chosen' | 'going' | 'there' | 'refused';
}

type Start = (body: Record<string, unknown>) => Promise<void>;

function ImportForm({ start, busy }: { start: Start; busy: boolean }) {
  const [files, setFiles] = useState<File_[]>([]);
  const [over, setOver] = useState(false);
  const [going, setGoing] = useState(false);
  const [replace, setReplace] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [chosen, setChosen] = useState<string[]>([]);
  const abort = useRef<AbortController | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const there = useAsk<Listing<Upload>>(has('GET /v1/uploads') ? '/v1/uploads' : null);
  const add = (list: FileList | null | undefined) => {
    const fresh = [...(list ?? [])].map((file): File_ => ({ file, share: 0, state: 'chosen' }));
    // A second file of one name takes the first one's place, as on the server.
    setFiles((before) => [...before.filter((b) => !fresh.some((f) => f.file.name === b.file.name)), ...fresh]);
    setFailure(null);
  };
  const change = (file: File, to: Partial<File_>) => setFiles((before) => before.map((f) => (f.file === file ? { ...f, ...to } : f)));
  const go = async (e: Event) => {
    e.preventDefault();
    if (going || busy || files.length + chosen.length === 0) return;
    setGoing(true);
    setFailure(null);
    abort.current = new AbortController();
    try {
      for (const { file, state } of files) {
        if (state === 'there') continue;
        change(file, { state: 'going', share: 0 });
        try {
          await upload(`/v1/uploads/${encodeURIComponent(file.name)}`, file, (share) => change(file, { share }), abort.current.signal);
          change(file, { state: 'there', share: 1 });
        } catch (e) {
          change(file, { state: 'refused' });
          throw e;
        }
      }
      await start({ kind: 'import', uploads: [...new Set([...files.map((f) => f.file.name), ...chosen])], ...(replace ? { options: { replace: true } } : {}) });
    } catch (e) {
      const f = asFailure(e);
      if (f.code !== 'aborted') setFailure(f);
    }
    setGoing(false);
  };
  const remove = async (name: string) => {
    try {
      await askJson('DELETE', `/v1/uploads/${encodeURIComponent(name)}`);
      setChosen((before) => before.filter((n) => n !== name));
      there.reload();
    } catch (e) {
      setFailure(asFailure(e));
    }
  };
  return (
    <form onSubmit={go}>
      <p class="quiet">{t('importText')}</p>
      <div
        class={over ? 'drop over' : 'drop'}
        onDragOver={(e) => { e.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => { e.preventDefault(); setOver(false); add(e.dataTransfer?.files); }}
      >
        <p>{t('dropFiles')}</p>
        <input ref={input} id="files" class="hidden-input" type="file" multiple onChange={(e) => { add(e.currentTarget.files); e.currentTarget.value = ''; }} />
        <label for="files" class="button">{t('chooseFiles')}</label>
      </div>
      {files.length > 0 && (
        <ul class="files" aria-live="polite">
          {files.map(({ file, share, state }) => (
            <li key={file.name}>
              <span class="file-name">{file.name}</span>
              <span class="quiet figure">{bytes(file.size)}</span>
              {state === 'chosen' || state === 'refused' ? (
                <button type="button" class="small" aria-label={`${t('remove')}: ${file.name}`} disabled={going} onClick={() => setFiles(files.filter((f) => f.file !== file))}>{t('remove')}</button>
              ) : (
                <span class="quiet">{state === 'there' ? `✓ ${t('uploaded')}` : `${Math.round(share * 100)} %`}</span>
              )}
              {state === 'going' && <Progress value={share} label={`${t('uploading')} ${file.name}`} />}
              {state === 'refused' && <span class="bad">{t('errorTitle')}</span>}
            </li>
          ))}
        </ul>
      )}
      {there.data && there.data.items.length > 0 && (
        <details>
          <summary>{tn('uploadsThere', { n: String(there.data.items.length) })}</summary>
          <ul class="files">
            {there.data.items.map((u) => (
              <li key={u.name}>
                <label class="check">
                  <input type="checkbox" checked={chosen.includes(u.name)} onChange={(e) => setChosen(e.currentTarget.checked ? [...chosen, u.name] : chosen.filter((n) => n !== u.name))} /> {u.name}
                </label>
                <span class="quiet figure">{bytes(u.bytes)}</span>
                <button type="button" class="small" aria-label={`${t('deleteUpload')}: ${u.name}`} onClick={() => void remove(u.name)}>{t('deleteUpload')}</button>
              </li>
            ))}
          </ul>
        </details>
      )}
      <label class="check">
        <input type="checkbox" checked={replace} onChange={(e) => setReplace(e.currentTarget.checked)} /> {t('importReplace')}
      </label>
      {failure && <Problem failure={failure} />}
      <div class="actions">
        <button type="submit" class="main" disabled={going || busy || files.length + chosen.length === 0}>{t(going ? 'uploading' : 'startImport')}</button>
        {going && <button type="button" onClick={() => abort.current?.abort()}>{t('cancel')}</button>}
      </div>
    </form>
  );
}

function AnswersForm({ kind, start, busy }: { kind: 'train' | 'evaluate'; start: Start; busy: boolean }) {
  const asked = useAsk<{ answers: Answer[] }>('/v1/answers');
  const [chosen, setChosen] = useState<string[]>([]);
  const [force, setForce] = useState(false);
  const [again, setAgain] = useState(false);
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void start({ kind, ...(chosen.length > 0 ? { answers: chosen } : {}), ...(kind === 'train' && force ? { force: true } : {}), ...(kind === 'train' && again ? { again: true } : {}) });
      }}
    >
      <p class="quiet">{t(kind === 'train' ? 'trainText' : 'evaluateText')}</p>
      <Told asked={asked}>
        {({ answers }) => (
          <fieldset class="checks">
            <legend>{t('whichAnswers')}</legend>
            {answers.filter((a) => a.learns).map((a) => (
              <label class="check">
                <input type="checkbox" name="answer" value={a.name} checked={chosen.includes(a.name)} onChange={(e) => setChosen(e.currentTarget.checked ? [...chosen, a.name] : chosen.filter((n) => n !== a.name))} /> {word(a.title)}
              </label>
            ))}
          </fieldset>
        )}
      </Told>
      <p class="quiet">{chosen.length === 0 ? t('noneIsAll') : ' '}</p>
      {kind === 'train' && (
        <div class="checks">
        <label class="check">
          <input type="checkbox" name="again" checked={again} onChange={(e) => setAgain(e.currentTarget.checked)} /> {t('trainAgain')}
        </label>
        <label class="check">
          <input type="checkbox" name="force" checked={force} onChange={(e) => setForce(e.currentTarget.checked)} /> {t('trainForce')}
        </label>
        </div>
      )}
      <div class="actions">
        <button type="submit" class="main" disabled={busy}>{t(kind === 'train' ? 'startTrain' : 'startEvaluate')}</button>
      </div>
    </form>
  );
}

function CustomersForm({ kind, start, busy }: { kind: 'erase' | 'export'; start: Start; busy: boolean }) {
  const [text, setText] = useState('');
  const [sure, setSure] = useState(false);
  const ids = idsOf(text);
  const erases = kind === 'erase';
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (erases && (ids.length === 0 || !sure)) return;
        void start({ kind, ...(ids.length > 0 ? { customers: ids } : {}) });
      }}
    >
      <p class="quiet">{t(erases ? 'eraseJobText' : 'exportText')}</p>
      <div class="input">
        <label for="job-customers">{t('customerIds')}</label>
        <textarea id="job-customers" rows={4} spellcheck={false} aria-describedby="job-customers-about" required={erases} value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <small id="job-customers-about">{ids.length > 0 ? tn('nCustomers', { n: String(ids.length) }) : t(erases ? 'idsNeeded' : 'idsOptional')}</small>
      </div>
      {erases && (
        <label class="check">
          <input type="checkbox" required checked={sure} onChange={(e) => setSure(e.currentTarget.checked)} /> {t('eraseSure')}
        </label>
      )}
      <div class="actions">
        <button type="submit" class={erases ? 'danger' : 'main'} disabled={busy || (erases && (ids.length === 0 || !sure))}>{t(erases ? 'startErase' : 'startExport')}</button>
      </div>
    </form>
  );
}

export function StartJob({ started }: { started: (job: Job) => void }) {
  const [kind, setKind] = useState<(typeof KINDS)[number]>(has('PUT /v1/uploads/{}') ? 'import' : 'train');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const start = async (body: Record<string, unknown>) => {
    setBusy(true);
    setFailure(null);
    try {
      started(await askJson<Job>('POST', '/v1/jobs', body));
    } catch (e) {
      setFailure(asFailure(e));
    }
    setBusy(false);
  };
  return (
    <section class="panel" aria-label={t('startJob')}>
      <Choice label={t('startJob')} name="kind" of={KINDS} value={kind} set={(k) => { setKind(k); setFailure(null); }} said={(k) => t(`kind_${k}`)} />
      <div class="start">
        {kind === 'import' ? (
          <ImportForm start={start} busy={busy} />
        ) : kind === 'train' || kind === 'evaluate' ? (
          <AnswersForm key={kind} kind={kind} start={start} busy={busy} />
        ) : (
          <CustomersForm key={kind} kind={kind} start={start} busy={busy} />
        )}
      </div>
      <div aria-live="polite">{failure && <Problem failure={failure} />}</div>
    </section>
  );
}
