// Makes pictures of the page small: 256 colours are enough for flat surfaces and letters.

import { deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const MOST_COLOURS = 256;

/**
 * The same picture with a palette.
 * @param {Buffer} png as Chromium writes it: 8 bits, three or four channels, not interlaced
 */
export function smaller(png) {
  const { width, height, pixels } = decode(png);
  const palette = chosen(pixels);
  const nearest = new Map();
  const lines = Buffer.alloc(height * (width + 1));
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      const colour = pixels[at];
      let index = nearest.get(colour);
      if (index === undefined) nearest.set(colour, index = closest(palette, colour));
      lines[y * (width + 1) + 1 + x] = index;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('PLTE', colours), chunk('IDAT', deflateSync(lines, { level: 9, memLevel: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

/** @param {Buffer} png */
function decode(png) {
  let width = 0;
  let height = 0;
  let channels = 0;
  const data = [];
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      channels = { 2: 3, 6: 4 }[body[9]] ?? 0;
      if (body[8] !== 8 || channels === 0 || body[12] !== 0) throw new Error('a form of PNG that Chromium does not write');
    } else if (type === 'IDAT') data.push(body);
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * channels;
  const pixels = new Uint32Array(width * height);
  let before = Buffer.alloc(stride);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    const line = raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
    for (let x = 0; x < stride; x += 1) {
      const left = x >= channels ? line[x - channels] : 0;
      const corner = x >= channels ? before[x - channels] : 0;
      line[x] = (line[x] + [0, left, before[x], (left + before[x]) >> 1, paeth(left, before[x], corner)][filter]) & 255;
    }
    for (let x = 0; x < width; x += 1) pixels[y * width + x] = (line[x * channels] << 16) | (line[x * channels + 1] << 8) | line[x * channels + 2];
    before = line;
  }
  return { width, height, pixels };
}

/** @param {number} left @param {number} above @param {number} corner */
function paeth(left, above, corner) {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

/**
 * Median cut: boxes of colours are halved where they are widest for the number of pixels they stand for.
 * @param {Uint32Array} pixels
 */
function chosen(pixels) {
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  const box = (list) => {
    const ranges = [16, 8, 0].map((shift) => {
      const values = list.map(([colour]) => (colour >> shift) & 255);
      return [shift, Math.max(...values) - Math.min(...values)];
    });
    const [shift, width] = ranges.sort(([, one], [, other]) => other - one)[0];
    return { list, shift, cost: width * Math.sqrt(list.reduce((sum, [, count]) => sum + count, 0)) };
  };
  // What fills most of the picture stays exactly as it is.
  const most = [...counts].sort(([, one], [, other]) => other - one);
  const exact = most.slice(0, 24).map(([colour]) => colour);
  let boxes = most.length > 24 ? [box(most.slice(24))] : [];
  while (boxes.length > 0 && boxes.length < MOST_COLOURS - exact.length) {
    boxes.sort((one, other) => other.cost - one.cost);
    const { list, shift, cost } = boxes[0];
    if (cost === 0) break;
    list.sort(([one], [other]) => ((one >> shift) & 255) - ((other >> shift) & 255));
    const half = list.reduce((sum, [, count]) => sum + count, 0) / 2;
    let sum = 0;
    const at = Math.min(Math.max(list.findIndex(([, count]) => (sum += count) >= half), 1), list.length - 1);
    boxes.splice(0, 1, box(list.slice(0, at)), box(list.slice(at)));
  }
  const middle = ({ list }) => {
    const total = list.reduce((sum, [, count]) => sum + count, 0);
    const mean = (shift) => Math.round(list.reduce((sum, [colour, count]) => sum + ((colour >> shift) & 255) * count, 0) / total);
    return (mean(16) << 16) | (mean(8) << 8) | mean(0);
  };
  return [...exact, ...boxes.map(middle)];
}

/** @param {number[]} palette @param {number} colour */
function closest(palette, colour) {
  let best = 0;
  let least = Infinity;
  for (let index = 0; index < palette.length; index += 1) {
    const away = [16, 8, 0].reduce((sum, shift) => sum + (((palette[index] >> shift) & 255) - ((colour >> shift) & 255)) ** 2, 0);
    if (away < least) [best, least] = [index, away];
    if (away === 0) break;
  }
  return best;
}

const TABLE = Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

/** @param {string} type @param {Buffer} body */
function chunk(type, body) {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  let sum = 0xffffffff;
  for (const byte of content) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(body.length, 0);
  ends.writeUInt32BE((sum ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), content, ends.subarray(4)]);
}
