// Parts of the page that the first view does without. Each comes when it is used; most have come by then, since they are
// fetched when there is nothing better to do.

import { ApiError } from './api.js';
import { idle } from './idle.js';

const PATIENCE_MS = 10_000;

export const parts = {
  search: part(() => import('../shell/search.js')),
  details: part(() => import('../chat/details.js')),
  bookLinks: part(() => import('../chat/booklinks.js')),
  book: part(() => import('../pages/book.js')),
  books: part(() => import('../pages/books.js')),
  exports: part(() => import('../chat/export.js')),
  usage: part(() => import('../pages/usage.js')),
  settings: part(() => import('../pages/settings.js')),
  admin: part(() => import('../pages/admin.js')),
  sign: part(() => import('../pages/sign.js')),
};

/** Fetches all of them, one after the other, unless the reader counts bytes. */
export async function fetchParts() {
  if (/** @type {any} */ (navigator).connection?.saveData) return;
  for (const load of Object.values(parts)) {
    await idle(PATIENCE_MS);
    try {
      await load();
    } catch {
      // Whoever uses it asks again, and is told.
      return;
    }
  }
}

/**
 * A part that cannot be had is a failure like that of a call: the server is out of reach, or it has another version.
 * @template T
 * @param {() => Promise<T>} load
 */
function part(load) {
  return async () => {
    try {
      return await load();
    } catch (error) {
      console.warn('a part of the page is missing', error);
      throw new ApiError(0, await isThere() ? 'stale' : 'unreachable', '');
    }
  };
}

async function isThere() {
  try {
    return (await fetch(document.baseURI, { method: 'HEAD', cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}
