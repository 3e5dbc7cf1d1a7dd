/** The map of preserved memory of kho-v1: a list of chunks, each a page of pointers to bitmaps. */
import { bytes as bytesOf } from '../../codec/index.js';
import { bitmapBytes, bitRuns, hasBits } from './bits.js';
import { PreservedBuilder, type PreservedMap } from './preserved.js';
import { KHO } from './rules.js';
import { KhoserMemChunk, KhoserMemChunkHdr } from './schema.js';
import { hexText, many, type Walk } from './walk.js';

/** Bits of a bitmap of Linux 6.16 and 6.17, which has 512 bytes whatever the page size. */
const SMALL_BITS = 4096;
const HEADER = 16;
const ENTRY = 16;
/** Physical addresses have at most 52 bits. */
export const PHYS_BITS = 52;
const MAX_CHUNKS = 1 << 20;

export interface Bitmap {
  readonly order: number;
  readonly start: bigint;
  readonly bitmap: bigint;
  readonly path: string;
}
export interface BitmapList {
  readonly bitmaps: readonly Bitmap[];
  /** Page frames of the chunks. */
  readonly pages: readonly bigint[];
  /** Whether the list was followed to its end. */
  readonly complete: boolean;
}

/** Follows the chunks from the first one on. */
export function readChunks(walk: Walk, first: bigint): BitmapList {
  const bitmaps: Bitmap[] = [];
  const pages: bigint[] = [];
  const seen = new Set<bigint>();
  const { pageSize } = walk;
  const capacity = (pageSize - HEADER) / ENTRY;
  const path = 'fdt.preserved-memory-map';
  let lastOrder = 0;
  let complete = true;
  for (let address = first, index = 0; address !== 0n; index++) {
    const at = `${path}.chunks[${index}]`;
    if (seen.has(address)) {
      walk.find(KHO['chunk-cycle'], at, address, `The list of chunks comes back to ${hexText(address)}.`);
      complete = false;
      break;
    }
    if (index >= MAX_CHUNKS) {
      walk.find(KHO.limit, at, address, `The list has more than ${MAX_CHUNKS} chunks.`);
      complete = false;
      break;
    }
    seen.add(address);
    pages.push(address);
    if (!walk.isAligned(address))
      walk.find(KHO['chunk-unaligned'], at, address, `The chunk at ${hexText(address)} is not page aligned.`);
    const bytes = walk.bytes(address, pageSize, at, 'a chunk of the map');
    if (bytes === undefined) {
      complete = false;
      break;
    }
    walk.object(at, KhoserMemChunk, address, pageSize);
    const hdr = walk.decodeBytes(KhoserMemChunkHdr, bytes.subarray(0, HEADER), address, `${at}.hdr`);
    const { order, num_elms } = hdr;
    const pageShift = Math.log2(pageSize);
    if (num_elms > capacity)
      walk.find(
        KHO['chunk-count'],
        `${at}.hdr.num_elms`,
        address + 12n,
        `The chunk says it has ${num_elms} bitmaps; a page has room for ${capacity}.`,
      );
    if (order + pageShift >= PHYS_BITS)
      walk.find(
        KHO['chunk-order'],
        `${at}.hdr.order`,
        address + 8n,
        `A block of order ${order} does not fit into ${PHYS_BITS} bits of physical address.`,
      );
    else if (order + pageShift >= 31)
      walk.find(
        KHO['chunk-order-int'],
        `${at}.hdr.order`,
        address + 8n,
        `Blocks of order ${order} have ${2 ** (order + pageShift - 30)} GiB each, more than an int can count.`,
      );
    if (order < lastOrder)
      walk.find(
        KHO['chunk-descending'],
        `${at}.hdr.order`,
        address + 8n,
        `The order ${order} comes after ${lastOrder}.`,
      );
    lastOrder = order;
    const used = Math.min(num_elms, capacity);
    if (hasBits(bytes.subarray(HEADER + used * ENTRY)))
      walk.find(
        KHO['chunk-tail'],
        at,
        address,
        `The chunk has ${many(num_elms, 'bitmap')}, and something behind the last.`,
      );
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < used; i++)
      bitmaps.push({
        order,
        start: view.getBigUint64(HEADER + i * ENTRY, walk.little),
        bitmap: view.getBigUint64(HEADER + i * ENTRY + 8, walk.little),
        path: `${at}.bitmaps[${i}]`,
      });
    address = hdr.next;
  }
  return { bitmaps, pages, complete };
}

