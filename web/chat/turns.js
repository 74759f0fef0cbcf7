// Turns: a question on its way and the answer that comes. A turn reads its events until the end, whatever happens in
// between; where the connection breaks it goes on from the last event it has seen.

import { ApiError, address, call, failureOf, renew, token } from '../lib/api.js';
import { EventParser, events } from '../lib/sse.js';

/** @typedef {import('../types.js').Message} Message */
/** @typedef {import('../types.js').ToolCall} ToolCall */
/** @typedef {import('../types.js').Reasoning} Reasoning */
/** @typedef {import('../types.js').Status} Status */
/** @typedef {import('../types.js').Failure} Failure */

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8_000;

/**
 * A question to send.
 * @typedef {object} Question
 * @property {string} text
 * @property {string} model
 * @property {number | null} conversationId
 * @property {number} [parentId]
 * @property {File[]} files
 */

export class Turn {
  /** @type {number | null} */
  conversationId = null;
  requestId = 0;
  responseId = 0;
  model = '';
  text = '';
  /** What it did beside speaking, in order. @type {(Reasoning | ToolCall)[]} */
  steps = [];
  title = '';
  /** @type {Status} */
  status = 'running';
  /** @type {Failure | null} */
  error = null;
  /** @type {{ input_tokens: number, output_tokens: number, cached_tokens: number } | null} */
  usage = null;
  /** @type {string | null} */
  priceExact = null;
  /** Whether the connection is lost and being made again. */
  isCutOff = false;

  #cursor = '';
  #leaving = new AbortController();
  /** Not to be sent any more, if that is still possible. */
  #withdrawing = new AbortController();
  /** @type {Set<(turn: Turn) => void>} */
  #readers = new Set();

  /**
   * An answer that is running already.
   * @param {Message} message
   */
  static of(message) {
    const turn = new Turn();
    turn.conversationId = message.conversation_id;
    turn.requestId = message.request_id ?? 0;
    turn.responseId = message.id;
    turn.model = message.model ?? '';
    return turn;
  }

