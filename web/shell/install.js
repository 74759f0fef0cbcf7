// Makes the page open without a network, where the browser can: that takes a secure connection, or this very machine.

/** The only address that the policy lets become a worker. */
const WORKER = new URL('../worker.js', import.meta.url).href;

/** Resolves when it is kept, or cannot be. */
export async function keepPage() {
  // What one waits for comes first.
  if (document.readyState !== 'complete') await new Promise((resolve) => { addEventListener('load', resolve, { once: true }); });
  if ('serviceWorker' in navigator) await register();
}

async function register() {
  try {
    const registration = await navigator.serviceWorker.register(/** @type {string} */ (trusted()), { scope: new URL('./', document.baseURI).pathname });
    // Where a browser only pretends, nothing comes back.
    if (registration && !registration.active) await navigator.serviceWorker.ready;
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
