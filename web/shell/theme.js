// Light or dark: as the system says, unless one of them was chosen here.

const KEY = 'chatai:theme';
/** As `--side` in the style sheet. */
const FRAME = { light: '#f4f6f5', dark: '#121615' };

/** @typedef {'system' | 'light' | 'dark'} Theme */

/** @returns {Theme} */
export function theme() {
  const chosen = localStorage.getItem(KEY);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

export function applyTheme() {
  const chosen = theme();
  document.documentElement.dataset.theme = chosen;
  // The window's own frame goes with the page.
  for (const one of /** @type {NodeListOf<HTMLMetaElement>} */ (document.querySelectorAll('meta[name=theme-color]'))) {
    const isDark = one.media.includes('dark');
    one.content = FRAME[chosen === 'system' ? (isDark ? 'dark' : 'light') : chosen];
  }
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  if (chosen === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, chosen);
  applyTheme();
}
