// Drives Chromium over the console and the storefront of a running merx serve: node console_browser.mjs MODULES ADDRESS PART [ARGUMENT]
//
// Parts: open (no shop has a key), running (jobs, models, live events, keys, settings), things (customers, products, pictures), shop and reader READER_KEY (the storefront),
// locked KEY READER_KEY, shops NAME, portraits FOLDER (pictures of the pages). Each check that fails ends the run with 1 and says what was expected. Every request must go to the server
// itself, and nothing may be said on the browser's console but refusals that a check provokes.
import assert from 'node:assert/strict';
import { checkAccess, checkCustomer, checkEraseJob, checkJobs, checkModels, checkPlayground, checkProducts, checkSegments, checkStream, makeKeys } from './console_pages.mjs';
import { address, api, asked, go, open, refused, routes, run, settled, sound, text } from './console_rig.mjs';
import { checkReaderShop, checkShop, checkShopLooks } from './console_shop.mjs';

const ALL = ['#/', '#/answers', '#/customers', '#/customers/ann', '#/products', '#/products/tea1', '#/live', '#/server'];
// Pages whose routes the server has.
async function all() {
  const there = await routes();
  return [...ALL, ...[['#/pictures', 'GET /v1/products/{}/picture'], ['#/models', 'GET /v1/models'], ['#/models/recommend', 'GET /v1/models'], ['#/jobs', 'GET /v1/jobs'], ['#/access', 'GET /v1/settings']].filter(([, route]) => there.has(route)).map(([hash]) => hash)];
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
  for (const hash of await all()) {
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
  await refused(async () => {
    await go(page, '#/answers/recommend?customer=stranger&why=true');
    await page.waitForSelector('.problem');
  });
  const problem = await text(page, '.problem');
  for (const part of [/not_found/, /stranger/, /What helps/, /Request/]) assert.match(problem, part);
  await sound(page, 'a refusal');
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
  assert.equal(await text(page, 'h1'), '顾客 ann');
  await page.reload();
  await settled(page);
  assert.equal(await text(page, 'h1'), '顾客 ann', 'the language is remembered');
  assert.notEqual(await paper(), light, 'the colours are remembered');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  for (const hash of [...(await all()), '#/answers/recommend?customer=ann&why=true']) {
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
  for (const hash of [...(await all()), '#/answers/recommend?customer=ann&why=true', '#/answers/insight?topic=revenue']) {
    await go(phone, hash);
    await sound(phone, `phone, ${hash}`);
  }
  await phone.context().close();
}

async function checkLive() {
  const page = await open();
  await page.goto(`${address}/#/live`);
  await settled(page);
  const id = await page.inputValue('#event-id');
  await page.fill('#event-product', 'tea1');
  await page.fill('#event-customer', 'from the console');
  await page.selectOption('#event-kind', 'cart');
  await page.keyboard.press('Tab');
  await page.click('button.main');
  await page.waitForSelector('#posted .good');
  assert.match(await text(page, '#posted'), /Stored\. Offset: [\d,]+/);
  await page.fill('#event-id', id);
  await page.click('button.main');
  await page.waitForFunction(() => /stored already/.test(document.querySelector('#posted').textContent));
  // What is wrong with an event is said by field.
  await refused(async () => {
    await page.fill('#event-price', 'cheap');
    await page.click('button.main');
    await page.waitForSelector('#posted .problem');
  });
  assert.match(await text(page, '#posted'), /price = .*cheap.*expected/);
  await go(page, '#/server');
  assert.ok(Number((await text(page, '[data-figure=events]')).replaceAll(',', '')) >= 1, 'events are counted');
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
  await refused(async () => {
    await page.reload();
    await page.waitForSelector('.problem');
    assert.match(await text(page, '.problem'), /there is no customer/);
    await settled(page);
  });
  await page.context().close();
}

// ---- with keys ----

async function checkKeys(admin, reader) {
  const page = await open();
  await refused(async () => {
    await page.goto(`${address}/#/server`);
    await page.waitForSelector('#door');
    await sound(page, 'the door');
    assert.match(await text(page, 'h1'), /asks for a key/);
    // Without a key nothing is asked over and over.
    const before = asked.length;
    await page.waitForTimeout(1000);
    assert.equal(asked.length, before, 'the door waits');
    await page.fill('#door', 'merx_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.door .problem');
    assert.match(await text(page, '.door .problem'), /unauthorized.*not a key of a shop/s);
    await page.fill('#door', '钥匙');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.door .problem') && document.querySelector('#door').value === ''); // the next door
    await page.fill('#door', reader);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => !document.querySelector('#door') && document.querySelector('.problem'));
    await settled(page);
    assert.match(await text(page, '.problem'), /role admin/, 'metrics are refused to a reader, with the reason');
    assert.match(await text(page, '.problem'), /Forget it and open the console with another/, 'and what to do');
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
  });
  for (const hash of ALL) {
    await go(page, hash);
    assert.equal(await page.locator('.problem, #door').count(), 0, hash);
  }
  await makeKeys(page);
  assert.ok(!asked.some((url) => url.includes(admin) || url.includes(reader)), 'no key in an address');
  await page.context().close();
}

// ---- several shops without keys ----

async function checkShops(name) {
  const page = await open();
  await refused(async () => {
    await page.goto(`${address}/`);
    await page.waitForSelector('#door');
    assert.equal(await text(page, 'h1'), 'Which shop?');
    await page.fill('#door', 'hats');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => /no shop "hats"/.test(document.querySelector('.door .problem')?.textContent ?? ''));
    await page.fill('#door', name);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.plot rect.bar');
  });
  await go(page, '#/server');
  assert.match(await text(page, 'main'), new RegExp(`${name}: ready`));
  await page.context().close();
}

