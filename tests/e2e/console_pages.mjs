// Checks of the console's pages on running and learning, and of customers, products and pictures. Each is left out, and says so, where the server lacks its routes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { address, api, go, open, routes, settled, sound, text } from './console_rig.mjs';

async function without(route, what) {
  if ((await routes()).has(route)) return false;
  console.log(`${what}: not checked, the server has no ${route}`);
  return true;
}

// The job a page shows, once it has ended.
async function ended(page) {
  await page.waitForFunction(() => ['done', 'failed', 'cancelled'].includes(document.querySelector('main [data-job]')?.dataset.state), null, { timeout: 120000 });
  await settled(page);
  return page.evaluate(() => ({ id: document.querySelector('main [data-job]').dataset.job, state: document.querySelector('main [data-job]').dataset.state }));
}

export async function checkJobs() {
  if (await without('POST /v1/jobs', 'jobs')) return;
  const page = await open();
  await page.goto(`${address}/#/jobs`);
  await settled(page);
  assert.match(await text(page, '.empty'), /No job has run yet/);
  assert.ok(await page.isDisabled('button.main'), 'nothing to import yet');

  // Import: one file dropped, one chosen; both go up, then the job names them.
  const csv = (n) => `order_id,time,customer,product,quantity,unit_price\n${Array.from({ length: 40 }, (_, i) => `more${n}-${i},2024-02-0${1 + (i % 9)},new${n}${i % 5},tea${1 + (i % 16)},1,2.50`).join('\n')}\n`;
  await page.evaluate((content) => {
    const files = new DataTransfer();
    files.items.add(new File([content], 'dropped.csv', { type: 'text/csv' }));
    for (const type of ['dragover', 'drop']) document.querySelector('.drop').dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: files }));
  }, csv(1));
  await page.setInputFiles('#files', { name: 'chosen.csv', mimeType: 'text/csv', buffer: Buffer.from(csv(2)) });
  await page.waitForFunction(() => document.querySelectorAll('.files li').length === 2);
  await sound(page, 'files to import');
  await page.click('button.main');
  await page.waitForFunction(() => /#\/jobs\/./.test(location.hash));
  const imported = await ended(page);
  assert.equal(imported.state, 'done', await text(page, 'main'));
  const { result } = await api('GET', `/v1/jobs/${imported.id}`);
  assert.equal(result.accepted, 80);
  assert.match(await text(page, 'main'), /dropped\.csv/);
  assert.match(await text(page, '.log'), /chosen\.csv/);
  await sound(page, 'an import that is done');

  // Train, with its log as it is written.
  await go(page, '#/jobs');
  await page.click('.choice input[value=train]');
  await settled(page);
  await page.check('.checks input[value=recommend]');
  await page.check('input[name=again]');
  await page.check('input[name=force]');
  await sound(page, 'the form to train');
  await page.click('.start button.main');
  await page.waitForFunction(() => /#\/jobs\/./.test(location.hash));
  const trained = await ended(page);
  assert.equal(trained.state, 'done', await text(page, 'main'));
  await page.waitForFunction(() => document.querySelector('.log').textContent.includes('recommend'));

  // Cancel one that waits behind others; the list shows all of it live.
  const queue = [];
  for (let i = 0; i < 12; i++) queue.push(await api('POST', '/v1/jobs', { kind: 'train', again: true, force: true }));
  const last = queue[queue.length - 1].id;
  await go(page, '#/jobs');
  await page.click(`.job[data-job="${last}"] button`);
  await page.click('dialog button.danger');
  await page.waitForSelector(`.job[data-job="${last}"][data-state=cancelled]`);
  assert.equal((await api('GET', `/v1/jobs/${last}`)).state, 'cancelled');
  await page.waitForSelector(`.job[data-job="${queue[0].id}"][data-state=done]`, { timeout: 180000 });
  for (const { id } of queue) await fetch(`${address}/v1/jobs/${id}`, { method: 'DELETE' });

  // Export: the file comes down, and its lines are JSON.
  await go(page, '#/jobs');
  await page.click('.choice input[value=export]');
  await page.fill('#job-customers', 'ann\nbob');
  await page.click('.start button.main');
  await page.waitForFunction(() => /#\/jobs\/./.test(location.hash));
  assert.equal((await ended(page)).state, 'done', await text(page, 'main'));
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('.actions button.main')]);
  const lines = readFileSync(await file.path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.length > 0 && JSON.stringify(lines).includes('ann'), 'the export names whom it is of');

  await go(page, '#/jobs');
  await page.waitForFunction(() => document.querySelectorAll('.job').length >= 10);
  await sound(page, 'the list of jobs');
  await page.context().close();
}