/** Which of the two sizes bitmaps have, and why. */
export interface BitmapSize {
  readonly kind: 'v1a' | 'v1b' | undefined;
  readonly because: string;
}

/** Tells the two generations of kho-v1 apart by where the bitmaps are and what they start at. */
export function bitmapSize(walk: Walk, { bitmaps }: BitmapList): BitmapSize {
  const size = BigInt(walk.pageSize);
  const unaligned = bitmaps.filter(({ bitmap }) => bitmap % size !== 0n).length;
  if (unaligned > 0)
    return {
      kind: 'v1a',
      because: `${unaligned} of ${many(bitmaps.length, 'bitmap')} do not begin a page, so bitmaps are smaller than one`,
    };
  const inside = bitmaps.filter(
    ({ order, start }) => order < 40 && start % coverOf(walk, order, walk.pageSize * 8) !== 0n,
  );
  const [example] = inside;
  if (example !== undefined)
    return {
      kind: 'v1a',
      because: `a bitmap of order ${example.order} starts at ${hexText(example.start)}, where no bitmap of a page can start`,
    };
  // Of bitmaps of 512 bytes one in eight begins a page of 4 KiB by chance, one in 128 a page of 64 KiB.
  if ((walk.pageSize / 512) ** bitmaps.length >= 1000)
    return {
      kind: 'v1b',
      because: `all of ${bitmaps.length} bitmaps begin a page, which hardly happens by chance`,
    };
  return { kind: undefined, because: 'all bitmaps begin a page, which so few of 512 bytes may do by chance' };
}

/** Bytes of memory that all bits of a bitmap stand for. */
function coverOf(walk: Walk, order: number, bits: number): bigint {
  return (BigInt(bits) << BigInt(order)) * BigInt(walk.pageSize);
}

/** Reads the bitmaps. `bits` is how many each has. */
export function readBitmaps(walk: Walk, list: BitmapList, kind: 'v1a' | 'v1b' | undefined): PreservedMap {
  const builder = new PreservedBuilder();
  const { pageSize } = walk;
  const bits = kind === 'v1b' ? pageSize * 8 : SMALL_BITS;
  const alignment = BigInt(bits / 8);
  const schema = bytesOf(bits / 8);
  let complete = list.complete;
  for (const { order, start, bitmap, path } of list.bitmaps) {
    if (bitmap % alignment !== 0n)
      walk.find(
        KHO['bitmap-unaligned'],
        path,
        bitmap,
        `The bitmap at ${hexText(bitmap)} is not aligned to its ${bits / 8} bytes.`,
      );
    const bytes = walk.bytes(bitmap, bits / 8, path, 'a bitmap');
    if (bytes === undefined) {
      complete = false;
      continue;
    }
    walk.object(`${path}.bitmap`, schema, bitmap, bits / 8);
    if (order + Math.log2(pageSize) >= PHYS_BITS) {
      complete = false;
      continue;
    }
    if (start % coverOf(walk, order, bits) !== 0n)
      walk.find(
        KHO['bitmap-start'],
        path,
        bitmap,
        `A bitmap of order ${order} starts at ${hexText(start)}, which is no multiple of what it covers.`,
      );
    if (start >> BigInt(PHYS_BITS) !== 0n) {
      walk.find(KHO['key-address'], path, bitmap, `The bitmap is of memory at ${hexText(start)}.`);
      continue;
    }
    const first = walk.pfn(start);
    bitRuns(bitmapBytes(bytes, walk.little), 0, bits, (bit, count) =>
      builder.add(first + bit * 2 ** order, order, count),
    );
  }
  if (builder.full) walk.find(KHO.limit, 'preserved', undefined, 'The map has too many ranges to keep.');
  return builder.done(pageSize, complete);
}
