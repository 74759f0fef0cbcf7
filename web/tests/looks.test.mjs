// How the main places look, in both themes: nothing is wider than the window, nothing lies over the composer, and
// columns stand in line. With `CHATAI_SCREENSHOTS` set to a folder, each place is also put there as a picture.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answered, assert, goto, isPhone, push, reload, send, showSide, SIZE, signUp, stage, test } from './harness.mjs';
import { smaller } from './png.mjs';

const PICTURES = process.env.CHATAI_SCREENSHOTS;
if (PICTURES) mkdirSync(PICTURES, { recursive: true });

const SEA = `Three fit, the closest first.

| Book | Author | Why |
|---|---|---|
| *Moby-Dick* | Herman Melville | Obsession, and a whale that wins |
| *Twenty Thousand Leagues Under the Seas* | Jules Verne | Wonder below the waves |
| *Robinson Crusoe* | Daniel Defoe | What the sea leaves behind |

**Start with the second** if you would rather be amazed than haunted.`;

const CODE = `Distances on a sphere follow the haversine formula:

$$d = 2r \\arcsin\\sqrt{\\sin^2\\frac{\\Delta\\varphi}{2} + \\cos\\varphi_1 \\cos\\varphi_2 \\sin^2\\frac{\\Delta\\lambda}{2}}$$

\`\`\`python
from math import asin, cos, radians, sin, sqrt

def nautical_miles(lat1, lon1, lat2, lon2):
    """The distance along the great circle."""
    a, b, c, d = map(radians, (lat1, lon1, lat2, lon2))
    h = sin((c - a) / 2) ** 2 + cos(a) * cos(c) * sin((d - b) / 2) ** 2
    return 2 * 3440.065 * asin(sqrt(h))
\`\`\`

It takes degrees and is good to about half a per cent, since the Earth is a little flat.`;

/** A month of several models, as the service would report it. */
function month(url) {
  const scopes = { final: 0.82, title: 0.05, summary: 0.09, tool: 0.04 };
  const models = { 'gpt-4.1': 0.021, 'claude-sonnet-4-5': 0.034, 'gpt-4.1-nano': 0.0016, 'gemini-2.5-pro': 0.012 };
  const sum = (key, calls, dollars) => ({
    key, calls, input_tokens: calls * 2_310, output_tokens: calls * 240, cached_tokens: calls * 1_020, price_exact: dollars.toFixed(9),
  });
  const groups = [];
  for (let back = 29; back >= 0; back -= 1) {
    const day = new Date(Date.now() - back * 86_400_000);
    Object.entries(models).forEach(([model, price], index) => {
      const calls = Math.max(0, Math.round(14 + 9 * Math.sin(back * 1.7 + index * 2) - ([0, 6].includes(day.getUTCDay()) ? 11 : 0)));
      if (calls > 0) groups.push(sum({ day: day.toISOString().slice(0, 10), model }, calls, calls * price));
    });
  }
  const total = groups.reduce((all, one) => sum({}, all.calls + one.calls, Number(all.price_exact) + Number(one.price_exact)), sum({}, 0, 0));
  const scoped = Object.entries(scopes).map(([scope, share]) => sum({ scope }, Math.round(total.calls * share), Number(total.price_exact) * share));
  return { total, groups: url.includes('scope') ? scoped : groups };
}

/** Who came first, and so administers. */
let administrator = '';
let people = 0;

