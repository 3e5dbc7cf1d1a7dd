/**
 * FNV-1a over 32-bit words: what every contender's result is checked with. The expected value is
 * made from the bytes, which hold the same words in the same order.
 */
export const SEED = 0x811c9dc5;

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

/** @param {number} hash @param {number} word */
export const addWord = (hash, word) => Math.imul(hash ^ word, 0x01000193) >>> 0;

/** @param {number} hash @param {unknown} value */
export function addU32(hash, value) {
  if (typeof value !== 'number') throw new Error(`a u32 came as ${typeof value}`);
  return addWord(hash, value);
}

/** @param {number} hash @param {unknown} value @param {'bigint' | 'number' | 'either'} mode */
export function addU64(hash, value, mode) {
  if (mode !== 'either' && typeof value !== mode)
    throw new Error(`a u64 came as ${typeof value}, not ${mode}`);
  if (typeof value === 'number') return addWord(addWord(hash, value >>> 0), Math.floor(value / 4294967296));
  wide[0] = /** @type {bigint} */ (value);
  return addWord(addWord(hash, halves[LOW]), halves[1 - LOW]);
}

/** @param {number} hash @param {Uint8Array} bytes a whole number of 32-bit words, little-endian */
export function addBytes(hash, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 4) hash = addWord(hash, view.getUint32(at, true));
  return hash;
}

/** @param {number} found @param {number} expected @param {string} what */
export function same(found, expected, what) {
  if (found !== expected)
    throw new Error(`${what}: checksum ${found.toString(16)}, expected ${expected.toString(16)}`);
}