export async function checkModels() {
  if (await without('GET /v1/models', 'models')) return;
  const page = await open();
  await page.goto(`${address}/#/models`);
  await settled(page);
  const { items } = await api('GET', '/v1/models');
  assert.equal(await page.locator('[data-model]').count(), items.length);
  await page.click('[data-model=recommend]');
  await page.waitForSelector('[data-version]');
  await settled(page);
  const { versions } = await api('GET', '/v1/models/recommend');
  assert.equal(await page.locator('[data-version]').count(), versions.length);
  assert.ok(versions.length >= 2, 'two versions were trained');
  const live = versions.find((v) => v.live);
  const other = versions.find((v) => !v.live);
  const evaluation = live.evaluation;
  assert.equal(await page.locator('[data-shown] .bands li').count(), evaluation ? evaluation.figures.length : 0);
  if (evaluation) {
    assert.equal(await page.getAttribute('[data-gate]', 'data-gate'), String(evaluation.gate_passed));
    if (evaluation.figures.length > 0) assert.ok((await text(page, '[data-shown] .bands li')).includes(evaluation.figures[0].name));
  }
  await sound(page, 'a model');
  await page.waitForSelector('#compare-a');
  // Deploy the other: one that did not pass its gate is asked about first.
  await page.click(`[data-version="${other.version}"] .buttons button:first-child`);
  if (!other.evaluation?.gate_passed) {
    await page.waitForSelector('dialog');
    await sound(page, 'the question before a model that did not pass is deployed');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('dialog'));
    assert.equal((await api('GET', '/v1/models/recommend')).versions.find((v) => v.live).version, live.version, 'Escape deploys nothing');
    await page.click(`[data-version="${other.version}"] .buttons button:first-child`);
    await page.click('dialog button.danger');
  }
  await page.waitForSelector('#moved .good');
  assert.equal((await api('GET', '/v1/models/recommend')).versions.find((v) => v.live).version, other.version);
  await settled(page);
  await page.click('.actions button');
  await page.click('dialog button.main');
  await page.waitForFunction((n) => document.querySelector('#moved')?.textContent.includes(`Version ${n} is live`), live.version);
  assert.equal((await api('GET', '/v1/models/recommend')).versions.find((v) => v.live).version, live.version);
  const [file] = await Promise.all([page.waitForEvent('download'), page.click(`[data-version="${live.version}"] .buttons button:last-child`)]);
  assert.equal(readFileSync(await file.path()).length, live.bytes, 'the whole model comes down');
  await page.context().close();
}

