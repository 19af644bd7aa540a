// Keys of the shop, and how the server is set.
import { useState } from 'preact/hooks';
import { asFailure, askJson, type Failure } from './api';
import { field, moment } from './format';
import { Choice, Confirm, Copy, Empty, Fact, Problem, Told, useAsk } from './parts';
import { has } from './routes';
import type { Key, Listing, Setting } from './shapes';
import { t, tn, word } from './texts';

const ROLES = ['reader', 'writer', 'admin'] as const;

function Keys() {
  const asked = useAsk<Listing<Key>>('/v1/keys?limit=1000');
  const [role, setRole] = useState<(typeof ROLES)[number]>('reader');
  const [name, setName] = useState('');
  const [made, setMade] = useState<(Key & { key: string }) | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asks, setAsks] = useState<Key | null>(null);
  const [busy, setBusy] = useState(false);
  const act = async (what: () => Promise<void>) => {
    setBusy(true);
    setFailure(null);
    try {
      await what();
      asked.reload();
    } catch (e) {
      setFailure(asFailure(e));
    }
    setBusy(false);
    setAsks(null);
  };
  const make = () => act(async () => {
    setMade(null);
    setMade(await askJson<Key & { key: string }>('POST', '/v1/keys', { role, name: name.trim() }));
    setName('');
  });
  const revoke = (key: Key) => act(async () => {
    await askJson('DELETE', `/v1/keys/${encodeURIComponent(key.id)}`);
    setMade((m) => (m?.id === key.id ? null : m));
  });
  return (
    <section>
      <h2>{t('keysTitle')}</h2>
      <p class="lead">{t('keysText')}</p>
      <Told asked={asked}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t('noKeys')}>
              <p class="quiet">{t('noKeysText')}</p>
            </Empty>
          ) : (
            <div class="scroll" role="region" aria-label={t('keysTitle')} tabIndex={0}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t('keyName')}</th>
                    <th scope="col">{t('role')}</th>
                    <th scope="col">{t('created')}</th>
                    <th scope="col">id</th>
                    <th scope="col"><span class="unseen">{t('actions')}</span></th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((key) => (
                    <tr key={key.id} data-key={key.id}>
                      <th scope="row">{key.name || '–'}</th>
                      <td>{t(`role_${key.role as 'reader'}`)}</td>
                      <td>{moment(key.created)}</td>
                      <td><code>{key.id}</code></td>
                      <td class="buttons"><button type="button" class="small" aria-label={`${t('revoke')}: ${key.name || key.id}`} onClick={() => setAsks(key)}>{t('revoke')}</button></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Told>
      <form class="panel" onSubmit={(e) => { e.preventDefault(); void make(); }}>
        <h3>{t('makeKey')}</h3>
        <Choice label={t('role')} name="role" of={ROLES} value={role} set={setRole} said={(r) => t(`role_${r}`)} />
        <p class="quiet">{t(`role_${role}_text`)}</p>
        <div class="input narrow">
          <label for="key-name">{t('keyName')}</label>
          <input id="key-name" autocomplete="off" spellcheck={false} aria-describedby="key-name-about" value={name} onInput={(e) => setName(e.currentTarget.value)} />
          <small id="key-name-about">{t('keyNameText')}</small>
        </div>
        <div class="actions">
          <button type="submit" class="main" disabled={busy}>{t('makeKey')}</button>
        </div>
      </form>
      <div aria-live="polite" id="made">
        {failure && <Problem failure={failure} />}
        {made && (
          <div class="panel made">
            <h3>{tn('keyMade', { role: t(`role_${made.role as 'reader'}`) })}</h3>
            <p>{t('keyOnce')}</p>
            <Copy text={made.key} />
            <button type="button" class="small" onClick={() => setMade(null)}>{t('keyKept')}</button>
          </div>
        )}
      </div>
      {asks && (
        <Confirm title={tn('revokeTitle', { name: asks.name || asks.id })} action={t('revoke')} danger busy={busy} yes={() => void revoke(asks)} no={() => setAsks(null)}>
          <p>{t('revokeText')}</p>
        </Confirm>
      )}
    </section>
  );
}

function Settings() {
  const asked = useAsk<{ settings: Setting[]; shop: Record<string, string | number | boolean | null> }>('/v1/settings');
  const [only, setOnly] = useState(false);
  return (
    <section>
      <h2>{t('settingsTitle')}</h2>
      <p class="lead">{t('settingsText')}</p>
      <Told asked={asked}>
        {({ settings, shop }) => (
          <>
            {shop && (
              <dl class="facts">
                {Object.entries(shop).filter(([, value]) => value === null || typeof value !== 'object').map(([name, value]) => (
                  <Fact key={name} name={word(name)}>{field(name, value)}</Fact>
                ))}
              </dl>
            )}
            <label class="check">
              <input type="checkbox" checked={only} onChange={(e) => setOnly(e.currentTarget.checked)} /> {t('onlyChanged')}
            </label>
            <div class="scroll" role="region" aria-label={t('settingsTitle')} tabIndex={0}>
              <table class="settings-table">
                <thead>
                  <tr>
                    <th scope="col">{t('name')}</th>
                    <th scope="col">{t('value')}</th>
                    <th scope="col">{t('comesFrom')}</th>
                    <th scope="col">{t('meaning')}</th>
                  </tr>
                </thead>
                <tbody>
                  {settings.filter((s) => !only || s.from !== 'default').map((s) => (
                    <tr key={s.name} data-setting={s.name} data-from={s.from}>
                      <th scope="row"><code>{s.name}</code></th>
                      <td>{s.value === null || s.value === '' ? '–' : <code>{String(s.value)}</code>}</td>
                      <td><span class={s.from === 'default' ? 'quiet' : 'state done'}>{t(`from_${s.from}`)}</span></td>
                      <td class="wrap quiet">{s.text}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </>
        )}
      </Told>
    </section>
  );
}

export function Access() {
  return (
    <>
      <h1>{t('access')}</h1>
      {has('GET /v1/keys') && <Keys />}
      {has('GET /v1/settings') && <Settings />}
    </>
  );
}
