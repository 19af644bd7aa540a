// Checks of the demo storefront: what one clicks becomes events, and what is recommended changes with it.
import assert from 'node:assert/strict';
import { address, api, asked, open, refused, settled, shifted, sound, text } from './console_rig.mjs';

async function sessionOf(page) {
  return page.evaluate(() => JSON.parse(sessionStorage.getItem('merx.visit')).session);
}
const cards = (page, answer) => page.$$eval(`[data-answer=${answer}] .card[data-product]`, (all) => all.map((c) => c.dataset.product));
const offsetOf = (page, answer) => page.getAttribute(`[data-answer=${answer}]`, 'data-offset').then(Number);

export async function checkShop() {
  const page = await open({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${address}/shop`);
  await page.waitForSelector('.card[data-product]');
  await settled(page);
  assert.ok((await shifted(page)) < 0.05, `the page stays where it is: ${await shifted(page)}`);
  assert.match(await text(page, 'h1'), /learns while you look/);
  await sound(page, 'the storefront');
  assert.match(await text(page, '.saw'), /insight/, 'what was asked is shown');

  // A product is looked at: an event, and answers that have seen it.
  const before = (await api('GET', '/v1/answers/insight')).data_offset;
  await page.locator('.card[data-product] > a').first().click();
  await page.waitForSelector('#add:not(:disabled)');
  await page.waitForSelector('.saw li.event');
  await page.waitForFunction((n) => Number(document.querySelector('[data-answer=next]')?.dataset.offset) > n, before);
  await settled(page);
  const session = await sessionOf(page);
  const first = await page.evaluate(() => location.hash.split('/')[2]);
  const reply = await api('GET', `/v1/answers/next?session=${session}&n=4`);
  assert.deepEqual(await cards(page, 'next'), reply.items.map((i) => i.id), 'what is shown is what merx answers for this session');
  for (const line of await page.$$eval('.saw li', (all) => all.map((l) => l.textContent))) assert.match(line, /ms|under way/);
  assert.match(await text(page, '[data-answer=next] .reason'), /because you looked at|liked by/, 'a reason in plain words');
  await sound(page, 'a product');

  // Why: parts that add up to the score.
  await page.locator('[data-answer=similar] .why button').first().click();
  await page.waitForSelector('.why-all li');
  await sound(page, 'reasons unfolded');

  // Another product: what comes next changes.
  const nextBefore = await cards(page, 'next');
  const offsetBefore = await offsetOf(page, 'next');
  await page.locator('[data-answer=similar] .card > a').last().click();
  await page.waitForFunction((id) => location.hash.startsWith('#/product/') && !location.hash.endsWith(id), first);
  await page.waitForFunction((n) => Number(document.querySelector('[data-answer=next]')?.dataset.offset) > n, offsetBefore);
  await settled(page);
  assert.notDeepEqual(await cards(page, 'next'), nextBefore, 'what comes next follows the clicks');

  // Into the basket, and bought.
  await page.click('#add');
  await page.waitForSelector('.count[data-count="1"]');
  await page.click('.to-basket');
  await page.waitForSelector('.lines li');
  await page.fill('.lines input', '3');
  await page.keyboard.press('Tab');
  await page.waitForSelector('.count[data-count="3"]');
  const price = Number(await text(page, '.lines .price'));
  assert.ok(Math.abs(Number(await text(page, '.total strong')) - 3 * price) < 1e-9, 'the total');
  await settled(page);
  await sound(page, 'the basket');
  const orders = async () => Number((await api('GET', '/v1/answers/insight')).items.find((i) => i.id === 'orders').fields.value);
  const ordersBefore = await orders();
  await page.click('#buy');
  await page.waitForFunction(() => location.hash.startsWith('#/thanks/'));
  await page.waitForFunction(() => [...document.querySelectorAll('.saw li.event')].some((l) => /purchase/.test(l.textContent) && /stored/.test(l.textContent)));
  assert.equal(await orders(), ordersBefore + 1, 'the order is in the shop');
  await settled(page);
  await sound(page, 'thanks');

  // Loaded anew, the visit goes on; a new visitor begins anew.
  await page.goto(`${address}/shop`);
  await page.waitForSelector('[data-answer=recommend] .card[data-product]');
  assert.equal(await sessionOf(page), session);
  assert.match(await text(page, '[data-answer=recommend] .reason'), /because you|liked by/);
  await page.click('#fresh');
  await page.waitForSelector('.hero');
  assert.notEqual(await sessionOf(page), session);
  await page.fill('.search input', 'zzz nothing');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /Nothing is called/.test(document.querySelector('main').textContent));
  await sound(page, 'nothing found');
  await refused(async () => {
    await page.goto(`${address}/shop#/product/none%20such`);
    await page.waitForFunction(() => /no such product/.test(document.querySelector('h1')?.textContent ?? ''));
  });
  assert.ok(asked.some((url) => url.endsWith('/v1/events')), 'events were sent');
  await page.context().close();
}

export async function checkShopLooks() {
  for (const options of [{ viewport: { width: 375, height: 812 }, locale: 'zh-CN', colorScheme: 'dark', hasTouch: true }, { viewport: { width: 900, height: 800 }, locale: 'en-GB', colorScheme: 'dark' }]) {
    const page = await open(options);
    await page.goto(`${address}/shop`);
    await page.waitForSelector('.card[data-product]');
    await settled(page);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await sound(page, `${options.viewport.width} wide`);
    if (options.locale === 'zh-CN') assert.match(await text(page, 'h1'), /边逛边学/);
    await page.locator('.card > a').first().click();
    await page.waitForSelector('#add:not(:disabled)');
    await page.waitForSelector('[data-answer=similar] .card[data-product]');
    await settled(page);
    await page.click('#show-saw');
    await page.waitForSelector('.saw');
    await sound(page, `${options.viewport.width} wide, a product`);
    await page.click('.saw .close');
    await page.waitForFunction(() => !document.querySelector('.saw'));
    await page.click('#theme');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
    await sound(page, `${options.viewport.width} wide, light`);
    await page.context().close();
  }
  // By keyboard alone: past the menu, to a product, into the basket.
  const page = await open();
  await page.goto(`${address}/shop`);
  await page.waitForSelector('.card[data-product]');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#add:not(:disabled)');
  await page.focus('#add');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.count[data-count="1"]');
  await page.context().close();
}

// With a key that only reads: nothing is sent twice, and what is recommended follows the clicks all the same.
export async function checkReaderShop(reader) {
  const page = await open({ viewport: { width: 1440, height: 900 } });
  await refused(async () => {
    await page.goto(`${address}/shop`);
    await page.waitForSelector('#door');
    await sound(page, 'the door of the storefront');
    await page.fill('#door', reader);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.card[data-product]');
    await page.locator('.card > a').first().click();
    await page.waitForSelector('#read-only');
    await page.waitForSelector('[data-answer=next] .card[data-product]');
    await settled(page);
    const first = await cards(page, 'next');
    await page.locator('[data-answer=next] .card > a').last().click();
    await page.waitForFunction((before) => {
      const now = [...document.querySelectorAll('[data-answer=next] .card[data-product]')].map((c) => c.dataset.product);
      return now.length > 0 && JSON.stringify(now) !== before;
    }, JSON.stringify(first));
    await settled(page);
    await sound(page, 'the storefront with a reader key');
  });
  assert.equal(asked.filter((url) => url.endsWith('/v1/events')).length, 1, 'one event was tried, and no more');
  await refused(async () => {
    await page.click('#forget');
    await page.waitForSelector('#door');
  });
  await page.context().close();
}
