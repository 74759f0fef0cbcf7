// Event streams over `fetch`, which, unlike `EventSource`, carries a token and can begin with a POST.

/** @typedef {{ id: string, event: string, data: any }} ServerEvent */

/** Cuts text into events. Pieces may break anywhere. */
export class EventParser {
  #rest = '';
  /** @type {ServerEvent} */
  #event = { id: '', event: 'message', data: '' };

  /**
   * @param {string} piece
   * @returns {ServerEvent[]} the events that are whole now
   */
  feed(piece) {
    this.#rest += piece;
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    const events = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (this.#event.data !== '') events.push({ ...this.#event, data: JSON.parse(this.#event.data) });
        this.#event = { id: this.#event.id, event: 'message', data: '' };
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
      if (name === 'data') this.#event.data += this.#event.data === '' ? value : `\n${value}`;
      else if (name === 'event') this.#event.event = value;
      else if (name === 'id') this.#event.id = value;
    }
    return events;
  }
}

/**
 * The events of an answer's body, as they come.
 * @param {Response} response
 * @returns {AsyncGenerator<ServerEvent[]>}
 */
export async function* events(response) {
  if (!response.body) return;
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const whole = parser.feed(value);
      if (whole.length > 0) yield whole;
    }
  } finally {
    // Leaving a stream stops nothing but the reading.
    reader.cancel().catch(() => {});
  }
}
