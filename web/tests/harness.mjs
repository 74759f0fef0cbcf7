// What every test of the page shares: the browser, its window, the stage behind it, and what must never happen: an error
// in the console, a request to elsewhere, something the policy forbids.

import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

export { assert };

export const PAGE = process.env.CHATAI_PAGE ?? 'http://127.0.0.1:8000';
export const SIZE = process.env.CHATAI_SIZE ?? 'desktop';
export const isPhone = SIZE === 'phone';
const CHROMIUM = process.env.CHATAI_TEST_CHROMIUM || '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

const answers = createInterface({ input: process.stdin });
const waiting = [];
answers.on('line', (line) => waiting.shift()?.(JSON.parse(line)));

/** Asks the stage for something. */
export function stage(command, more = {}) {
  process.stdout.write(`@${JSON.stringify({ do: command, ...more })}\n`);
  return new Promise((resolve) => waiting.push(resolve));
}

/** The vendor's next answer. */
export const push = (answer) => stage('push', answer);

const folder = mkdtempSync(join(tmpdir(), 'chatai-page-'));
/** Failed requests that a test asks for: texts of their console lines. */
const expected = [];
const faults = [];

/** From now on, a failed request of this kind is no fault: `401`, or `ERR_` for a lost network. */
export function expectFailures(...kinds) {
  expected.push(...kinds);
}

async function open(scheme, workers) {
  const context = await chromium.launchPersistentContext(mkdtempSync(join(folder, 'profile-')), {
    executablePath: CHROMIUM,
    args: FLAGS,
    colorScheme: scheme,
    acceptDownloads: true,
    viewport: isPhone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
    // A worker between the page and the network hides requests from a test that answers them itself.
    serviceWorkers: workers,
    hasTouch: isPhone,
    isMobile: isPhone,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(20_000);
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(PAGE) && !/^(blob|data):/.test(url)) faults.push(`a request to elsewhere: ${url}`);
  });
  return context;
}

/** A tab, watched for faults. */
export async function tab(context) {
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`an error: ${error.stack}`));
  page.on('console', (message) => {
    const said = message.text();
    if (message.type() !== 'error') return;
    if (said.startsWith('Failed to load resource') && expected.some((kind) => said.includes(kind))) return;
    faults.push(`the console: ${said} ${message.location().url}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}

/** Makes an account and leaves the page at a new chat. */
export async function signUp(page, email = 'ada@example.org') {
  await page.goto(PAGE);
  const other = page.getByRole('button', { name: 'Create an account' });
  const first = page.getByRole('heading', { name: 'Create the administrator' });
  await other.or(first).first().waitFor();
  if (await other.isVisible()) await other.click();
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill('secret');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('Your question').waitFor();
}

/** Types a question and sends it. */
export async function send(page, question) {
  await page.getByLabel('Your question').fill(question);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** Waits until the last answer is complete. */
export async function answered(page, text) {
  const last = page.locator('.answer').last();
  await last.locator('.facts').waitFor();
  if (text !== undefined) await last.getByText(text).first().waitFor();
  return last;
}

/** Shows the chats, which a phone keeps away. */
export async function showSide(page) {
  const side = page.locator('.with-side .side');
  const button = page.getByRole('button', { name: 'Show chats' });
  // Right after a reload neither may be there.
  await side.or(button).filter({ visible: true }).first().waitFor();
  if (!await side.isVisible()) await button.click();
  await side.waitFor();
}

export const goto = (page, place) => page.goto(`${PAGE}/${place}`);
/** The page as if it were opened anew. */
export const reload = (page) => page.reload();

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Looks for barriers; serious ones are faults. */
export async function expectAccessible(page, where) {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'axe.run(document, { resultTypes: ["violations"] }).then((found) => JSON.stringify(found.violations.filter((one) => ["serious", "critical"].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160) + " " + node.failureSummary).join(" | ")}`)))',
    awaitPromise: true, returnByValue: true,
  });
  const found = JSON.parse(result.value);
  assert.deepEqual(found, [], `${where}: ${found.join('\n')}`);
}

/** Runs a test in one theme, or in both where it says so; `workers` as Playwright takes `serviceWorkers`. */
export async function test(run, schemes = ['light'], { workers = 'allow' } = {}) {
  let failed = null;
  let context = null;
  try {
    for (const scheme of schemes) {
      context = await open(scheme, workers);
      const page = await tab(context);
      try {
        await run({ context, page, scheme });
      } catch (error) {
        if (process.env.CHATAI_TEST_SHOTS) await page.screenshot({ path: join(process.env.CHATAI_TEST_SHOTS, `${SIZE}-failed.png`) });
        throw error;
      }
      await context.close();
    }
    assert.deepEqual(faults, []);
  } catch (error) {
    failed = error;
    console.log(faults.join('\n'));
    console.log(error.stack);
    await context?.close().catch(() => {});
  }
  answers.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(failed ? 1 : 0);
}
