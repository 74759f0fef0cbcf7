// How the main places look, in both themes: nothing is wider than the window, nothing lies over the composer, and
// columns stand in line. With `CHATAI_SCREENSHOTS` set to a folder, each place is also put there as a picture.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { answered, assert, goto, isPhone, push, send, showSide, SIZE, signUp, stage, test } from './harness.mjs';

const PICTURES = process.env.CHATAI_SCREENSHOTS;
if (PICTURES) mkdirSync(PICTURES, { recursive: true });

const SEA = `Three fit, the closest first.

| Book | Year | Why |
|---|--:|---|
| *Moby-Dick* | 1851 | Obsession, and a whale that wins |
| *Twenty Thousand Leagues Under the Seas* | 1870 | Wonder below the waves |
| *Robinson Crusoe* | 1719 | What the sea leaves behind |

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
    const cut = await page.evaluate(() => [...document.querySelectorAll('.page .card, .page .choice, .page .tile, .composer, .bubble')]
      .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.className));
    assert.deepEqual(cut, [], `${place}, ${scheme}: reaches beyond the window`);
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `${place}-${scheme}-${SIZE}.png`) });
  };
  const inLine = async () => {
    const [above, below] = await page.evaluate(() => ['.messages .answer', '.composer'].map((name) => {
      const { left, right } = /** @type {Element} */ (document.querySelector(name)).getBoundingClientRect();
      return (left + right) / 2;
    }));
    assert.ok(Math.abs(above - below) < 1.5, `answers and the composer are ${above - below} px apart`);
  };

  await goto(page, '');
  await page.getByLabel('Password').waitFor();
  await look('sign-in');
  await signUp(page, `person${people += 1}@example.org`);
  await look('new');

  await push({ tool: 'get_book_recommendations', arguments: { content: 'the sea', limit: 3 } });
  await push({ text: SEA, usage: [2_350, 1_024, 168, 0] });
  await send(page, 'Recommend three novels about the sea, but nothing by Hemingway');
  await answered(page);
  await look('answer');
  await inLine();
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
  for (const place of ['usage', 'settings', 'admin']) {
    if (place === 'admin' && people > 1) continue;
    await goto(page, `#/${place}`);
    await page.locator('.page').waitFor();
    await page.waitForFunction(() => !document.querySelector('.page [aria-busy]'));
    await look(place);
  }
}, ['light', 'dark']);
