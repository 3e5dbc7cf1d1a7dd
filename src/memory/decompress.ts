/**
 * Decompressors for pages and frames: small pieces whose size is known beforehand. Each one writes no more
 * than that, whatever the input says, and gives undefined where the input is damaged or of another size.
 */
import { unzlibSync } from 'fflate';
import { Decompress as ZstdStream } from 'fzstd';
import { uncompress } from 'snappyjs';
import { lzo1x } from './lzo.js';

export type Algorithm = 'zlib' | 'lzo' | 'snappy' | 'zstd';
/** Gives exactly `size` bytes, or undefined. Must not throw and must not allocate more because of the input. */
export type Decompressor = (input: Uint8Array, size: number) => Uint8Array | undefined;

/** The decompressors of this library, all of them plain JavaScript. A host may put faster ones in their place. */
export const DECOMPRESSORS: Readonly<Record<Algorithm, Decompressor>> = Object.freeze({
  zlib: (input, size) => {
    try {
      // One byte more than is right, so that a longer stream is told from one that fits.
      const out = unzlibSync(input, { out: new Uint8Array(size + 1) });
      return out.length === size ? out : undefined;
    } catch {
      return undefined;
    }
  },
  lzo: (input, size) => {
    const out = new Uint8Array(size);
    return lzo1x(input, out) === size ? out : undefined;
  },
  snappy: (input, size) => {
    if (snappyLength(input) !== size) return undefined;
    try {
      // A plain Uint8Array: given one of Node's Buffers, the library returns a Buffer.
      return uncompress(new Uint8Array(input.buffer, input.byteOffset, input.length), size);
    } catch {
      return undefined;
    }
  },
  zstd: (input, size) => {
    if (!zstdFits(input, size)) return undefined;
    const out = new Uint8Array(size);
    let length = 0;
    try {
      const stream = new ZstdStream((chunk) => {
        if (chunk.length > size - length) throw new RangeError('the frame holds more than it should');
        out.set(chunk, length);
        length += chunk.length;
      });
      stream.push(input, true);
    } catch {
      return undefined;
    }
    return length === size ? out : undefined;
  },
});

/**
 * The bytes that a raw snappy block really decompresses to; undefined if it is damaged, or says something
 * else itself. The library takes a length of 2^31 for a negative one and then runs in circles, so every
 * element is walked over before the library sees it.
 */
export function snappyLength(input: Uint8Array): number | undefined {
  const declared = readVarint(input, 0);
  if (declared === undefined) return undefined;
  let { at } = declared;
  let produced = 0;
  while (at < input.length) {
    const tag = input[at++] ?? 0;
    let length: number;
    if ((tag & 3) === 0) {
      length = (tag >> 2) + 1;
      if (length > 60) {
        const extra = length - 60;
        length = 1;
        for (let i = 0; i < extra; i++) length += (input[at + i] ?? 0) * 2 ** (8 * i);
        at += extra;
      }
      at += length;
    } else {
      length = (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      at += (tag & 3) === 3 ? 4 : tag & 3;
    }
    produced += length;
    if (at > input.length || produced > declared.value) return undefined;
  }
  return produced === declared.value ? produced : undefined;
}

/** A little-endian base-128 number of at most 32 bits, and where it ends. */
export function readVarint(input: Uint8Array, from: number): { value: number; at: number } | undefined {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = input[from + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value < 2 ** 32 ? { value, at: from + i + 1 } : undefined;
  }
  return undefined;
}

const ZSTD_WINDOW_LIMIT = 8 << 20;

/**
 * Whether a zstd frame says that it holds so many bytes (or does not say), and asks for no window that is out
 * of proportion: the library allocates whatever window the frame asks for.
 */
function zstdFits(input: Uint8Array, size: number): boolean {
  if (input[0] !== 0x28 || input[1] !== 0xb5 || input[2] !== 0x2f || input[3] !== 0xfd) return false;
  const descriptor = input[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  let at = 5;
  if (!single) {
    const window = input[at++] ?? 0;
    const base = 2 ** (10 + (window >> 3));
    if (base + (base / 8) * (window & 7) > ZSTD_WINDOW_LIMIT) return false;
  }
  at += [0, 1, 2, 4][descriptor & 3] ?? 0;
  const bytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  if (bytes === 0) return true;
  let content = bytes === 2 ? 256 : 0;
  for (let i = 0; i < bytes; i++) content += (input[at + i] ?? 0) * 2 ** (8 * i);
  return content === size;
}
