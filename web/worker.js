// Keeps the page itself, so that it opens at once and without a network. Nothing of the interface is ever kept: what is
// private stays on the server, and no answer is older than its request.

/** @typedef {{ waitUntil(promise: Promise<unknown>): void }} Lasting */
/** @typedef {Lasting & { request: Request, respondWith(response: Promise<Response>): void }} Fetching */

const worker = /** @type {{ registration: { scope: string }, clients: { claim(): Promise<void> }, skipWaiting(): Promise<void>, addEventListener(name: string, act: (event: any) => void): void }} */ (/** @type {unknown} */ (self));

/** This version's folder; its address changes with its content. */
const FOLDER = new URL('./', self.location.href).href;
const PREFIX = 'chatai-page ';
const NAME = `${PREFIX}${FOLDER}`;
/** This version, and the one that another tab may still show. */
const KEPT_VERSIONS = 2;

worker.addEventListener('install', (/** @type {Lasting} */ event) => event.waitUntil(install()));
worker.addEventListener('activate', (/** @type {Lasting} */ event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (/** @type {Fetching} */ event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  if (request.mode === 'navigate' && url.href.split(/[?#]/, 1)[0] === worker.registration.scope) event.respondWith(page(request));
  else if (url.href.startsWith(new URL('app/', worker.registration.scope).href)) event.respondWith(file(request));
});

/** Takes this version in, whole or not at all. */
async function install() {
  const index = await fetch(worker.registration.scope, { cache: 'no-cache' });
  const text = index.ok ? await index.clone().text() : '';
  const folder = FOLDER.slice(worker.registration.scope.length);
  const files = [...new Set([...text.matchAll(/"(app\/[^"]+)"/g)].map(([, path]) => path))];
  // The server has been renewed meanwhile: its own worker comes with its own page.
  if (files.length === 0 || !files.every((path) => path.startsWith(folder))) throw new Error('the page is of another version');
  const cache = await caches.open(NAME);
  await cache.addAll(files.map((path) => new URL(path, worker.registration.scope).href));
  await cache.put(worker.registration.scope, index);
  // Pages of other versions ask for files of other addresses, which this worker serves as well: nobody has to wait.
  await worker.skipWaiting();
}

async function activate() {
  const versions = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(versions.slice(0, Math.max(versions.length - KEPT_VERSIONS + 1, 0)).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/**
 * The page: the server's, and only where there is none, the one that was kept.
 * @param {Request} request
 */
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(NAME)).match(worker.registration.scope, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

/**
 * A file of some version, which never changes.
 * @param {Request} request
 */
async function file(request) {
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok && request.url.startsWith(FOLDER)) await (await caches.open(NAME)).put(request, response.clone());
  return response;
}
