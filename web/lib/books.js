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

/** Titles that are looked up in one call, the length of its address, and all titles whose books are remembered. */
const TITLES_AT_ONCE = 50;
const LONGEST_QUERY = 6_000;
const MOST_KNOWN = 5_000;

/** Books by their titles as they are compared; an empty list where no book is called so. @type {Map<string, Book[]>} */
const known = new Map();
/** Titles that wait to be looked up, and who waits for them. @type {Map<string, string>} */
const waiting = new Map();
/** @type {Promise<void> | null} */
let looking = null;

/**
 * The books of each of these titles, by the title as it is compared. Answers that ask at the same time share calls.
 * @param {readonly string[]} titles
 * @returns {Promise<ReadonlyMap<string, readonly Book[]>>}
 */
export async function booksCalled(titles) {
  const asked = new Map(titles.map((title) => [compared(title), title]));
  asked.delete('');
  for (const [key, title] of asked) if (!known.has(key)) waiting.set(key, title);
  while ([...asked.keys()].some((key) => waiting.has(key))) {
    looking ??= Promise.resolve().then(lookUp).finally(() => { looking = null; });
    await looking;
  }
  return new Map([...asked.keys()].map((key) => [key, known.get(key) ?? []]));
}

async function lookUp() {
  while (waiting.size > 0) {
    const some = [];
    let length = 0;
    for (const [key, title] of waiting) {
      length += encodeURIComponent(title).length;
      if (some.length === TITLES_AT_ONCE || (some.length > 0 && length > LONGEST_QUERY)) break;
      some.push([key, title]);
      waiting.delete(key);
    }
    /** @type {Book[]} */
    const books = await get('books', { title: some.map(([, title]) => title) });
    const found = Map.groupBy(books, ({ title }) => compared(title));
    for (const [key] of some) known.set(key, found.get(key) ?? []);
  }
  for (const key of known.keys()) {
    if (known.size <= MOST_KNOWN) break;
    known.delete(key);
  }
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