await test(async ({ page, scheme }) => {
  const look = async (place) => {
    // What moves has come to rest, and fonts and formulas are there.
    await page.evaluate(async () => {
      await document.fonts.ready;
      await Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity).map((one) => one.finished.catch(() => {})));
    });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${place}, ${scheme}: ${wide} px wider than the window`);
    // What scrolls sideways by itself may be wide; what stands around it may not.
    const cut = await page.evaluate(() => [...document.querySelectorAll('.page .card, .page .choice, .page .tile, .page table, .composer, .bubble, .dock .gauge')]
      .filter((one) => { const { left, right } = one.getBoundingClientRect(); return left < -1 || right > innerWidth + 1; }).map((one) => one.className || one.tagName));
    assert.deepEqual(cut, [], `${place}, ${scheme}: reaches beyond the window`);
    // No amount is parted by the end of a line.
    const parted = await page.evaluate(() => [...document.querySelectorAll('.budget > span:not(.bar), .tile dd, td.number, .gauge > span')].flatMap((one) => [...one.childNodes])
      .filter((node) => node instanceof Text && (() => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
      })()).map((node) => node.textContent));
    assert.deepEqual(parted, [], `${place}, ${scheme}: parted`);
    // What is chosen stands out from what is not.
    const alike = await page.evaluate(() => [...document.querySelectorAll('.page .choice')].filter((choice) => {
      const light = (/** @type {Element} */ one) => {
        const [r, g, b] = (getComputedStyle(one).backgroundColor.match(/[\d.]+/g) ?? []).map(Number).map((part) => (part / 255) ** 2.2);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
      };
      const [one, other] = [light(/** @type {Element} */ (choice.querySelector('label:has(:checked)'))), light(choice)];
      return Math.max(one, other) / Math.min(one, other) < 1.12;
    }).length);
    assert.equal(alike, 0, `${place}, ${scheme}: what is chosen looks like what is not`);
    if (PICTURES) writeFileSync(join(PICTURES, `${place}-${scheme}-${SIZE}.png`), smaller(await page.screenshot()));
  };
  const inLine = async () => {
    const [above, below] = await page.evaluate(() => ['.messages .answer', '.composer'].map((name) => {
      const { left, right } = /** @type {Element} */ (document.querySelector(name)).getBoundingClientRect();
      return (left + right) / 2;
    }));
    assert.ok(Math.abs(above - below) < 1.5, `answers and the composer are ${above - below} px apart`);
  };

  // Each theme begins as a new server does.
  await page.route('**/api/auth/registration', (route) => route.fulfill({ json: { registration: 'open', first: true } }));
  await goto(page, '');
  await page.getByRole('heading', { name: 'Create the administrator' }).waitFor();
  await look('first-run');
  await page.unroute('**/api/auth/registration');
  await signUp(page, `person${people += 1}@example.org`);
  const token = await page.evaluate(() => localStorage.getItem('chatai:token') ?? '');
  administrator ||= token;
  await page.evaluate(async ([admin, id]) => {
    const headers = { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' };
    const changed = async (method, path, body) => {
      const response = await fetch(`api/admin/users/${id}${path}`, { method, headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(await response.text());
    };
    await changed('PUT', '/budget', { limit: '25', period: 'month' });
    if (id > 1) await changed('PATCH', '', { role: 'admin' });
  }, /** @type {const} */ ([administrator, people]));
  await reload(page);
  await page.locator('.greeting').waitFor();
  await page.getByText('left this month').waitFor();
  await look('new');

  await push({ tool: 'get_book_recommendations', arguments: { content: 'the sea', limit: 3 } });
  await push({ text: SEA, usage: [2_350, 1_024, 168, 0] });
  await send(page, 'Recommend three novels about the sea, but nothing by Hemingway');
  await answered(page);
  await page.locator('.book-link').first().waitFor();
  await look('answer');
  await inLine();
  await page.locator('.book-link').first().click();
  await page.locator('.sheet .author').waitFor();
  await look('book');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await push({ text: CODE, reasoning: 'A sphere is close enough for a ship.', usage: [2_710, 2_048, 240, 60] });
  await send(page, 'How far do they sail? Show me how to compute a distance.');
  await answered(page);
  await page.locator('.hl-keyword').first().waitFor();
  await page.locator('math').first().waitFor();
  await look('code');
  await inLine();

  await push({ text: 'One word after another.', deltas: 4, after: 2, gate: `look ${scheme}` });
  await send(page, 'And how does a whale sleep?');
  await stage('reached', { gate: `look ${scheme}` });
  await page.locator('.answer .prose').last().filter({ hasText: 'One' }).waitFor();
  await look('running');
  await stage('open', { gate: `look ${scheme}` });
  await answered(page);
  await push({ status: 400 });
  await send(page, 'And a shark?');
  await page.locator('.answer .fault').waitFor();
  await look('failure');

  // Another version of the last question.
  await push({ text: 'Sharks do not sleep as we do: some rest one half of the brain at a time, and some must swim to breathe.', usage: [2_950, 2_560, 31, 0] });
  await page.locator('.question').last().hover();
  await page.locator('.question').last().getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Edit the question').fill('And how does a shark sleep?');
  await page.getByRole('button', { name: 'Ask this instead' }).click();
  await answered(page);
  await page.locator('.question .branches').getByText('2/2').waitFor();
  await look('branches');

  await page.getByLabel('Your question').fill('What would a voyage around the world have cost Jules Verne?');
  await page.locator('.gauge .ring').waitFor();
  await page.locator('.gauge').click();
  await page.locator('.about').waitFor();
  await look('estimate');
  await page.keyboard.press('Escape');
  await page.getByLabel('Your question').fill('');
  await page.locator('.picker').click();
  await page.locator('.model').first().waitFor();
  await look('models');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search chats and commands' }).fill('whale');
  await page.locator('.option mark').first().waitFor();
  await look('search');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  if (isPhone) {
    await showSide(page);
    await look('chats');
  }
  const opened = async (/** @type {string} */ title) => {
    await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
    await page.locator('.page').waitFor();
    await page.waitForFunction(() => !document.querySelector('.page [aria-busy=true], .page .loading'));
  };
  const spent = () => Number(month('').total.price_exact);
  await page.route('**/api/users/me/budget', async (route) => {
    const budget = await (await route.fetch()).json();
    await route.fulfill({ json: { ...budget, spent: spent().toFixed(4), remaining: (25 - spent()).toFixed(4) } });
  });
  await page.route('**/api/usage?*', (route) => route.fulfill({ json: month(route.request().url()) }));
  for (const [place, title] of [['books', 'Books'], ['usage', 'Usage and costs'], ['settings', 'Settings'], ['admin', 'Administration']]) {
    await goto(page, `#/${place}`);
    await opened(title);
    if (place === 'books') await page.locator('a.book').first().waitFor();
    await look(place);
  }
  for (const [part, name] of [['Models', 'prices'], ['Providers', 'providers']]) {
    await page.locator('.page .choice').first().getByText(part, { exact: true }).click();
    await opened('Administration');
    await page.locator(name === 'prices' ? '.page td.number' : '.page .provider-head').first().waitFor();
    await look(name);
  }
  await goto(page, '#/settings');
  await opened('Settings');
  await page.getByLabel('What is it for?').fill('Nightly report');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await page.locator('.secret').scrollIntoViewIfNeeded();
  await look('keys');
}, ['light', 'dark'], { workers: 'block' });
