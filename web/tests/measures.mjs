// What is measured of the page's speed: by its tests, which print it, and by the benchmark, which judges it.

/** A long answer: paragraphs with everything in them, and code. */
export function longAnswer(chars) {
  const paragraph = 'A **paragraph** with `code`, a [link](https://example.org/) and *some* words that go on for a while.\n\n';
  const fence = '```js\n' + 'const value = compute(1, 2, 3); // and a comment\n'.repeat(60) + '```\n\n';
  const whole = (paragraph.repeat(25) + fence).repeat(Math.ceil(chars / (25 * paragraph.length + fence.length)));
  return `${whole.slice(0, chars)}\n\nThe end.`;
}

/**
 * What is transferred until one can write, replies of the interface included: each address with its bytes.
 * @returns {Promise<{ address: string, bytes: number }[]>}
 */
export async function firstLoad(page, address) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const addresses = new Map();
  const loaded = [];
  session.on('Network.requestWillBeSent', ({ requestId, request }) => addresses.set(requestId, request.url));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => loaded.push({ address: addresses.get(requestId) ?? '', bytes: encodedDataLength }));
  await page.goto(address, { waitUntil: 'commit' });
  await page.locator('.greeting').waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await session.detach();
  return loaded;
}

/** How long it takes from the click to the last message of a chat in sight, in milliseconds. */
export function timeToOpen(page, chat) {
  return page.evaluate((id) => new Promise((resolve) => {
    const begun = performance.now();
    const seen = new MutationObserver(() => {
      if (!document.querySelector('.answer .facts')) return;
      seen.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - begun)));
    });
    seen.observe(document.body, { childList: true, subtree: true });
    location.hash = `#/c/${id}`;
  }), chat);
}

/** From now on, tasks of the page that take more than 50 ms are kept. */
export function watchTasks(page) {
  return page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
  });
}

/** Those that were. */
export function longTasks(page) {
  return page.evaluate(() => window.longTasks);
}
