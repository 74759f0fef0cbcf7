// One round of `cargo xtask bench W22`: a browser that has never seen the page. Prints its figures as JSON.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { firstLoad, longTasks, timeToOpen, watchTasks } from './measures.mjs';

const PAGE = process.env.CHATAI_PAGE;
const folder = mkdtempSync(join(tmpdir(), 'chatai-bench-'));
const context = await chromium.launchPersistentContext(folder, {
  executablePath: process.env.CHATAI_TEST_CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  viewport: { width: 1280, height: 800 },
});
context.setDefaultTimeout(60_000);
await context.addInitScript((token) => localStorage.setItem('chatai:token', token), process.env.CHATAI_TOKEN);
const page = context.pages()[0] ?? await context.newPage();
const begun = Date.now();
const loading = firstLoad(page, `${PAGE}/#/`);
await page.locator('.greeting').waitFor();
const usable = Date.now() - begun;
const kilobytes = (await loading).reduce((sum, { bytes }) => sum + bytes, 0) / 1000;

const opened = await timeToOpen(page, process.env.CHATAI_CHAT);

await page.goto(`${PAGE}/#/`);
await page.locator('.greeting').waitFor();
await watchTasks(page);
await page.getByLabel('Your question').fill('Tell me everything');
await page.getByRole('button', { name: 'Send' }).click();
await page.locator('.answer .facts').waitFor();
await page.locator('.answer', { hasText: 'The end.' }).waitFor();
const tasks = await longTasks(page);
await context.close();
rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
console.log(JSON.stringify({ kilobytes, usable, opened, longest: Math.max(0, ...tasks), tasks: tasks.length }));
