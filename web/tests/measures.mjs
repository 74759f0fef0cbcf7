// What is measured of the page's speed: by its tests, which print it, and by the benchmark, which judges it.

/** A long answer: paragraphs with everything in them, and code. */
export function longAnswer(chars) {
  const paragraph = 'A **paragraph** with `code`, a [link](https://example.org/) and *some* words that go on for a while.\n\n';
  const fence = '```js\n' + 'const value = compute(1, 2, 3); // and a comment\n'.repeat(60) + '```\n\n';
  const whole = (paragraph.repeat(25) + fence).repeat(Math.ceil(chars / (25 * paragraph.length + fence.length)));
  return `${whole.slice(0, chars)}\n\nThe end.`;
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
