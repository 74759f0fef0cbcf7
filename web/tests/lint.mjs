// Rules on the page's source that no type checker knows.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const WEB = join(import.meta.dirname, '..');
const FIRST_LOAD_BYTES = 100 * 1024;
const MOST_LINES = 500;
const faults = [];

const files = (folder) => readdirSync(join(WEB, folder)).flatMap((name) => {
  const path = join(folder, name);
  if (['tests', 'vendor', 'node_modules'].includes(name)) return [];
  return statSync(join(WEB, path)).isDirectory() ? files(path) : [path];
});
const read = (path) => readFileSync(join(WEB, path), 'utf8');

const FORBIDDEN = [
  [/\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment)\b/, 'text becomes HTML nowhere: make elements'],
  [/\beval\(|new Function\(/, 'text becomes code nowhere'],
  [/['"`(]https?:\/\/(?!www\.w3\.org)/, 'the page asks nobody but its own server'],
  [/\bconsole\.log\b/, 'left over from a search for a fault'],
  [/@ts-(ignore|nocheck)/, 'say what the type is'],
];

for (const path of files('.').filter((name) => name.endsWith('.js'))) {
  const text = read(path);
  if (!text.startsWith('// ')) faults.push(`${path}:1: say what the file is for`);
  const lines = text.split('\n');
  if (lines.length > MOST_LINES) faults.push(`${path}: ${lines.length} lines, look for a seam`);
  lines.forEach((line, index) => {
    for (const [pattern, instead] of FORBIDDEN) if (pattern.test(line)) faults.push(`${path}:${index + 1}: ${instead}`);
  });
}

// Modules that are needed at once are named in the page, so that they come at once and not one after another.
const needed = new Set();
const walk = (path) => {
  if (needed.has(path)) return;
  needed.add(path);
  for (const [, target] of read(path).matchAll(/^(?:import|export)\b[^'\n]*from '(\.[^']+)'/gm)) walk(normalize(join(dirname(path), target)));
};
walk('main.js');
const index = read('index.html');
const named = new Set([...index.matchAll(/app\/dev\/([^"]+\.js)"/g)].map(([, path]) => path));
for (const path of needed) if (!named.has(path)) faults.push(`index.html: \`${path}\` is needed at once and not named`);
for (const path of named) if (!needed.has(path)) faults.push(`index.html: \`${path}\` is named and not needed at once`);

const first = ['index.html', ...[...index.matchAll(/app\/dev\/([^"]+)"/g)].map(([, path]) => path)];
const weigh = (compress) => [...new Set(first)].reduce((sum, path) => sum + compress(readFileSync(join(WEB, path))).length, 0);
const [gzip, brotli] = [weigh((bytes) => gzipSync(bytes, { level: 9 })), weigh((bytes) => brotliCompressSync(bytes))];
if (gzip > FIRST_LOAD_BYTES) faults.push(`the first load weighs ${gzip} bytes compressed, more than ${FIRST_LOAD_BYTES}`);
console.log(`page: the first load weighs ${Math.round(gzip / 1024)} KiB with gzip, ${Math.round(brotli / 1024)} KiB with brotli`);

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
