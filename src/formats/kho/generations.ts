/** What the root of a handover said of itself over time, and how its map of preserved memory is laid out. */
import type { Generation } from '../format.js';

/** How the map of preserved memory is written. */
export type MapKind =
  /** A list of chunks of bitmaps of 512 bytes. */
  | 'bitmaps-512'
  /** A list of chunks of bitmaps of a page. */
  | 'bitmaps-page'
  | 'radix';

export interface KhoGeneration extends Generation {
  readonly name: 'v1a' | 'v1b' | 'v2' | 'v3' | 'v4';
  /** `compatible` of the root node. */
  readonly compatible: string;
  readonly map: MapKind;
  /** The property of a node that tells where its blob is, and whether another tells its size. */
  readonly data: 'fdt' | 'preserved-data';
  readonly sized: boolean;
}

export const KHO_GENERATIONS: readonly KhoGeneration[] = Object.freeze([
  {
    name: 'v1a',
    compatible: 'kho-v1',
    map: 'bitmaps-512',
    data: 'fdt',
    sized: false,
    title: 'chunks of 512-byte bitmaps',
    source: 'Linux 6.16 and 6.17 (commit 00c010e130e5)',
  },
  {
    name: 'v1b',
    compatible: 'kho-v1',
    map: 'bitmaps-page',
    data: 'fdt',
    sized: false,
    title: 'the same string, chunks of bitmaps of a page',
    source: 'Linux 6.18 to 7.0 (commits a2fff99f92da, fa759cd75bce), perhaps late 6.17.y',
  },
  {
    name: 'v2',
    compatible: 'kho-v2',
    map: 'radix',
    data: 'preserved-data',
    sized: false,
    title: 'a radix tree; blobs without a size',
    source: 'the merge window of Linux 7.1 only (commit 3f2ad90060f6)',
  },
  {
    name: 'v3',
    compatible: 'kho-v3',
    map: 'radix',
    data: 'preserved-data',
    sized: true,
    title: 'a radix tree; blobs with a size',
    source: 'Linux 7.1 (commit 85e41392820f)',
  },
  {
    name: 'v4',
    compatible: 'kho-v4',
    map: 'radix',
    data: 'preserved-data',
    sized: true,
    title: 'as v3; announces that linked blocks exist',
    source: 'Linux 7.2 and 7.3',
  },
]);

/** The first of the strings that are proposed to be joined by `;`: the one that names the format itself. */
export function baseVersion(compatible: string): string {
  return compatible.split(';', 1)[0] ?? '';
}
