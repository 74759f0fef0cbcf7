// A chat as a file: Markdown to read, JSON to work with.

import { get } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { full } from '../lib/time.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').Conversation} Conversation */
/** @typedef {import('../types.js').Message} Message */

/**
 * @param {Conversation} chat
 * @param {'md' | 'json'} form
 */
export async function exportChat(chat, form) {
  // Markdown holds the branch in sight, JSON all of them.
  const { messages } = await get(`conversations/${chat.id}/messages`, form === 'json' ? { tree: 'true' } : {});
  const title = chat.title || text.shell.untitled;
  const content = form === 'json' ? `${JSON.stringify({ ...chat, messages }, null, 2)}\n` : markdown(title, messages);
  const type = form === 'json' ? 'application/json' : 'text/markdown';
  const url = URL.createObjectURL(new Blob([content], { type }));
  h('a', { href: url, download: `${fileName(title)}.${form}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * @param {string} title
 * @param {Message[]} messages
 */
function markdown(title, messages) {
  const parts = messages.map((message) => {
    const who = message.role === 'user' ? text.search.you : message.model ?? text.chat.answer;
    const files = message.attachments.map((file) => `- ${text.chat.file(file.filename)}`).join('\n');
    return `## ${who} · ${full(message.created_at)}\n\n${files ? `${files}\n\n` : ''}${message.text}\n`;
  });
  return `# ${title}\n\n${parts.join('\n')}`;
}

/** @param {string} title */
function fileName(title) {
  return title.replace(/[^\p{L}\p{N} ._-]+/gu, ' ').replace(/\s+/g, ' ').trim().slice(0, 80) || 'chat';
}
