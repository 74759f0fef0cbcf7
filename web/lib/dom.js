// Making elements. No text ever becomes HTML here: children are nodes or plain text.

/** @typedef {Node | string | number | false | null | undefined} Child */
/** @typedef {Record<string, unknown>} Props */

/** What is set as a property, since the attribute of the name means something else or only a beginning. */
const PROPERTIES = new Set(['value', 'checked', 'selected', 'disabled', 'hidden', 'indeterminate', 'open', 'inert']);

/**
 * An element: `on…` functions listen, `class` and other names are attributes; false, null and undefined are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith('on') && typeof value === 'function') {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (PROPERTIES.has(name)) {
      if (value !== undefined) /** @type {any} */ (element)[name] = value;
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  append(element, children);
  return element;
}

/**
 * @param {ParentNode} parent
 * @param {(Child | Child[])[]} children
 */
export function append(parent, children) {
  for (const child of children.flat()) {
    if (child === false || child === null || child === undefined) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * @param {ParentNode} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return /** @type {SVGElement} */ (element);
}

/** Strokes on a grid of 24. */
const ICONS = {
  plus: 'M12 5v14M5 12h14',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  left: 'M14.5 6l-6 6 6 6',
  right: 'M9.5 6l6 6-6 6',
  down: 'M6 9.5l6 6 6-6',
  latest: 'M12 5v14M6 13l6 6 6-6',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.2 16.2L20.5 20.5',
  panel: 'M4 5h16v14H4zM10 5v14',
  edit: 'M4 20l.8-4L16.5 4.3l3.2 3.2L8 19.200zM14 7l3 3',
  trash: 'M5 7h14M9.500 7V4h5v3M7 7l.8 13h8.400L17 7M10.200 11v5.500M13.800 11v5.500',
  attach: 'M19 11.500l-7.300 7.300a4.600 4.600 0 0 1-6.500-6.500l7.700-7.700a3 3 0 0 1 4.300 4.300l-7.600 7.600a1.500 1.500 0 0 1-2.100-2.100l6.800-6.800',
  close: 'M6.500 6.500l11 11M17.500 6.500l-11 11',
  settings: 'M5 8h8M18 8h1M5 16h2M12 16h7M15.500 5.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5zM9.500 13.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5z',
  chart: 'M5 19.500h15M7.500 16v-5M12.500 16V6M17.500 16v-7.500',
  users: 'M9 5a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM3 19.500c.3-3.500 2.700-5 6-5s5.700 1.500 6 5M15.500 5.300a3.500 3.500 0 0 1 0 6.500M17.500 14.900c2 .6 3.300 2 3.500 4.600',
  'go-on': 'M6 5l8 7-8 7zM18 5v14',
  retry: 'M19 12a7 7 0 1 1-2-4.900M19.500 4v4.500H15',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  star: 'M12 4.500l2.300 4.800 5.200.7-3.800 3.600.9 5.200-4.600-2.500-4.600 2.500.9-5.200L4.500 10l5.200-.7z',
  download: 'M12 4v11M7 10.500l5 5 5-5M5 20h14',
  keyboard: 'M3.500 7h17v10h-17zM7 10.500h.01M10.500 10.500h.01M14 10.500h.01M17.500 10.500h.01M8 14h8',
  leave: 'M10 5H5v14h5M10 12h10M16 8l4 4-4 4',
  file: 'M7 4h7l4 4v12H7zM14 4v4h4',
  tool: 'M14.500 5.500a4 4 0 0 0-4.800 5.200L4.500 16a2 2 0 0 0 3 3l5.300-5.200a4 4 0 0 0 5.200-4.800l-2.500 2.300-2.500-.8-.8-2.500z',
  thought: 'M9 17.500h6M10 20.500h4M12 3.500a6 6 0 0 1 3.500 10.900c-.5.400-.5 1-.5 1.600H9c0-.6 0-1.200-.5-1.600A6 6 0 0 1 12 3.500z',
  warning: 'M12 4.500l8.500 15h-17zM12 10v4.500M12 17h.01',
  book: 'M5 5.500c2.500-1 5-.700 7 .800 2-1.500 4.500-1.800 7-.800v13c-2.500-1-5-.700-7 .800-2-1.500-4.500-1.800-7-.800zM12 6.500v12.500',
  pin: 'M9 4h6l-.7 6.500 3.200 3.500h-11l3.200-3.500zM12 14v6.500',
  branch: 'M7 5v14M7 12c6 0 10-1 10-7',
};

/** @typedef {keyof typeof ICONS} IconName */

/**
 * A decoration: what it means is said by the element around it.
 * @param {IconName} name
 * @returns {SVGElement}
 */
export function icon(name) {
  return svg('svg', { class: `icon icon-${name}`, viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

/**
 * A button that shows an icon; its label is read and shown on hover.
 * @param {IconName} name
 * @param {string} label
 * @param {(event: MouseEvent) => void} act
 * @param {Props} [props]
 */
export function iconButton(name, label, act, props = {}) {
  return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick: act, ...props }, icon(name));
}

/** The mark of the page: an open book that speaks. */
export function mark() {
  return h('span', { class: 'logo', 'aria-hidden': 'true' });
}