  /** @param {(turn: Turn) => void} reader is told of every change */
  read(reader) {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** @returns {ToolCall[]} */
  get tools() {
    return this.steps.filter((step) => step.kind === 'tool');
  }

  get hasEnded() {
    return this.status !== 'running';
  }

  /** Stops reading; the turn itself goes on. One that is on its way is to arrive first. */
  leave() {
    if (this.responseId) this.#leaving.abort();
  }

  /**
   * Sends a question and reads until the turn is known to the service; what follows is read by `follow`.
   * @param {Question} question
   * @param {(loaded: number) => void} onProgress of an upload, in bytes
   */
  async send(question, onProgress) {
    const fields = {
      text: question.text,
      model: question.model || undefined,
      conversation_id: question.conversationId ?? undefined,
      parent_id: question.parentId,
    };
    // The key makes it the same turn however often it has to be sent.
    const headers = { 'Idempotency-Key': uniqueKey(), Accept: 'text/event-stream' };
    if (question.files.length > 0) {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, String(value));
      for (const file of question.files) form.append('files', file, file.name);
      await repeated(() => this.#signedUpload(form, headers, onProgress), this.#withdrawing.signal);
      return;
    }
    const response = await repeated(() => call('POST', 'chat/', { json: fields, headers, signal: this.#leaving.signal }), this.#withdrawing.signal);
    this.#begin(response);
  }

  /**
   * Answers a question once more.
   * @param {number} answer
   * @param {string} model
   * @param {boolean} goesOn where the answer breaks off
   */
  async regenerate(answer, model, goesOn) {
    const headers = { 'Idempotency-Key': uniqueKey(), Accept: 'text/event-stream' };
    const response = await repeated(() => call('POST', `chat/messages/${answer}/regenerate`, {
      json: { model: model || undefined, go_on: goesOn || undefined }, headers, signal: this.#leaving.signal,
    }), this.#withdrawing.signal);
    this.#begin(response);
  }

  /** @type {Promise<void> | null} */
  #first = null;
  /** @type {(() => void) | null} */
  #known = null;

  /** @param {Response} response */
  #begin(response) {
    this.#first = this.#readBody(response).catch(() => {});
  }

  /** Resolves once the turn has its ids. */
  async known() {
    if (this.responseId) return;
    await Promise.race([new Promise((resolve) => { this.#known = () => resolve(undefined); }), this.#first]);
    if (!this.responseId) throw new ApiError(0, 'unreachable', '');
  }

  /** Reads to the end. Resolves when there is nothing more to read. */
  async follow() {
    const { signal } = this.#leaving;
    await this.#first;
    let pause = FIRST_PAUSE_MS;
    while (!this.hasEnded && !signal.aborted) {
      const before = this.#cursor;
      try {
        const query = this.#cursor ? { after: this.#cursor } : {};
        const response = await call('GET', `chat/messages/${this.responseId}/events`, { query, signal });
        this.#setCutOff(false);
        await this.#readBody(response);
      } catch (error) {
        if (signal.aborted) return;
        const gone = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
        if (gone) {
          this.#fail(error.code, error.message);
          return;
        }
      }
      if (this.hasEnded || signal.aborted) return;
      if (this.#cursor !== before) pause = FIRST_PAUSE_MS;
      this.#setCutOff(true);
      await waited(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Stops the answer. A question that has not arrived is not sent again; one that arrives all the same is stopped then. */
  async stop() {
    if (!this.responseId) {
      this.#withdrawing.abort();
      return;
    }
    await call('POST', `chat/messages/${this.responseId}/cancel`);
  }

  /** @param {Response} response */
  async #readBody(response) {
    for await (const several of events(response)) this.#take(several);
  }

  /**
   * @param {FormData} form
   * @param {Record<string, string>} headers
   * @param {(loaded: number) => void} onProgress
   */
  async #signedUpload(form, headers, onProgress) {
    for (;;) {
      const used = token();
      try {
        return await this.#upload(form, headers, onProgress);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
        await renew(used);
      }
    }
  }

  /**
   * Sends a form and reads its answer only so far that the turn is known: only this way of sending tells how far it is.
   * @param {FormData} form
   * @param {Record<string, string>} headers
   * @param {(loaded: number) => void} onProgress
   * @returns {Promise<void>}
   */
  #upload(form, headers, onProgress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const parser = new EventParser();
      let read = 0;
      request.open('POST', address('chat/'));
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.setRequestHeader('Authorization', `Bearer ${token()}`);
      request.upload.onprogress = (event) => onProgress(event.loaded);
      request.upload.onload = () => onProgress(Infinity);
      request.onprogress = () => {
        if (request.status !== 200) return;
        this.#take(parser.feed(request.responseText.slice(read)));
        read = request.responseText.length;
        if (!this.responseId) return;
        resolve();
        request.abort();
      };
      request.onload = () => {
        if (this.responseId) return;
        const retryAfter = Number(request.getResponseHeader('Retry-After')) || 0;
        let body = null;
        try {
          body = JSON.parse(request.responseText);
        } catch {
          // A proxy's own page says no more than its status does.
        }
        reject(failureOf(request.status, body, retryAfter));
      };
      request.onerror = () => reject(new ApiError(0, 'unreachable', ''));
      this.#leaving.signal.addEventListener('abort', () => request.abort());
      request.onabort = () => reject(new ApiError(0, 'left', ''));
      request.send(form);
    });
  }

  /** @param {import('../lib/sse.js').ServerEvent[]} several */
  #take(several) {
    for (const { id, event, data } of several) {
      if (id) this.#cursor = id;
      this.#apply(event, data);
    }
    this.#tell();
  }

  /**
   * @param {string} event
   * @param {any} data
   */
  #apply(event, data) {
    switch (event) {
      case 'turn':
        this.conversationId = data.conversation_id;
        this.requestId = data.request_message_id;
        this.responseId = data.response_message_id;
        this.model = data.model;
        this.#known?.();
        if (this.#withdrawing.signal.aborted) this.stop().catch(() => {});
        break;
      case 'delta':
        this.#endReasoning();
        this.text += data.text;
        break;
      case 'reasoning':
        this.#reason(data.text);
        break;
      case 'tool':
        this.#applyTool(data);
        break;
      case 'title':
        this.title = data.title;
        break;
      case 'done':
        this.status = data.status;
        this.error = data.error ?? null;
        this.usage = data.usage;
        this.priceExact = data.price_exact;
        this.isCutOff = false;
        this.#endReasoning();
        break;
    }
  }

  /** @param {any} data */
  #applyTool(data) {
    this.#endReasoning();
    const known = this.tools.find((tool) => tool.id === data.id);
    if (!known) this.steps.push({ ...data, kind: 'tool', startedAt: performance.now() });
    else Object.assign(known, data, data.state === 'running' ? {} : { endedAt: performance.now() });
  }

  /** @param {string} more */
  #reason(more) {
    const last = this.steps.at(-1);
    if (last?.kind !== 'reasoning') {
      this.steps.push({ kind: 'reasoning', text: more, startedAt: performance.now() });
      return;
    }
    last.text += more;
    last.endedAt = undefined;
  }

  #endReasoning() {
    const last = this.steps.at(-1);
    if (last?.kind === 'reasoning') last.endedAt ??= performance.now();
  }

  /** @param {boolean} isCutOff */
  #setCutOff(isCutOff) {
    if (this.isCutOff === isCutOff) return;
    this.isCutOff = isCutOff;
    this.#tell();
  }

  /**
   * @param {string} code
   * @param {string} detail
   */
  #fail(code, detail) {
    this.status = 'failed';
    this.error = { code, detail };
    this.#tell();
  }

  #tell() {
    for (const reader of this.#readers) reader(this);
  }
}

/** A key that nobody else uses; `randomUUID` would ask for a secure connection. */
function uniqueKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, '0')).join('');
}

const TRIES = 4;

/**
 * Does something that may be repeated, again where the service was out of reach.
 * @template T
 * @param {() => Promise<T>} act
 * @param {AbortSignal} withdrawn not again any more
 * @returns {Promise<T>}
 */
async function repeated(act, withdrawn) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'unreachable' || tried === TRIES) throw error;
      if (!withdrawn.aborted) await waited(FIRST_PAUSE_MS * 2 ** (tried - 1), withdrawn);
      if (withdrawn.aborted) throw new ApiError(0, 'withdrawn', '');
    }
  }
}

/**
 * Waits, but not on when the network comes back or nobody waits any more.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function waited(ms, signal) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener('online', go);
      signal?.removeEventListener('abort', go);
      resolve();
    };
    const timer = setTimeout(go, ms);
    addEventListener('online', go);
    signal?.addEventListener('abort', go);
  });
}
