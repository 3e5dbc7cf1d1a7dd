/** Builds the map of preserved memory: a radix tree, or a list of chunks of bitmaps. */
import { radixShape } from '../../formats/kho/radix.js';
import { buildError } from '../build-error.js';
import type { BlockRun, Region } from '../memory.js';
import type { HandoverBuilder } from './builder.js';

/** The blocks of all regions, in the order of their addresses; those that follow each other as one run. */
export function blocksOf(regions: readonly Region[]): BlockRun[] {
  const all: BlockRun[] = [];
  for (const region of regions) for (const run of region.blocks()) all.push(run);
  all.sort((a, b) => a.pfn - b.pfn);
  const merged: BlockRun[] = [];
  for (const run of all) {
    const last = merged[merged.length - 1];
    if (last !== undefined && last.order === run.order && last.pfn + last.count * 2 ** last.order === run.pfn)
      merged[merged.length - 1] = { ...last, count: last.count + run.count };
    else merged.push(run);
  }
  return merged;
}

/** A map is kept in memory; one of this size tells of 4 TiB in single pages of 4 KiB. */
const MAX_MAP = 128 << 20;

function checkSize(bytes: number): void {
  if (bytes > MAX_MAP)
    throw buildError(
      'build-full',
      'preserved',
      `the map of what is preserved would have more than ${MAX_MAP} bytes: preserve larger blocks, or fewer`,
    );
}

/** Gives the address for the root's `preserved-memory-map`, known when everything is placed. */
export function buildMap(builder: HandoverBuilder, runs: readonly BlockRun[]): () => bigint {
  const first =
    builder.generations.kho.map === 'radix' ? buildRadix(builder, runs) : buildBitmaps(builder, runs);
  return () => first.address;
}

/** A page of the tree: what hangs below its slots, or the bits of a leaf. */
interface TreeNode {
  readonly region: Region;
  readonly below: Map<number, TreeNode>;
}

/**
 * A key says the order by its highest bit and the address by what is below it, so that blocks of one order
 * that follow each other have keys that do.
 */
function buildRadix(builder: HandoverBuilder, runs: readonly BlockRun[]): Region {
  const { first } = builder.generations;
  const shape = radixShape(builder.pageSize, first);
  const little = builder.abi.endian === 'little';
  const label = 'fdt.preserved-memory-map';
  const node = (): TreeNode => ({ region: builder.page(label), below: new Map() });
  let leaves = 0;
  const root = node();
  const leafOf = (key: number): TreeNode => {
    let at = root;
    for (let level = shape.depth - 1; level >= 1; level--) {
      const slot =
        Math.floor(key / 2 ** ((level - 1) * shape.nodeBits + shape.leafBits)) % 2 ** shape.nodeBits;
      let next = at.below.get(slot);
      if (next === undefined) {
        if (level === 1) checkSize(++leaves * builder.pageSize);
        next = node();
        const parent = at.region;
        const child = next.region;
        builder.memory.fill(parent, (bytes) =>
          new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(8 * slot, child.address, little),
        );
        at.below.set(slot, next);
      }
      at = next;
    }
    return at;
  };
  const leafSize = 2 ** shape.leafBits;
  for (const { pfn, order, count } of runs)
    for (let key = 2 ** (shape.orderBit - order) + pfn / 2 ** order, left = count; left > 0; ) {
      const bit = key % leafSize;
      const part = Math.min(left, leafSize - bit);
      const { region } = leafOf(key);
      builder.memory.fill(region, (bytes) => setBits(bytes, bit, part, little));
      key += part;
      left -= part;
    }
  return root.region;
}

/** Bits stand with the lowest first in bytes, on big-endian machines in words of 64. */
function setBits(bytes: Uint8Array, from: number, count: number, little: boolean): void {
  let bit = from;
  const end = from + count;
  while (bit < end) {
    // Whole words are the same in both orders.
    if (bit % 64 === 0 && end - bit >= 64) {
      const words = Math.floor((end - bit) / 64);
      bytes.fill(0xff, bit / 8, bit / 8 + words * 8);
      bit += words * 64;
      continue;
    }
    const at = little ? bit >> 3 : (bit >> 3) ^ 7;
    bytes[at] = (bytes[at] ?? 0) | (1 << (bit % 8));
    bit++;
  }
}

