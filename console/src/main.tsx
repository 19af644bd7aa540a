// The frame: menu, language, colours, the key, and which page the address names.
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { access, type Failure, whenRefused } from './api';
import { Answers } from './answers';
import { Overview } from './overview';
import { Door, Live, Server } from './running';
import { Customers, Products } from './things';
import { language, setLanguage, t, type TextName } from './texts';
import './style.css';

const PAGES: [string, TextName][] = [
  ['', 'overview'], ['answers', 'answers'], ['customers', 'customers'], ['products', 'products'], ['live', 'live'], ['server', 'server'],
];

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

function Page({ page, id, query }: ReturnType<typeof addressed>) {
  switch (page) {
    case '':
      return <Overview />;
    case 'answers':
      return <Answers name={id} query={query} />;
    case 'customers':
      return <Customers id={id} />;
    case 'products':
      return <Products id={id} />;
    case 'live':
      return <Live />;
    case 'server':
      return <Server />;
    default:
      return <h1>{t('notFound')}</h1>;
  }
}

function App() {
  const [address, setAddress] = useState(addressed);
  const [refused, setRefused] = useState<Failure | null>(null);
  const [, again] = useState(0);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    const moved = () => {
      const to = addressed();
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
  const title = PAGES.find(([page]) => page === address.page)?.[1];
  document.title = title ? `${t(title)} · merx` : 'merx';
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus(); }}>{t('skip')}</a>
      <header>
        <a class="brand" href="#/" aria-label={t('title')}>
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M7 23V9l9 9 9-9v14" />
          </svg>
          merx
        </a>
        <nav aria-label={t('menu')}>
          {PAGES.map(([page, name]) => (
            <a href={`#/${page}`} aria-current={address.page === page ? 'page' : undefined}>{t(name)}</a>
          ))}
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
        {refused ? <Door failure={refused} enter={() => setRefused(null)} /> : <Page {...address} />}
      </main>
    </>
  );
}

applyTheme();
render(<App />, document.getElementById('app')!);
