// Drives Chromium over the console of a running merx serve: node console_browser.mjs MODULES ADDRESS PART [ARGUMENT]
//
// Parts: open (no shop has a key), locked KEY READER_KEY, shops NAME, pictures FOLDER. Each check that fails ends the run with 1 and says what was
// expected. Every request must go to the server itself, and nothing may be said on the browser's console but refusals that a check provokes.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [modules, address, part, ...rest] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const root = process.getuid?.() === 0;
const browser = await chromium.launch({
  executablePath: process.env.MERX_CHROMIUM || '/usr/bin/chromium',
  args: [...(root ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'],
});

const said = [];
const asked = [];
let refusalsExpected = 0;

function watch(page) {
  page.setDefaultTimeout(20000);
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => said.push(`error: ${error}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    if (/^Failed to load resource: .* status of 4\d\d/.test(message.text()) && refusalsExpected > 0) return;
    said.push(`${message.type()}: ${message.text()} (${page.url()})`);
  });
  return page;
}

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', colorScheme: 'light', ...options });
  return watch(await context.newPage());
}

async function go(page, hash) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await settled(page);
}

// Nothing is being asked any more.
async function settled(page) {
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy=true]'));
}

// What every page owes: labels, one first heading, a language, a title, room on a phone, contrast.
async function sound(page, name) {
  const wrong = await page.evaluate(() => {
    const out = [];
    for (const input of document.querySelectorAll('input, select, textarea'))
      if (!input.labels?.length && !input.getAttribute('aria-label')) out.push(`no label: ${input.outerHTML.slice(0, 120)}`);
    for (const one of document.querySelectorAll('button, a'))
      if (!one.textContent.trim() && !one.getAttribute('aria-label')) out.push(`no name: ${one.outerHTML.slice(0, 120)}`);
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push(`id twice: ${id}`);
    for (const e of document.querySelectorAll('[aria-describedby]'))
      if (!document.getElementById(e.getAttribute('aria-describedby'))) out.push(`describedby of nothing: ${e.id}`);
    if (document.querySelectorAll('h1').length !== 1) out.push(`${document.querySelectorAll('h1').length} first headings`);
    if (!document.documentElement.lang) out.push('no language');
    if (!/merx/.test(document.title)) out.push(`title ${document.title}`);
    if (document.documentElement.scrollWidth > innerWidth) out.push(`${document.documentElement.scrollWidth} px wide in ${innerWidth}`);

    // WCAG 2 contrast of every text with the colour that is painted below it.
    const parse = (text) => {
      const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
      return [r, g, b, a];
    };
    const light = ([r, g, b]) =>
      [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || seen.has(element) || !element.checkVisibility() || element.closest(':disabled, noscript, title, option')) continue;
      seen.add(element);
      let below = element;
      while (below && parse(getComputedStyle(below).backgroundColor)[3] < 1) below = below.parentElement;
      const style = getComputedStyle(element);
      const ink = parse(element instanceof SVGElement ? style.fill : style.color);
      const paper = below ? parse(getComputedStyle(below).backgroundColor) : [255, 255, 255];
      const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      if (!(ratio >= 4.5)) out.push(`contrast ${ratio.toFixed(2)}: "${walker.currentNode.data.trim().slice(0, 40)}" ${style.color}`);
    }
    return out;
  });
  assert.deepEqual(wrong, [], `${name}: ${page.url()}`);
}

const ALL = ['#/', '#/answers', '#/customers', '#/customers/ann', '#/products', '#/products/tea1', '#/live', '#/server'];

async function text(page, selector) {
  return (await page.textContent(selector)).trim();
}

// ---- without keys ----

async function checkPages() {
  const page = await open();
  await page.goto(`${address}/`);
  await settled(page);
  assert.equal(await text(page, 'h1'), 'Overview');
  assert.ok((await page.locator('.plot rect.bar').count()) >= 3, 'bars of revenue by month');
  const revenue = await page.evaluate(async () => (await (await fetch('/v1/answers/insight')).json()).items[0].fields.value);
  assert.equal((await text(page, '.tiles dd')).replaceAll(',', ''), revenue, 'net revenue of the overview');
  for (const hash of ALL) {
    await go(page, hash);
    await sound(page, hash);
    assert.equal(await page.locator('.problem').count(), 0, `${hash} shows a problem: ${await page.locator('.problem').allTextContents()}`);
  }
  // Keyboard: the first stop is the way past the menu.
  await page.goto(`${address}/`);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  assert.ok((await page.locator('.skip').boundingBox()).x >= 0, 'the way past the menu is seen');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  const outline = await page.evaluate(() => {
    document.querySelector('nav a').focus();
    return getComputedStyle(document.querySelector('nav a')).outlineStyle;
  });
  assert.equal(outline, 'solid', 'what has the focus is outlined');
  await page.context().close();
}

// A page for each answer, its form from the description.
async function checkForms() {
  const page = await open();
  await page.goto(`${address}/#/answers`);
  await settled(page);
  const answers = await page.evaluate(async () => (await (await fetch('/v1/answers')).json()).answers);
  assert.equal(await page.locator('.tiles.wide a').count(), answers.length);
  for (const answer of answers) {
    await go(page, `#/answers/${answer.name}`);
    assert.equal(await text(page, 'h1'), answer.title);
    await sound(page, answer.name);
    for (const option of answer.question) {
      const field = page.locator(`[id="option-${option.name}"]`);
      if (option.text.startsWith('Path of')) {
        assert.equal(await field.count(), 0, `${option.name} of ${answer.name} is a path`);
        continue;
      }
      assert.equal(await field.count(), 1, `${answer.name} lacks ${option.name}`);
      if (option.range && !option.choices) {
        assert.equal(Number(await field.getAttribute('min')), option.range[0]);
        assert.equal(Number(await field.getAttribute('max')), option.range[1]);
      }
      if (option.type === 'choice') assert.equal(await field.locator('option').count(), option.choices.length + (option.default === null ? 1 : 0));
    }
  }
  await page.context().close();
}

async function checkAnswer() {
  const page = await open();
  await page.goto(`${address}/#/answers/recommend`);
  await page.fill('#option-customer', 'ann');
  await page.fill('#option-n', '4');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.cards > li');
  assert.match(page.url(), /customer=ann&n=4&why=true/);
  assert.equal(await page.locator('.cards > li').count(), 4);
  const sums = await page.$$eval('.cards > li', (items) =>
    items.map((item) => ({ score: Number(item.dataset.score), shown: item.querySelector('.score').textContent, parts: [...item.querySelectorAll('[data-contribution]')].map((r) => Number(r.dataset.contribution)), says: item.querySelector('.sum').textContent })),
  );
  for (const { score, shown, parts, says } of sums) {
    const sum = parts.reduce((a, b) => a + b, 0);
    assert.ok(parts.length > 0 && Math.abs(sum - score) <= 1e-6 * Math.max(1, Math.abs(score)), `reasons ${sum}, score ${score}`);
    assert.ok(Math.abs(Number(shown) - score) <= 1e-3 * Math.abs(score), `score shown ${shown}, told ${score}`);
    assert.match(says, /adds up to the score/);
  }
  // Folded reasons add up too, and unfold.
  const first = page.locator('.cards > li').first();
  const before = await first.locator('[data-contribution]').count();
  if (await first.locator('button.link').count()) {
    await first.locator('button.link').click();
    assert.ok((await first.locator('[data-contribution]').count()) > before);
  }
  const line = await text(page, '.copy code');
  assert.ok(line.startsWith(`curl '${address}/v1/answers/recommend?customer=ann`), line);
  await sound(page, 'an answer');
  // Without reasons it is a table.
  await page.uncheck('[name=why]');
  await page.click('button.main');
  await page.waitForSelector('.reply table');
  // A question that is refused: code, message, hint, id of the request.
  refusalsExpected++;
  await go(page, '#/answers/recommend?customer=stranger&why=true');
  await page.waitForSelector('.problem');
  const problem = await text(page, '.problem');
  for (const part of [/not_found/, /stranger/, /What helps/, /Request/]) assert.match(problem, part);
  await sound(page, 'a refusal');
  refusalsExpected--;
  // Back: the question before.
  await page.goBack();
  await page.waitForSelector('.reply table');
  await page.context().close();
}

async function checkSettings() {
  const page = await open();
  await page.goto(`${address}/#/customers/ann`);
  await settled(page);
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.click('#theme');
  assert.notEqual(await paper(), light, 'the colours turn');
  await page.click('#language');
  assert.equal(await text(page, 'h1'), '顾客');
  await page.reload();
  await settled(page);
  assert.equal(await text(page, 'h1'), '顾客', 'the language is remembered');
  assert.notEqual(await paper(), light, 'the colours are remembered');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  for (const hash of [...ALL, '#/answers/recommend?customer=ann&why=true']) {
    await go(page, hash);
    await sound(page, `dark, Chinese, ${hash}`);
  }
  await page.click('#language');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  await page.context().close();

  const phone = await open({ viewport: { width: 375, height: 812 }, locale: 'zh-CN', colorScheme: 'dark', hasTouch: true });
  await phone.goto(`${address}/`);
  await settled(phone);
  assert.equal(await text(phone, 'h1'), '概览', "the browser's language is taken");
  assert.equal(await phone.evaluate(() => document.documentElement.dataset.theme), 'dark', "the system's colours are taken");
  for (const hash of [...ALL, '#/answers/recommend?customer=ann&why=true', '#/answers/insight?topic=revenue']) {
    await go(phone, hash);
    await sound(phone, `phone, ${hash}`);
  }
  await phone.context().close();
}

async function checkLive() {
  const page = await open();
  await page.goto(`${address}/#/live`);
  await settled(page);
  const stored = async () => Number((await text(page, '[data-figure=events]')).replaceAll(',', ''));
  const before = await stored();
  const id = await page.inputValue('#event-id');
  await page.fill('#event-product', 'tea1');
  await page.fill('#event-customer', 'from the console');
  await page.selectOption('#event-kind', 'cart');
  await page.keyboard.press('Tab');
  await page.click('button.main');
  await page.waitForSelector('#posted .good');
  assert.match(await text(page, '#posted'), /Stored\. Offset: [\d,]+/);
  await page.waitForFunction((n) => Number(document.querySelector('[data-figure=events]').textContent.replaceAll(',', '')) === n, before + 1);
  await page.fill('#event-id', id);
  await page.click('button.main');
  await page.waitForFunction(() => /stored already/.test(document.querySelector('#posted').textContent));
  // What is wrong with an event is said by field.
  refusalsExpected++;
  await page.fill('#event-price', 'cheap');
  await page.click('button.main');
  await page.waitForSelector('#posted .problem');
  assert.match(await text(page, '#posted'), /price = .*cheap.*expected/);
  refusalsExpected--;
  await go(page, `#/customers/${encodeURIComponent('from the console')}`);
  await page.context().close();
}

async function checkErase() {
  const page = await open();
  await page.goto(`${address}/#/customers`);
  await settled(page);
  await page.fill('#finder', 'zoe/1 ü');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.erase'));
  await settled(page);
  assert.match(await text(page, 'main .facts'), /zoe\/1 ü/);
  await page.click('.erase > button');
  await page.fill('#erase-id', 'zoe');
  assert.ok(await page.isDisabled('dialog button.danger'), 'another id does not erase');
  await page.keyboard.press('Escape');
  await page.click('.erase > button');
  await page.fill('#erase-id', 'zoe/1 ü');
  await sound(page, 'the question before erasing');
  await page.click('dialog button.danger');
  await page.waitForSelector('.receipt');
  assert.match(await text(page, '.receipt'), /zoe\/1 ü.*recommend/s);
  refusalsExpected++;
  await page.reload();
  await page.waitForSelector('.problem');
  assert.match(await text(page, '.problem'), /there is no customer/);
  await settled(page);
  refusalsExpected--;
  await page.context().close();
}

// ---- with keys ----

async function checkKeys(admin, reader) {
  refusalsExpected++;
  const page = await open();
  await page.goto(`${address}/#/server`);
  await page.waitForSelector('#door');
  await sound(page, 'the door');
  assert.match(await text(page, 'h1'), /asks for a key/);
  await page.fill('#door', 'merx_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.door .problem');
  assert.match(await text(page, '.door .problem'), /unauthorized.*not a key of a shop/s);
  await page.fill('#door', '钥匙');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.door .problem');
  await page.fill('#door', reader);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#forget');
  await settled(page);
  assert.match(await text(page, '.problem'), /role admin/, 'metrics are refused to a reader, with the reason');
  assert.ok(!(await page.content()).includes(reader), 'the key is not on the page');
  await go(page, '#/answers/recommend?customer=ann&why=true');
  await page.waitForSelector('.cards > li');
  const line = await text(page, '.copy code');
  assert.ok(line.includes('$MERX_KEY') && !line.includes(reader), line);
  assert.deepEqual(await page.evaluate((key) => [Object.values(sessionStorage).includes(key), Object.values(localStorage).includes(key)], reader), [true, false]);
  await page.click('#forget');
  await page.waitForSelector('#door');
  await page.fill('#door', admin);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.cards > li');
  refusalsExpected--;
  for (const hash of ALL) {
    await go(page, hash);
    assert.equal(await page.locator('.problem, #door').count(), 0, hash);
  }
  assert.ok(!asked.some((url) => url.includes(admin) || url.includes(reader)), 'no key in an address');
  await page.context().close();
}

// ---- several shops without keys ----

async function checkShops(name) {
  refusalsExpected++;
  const page = await open();
  await page.goto(`${address}/`);
  await page.waitForSelector('#door');
  assert.equal(await text(page, 'h1'), 'Which shop?');
  await page.fill('#door', 'hats');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /no shop "hats"/.test(document.querySelector('.door .problem')?.textContent ?? ''));
  await page.fill('#door', name);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.plot rect.bar');
  refusalsExpected--;
  await go(page, '#/server');
  assert.match(await text(page, 'main'), new RegExp(`${name}: ready`));
  await page.context().close();
}

async function takePictures(folder) {
  const wide = await open({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 });
  const best = async (page, topic) => page.evaluate(async (t) => (await (await fetch(`/v1/answers/insight?topic=${t}&n=6`)).json()).items.find((i) => i.id).id, topic);
  await wide.goto(`${address}/`);
  await settled(wide);
  await wide.screenshot({ path: `${folder}/console-overview.png` });
  const customer = await best(wide, 'customers');
  await wide.context().close();
  const phone = await open({ viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, locale: 'zh-CN', colorScheme: 'dark' });
  await phone.goto(`${address}/#/answers/recommend?customer=${encodeURIComponent(customer)}&why=true`);
  await phone.waitForSelector('.cards > li');
  await phone.evaluate(() => scrollTo(0, document.querySelector('#answer').offsetTop - 20));
  await phone.screenshot({ path: `${folder}/console-phone.png` });
  await phone.context().close();
}

try {
  if (part === 'open') for (const check of [checkPages, checkForms, checkAnswer, checkSettings, checkLive, checkErase]) await check();
  else if (part === 'locked') await checkKeys(...rest);
  else if (part === 'shops') await checkShops(...rest);
  else if (part === 'pictures') await takePictures(...rest);
  else throw new Error(`no part ${part}`);
  const outside = asked.filter((url) => !url.startsWith(`${address}/`) && !url.startsWith('data:'));
  assert.deepEqual(outside, [], 'every request goes to the server itself');
  assert.ok(asked.length > 3, 'requests were seen');
  assert.deepEqual(said, [], "the browser's console is silent");
} catch (error) {
  console.error(`FAILED (${part}): ${error.stack ?? error}`);
  for (const line of said) console.error(`  console: ${line}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
