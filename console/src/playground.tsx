// The picture playground: a picture dropped or chosen, what it shows, where that is seen, and the shop's products that look like it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, type Failure, type Reply, request } from './api';
import { percent } from './format';
import { Problem, Progress } from './parts';
import { Drawn, pictureOf, ProductPicture } from './picture';
import { t, tn } from './texts';
import { toProduct } from './things';

const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

interface Seen {
  classes: Reply | null;
  heat: ImageBitmap | null;
  like: Reply | null;
  failures: Failure[];
}

async function heatOf(reply: Reply): Promise<ImageBitmap | null> {
  if (!reply.heat_map) return null;
  const bytes = Uint8Array.from(atob(reply.heat_map.base64), (c) => c.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: reply.heat_map.type }));
}

// Both questions at once; one may be refused (no model of pictures yet) and the other answered.
async function look(file: Blob, signal: AbortSignal): Promise<Seen> {
  const ask = async (path: string) => (await (await request('POST', path, file, signal)).json()) as Reply;
  const [classes, like] = await Promise.allSettled([ask('/v1/answers/classify?why=true&n=5&heat_map=inline'), ask('/v1/answers/similar?why=true&n=8')]);
  const failures = [classes, like].filter((r) => r.status === 'rejected').map((r) => asFailure(r.reason));
  return {
    classes: classes.status === 'fulfilled' ? classes.value : null,
    heat: classes.status === 'fulfilled' ? await heatOf(classes.value) : null,
    like: like.status === 'fulfilled' ? like.value : null,
    failures,
  };
}

function Classes({ reply }: { reply: Reply }) {
  return (
    <section>
      <h2>{t('whatItShows')}</h2>
      <p class="sentence">{reply.sentence}</p>
      <ul class="classes">
        {reply.items.map((item) => {
          const p = Number(item.fields['probability'] ?? 0);
          return (
            <li key={item.id} data-class={item.id}>
              <span>{item.title || item.id}</span>
              <Progress value={p} label={`${item.title || item.id}: ${percent(p)}`} />
              <span class="figure">{percent(p)}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function Playground() {
  const [file, setFile] = useState<Blob | null>(null);
  const [bitmap, setBitmap] = useState<ImageBitmap | null>(null);
  const [seen, setSeen] = useState<Seen | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const [strength, setStrength] = useState(55);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!file) return;
    const abort = new AbortController();
    setSeen(null);
    setFailure(null);
    setBitmap(null);
    if (!TYPES.includes(file.type)) {
      setFailure(asFailure(new Error(tn('notAPicture', { type: file.type || '–' }))));
      return;
    }
    setBusy(true);
    (async () => {
      setBitmap(await pictureOf(file).catch(() => { throw new Error(t('brokenPicture')); }));
      const all = await look(file, abort.signal);
      if (!abort.signal.aborted) setSeen(all);
    })().catch((e: unknown) => !abort.signal.aborted && setFailure(asFailure(e))).finally(() => !abort.signal.aborted && setBusy(false));
    return () => abort.abort();
  }, [file]);
  // A picture pasted is as good as one dropped.
  useEffect(() => {
    const pasted = (e: ClipboardEvent) => {
      const one = [...(e.clipboardData?.files ?? [])][0];
      if (one) setFile(one);
    };
    addEventListener('paste', pasted);
    return () => removeEventListener('paste', pasted);
  }, []);
  return (
    <>
      <h1>{t('pictures')}</h1>
      <p class="lead">{t('picturesText')}</p>
      <div class="playground">
        <div>
          <div
            class={over ? 'drop picture-drop over' : 'drop picture-drop'}
            onDragOver={(e) => { e.preventDefault(); setOver(true); }}
            onDragLeave={() => setOver(false)}
            onDrop={(e) => { e.preventDefault(); setOver(false); const one = e.dataTransfer?.files[0]; if (one) setFile(one); }}
          >
            {bitmap ? <Drawn bitmap={bitmap} label={t('yourPicture')} over={seen?.heat ?? null} strength={strength / 100} least={800} /> : <p>{t('dropPicture')}</p>}
          </div>
          <div class="actions">
            <input ref={input} id="picture" class="hidden-input" type="file" accept={TYPES.join(',')} onChange={(e) => { const one = e.currentTarget.files?.[0]; if (one) setFile(one); e.currentTarget.value = ''; }} />
            <label for="picture" class="button">{t('choosePicture')}</label>
          </div>
          {seen?.heat && (
            <div class="input slider">
              <label for="strength">{t('heatMap')}</label>
              <input id="strength" type="range" min={0} max={100} value={strength} aria-describedby="strength-about" onInput={(e) => setStrength(Number(e.currentTarget.value))} />
              <small id="strength-about">{t('heatMapText')}</small>
            </div>
          )}
        </div>
        <div aria-live="polite" aria-busy={busy} id="seen">
          {busy && <p class="quiet">{t('looking')}</p>}
          {failure && <Problem failure={failure} />}
          {seen?.classes && <Classes reply={seen.classes} />}
          {seen?.failures.map((f) => <Problem failure={f} />)}
          {!file && <p class="quiet">{t('nothingSent')}</p>}
        </div>
      </div>
      {seen?.like && (
        <section aria-live="polite">
          <h2>{t('looksLike')}</h2>
          <ul class="shelf">
            {seen.like.items.map((item) => (
              <li key={item.id}>
                <a href={toProduct(item.id)}>
                  <ProductPicture id={item.id} title="" />
                  <span class="shelf-name">{item.title || item.id}</span>
                  <span class="quiet">{item.reasons?.[0]?.text}</span>
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
