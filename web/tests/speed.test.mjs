// Long chats and long answers: what is drawn is bounded, so a chat of any length opens at once, and an answer that grows
// is whole. How long both took is printed and not judged, since machines are busy.

import { answered, assert, goto, push, send, signUp, test } from './harness.mjs';
import { longAnswer, longTasks, timeToOpen, watchTasks } from './measures.mjs';

const TURNS = 1_000;
const CHARS = 20_000;
/** Drawn at once, at the most: a page of messages and what scrolling at the start may add. */
const MOST_DRAWN = 100;

await test(async ({ page }) => {
  await signUp(page);
  const chat = await page.evaluate(async (turns) => {
    const headers = { Authorization: `Bearer ${localStorage.getItem('chatai:token')}`, 'Content-Type': 'application/json' };
    let id;
    for (let turn = 0; turn < turns; turn += 1) {
      const response = await fetch('api/chat/', { method: 'POST', headers, body: JSON.stringify({ text: `Question ${turn}`, model: 'built-in', conversation_id: id }) });
      if (!response.ok) throw new Error(await response.text());
      id = (await response.json()).conversation_id;
    }
    return id;
  }, TURNS);
  const opened = [];
  for (let tried = 0; tried < 3; tried += 1) {
    await goto(page, '#/');
    await page.locator('.greeting').waitFor();
    opened.push(await timeToOpen(page, chat));
  }
  const best = Math.min(...opened);
  console.log(`a chat of ${2 * TURNS} messages opens in ${best.toFixed(0)} ms`);
  assert.ok(await page.locator('.messages > article').count() <= MOST_DRAWN);

  await push({ text: longAnswer(CHARS), deltas: 500 });
  await watchTasks(page);
  await page.locator('.picker').click();
  await page.locator('.model', { hasText: 'gpt-4.1-nano' }).first().click();
  await send(page, 'Tell me everything');
  await answered(page);
  const tasks = await longTasks(page);
  const longest = Math.max(0, ...tasks);
  console.log(`an answer of ${CHARS} characters: ${tasks.length} tasks over 50 ms, the longest ${longest.toFixed(0)} ms`);
  assert.ok((await page.locator('.answer').last().textContent())?.includes('The end.'));
});
