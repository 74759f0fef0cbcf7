// The book collection as far as this page has read it: once for whoever asks, and never more than a bounded part.

import { get, page } from './api.js';

/** @typedef {import('../types.js').Book} Book */
/** @typedef {import('../types.js').WholeBook} WholeBook */

const PAGE = 200;
/** A larger collection is looked through by searching it. */
const MOST_BOOKS = 5_000;
const MOST_FOUND = 100;

/** @type {Promise<{ books: Book[], isWhole: boolean }> | null} */
let reading = null;

/**
 * The collection in its own order.
 * @param {(books: Book[]) => void} [onPart] is told of what has come before all of it has
 */
export function collection(onPart) {
  reading ??= readAll(onPart).catch((error) => {
    reading = null;
    throw error;
  });
  return reading;
}

/** @param {((books: Book[]) => void) | undefined} onPart */
async function readAll(onPart) {
  /** @type {Book[]} */
  const books = [];
  /** @type {string | undefined} */
  let after;
  do {
    const found = await page('books', { limit: PAGE, after });
    books.push(...found.body);
    after = found.next ?? undefined;
    onPart?.(books);
  } while (after && books.length < MOST_BOOKS);
  return { books, isWhole: !after };
}

/**
 * The books that fit some words, the best first.
 * @param {string} words
 * @param {AbortSignal} signal
 * @returns {Promise<Book[]>}
 */
export function findBooks(words, signal, limit = MOST_FOUND) {
  return get('books', { q: words, limit }, signal);
}

/**
 * One book, with all that the collection says.
 * @param {string} id
 * @returns {Promise<WholeBook>}
 */
export function readBook(id) {
  return get(`books/${encodeURIComponent(id)}`);
}

/**
 * A text as titles and names are compared: without case, accents, quotes and what stands around it.
 * @param {string} value
 */
export function compared(value) {
  return value.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
