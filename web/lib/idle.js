// Waiting until there is time for what nobody waits for.

const OTHERWISE_MS = 50;

/**
 * Resolves when the browser has nothing better to do, or when it has been long enough.
 * @param {number} most in milliseconds
 * @returns {Promise<void>}
 */
export function idle(most) {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: most });
    else setTimeout(resolve, OTHERWISE_MS);
  });
}
