/** Compressors for the pages of kdumps. */
import { zlibSync } from 'fflate';
import { compress } from 'snappyjs';
import type { Algorithm } from './decompress.js';

/** Gives the compressed page. Must give the same for the same page, and must not keep the array it was given. */
export type Compressor = (page: Uint8Array) => Uint8Array;

/** The compressors of this library, all of them plain JavaScript. A host may put faster or further ones in their place. */
export const COMPRESSORS: Readonly<Partial<Record<Algorithm, Compressor>>> = Object.freeze({
  // The level that makedumpfile uses.
  zlib: (page) => zlibSync(page, { level: 1 }),
  // A plain Uint8Array: given one of Node's Buffers, the library returns a Buffer.
  snappy: (page) => compress(new Uint8Array(page.buffer, page.byteOffset, page.length)),
});
