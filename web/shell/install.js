// Makes the page open without a network, where the browser can: that takes a secure connection, or this very machine.

/** The only address that the policy lets become a worker. */
const WORKER = new URL('../worker.js', import.meta.url).href;

export function keepPage() {
  if (!('serviceWorker' in navigator)) return;
  // What one waits for comes first.
  if (document.readyState === 'complete') register();
  else addEventListener('load', register, { once: true });
}

async function register() {
  try {
    await navigator.serviceWorker.register(/** @type {string} */ (trusted()), { scope: new URL('./', document.baseURI).pathname });
  } catch (error) {
    console.warn('the page is not kept for times without a network', error);
  }
}

/** The worker's address, in the form that the policy asks for. */
function trusted() {
  const types = /** @type {any} */ (window).trustedTypes;
  if (!types) return WORKER;
  return types.createPolicy('chatai', { createScriptURL: () => WORKER }).createScriptURL(WORKER);
}