// Erasing takes the versions that knew the customer with it: after the check of models.
export async function checkEraseJob() {
  if (await without('POST /v1/jobs', 'erasing by a job')) return;
  const page = await open();
  await page.goto(`${address}/#/jobs`);
  await settled(page);
  await page.click('.choice input[value=erase]');
  await page.fill('#job-customers', 'c3');
  assert.ok(await page.isDisabled('.start button.danger'), 'not before it is sure');
  await page.check('.start input[type=checkbox]');
  await sound(page, 'the form to erase');
  await page.click('.start button.danger');
  await page.waitForFunction(() => /#\/jobs\/./.test(location.hash));
  assert.equal((await ended(page)).state, 'done', await text(page, 'main'));
  assert.match(await text(page, 'main'), /[Rr]eceipts/);
  await page.context().close();
}

export async function checkStream() {
  if (await without('GET /v1/events/stream', 'live events')) return;
  const page = await open();
  await page.goto(`${address}/#/live`);
  await page.waitForSelector('[data-stream=open]');
  const post = (id, kind) => api('POST', '/v1/events', { id, kind, product: 'tea2', customer: 'ann', session: 'from elsewhere', ...(kind === 'purchase' ? { price: '2.50' } : {}) });
  await post('live-1', 'view');
  await page.waitForSelector('[data-event="live-1"], .events tbody tr');
  assert.match(await text(page, '.events tbody tr'), /view.*tea2.*ann.*from elsewhere/s);
  await sound(page, 'live events');
  await page.click('#pause');
  await post('live-2', 'cart');
  await post('live-3', 'purchase');
  await page.waitForFunction(() => /2 waiting/.test(document.querySelector('.stream-state').textContent));
  assert.equal(await page.locator('.events tbody tr').count(), 1, 'nothing moves while it is paused');
  await page.click('#pause');
  await page.waitForFunction(() => document.querySelectorAll('.events tbody tr').length === 3);
  assert.match(await text(page, '.events tbody tr'), /purchase/, 'the newest first');
  await page.context().close();
}

export async function checkAccess() {
  if (await without('GET /v1/settings', 'settings')) return;
  const page = await open();
  await page.goto(`${address}/#/access`);
  await settled(page);
  const { settings } = await api('GET', '/v1/settings');
  assert.equal(await page.locator('[data-setting]').count(), settings.length);
  const listen = settings.find((s) => s.name === 'listen');
  assert.equal(await page.getAttribute('[data-setting=listen]', 'data-from'), listen.from);
  await page.check('section:last-of-type .check input');
  assert.equal(await page.locator('[data-setting]').count(), settings.filter((s) => s.from !== 'default').length);
  assert.match(await text(page, 'main'), /make an admin key first/, 'what the first key does is said before it is made');
  await page.context().close();
}

// With an admin's key: a key is made, shown once, used, revoked.
export async function makeKeys(page) {
  await go(page, '#/access');
  if (!(await page.locator('#key-name').count())) return console.log('keys: not checked, the server has no POST /v1/keys');
  await page.click('.choice input[value=writer]');
  await page.fill('#key-name', 'made in the console');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#made .copy');
  await settled(page);
  const key = await text(page, '#made .copy code');
  assert.match(key, /^merx_[0-9a-f]{12}_\S{43}$/);
  await sound(page, 'a key that was made');
  const use = () => fetch(`${address}/v1/answers`, { headers: { Authorization: `Bearer ${key}` } });
  const until = async (status) => {
    for (let i = 0; i < 50 && (await use()).status !== status; i++) await new Promise((done) => setTimeout(done, 100));
    assert.equal((await use()).status, status);
  };
  await until(200);
  const row = page.locator('tr[data-key]', { hasText: 'made in the console' });
  assert.match(await row.textContent(), /writer/);
  await page.click('#made .made > button');
  assert.ok(!(await page.content()).includes(key), 'it is not shown again');
  await row.locator('button').click();
  await page.waitForSelector('dialog');
  await page.click('dialog button.danger');
  await page.waitForFunction(() => ![...document.querySelectorAll('tr[data-key]')].some((r) => r.textContent.includes('made in the console')));
  await until(401);
}

export async function checkSegments() {
  const page = await open();
  await page.goto(`${address}/#/customers`);
  await settled(page);
  const { items } = await api('GET', '/v1/answers/segment');
  assert.equal(await page.locator('.bubble').count(), items.length);
  assert.equal(await page.locator('.segment-list li').count(), items.length);
  await page.locator('.bubble').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('#segment');
  assert.equal(await page.locator('.bubble[aria-pressed=true]').count(), 1);
  await page.selectOption('#axis-x', 'orders');
  if (await page.locator('#segment a').count()) {
    await sound(page, 'a segment with its members');
    await page.locator('#segment a').first().click();
    await page.waitForFunction(() => /#\/customers\/./.test(location.hash));
    await settled(page);
    assert.match(await text(page, 'h1'), /^Customer /);
  } else assert.ok(await without('GET /v1/customers', 'members of segments'), 'a segment has members');
  await page.context().close();
}

export async function checkCustomer() {
  if (await without('GET /v1/customers/{}/export', 'the export of a customer')) return;
  const { items } = await api('GET', '/v1/answers/insight?topic=customers&n=5');
  const id = items.find((i) => i.id).id;
  const page = await open();
  await page.goto(`${address}/#/customers/${encodeURIComponent(id)}`);
  await page.waitForSelector('#export');
  await settled(page);
  const all = await api('GET', `/v1/customers/${encodeURIComponent(id)}/export`);
  assert.equal(await page.locator('section:has(#export) tbody tr').count(), Math.min(15, all.events.length));
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#export')]);
  assert.deepEqual(JSON.parse(readFileSync(await file.path(), 'utf8')), all);
  // Reasons of every recommendation add up.
  const sums = await page.$$eval('.cards > li', (cards) => cards.filter((c) => c.querySelector('.sum')).map((c) => [Number(c.dataset.score), Number(c.querySelector('.sum').dataset.sum)]));
  assert.ok(sums.length >= 6);
  for (const [score, sum] of sums) assert.ok(Math.abs(score - sum) <= 1e-6 * Math.max(1, Math.abs(score)), `${sum} is not ${score}`);
  await sound(page, 'one customer');
  await page.context().close();
}

export async function checkProducts() {
  if (await without('GET /v1/products', 'the list of products')) return;
  const page = await open();
  await page.goto(`${address}/#/products`);
  await settled(page);
  await page.waitForSelector('.shelf li');
  const before = await page.locator('.shelf li').count();
  await page.locator('button:has-text("Show more")').click();
  await page.waitForFunction((n) => document.querySelectorAll('.shelf li').length > n, before);
  const { items } = await api('GET', '/v1/products?limit=1');
  const q = items[0].title.split(' ')[0];
  const found = await api('GET', `/v1/products?limit=24&q=${encodeURIComponent(q)}`);
  await page.fill('#product-words', q);
  await page.keyboard.press('Enter');
  await page.waitForFunction((n) => document.querySelectorAll('.shelf li').length === n, found.items.length);
  await page.fill('#product-words', 'no such word');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.empty');
  await settled(page);
  await sound(page, 'products that are not found');
  await page.context().close();
}

export async function checkPlayground() {
  if (await without('GET /v1/products/{}/picture', 'pictures')) return;
  const page = await open();
  await page.goto(`${address}/#/pictures`);
  await settled(page);
  await sound(page, 'the playground before a picture');
  const { items } = await api('GET', '/v1/products?limit=1');
  const bytes = Buffer.from(await (await fetch(`${address}/v1/products/${encodeURIComponent(items[0].id)}/picture`)).arrayBuffer());
  // Dropped, as a person would.
  await page.evaluate((base64) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'p.png', { type: 'image/png' }));
    document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: files }));
  }, bytes.toString('base64'));
  await page.waitForSelector('.classes li');
  await settled(page);
  const model = await api('GET', `/v1/answers/classify?product=${encodeURIComponent(items[0].id)}&n=1`);
  assert.equal(await page.getAttribute('.classes li', 'data-class'), model.items[0].id, 'the same class as of the product');
  assert.ok((await page.locator('.shelf li').count()) > 0, 'similar products');
  // The heat map changes what is drawn.
  const drawn = () => page.evaluate(() => document.querySelector('.picture-drop canvas').toDataURL());
  const warm = await drawn();
  await page.fill('#strength', '0');
  assert.notEqual(await drawn(), warm, 'the heat map lies over the picture');
  await sound(page, 'a picture with its classes');
  await page.setInputFiles('#picture', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
  await page.waitForSelector('.problem');
  assert.match(await text(page, '.problem'), /not a kind of picture/);
  await page.setInputFiles('#picture', { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await page.waitForFunction(() => /can't be read/.test(document.querySelector('.problem')?.textContent ?? ''));
  await page.context().close();
}
