// A chat as a file: Markdown to read, JSON to work with. The service writes it.

import { call } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').Conversation} Conversation */

const KEPT_MS = 60_000;

/**
 * @param {Conversation} chat
 * @param {'markdown' | 'json'} format
 */
export async function exportChat(chat, format) {
  const response = await call('GET', `conversations/${chat.id}/export`, { query: { format } });
  const url = URL.createObjectURL(await response.blob());
  h('a', { href: url, download: `${fileName(chat.title || text.shell.untitled)}.${format === 'json' ? 'json' : 'md'}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** @param {string} title */
function fileName(title) {
  return title.replace(/[^\p{L}\p{N} ._-]+/gu, ' ').replace(/\s+/g, ' ').trim().slice(0, 80) || 'chat';
}
