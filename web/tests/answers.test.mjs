// An answer as it comes: Markdown that grows, code, tables, formulas, tools, reasoning; stopping it; failures; scrolling.

import { answered, assert, push, reload, send, signUp, stage, test } from './harness.mjs';

const MARKDOWN = `# Title

A paragraph with **bold**, \`code\`, a [link](https://example.org/) and <script>window.evil = 1</script>.

| a | b |
|---|--:|
| 1 | 2 |

\`\`\`rust
fn main() { println!("hi"); }
\`\`\`

![far](https://example.net/pixel.png) and [bad](javascript:alert(1)) and $x^2$ for $5 or $6.

- one
- two`;

await test(async ({ page }) => {
  await signUp(page);
  await push({ text: MARKDOWN, deltas: 60, after: 30, gate: 'half', reasoning: 'Let me think.' });
  await send(page, 'Show me everything');
  await stage('reached', { gate: 'half' });
  const answer = page.locator('.answer').last();
  await answer.locator('strong').waitFor();
  assert.equal(await answer.getAttribute('aria-busy'), 'true');
  assert.equal(await page.getByRole('button', { name: 'Stop' }).isVisible(), true);
  // Screen readers hear of the answer and not of its words.
  await page.evaluate(() => {
    const all = /** @type {any} */ (window);
    all.said = [];
    const live = /** @type {Node} */ (document.querySelector('[aria-live]'));
    new MutationObserver(() => { if (live.textContent) all.said.push(live.textContent); }).observe(live, { childList: true, subtree: true, characterData: true });
  });
  await stage('open', { gate: 'half' });
  await answered(page);
  await page.waitForFunction(() => /** @type {any} */ (window).said.length > 0);
  assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).said), ['The answer is complete.']);
  assert.equal(await page.locator('[aria-live] .prose, .prose[aria-live], .prose [aria-live]').count(), 0);
  assert.equal(await answer.locator('h3').textContent(), 'Title');
  await answer.locator('.hl-keyword').first().waitFor();
  assert.equal(await answer.locator('table td').count(), 2);
  await answer.locator('math').waitFor();
  assert.equal(await answer.locator('math').count(), 1);
  assert.equal(await answer.locator('script, .prose img').count(), 0);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).evil), undefined);
  assert.deepEqual(await answer.locator('.prose a').evaluateAll((links) => links.map((link) => link.getAttribute('href'))), ['https://example.org/', 'https://example.net/pixel.png']);
  assert.equal(await answer.locator('.prose li').count(), 2);
  await answer.locator('.step summary').click();
  await answer.getByText('Let me think.').waitFor();
  await answer.locator('.code').getByRole('button', { name: 'Copy' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'fn main() { println!("hi"); }');

  // Tools, folded.
  await push({ tool: 'get_book_summaries', arguments: { titles: ['Moby-Dick'] } });
  await push({ text: 'A whale.' });
  await send(page, 'What is Moby-Dick about?');
  await answered(page, 'A whale.');
  await page.locator('.answer').last().locator('.step', { hasText: 'Read summaries' }).waitFor();

  // Answers that are read again show what they did in its place, folded, and what it says when it is unfolded.
  await reload(page);
  const asked = [];
  page.on('request', (request) => { if (request.url().includes('/events')) asked.push(request.url()); });
  const steps = page.locator('.answer .step');
  await page.getByText('A whale.').waitFor();
  await steps.nth(1).waitFor();
  assert.deepEqual((await steps.locator('summary').allTextContents()).map((said) => said.replace(/ <?[\d.]+ s$/, '')), ['Reasoning', 'Read summaries']);
  assert.equal(await page.locator('.step[open], .step.busy, .step.failed').count(), 0);
  assert.deepEqual(asked, [], 'their texts are not read before they are wanted');
  await steps.nth(1).locator('summary').click();
  await steps.nth(1).getByText('"Moby-Dick"').first().waitFor();
  await steps.nth(1).getByText('Herman Melville').waitFor();
  await steps.nth(0).locator('summary').click();
  await steps.nth(0).getByText('Let me think.').waitFor();
  assert.equal(asked.length, 2);
  assert.equal(await page.locator('.answer .facts').last().textContent().then((said) => /\d s/.test(said ?? '')), true, 'how long it took is kept');

  // Stop, and go on from there: in place, as another version.
  await push({ text: 'one two three four', deltas: 4, after: 2, gate: 'stop' });
  await send(page, 'Count');
  await stage('reached', { gate: 'stop' });
  await page.getByText('one').last().waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Stopped.').waitFor();
  await stage('open', { gate: 'stop' });
  const broken = page.locator('.answer').last();
  const said = await broken.locator('.prose').textContent();
  await push({ text: 'two three four', deltas: 3, after: 1, gate: 'on' });
  await broken.getByRole('button', { name: 'Continue' }).click();
  await stage('reached', { gate: 'on' });
  assert.match((await page.locator('.answer.running .prose').textContent()) ?? '', /^one/, 'what was written stays in sight');
  await stage('open', { gate: 'on' });
  await answered(page, /^one .*two three four$/);
  assert.equal(await page.locator('.question').count(), 3, 'nothing was asked anew');
  await page.locator('.answer').last().locator('.branches').getByText('2/2').waitFor();
  await page.locator('.answer').last().getByRole('button', { name: 'The version before' }).click();
  await page.getByText('Stopped.').waitFor();
  assert.equal(await page.locator('.answer').last().locator('.prose').textContent(), said);

  // A failure stands where the answer would, and answering again helps.
  await push({ status: 400 });
  await send(page, 'Fail, please');
  await page.locator('.answer .fault').waitFor();
  await push({ text: 'Better now.' });
  await page.locator('.answer .fault').getByRole('button', { name: 'Answer again' }).click();
  await answered(page, 'Better now.');

  // Whoever scrolls up is left in peace.
  const long = Array.from({ length: 120 }, (_, index) => `Paragraph ${index} of many.`).join('\n\n');
  await push({ text: long, deltas: 120, after: 80, gate: 'long' });
  await send(page, 'Tell me a lot');
  await stage('reached', { gate: 'long' });
  const scroller = page.locator('.chat .scroller');
  await page.getByText('Paragraph 70 of many.').waitFor();
  const distance = () => scroller.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
  await page.waitForFunction(() => {
    const element = document.querySelector('.chat .scroller');
    return element && element.scrollHeight - element.scrollTop - element.clientHeight < 5;
  });
  await scroller.evaluate((element) => { element.scrollTop -= 600; });
  await page.getByRole('button', { name: 'To the latest' }).waitFor();
  const top = await scroller.evaluate((element) => element.scrollTop);
  await stage('open', { gate: 'long' });
  await page.locator('.answer').last().locator('.facts').waitFor();
  assert.equal(await scroller.evaluate((element) => element.scrollTop), top);
  await page.getByRole('button', { name: 'To the latest' }).click();
  await page.getByRole('button', { name: 'To the latest' }).waitFor({ state: 'hidden' });
  await page.waitForFunction(() => {
    const element = document.querySelector('.chat .scroller');
    return element && element.scrollHeight - element.scrollTop - element.clientHeight < 60;
  });
  assert.ok(await distance() < 60);
});
