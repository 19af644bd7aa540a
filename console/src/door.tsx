import { useState } from 'preact/hooks';
import { access, type Failure } from './api';
import { Problem } from './parts';
import { t } from './texts';

// Asked for a key, or for which shop: what the server said, and the fields for it.
export function Door({ failure, enter }: { failure: Failure; enter: () => void }) {
  const byShop = failure.status !== 401;
  const [key, setKey] = useState('');
  const [shop, setShop] = useState(access.shop);
  return (
    <form
      class="door"
      onSubmit={(e) => {
        e.preventDefault();
        // A header holds no character beyond Latin; the server would not take such a key or name anyway.
        access.set(byShop ? access.key : key.trim().replace(/[^\x21-\x7e]/g, '?'), byShop ? encodeHeader(shop.trim()) : '');
        enter();
      }}
    >
      <h1>{t(byShop ? 'shopTitle' : 'keyTitle')}</h1>
      <p>{t(byShop ? 'shopText' : 'keyText')}</p>
      {(access.key || byShop) && <Problem failure={failure} />}
      <div class="input">
        <label for="door">{t(byShop ? 'shop' : 'key')}</label>
        {byShop ? (
          <input id="door" autocomplete="off" spellcheck={false} required value={shop} onInput={(e) => setShop(e.currentTarget.value)} />
        ) : (
          <input id="door" type="password" autocomplete="off" spellcheck={false} required value={key} onInput={(e) => setKey(e.currentTarget.value)} />
        )}
      </div>
      <div class="actions">
        <button type="submit" class="main">{t('open')}</button>
      </div>
    </form>
  );
}
function encodeHeader(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
