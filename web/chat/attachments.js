// Files of a question, sent or on their way.

import { BASE, call } from '../lib/api.js';
import { h, icon } from '../lib/dom.js';
import { text } from '../text.js';

/** @typedef {import('../types.js').Attachment} Attachment */

const SHOWN = /^image\/(png|jpeg|gif|webp|avif)$/;

/**
 * @param {readonly Attachment[]} attachments
 * @param {File[]} sending
 */
export function attachmentList(attachments, sending) {
  if (attachments.length + sending.length === 0) return null;
  return h('ul', { class: 'files' },
    attachments.map((file) => h('li', null, sent(file))),
    sending.map((file) => h('li', null, chip(file.name, file.type, preview(file)))));
}

/** @param {Attachment} file */
function sent(file) {
  // The browser opens it by itself, signed in by the cookie.
  const url = new URL(`attachments/${file.id}`, BASE).href;
  const isPicture = SHOWN.test(file.content_type ?? '');
  return h('a', { href: url, download: file.filename, class: isPicture ? 'picture' : 'chip', 'aria-label': text.chat.file(file.filename) },
    isPicture ? h('img', { src: url, alt: file.filename, loading: 'lazy' }) : [icon('file'), h('span', null, file.filename)]);
}

/**
 * A file that was sent, to be sent again.
 * @param {Attachment} file
 */
export async function readAttachment(file) {
  const response = await call('GET', `attachments/${file.id}`);
  return new File([await response.blob()], file.filename, { type: file.content_type ?? '' });
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string | null} picture
 */
export function chip(name, type, picture) {
  return h('span', { class: picture ? 'picture' : 'chip', title: name },
    picture ? h('img', { src: picture, alt: name }) : [icon('file'), h('span', null, name)],
    !picture && type && h('span', { class: 'off-screen' }, type));
}

/** @param {File} file */
export function preview(file) {
  return SHOWN.test(file.type) ? URL.createObjectURL(file) : null;
}

/**
 * Shows on each file how much of it is on the server; they go one after the other.
 * @param {HTMLElement} list
 * @param {readonly File[]} files
 * @param {number} loaded bytes of all of them
 */
export function showProgress(list, files, loaded) {
  let before = 0;
  files.forEach((file, index) => {
    const element = /** @type {HTMLElement | undefined} */ (list.children[index]);
    const share = Math.min(Math.max((loaded - before) / Math.max(file.size, 1), 0), 1);
    before += file.size;
    element?.style.setProperty('--sent', `${Math.round(share * 100)}%`);
    if (element) element.dataset.sent = share < 1 ? text.composer.uploading(Math.round(share * 100)) : '';
  });
}
