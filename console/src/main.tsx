// The frame: menu, language, colours, the key, and which page the address names.
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Access } from './access';
import { access, type Failure, whenRefused } from './api';
import { Answers } from './answers';
import { Customers } from './customers';
import { Door } from './door';
import { Jobs } from './jobs';
import { Live } from './live';
import { Models } from './models';
import { Overview } from './overview';
import { Problem } from './parts';
import { Playground } from './playground';
import { Products } from './products';
import { type Routes, useRoutes } from './routes';
import { Server } from './server';
import { language, setLanguage, t, type TextName } from './texts';
import './style.css';

interface Entry {
  page: string;
  name: TextName;
  needs?: string[]; // one of these routes
}
const MENU: { title: TextName; entries: Entry[] }[] = [
  {
    title: 'menuShop',
    entries: [
      { page: '', name: 'overview' },
      { page: 'customers', name: 'customers' },
      { page: 'products', name: 'products' },
      { page: 'answers', name: 'answers' },
      { page: 'pictures', name: 'pictures', needs: ['GET /v1/products/{}/picture'] },
    ],
  },
  {
    title: 'menuLearning',
    entries: [
      { page: 'models', name: 'models', needs: ['GET /v1/models'] },
      { page: 'jobs', name: 'jobs', needs: ['GET /v1/jobs'] },
    ],
  },
  {
    title: 'menuRunning',
    entries: [
      { page: 'live', name: 'live' },
      { page: 'server', name: 'server' },
      { page: 'access', name: 'access', needs: ['GET /v1/keys', 'GET /v1/settings'] },
    ],
  },
];
const ENTRIES = MENU.flatMap((group) => group.entries);

// Until it is known what the server has, all of it is in the menu: most servers have it, and the menu stays where it is.
function there(entry: Entry, routes: Routes | null): boolean {
  return !entry.needs || !routes || entry.needs.some((route) => routes.has(route));
}

// #/answers/recommend?customer=C1
function addressed(): { page: string; id: string | null; query: string | null } {
  const [path = '', query] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [page = '', ...rest] = path.split('/');
  let id: string | null = rest.join('/');
  try {
    id = decodeURIComponent(id) || null;
  } catch {
    id = null;
  }
  return { page, id, query: query ?? null };
}

type Theme = 'light' | 'dark';
const THEME = 'merx.theme';
function theme(): Theme {
  const kept = localStorage.getItem(THEME);
  if (kept === 'light' || kept === 'dark') return kept;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
function applyTheme() {
  document.documentElement.dataset['theme'] = theme();
}

function Page({ page, id, query, routes }: ReturnType<typeof addressed> & { routes: Routes | null }) {
  const entry = ENTRIES.find((e) => e.page === page);
  if (!entry || !there(entry, routes)) return <h1>{t('notFound')}</h1>;
  // What a page shows depends on what the server has: it waits for that, which comes once for a visit.
  if (!routes) return <div aria-busy="true"><h1>{t(entry.name)}</h1><p class="quiet">{t('loading')}</p></div>;
  switch (page) {
    case 'answers':
      return <Answers name={id} query={query} />;
    case 'customers':
      return <Customers id={id} />;
    case 'products':
      return <Products id={id} />;
    case 'pictures':
      return <Playground />;
    case 'models':
      return <Models id={id} />;
    case 'jobs':
      return <Jobs id={id} />;
    case 'live':
      return <Live />;
    case 'server':
      return <Server />;
    case 'access':
      return <Access />;
    default:
      return <Overview />;
  }
}

function Unreached({ failure }: { failure: Failure }) {
  return (
    <>
      <h1>merx</h1>
      <Problem failure={failure} />
      <button type="button" class="main" onClick={() => location.reload()}>{t('again')}</button>
    </>
  );
}

function App() {
  const [address, setAddress] = useState(addressed);
  const [refused, setRefused] = useState<Failure | null>(null);
  const [open, setOpen] = useState(false);
  const [, again] = useState(0);
  const main = useRef<HTMLElement>(null);
  const [entered, setEntered] = useState(0);
  const { routes, failure } = useRoutes(entered);
  useEffect(() => {
    const moved = () => {
      const to = addressed();
      setOpen(false);
      setAddress((from) => {
        // Another page begins at its top, and screen readers with it; another question of the same page does not.
        if (from.page !== to.page || from.id !== to.id) {
          scrollTo(0, 0);
          main.current?.focus({ preventScroll: true });
        }
        return to;
      });
    };
    addEventListener('hashchange', moved);
    whenRefused(setRefused);
    const system = matchMedia('(prefers-color-scheme: dark)');
    const turned = () => {
      applyTheme();
      again((n) => n + 1);
    };
    system.addEventListener('change', turned);
    return () => {
      removeEventListener('hashchange', moved);
      system.removeEventListener('change', turned);
    };
  }, []);
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
  const title = ENTRIES.find(({ page }) => page === address.page)?.name;
  document.title = title ? `${t(title)}${address.id ? `: ${address.id}` : ''} · merx` : 'merx';
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>{t('skip')}</a>
      <header>
        <a class="brand" href="#/" aria-label={t('title')}>
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M7 23V9l9 9 9-9v14" />
          </svg>
          merx
        </a>
        <button type="button" class="small menu-button" aria-expanded={open} aria-controls="menu" onClick={() => setOpen(!open)}>{t('menuButton')}</button>
        <nav id="menu" class={open ? 'open' : undefined} aria-label={t('menu')}>
          {MENU.map((group) => ({ ...group, entries: group.entries.filter((e) => there(e, routes)) })).filter((group) => group.entries.length > 0).map((group) => (
            <div class="group" key={group.title}>
              <p class="group-title" id={`menu-${group.title}`}>{t(group.title)}</p>
              <ul aria-labelledby={`menu-${group.title}`}>
                {group.entries.map((e) => (
                  <li key={e.page}>
                    <a href={`#/${e.page}`} aria-current={address.page === e.page ? 'page' : undefined} onClick={() => setOpen(false)}>{t(e.name)}</a>
                  </li>
                ))}
              </ul>
            </div>
          ))}
          <p class="group"><a class="to-shop" href="/shop">{t('storefront')} ↗</a></p>
        </nav>
        <div class="settings">
          <button
            type="button"
            class="small"
            lang={language() === 'zh' ? 'en' : 'zh-CN'}
            id="language"
            onClick={() => {
              setLanguage(language() === 'zh' ? 'en' : 'zh');
              again((n) => n + 1);
            }}
          >
            {t('language')}
          </button>
          <button
            type="button"
            class="small"
            id="theme"
            aria-label={`${t('themeLabel')}: ${t(theme() === 'dark' ? 'themeLight' : 'themeDark')}`}
            onClick={() => {
              localStorage.setItem(THEME, theme() === 'dark' ? 'light' : 'dark');
              applyTheme();
              again((n) => n + 1);
            }}
          >
            {t(theme() === 'dark' ? 'themeLight' : 'themeDark')}
          </button>
          {access.key && (
            <button type="button" class="small" id="forget" onClick={() => { access.set('', ''); setRefused(null); location.reload(); }}>{t('lock')}</button>
          )}
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {refused ? <Door failure={refused} enter={() => { setRefused(null); setEntered((n) => n + 1); }} /> : failure && !failure.asksAccess ? <Unreached failure={failure} /> : <Page {...address} routes={routes} />}
      </main>
    </div>
  );
}

applyTheme();
render(<App />, document.getElementById('app')!);
