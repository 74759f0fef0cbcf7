// Light or dark: as the system says, unless one of them was chosen here.

const KEY = 'chatai:theme';

/** @typedef {'system' | 'light' | 'dark'} Theme */

/** @returns {Theme} */
export function theme() {
  const chosen = localStorage.getItem(KEY);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  if (chosen === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, chosen);
  applyTheme();
}