const CHUNK_HEADER = 16;
const CHUNK_ENTRY = 16;
/** Bytes of a bitmap of 6.16 and 6.17, which are allocated out of slabs of pages. */
const SMALL_BITMAP = 512;

interface Bitmap {
  /** The place of its first bit, in blocks of the order. */
  readonly first: number;
  readonly runs: { readonly bit: number; readonly count: number }[];
}

function buildBitmaps(builder: HandoverBuilder, runs: readonly BlockRun[]): Region {
  const { pageSize } = builder;
  const little = builder.abi.endian === 'little';
  const label = 'fdt.preserved-memory-map';
  const size = builder.generations.kho.map === 'bitmaps-512' ? SMALL_BITMAP : pageSize;
  const bits = size * 8;
  const capacity = Math.floor((pageSize - CHUNK_HEADER) / CHUNK_ENTRY);
  let slab: Region | undefined;
  let used = pageSize;
  const room = (): { region: Region; offset: number } => {
    if (slab === undefined || used + size > pageSize) {
      slab = builder.page(label);
      used = 0;
    }
    used += size;
    return { region: slab, offset: used - size };
  };
  checkSize(runs.reduce((sum, { count }) => sum + Math.ceil(count / bits), 0) * size);
  const chunks: Region[] = [];
  for (const order of [...new Set(runs.map((run) => run.order))].sort((a, b) => a - b)) {
    const bitmaps = bitmapsOf(
      runs.filter((run) => run.order === order),
      order,
      bits,
    );
    for (let from = 0; from < bitmaps.length; from += capacity) {
      const part = bitmaps.slice(from, from + capacity).map((bitmap) => ({ ...bitmap, ...room() }));
      const chunk = builder.page(label);
      const number = chunks.push(chunk);
      builder.memory.fill(chunk, (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        view.setBigUint64(0, chunks[number]?.address ?? 0n, little);
        view.setUint32(8, order, little);
        view.setUint32(12, part.length, little);
        for (const [i, { first, region, offset }] of part.entries()) {
          const start = BigInt(first) * BigInt(pageSize) * (1n << BigInt(order));
          view.setBigUint64(CHUNK_HEADER + CHUNK_ENTRY * i, start, little);
          view.setBigUint64(CHUNK_HEADER + CHUNK_ENTRY * i + 8, region.address + BigInt(offset), little);
        }
      });
      for (const { region, offset, runs: set } of part)
        builder.memory.fill(region, (bytes) => {
          for (const { bit, count } of set)
            setBits(bytes.subarray(offset, offset + size), bit, count, little);
        });
    }
  }
  // Kernels from 6.19 on refuse a handover without a map, and take an empty one.
  return chunks[0] ?? emptyList(builder, label, size);
}

/** A list whose only bitmap has no bits. A small one does not begin its page, so that its size can be told. */
function emptyList(builder: HandoverBuilder, label: string, size: number): Region {
  const bitmap = builder.page(label);
  const offset = size < builder.pageSize ? size : 0;
  const chunk = builder.page(label);
  const little = builder.abi.endian === 'little';
  builder.memory.fill(chunk, (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    view.setUint32(12, 1, little);
    view.setBigUint64(CHUNK_HEADER + 8, bitmap.address + BigInt(offset), little);
  });
  return chunk;
}

function bitmapsOf(runs: readonly BlockRun[], order: number, bits: number): Bitmap[] {
  const list: Bitmap[] = [];
  for (const { pfn, count } of runs)
    for (let at = pfn / 2 ** order, left = count; left > 0; ) {
      const first = at - (at % bits);
      let bitmap = list[list.length - 1];
      if (bitmap?.first !== first) {
        bitmap = { first, runs: [] };
        list.push(bitmap);
      }
      const part = Math.min(left, first + bits - at);
      bitmap.runs.push({ bit: at - first, count: part });
      at += part;
      left -= part;
    }
  return list;
}
