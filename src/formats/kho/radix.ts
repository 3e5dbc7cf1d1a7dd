/** The map of preserved memory from kho-v2 on: a radix tree of pages whose keys say order and address. */
import { bytes as bytesOf } from '../../codec/index.js';
import { PHYS_BITS } from './bitmaps.js';
import { bitmapBytes, bitRuns } from './bits.js';
import { PreservedBuilder, type PreservedMap } from './preserved.js';
import { KHO } from './rules.js';
import { KhoRadixNode } from './schema.js';
import { hexText, type Walk } from './walk.js';

/** The shape of the tree for a page size. */
export interface RadixShape {
  /** Levels, leaves included. */
  readonly depth: number;
  /** log2 of the entries of a node. */
  readonly nodeBits: number;
  /** log2 of the bits of a leaf. */
  readonly leafBits: number;
  /** The bit of a key that marks order 0; order n is marked by the nth bit below. */
  readonly orderBit: number;
}

/**
 * `first` gives the shape as first committed, with the rounding that loses the bit of order 0 where pages
 * have 16 KiB.
 */
export function radixShape(pageSize: number, first = false): RadixShape {
  const pageShift = Math.log2(pageSize);
  const nodeBits = pageShift - 3;
  const leafBits = pageShift + 3;
  const orderBit = 64 - pageShift;
  const depth = Math.ceil((orderBit - leafBits + (first ? 0 : 1)) / nodeBits) + 1;
  return { depth, nodeBits, leafBits, orderBit };
}

/** Pages of a tree that are read; as many as a dump of terabytes has. */
const MAX_TABLES = 1 << 20;
/** A marker bit that is this far off is not one: blocks of 2^24 pages are larger than any memory node. */
const LARGEST_ORDER = 24;

export interface RadixTree {
  readonly map: PreservedMap;
  /** Addresses of the nodes and leaves. */
  readonly tables: ReadonlySet<bigint>;
  readonly nodes: number;
  readonly leaves: number;
  /** Keys that lack their marker bit. */
  readonly unmarked: number;
}

export function readRadix(walk: Walk, root: bigint, shape: RadixShape, first = false): RadixTree {
  const builder = new PreservedBuilder();
  const tables = new Set<bigint>();
  const { pageSize, little } = walk;
  const path = 'fdt.preserved-memory-map';
  const pageShift = Math.log2(pageSize);
  const bitmap = bytesOf(pageSize);
  let nodes = 0;
  let leaves = 0;
  let unmarked = 0;
  let complete = true;

  /** Blocks whose keys follow each other; all have the same highest bit. */
  const emit = (key: number, count: number, at: bigint): void => {
    const top = Math.floor(Math.log2(key));
    const order = shape.orderBit - top;
    const within = key - 2 ** top;
    if (first && order > LARGEST_ORDER) {
      unmarked += count;
      builder.add(key, 0, count);
      return;
    }
    if (order + pageShift > PHYS_BITS) {
      walk.find(KHO['key-order'], path, at, `The key ${hexText(key)} says order ${order}.`);
      return;
    }
    if ((within + count) * 2 ** order > 2 ** (PHYS_BITS - pageShift)) {
      walk.find(
        KHO['key-address'],
        path,
        at,
        `The key ${hexText(key)} says order ${order} at ${hexText(BigInt(within) << BigInt(pageShift + order))}.`,
      );
      return;
    }
    builder.add(within * 2 ** order, order, count);
  };

  const leaf = (bytes: Uint8Array, prefix: number, at: bigint): void => {
    const size = 2 ** shape.leafBits;
    if (prefix > 0) {
      bitRuns(bytes, 0, size, (bit, count) => emit(prefix + bit, count, at));
      return;
    }
    if (((bytes[0] ?? 0) & 1) === 1)
      walk.find(KHO['key-order'], path, at, 'Key 0 is set, which stands for nothing.');
    // Here the highest bit of the key is a bit of the place itself, so a run ends at each power of two.
    for (let low = 1; low < size; low *= 2)
      bitRuns(bytes, low, Math.min(low * 2, size), (bit, count) => emit(bit, count, at));
  };

  const visit = (address: bigint, level: number, prefix: number): void => {
    if (!walk.isAligned(address)) {
      walk.find(
        KHO['node-unaligned'],
        path,
        address,
        `The tree has a pointer to ${hexText(address)}, in the middle of a page.`,
      );
      complete = false;
      return;
    }
    if (tables.has(address)) {
      walk.find(KHO['node-shared'], path, address, `The tree reaches the page ${hexText(address)} twice.`);
      return;
    }
    if (tables.size >= MAX_TABLES) {
      if (complete) walk.find(KHO.limit, path, address, `The tree has more than ${MAX_TABLES} pages.`);
      complete = false;
      return;
    }
    tables.add(address);
    const bytes = walk.bytes(
      address,
      pageSize,
      path,
      level === 0 ? 'a leaf of the map' : 'a node of the map',
    );
    if (bytes === undefined) {
      complete = false;
      return;
    }
    if (level === 0) {
      walk.object(`${path}.leaves[${leaves}]`, bitmap, address, pageSize);
      leaves++;
      leaf(bitmapBytes(bytes, little), prefix, address);
      return;
    }
    nodes++;
    walk.object(`${path}.nodes[${nodes - 1}]`, KhoRadixNode, address, pageSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const shift = (level - 1) * shape.nodeBits + shape.leafBits;
    const isRoot = level === shape.depth - 1;
    // With the first shape the marker of order 0 is lost, so the root has all of its entries for order 1 and up.
    const limit = Math.floor((2 ** (shape.orderBit + 1) - 1) / 2 ** shift);
    for (let i = 0; i < pageSize / 8; i++) {
      if (view.getUint32(8 * i, true) === 0 && view.getUint32(8 * i + 4, true) === 0) continue;
      const entry = view.getBigUint64(8 * i, little);
      if (isRoot && i > limit) {
        walk.find(
          KHO['root-index'],
          path,
          address + BigInt(8 * i),
          `The root of the tree has an entry at slot ${i}; the last that a key leads to is ${limit}.`,
        );
        continue;
      }
      visit(entry, level - 1, prefix + i * 2 ** shift);
    }
  };

  visit(root, shape.depth - 1, 0);
  if (builder.full) walk.find(KHO.limit, 'preserved', undefined, 'The map has too many ranges to keep.');
  return { map: builder.done(pageSize, complete), tables, nodes, leaves, unmarked };
}
