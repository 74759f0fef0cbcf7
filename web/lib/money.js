// Exact amounts: decimal text in US dollars, added as whole numbers of 10⁻¹² dollars.

const DIGITS = 12;

/**
 * @param {string | null | undefined} text
 * @returns {bigint} units of 10⁻¹² dollars
 */
export function parse(text) {
  const match = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text ?? '');
  if (!match) return 0n;
  const units = BigInt(match[2] + (match[3] ?? '').padEnd(DIGITS, '0'));
  return match[1] ? -units : units;
}

/**
 * The exact amount, with at least two decimals.
 * @param {bigint} units
 */
export function exact(units) {
  const sign = units < 0n ? '−' : '';
  const digits = String(units < 0n ? -units : units).padStart(DIGITS + 1, '0');
  const decimals = digits.slice(-DIGITS).replace(/0+$/, '').padEnd(2, '0');
  return `${sign}$${digits.slice(0, -DIGITS)}.${decimals}`;
}

/**
 * For plots and gauges: cents, and two significant digits of what is less than ten of them.
 * @param {bigint} units
 */
export function rounded(units) {
  const dollars = Number(units) / 1e12;
  if (dollars === 0) return '$0';
  if (Math.abs(dollars) >= 0.1) return `$${dollars.toFixed(2)}`;
  return `$${dollars.toPrecision(2).includes('e') ? dollars.toFixed(7) : Number(dollars.toPrecision(2))}`;
}

/** @param {string | null | undefined} text */
export function show(text) {
  return exact(parse(text));
}