// ---- pictures of the pages, for the documents ----

async function takePortraits(folder) {
  const best = async (topic) => (await api('GET', `/v1/answers/insight?topic=${topic}&n=6`)).items.find((i) => i.id).id;
  const customer = await best('customers');
  const there = await routes();
  const take = async (name, path, ready, options = {}) => {
    const page = await open({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5, ...options });
    await page.goto(`${address}${path}`);
    await settled(page);
    await ready?.(page);
    await page.waitForTimeout(700); // pictures are drawn, what fades in is there
    await page.screenshot({ path: `${folder}/${name}.png` });
    await page.context().close();
  };
  const phone = { viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, locale: 'zh-CN', colorScheme: 'dark' };
  await take('console-overview', '/');
  await take('console-phone', `/#/answers/recommend?customer=${encodeURIComponent(customer)}&why=true`, async (page) => {
    await page.waitForSelector('.cards > li');
    await page.evaluate(() => scrollTo(0, document.querySelector('#answer').offsetTop - 20));
  }, phone);
  await take('console-segments', '/#/customers', async (page) => {
    await page.waitForSelector('.dots circle');
    await page.click('.segment-list li:last-child button');
    await page.evaluate(() => scrollTo(0, document.querySelector('.sentence').offsetTop - 60));
  });
  if (there.has('GET /v1/models')) await take('console-models', '/#/models/next', async (page) => page.waitForSelector('.bands'));
  if (there.has('GET /v1/products/{}/picture')) {
    await take('console-pictures', '/#/pictures', async (page) => {
      const { items } = await api('GET', '/v1/products?limit=40');
      const bytes = Buffer.from(await (await fetch(`${address}/v1/products/${encodeURIComponent(items[30].id)}/picture`)).arrayBuffer());
      await page.setInputFiles('#picture', { name: 'picture.png', mimeType: 'image/png', buffer: bytes });
      await page.waitForSelector('.classes li');
    });
    const clicked = async (page) => {
      for (let i = 0; i < 3; i++) {
        await page.locator('.card:not(.waiting) > a').nth(i).click();
        await page.waitForSelector('#add:not(:disabled)');
        await page.waitForSelector('[data-answer=recommend] .reason');
        if (i === 1) await page.click('#add');
        if (i < 2) await page.click('.crumbs a');
        await page.waitForSelector('.card:not(.waiting)');
      }
      await page.click('.crumbs a');
      await page.waitForSelector('[data-answer=recommend] .reason');
      await page.mouse.move(0, 0);
    };
    await take('shop', '/shop', clicked, { viewport: { width: 1440, height: 960 }, deviceScaleFactor: 1.25 });
    await take('shop-phone', '/shop', clicked, { ...phone, locale: 'en-GB', colorScheme: 'light' });
  }
}

await run({
  open: [checkPages, checkForms, checkAnswer, checkSettings, checkLive, checkErase],
  running: [checkJobs, checkModels, checkEraseJob, checkStream, checkAccess],
  things: [checkSegments, checkCustomer, checkProducts, checkPlayground],
  shop: [checkShop, checkShopLooks],
  locked: [checkKeys],
  reader: [checkReaderShop],
  shops: [checkShops],
  portraits: [takePortraits],
});
