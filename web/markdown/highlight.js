// Colours for code. The highlighter and each language are loaded when the first block needs them.

import { h } from '../lib/dom.js';
import { idle } from '../lib/idle.js';

/** @typedef {import('../vendor/hl-core.js').Scope} Scope */

/** Names by which people call the languages, and the files these are in. */
const LANGUAGES = new Map(
  Object.entries({
    bash: 'bash sh shell zsh console', c: 'c h', cpp: 'cpp c++ cc hpp', csharp: 'csharp cs c#', css: 'css', diff: 'diff patch',
    dockerfile: 'dockerfile docker', go: 'go golang', ini: 'ini toml', java: 'java', javascript: 'javascript js jsx mjs',
    json: 'json jsonc json5', kotlin: 'kotlin kt', lua: 'lua', makefile: 'makefile make', markdown: 'markdown md', php: 'php',
    python: 'python py', r: 'r', ruby: 'ruby rb', rust: 'rust rs', sql: 'sql postgresql sqlite', swift: 'swift',
    typescript: 'typescript ts tsx', xml: 'xml html svg vue', yaml: 'yaml yml',
  }).flatMap(([file, names]) => names.split(' ').map((name) => /** @type {[string, string]} */ ([name, file]))),
);

/** Longer code stays plain: colouring it would hold everything else up. */
const MAX_CHARS = 60_000;
const PATIENCE_MS = 500;

/**
 * Colours the code in an element, soon.
 * @param {HTMLElement} element
 * @param {string} code
 * @param {string} name
 */
export async function highlight(element, code, name) {
  const language = LANGUAGES.get(name);
  if (!language || code.length > MAX_CHARS) return;
  try {
    const [{ default: highlighter }, { default: grammar }] = await Promise.all([
      import('../vendor/hl-core.js'),
      import(`../vendor/hl-${language}.js`),
    ]);
    // Colours hold up neither an answer that is still coming nor the drawing of others.
    await idle(PATIENCE_MS);
    if (!highlighter.getLanguage(language)) highlighter.registerLanguage(language, grammar);
    const { rootNode } = highlighter.highlight(code, { language, ignoreIllegals: true })._emitter;
    element.replaceChildren(...rootNode.children.map(node));
  } catch (error) {
    // Without colours code is as readable as the network allows.
    console.warn('no colours for', language, error);
  }
}

/**
 * @param {Scope | string} part
 * @returns {Node}
 */
function node(part) {
  if (typeof part === 'string') return document.createTextNode(part);
  const scope = part.scope ?? '';
  return h('span', { class: scope ? `hl-${scope.split('.')[0]}` : undefined }, part.children.map(node));
}
