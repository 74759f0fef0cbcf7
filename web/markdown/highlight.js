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

/** Longer code stays plain. */
const MAX_CHARS = 60_000;
/** What is coloured at once: more would hold everything else up. */
const PIECE_CHARS = 4_000;
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
    if (!highlighter.getLanguage(language)) highlighter.registerLanguage(language, grammar);
    const rest = document.createTextNode(code);
    element.replaceChildren(rest);
    for (let from = 0; from < code.length;) {
      // Colours hold up neither an answer that is still coming nor the drawing of others.
      await idle(PATIENCE_MS);
      let end;
      let found;
      let least = PIECE_CHARS;
      do {
        end = pieceEnd(code, from + least);
        found = highlighter.highlight(code.slice(from, end), { language, ignoreIllegals: true });
        // A piece that ends within a comment or a string is none.
        least *= 2;
      } while (found._top.parent && end < code.length);
      rest.before(...found._emitter.rootNode.children.map(node));
      rest.deleteData(0, end - from);
      from = end;
    }
  } catch (error) {
    // Without colours code is as readable as the network allows.
    console.warn('no colours for', language, error);
  }
}

/**
 * Where a piece of code may end: before a line that begins at the margin.
 * @param {string} code
 * @param {number} least
 */
function pieceEnd(code, least) {
  const boundary = /\n(?=\S)/g;
  boundary.lastIndex = least;
  return boundary.test(code) ? boundary.lastIndex : code.length;
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
