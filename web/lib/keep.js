// What this browser keeps: small things as text, files as they are. All of it is per account, and a full or forbidden
// store loses comfort, never the page.

/** @type {number | null} */
let owner = null;

/** @param {number | null} id */
export function keepFor(id) {
  owner = id;
}

/** @param {string} name */
function key(name) {
  return `chatai:${owner ?? 'anyone'}:${name}`;
}

/**
 * @template T
 * @param {string} name
 * @param {T} otherwise
 * @returns {T}
 */
export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(key(name));
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/**
 * @param {string} name
 * @param {unknown} value undefined forgets
 */
export function keep(name, value) {
  try {
    if (value === undefined) localStorage.removeItem(key(name));
    else localStorage.setItem(key(name), JSON.stringify(value));
  } catch (error) {
    console.warn('not kept', name, error);
  }
}

/** @type {Promise<IDBDatabase> | undefined} */
let opening;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('chatai', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('files');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(files: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>}
 */
async function files(mode, act) {
  const store = (await database()).transaction('files', mode).objectStore('files');
  return new Promise((resolve, reject) => {
    const request = act(store);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {string} name
 * @returns {Promise<File[]>}
 */
export async function keptFiles(name) {
  try {
    return (await files('readonly', (store) => store.get(key(name)))) ?? [];
  } catch {
    return [];
  }
}

/**
 * @param {string} name
 * @param {File[]} list
 */
export async function keepFiles(name, list) {
  try {
    await files('readwrite', (store) => (list.length > 0 ? store.put(list, key(name)) : store.delete(key(name))));
  } catch (error) {
    console.warn('files not kept', error);
  }
}
