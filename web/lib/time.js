// Moments as the service writes them (UTC), shown where the reader is.

/** @param {string} text `YYYY-MM-DD HH:MM:SS`, UTC */
export function moment(text) {
  return new Date(`${text.replace(' ', 'T')}Z`);
}

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** @param {string} text */
export function date(text) {
  return dateFormat.format(moment(text));
}

/** @param {string} text a day of the calendar, `YYYY-MM-DD` */
export function day(text) {
  return dateFormat.format(new Date(`${text}T00:00`));
}

/** @param {string} text */
export function full(text) {
  return fullFormat.format(moment(text));
}

/**
 * Whole days between a moment and now, by the reader's calendar.
 * @param {Date} when
 */
export function daysAgo(when) {
  const start = (/** @type {Date} */ at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return Math.round((start(new Date()) - start(when)) / 86_400_000);
}

/** @param {number} ms */
export function seconds(ms) {
  const value = ms / 1000;
  if (value < 0.1) return '<0.1 s';
  return `${value.toFixed(value < 10 ? 1 : 0)} s`;
}
