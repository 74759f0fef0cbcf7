// Markdown that grows: what has ended is not drawn again, long blocks grow at their end, and what stands there at last is
// what the whole text makes at once.

import { assert, signUp, test } from './harness.mjs';

const ROWS = 40;
const rows = (row) => Array.from({ length: ROWS }, (_, index) => row(index)).join('\n');
/** Texts, and what of them has to stay as it is while more comes. */
const TEXTS = [
  ['paragraphs', 'One **two** `three`.\n\nFour five.\n\n> six\n\nSeven eight nine ten.', 'p'],
  ['a table', `Before.\n\n| a | b |\n|---|--:|\n${rows((index) => `| row ${index} | **${index}** |`)}\n\nAfter.`, 'tbody tr'],
  ['a list', `Before.\n\n${rows((index) => `- item ${index} with \`code\``)}\n\nAfter.`, 'li'],
  ['a numbered list', `${rows((index) => `${index + 3}. item ${index}`)}\n`, 'li'],
  ['code', `Before.\n\n\`\`\`text\n${rows((index) => `line ${index} of a long piece of code that fills some of it, and more of it, and more`)}\n\`\`\`\n\nAfter.`, 'figure'],
  ['a long paragraph', rows((index) => `Words **${index}** and \`code\` and`).replaceAll('\n', ' '), 'strong'],
];
const PIECE = 13;

await test(async ({ page }) => {
  await signUp(page);
  for (const [name, source, kept] of TEXTS) {
    const grown = await page.evaluate(async ([text, selector, piece]) => {
      const base = new URL('.', /** @type {HTMLScriptElement} */ (document.querySelector('script[type=module]')).src);
      const { MarkdownStream } = await import(new URL('markdown/stream.js', base).href);
      const { render } = await import(new URL('markdown/render.js', base).href);
      const element = document.createElement('div');
      document.body.append(element);
      const stream = new MarkdownStream(element);
      const first = () => element.querySelector(selector);
      let early = null;
      let frames = 0;
      let changes = 0;
      new MutationObserver(() => { changes += 1; }).observe(element, { childList: true, subtree: true, characterData: true });
      for (let end = piece; end < text.length; end += piece) {
        const before = changes;
        stream.update(text.slice(0, end));
        // A drawing may wait for a moment after one that took long.
        for (let tried = 0; changes === before && tried < 30; tried += 1) await new Promise((resolve) => { requestAnimationFrame(resolve); });
        frames += 1;
        // The second of them has ended the first.
        if (!early && element.querySelectorAll(selector).length > 1) early = first();
        // The language's name may still grow before the first line.
        if (!early && selector === 'figure' && first()?.querySelector('code')?.textContent) early = first();
        if (early && first() !== early) return { fault: `the first was drawn again after ${end} characters`, frames };
      }
      const isLast = selector === 'figure';
      stream.finish(text);
      const whole = document.createElement('div');
      whole.append(render(text));
      const html = (/** @type {Element} */ of) => of.innerHTML.replace(/<span class="hl-[^"]*">|<\/span>/g, '');
      const found = { fault: '', frames, stayed: isLast || first() === early, isSame: html(element) === html(whole), kept: early !== null };
      element.remove();
      return found;
    }, /** @type {const} */ ([source, kept, PIECE]));
    assert.deepEqual({ ...grown, frames: grown.frames > 1 }, { fault: '', frames: true, stayed: true, isSame: true, kept: true }, name);
  }
});
