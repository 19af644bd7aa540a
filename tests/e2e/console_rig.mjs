// What the browser's checks of the console and of the storefront share: the browser, pages that are watched, and what every page owes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const [modules, address, part, ...rest] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const root = process.getuid?.() === 0;
export const browser = await chromium.launch({
  executablePath: process.env.MERX_CHROMIUM || '/usr/bin/chromium',
  args: [...(root ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'],
});

export const said = [];
export const asked = [];
let expected = 0;
let opened = 0;

// While a check provokes refusals the browser may say so.
export async function refused(check) {
  expected++;
  try {
    return await check();
  } finally {
    expected--;
  }
}

function watch(page) {
  page.setDefaultTimeout(60000);
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => said.push(`error: ${error}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const refusal = /^Failed to load resource: .* status of 4\d\d/.test(message.text());
    // A product without a picture is told so by 404, which the page answers with a tile.
    if (refusal && (expected > 0 || /\/picture\?size=\d+$/.test(message.location().url))) return;
    said.push(`${message.type()}: ${message.text()} ${message.location().url} (${page.url()})`);
  });
  return page;
}

export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', colorScheme: 'light', acceptDownloads: true, ...options });
  opened++;
  return watch(await context.newPage());
}

export async function go(page, hash) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await settled(page);
}

// Nothing is being asked any more.
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy=true], .card.waiting'));
}

export async function text(page, selector) {
  return (await page.textContent(selector)).trim();
}

// The routes of the server, as "GET /v1/jobs/{}".
export async function routes() {
  const document = await (await fetch(`${address}/v1/openapi.json`)).json();
  return new Set(Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path.replace(/\{[^}]*\}/g, '{}')}`)));
}

// What the API says, without the browser.
export async function api(method, path, body) {
  const response = await fetch(address + path, { method, headers: body === undefined ? {} : { 'Content-Type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

// What every page owes: labels, one first heading, a language, a title, room on a phone, and WCAG 2.1 AA as far as axe can tell.
export async function sound(page, name) {
  const wrong = await page.evaluate(() => {
    const out = [];
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push(`id twice: ${id}`);
    for (const e of document.querySelectorAll('[aria-describedby]'))
      if (!document.getElementById(e.getAttribute('aria-describedby'))) out.push(`describedby of nothing: ${e.id}`);
    if (document.querySelectorAll('h1').length !== 1) out.push(`${document.querySelectorAll('h1').length} first headings`);
    if (!/merx/.test(document.title)) out.push(`title ${document.title}`);
    if (document.documentElement.scrollWidth > innerWidth) out.push(`${document.documentElement.scrollWidth} px wide in ${innerWidth}`);
    return out;
  });
  assert.deepEqual(wrong, [], `${name}: ${page.url()}`);
  // By the debugger, which the page's policy does not bind. What fades in is waited for: its contrast is that of its end.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {}))));
  await page.evaluate(`window.axe || (() => { ${axe} })()`);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any.map((a) => a.message).join('; ')}`).join(' | ')}`);
  });
  assert.deepEqual(found, [], `${name}: ${page.url()}`);
}

// How far the page moved what was there already since it was opened (Chromium's layout shift, without what a person's click moved).
export async function shifted(page) {
  return page.evaluate(() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => done(sum), 300);
  }));
}

// Runs the checks; each that fails ends the run with 1 and says what was expected.
export async function run(checks) {
  try {
    if (!checks[part]) throw new Error(`no part ${part}`);
    for (const check of [checks[part]].flat()) {
      const start = Date.now();
      await check(...rest);
      if (process.env.MERX_CONSOLE_TIMES) console.error(`${part}: ${check.name} ${((Date.now() - start) / 1000).toFixed(1)} s`);
    }
    const outside = asked.filter((url) => !url.startsWith(`${address}/`) && !url.startsWith('data:') && !url.startsWith(`blob:${address}/`));
    assert.deepEqual(outside, [], 'every request goes to the server itself');
    // None is opened where the server lacks all the routes of a part.
    assert.ok(opened === 0 || asked.length > 3, 'requests were seen');
    assert.deepEqual(said, [], "the browser's console is silent");
  } catch (error) {
    console.error(`FAILED (${part}): ${error.stack ?? error}`);
    for (const line of said) console.error(`  console: ${line}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
