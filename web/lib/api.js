// Calls to the service. A call whose session has ended waits until somebody has signed in again, and is then repeated:
// whoever made it never learns of it.

/** Where the interface is: beside the page, whatever the page's own address. */
export const BASE = new URL('api/', document.baseURI);

const TOKEN = 'chatai:token';

/** A refusal or a failure, in the service's own words. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 where there was no answer at all
   * @param {string} code
   * @param {string} detail
   * @param {{ retryAfter?: number, body?: any }} [more]
   */
  constructor(status, code, detail, more = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfter = more.retryAfter ?? 0;
    this.body = more.body;
  }
}

/** @type {{ token: string | null, renew: () => Promise<void> }} */
const session = {
  token: localStorage.getItem(TOKEN),
  renew: () => Promise.reject(new ApiError(401, 'invalid_token', '')),
};

export function token() {
  return session.token;
}

/** @param {string | null} value */
export function setToken(value) {
  session.token = value;
  if (value) localStorage.setItem(TOKEN, value);
  else localStorage.removeItem(TOKEN);
}

/**
 * Says what to do when a session has ended: sign in again.
 * @param {() => Promise<void>} renew
 */
export function onExpired(renew) {
  session.renew = renew;
}

/**
 * Waits for a session in place of the one that has ended. Another tab may have signed in since.
 * @param {string | null} ended
 */
export async function renew(ended) {
  if (session.token === ended) await session.renew();
}

/**
 * @typedef {object} Options
 * @property {unknown} [json] a body
 * @property {FormData} [form] a body
 * @property {Record<string, string | number | string[] | undefined>} [query]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [open] the call needs no token, and a 401 is its own answer
 * @property {boolean} [keepalive] goes on when the page is left
 */

/**
 * The answer to a call that succeeded.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function call(method, path, options = {}) {
  const url = address(path, options.query);
  for (;;) {
    const used = session.token;
    /** @type {Record<string, string>} */
    const headers = { ...options.headers };
    if (used && !options.open) headers.Authorization = `Bearer ${used}`;
    if (options.json !== undefined) headers['Content-Type'] = 'application/json';
    const body = options.json === undefined ? options.form : JSON.stringify(options.json);
    let response;
    try {
      response = await fetch(url, { method, headers, body, signal: options.signal, keepalive: options.keepalive });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, 'unreachable', '');
    }
    if (response.ok) return response;
    const error = await failure(response);
    if (error.status !== 401 || options.open) throw error;
    await renew(used);
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function ask(method, path, options) {
  return (await call(method, path, options)).json();
}

/**
 * @param {string} path
 * @param {Options['query']} [query]
 * @param {AbortSignal} [signal]
 */
export function get(path, query, signal) {
  return ask('GET', path, { query, signal });
}

/**
 * A page of a list, and the cursors that lead on.
 * @param {string} path
 * @param {Options['query']} query
 * @returns {Promise<{ body: any, next: string | null, prev: string | null }>}
 */
export async function page(path, query) {
  const response = await call('GET', path, { query });
  const links = response.headers.get('Link') ?? '';
  const cursor = (/** @type {string} */ rel, /** @type {string} */ parameter) => {
    const target = new RegExp(`<([^>]*)>; rel="${rel}"`).exec(links)?.[1];
    return target ? new URL(target, BASE).searchParams.get(parameter) : null;
  };
  return { body: await response.json(), next: cursor('next', 'after'), prev: cursor('prev', 'before') };
}

/**
 * @param {string} path
 * @param {Options['query']} [query]
 */
export function address(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) url.searchParams.append(name, String(one));
    }
  }
  return url;
}

/**
 * What a refusal says.
 * @param {Response} response
 */
async function failure(response) {
  const retryAfter = Number(response.headers.get('Retry-After')) || 0;
  const body = await response.json().catch(() => null);
  return failureOf(response.status, body, retryAfter);
}

/**
 * @param {number} status
 * @param {any} body
 * @param {number} [retryAfter]
 */
export function failureOf(status, body, retryAfter) {
  const detail = Array.isArray(body?.detail)
    ? body.detail.map((/** @type {any} */ fault) => `${fault.loc?.at(-1)}: ${fault.msg}`).join('; ')
    : String(body?.detail ?? '');
  return new ApiError(status, body?.code ?? '', detail, { retryAfter, body });
}
