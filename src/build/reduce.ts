/** Dumps with only what a handover reaches: small enough to be shared, and read the same. */
import { type Handover, openHandover } from '../formats/kho/index.js';
import {
  type AddressRange,
  type Image,
  type LazyContent,
  type MemoryContents,
  type MemorySegment,
  recorded,
  segmentsOf,
} from '../memory/index.js';

/** What becomes of what people put into files and regions. */
export type ContentPolicy =
  /** It is kept. */
  | 'keep'
  /** Zeros, which take no room in most containers. */
  | 'zero'
  /** Every 8 bytes say, little-endian, at which physical address they are. */
  | 'pattern'
  /** The memory is left out. */
  | 'drop';
export const CONTENT_POLICIES: readonly ContentPolicy[] = ['keep', 'zero', 'pattern', 'drop'];

export interface ReduceOptions {
  /** What becomes of the contents of files and regions, and of preserved memory that nobody is known to own. */
  readonly contents?: ContentPolicy;
}

/**
 * The memory that a handover reaches: the root, the map, all lists and structs, and the contents of what was
 * preserved, as the policy says. What is absent stays absent. The notes of the dump are kept.
 */
export function reduce(handover: Handover, { contents = 'keep' }: ReduceOptions = {}): MemoryContents {
  const { image, pageSize } = handover.walk;
  const held = contentsOf(handover);
  // Whole pages: containers such as kdump know nothing smaller.
  const reached = paged(reachedBy(handover), pageSize);
  if (contents === 'keep') return segmentsOf(image, { ranges: [...reached, ...held] });
  const memory = segmentsOf(image, { ranges: without(reached, held) });
  if (contents === 'drop') return memory;
  // Only what the dump has becomes something else.
  const there = segmentsOf(image, { ranges: held }).segments;
  const replaced = there.map(
    ({ address, size }): MemorySegment =>
      contents === 'zero' ? { address, size } : { address, size, content: addresses(address, size) },
  );
  return { ...memory, segments: [...memory.segments, ...replaced] };
}

function addresses(address: bigint, size: bigint): LazyContent {
  return {
    size,
    read: (offset, out) => {
      const word = new DataView(new ArrayBuffer(8));
      for (let i = 0; i < out.length; i++) {
        const at = address + offset + BigInt(i);
        if (i === 0 || at % 8n === 0n) word.setBigUint64(0, at - (at % 8n), true);
        out[i] = word.getUint8(Number(at % 8n));
      }
    },
  };
}

/** What holds contents: what was claimed as such, and what nobody claimed. */
function contentsOf({ walk }: Handover): AddressRange[] {
  const page = BigInt(walk.pageSize);
  const ranges: AddressRange[] = [];
  const add = ({ pfn, pages }: { readonly pfn: number; readonly pages: number }): void => {
    ranges.push({ address: BigInt(pfn) * page, size: BigInt(pages) * page });
  };
  for (const run of walk.claims.contents()) add(run);
  if (walk.map.complete && walk.claims.complete) for (const run of walk.claims.unclaimed(walk.map)) add(run);
  return ranges.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** What reading the handover reads, once it is known where its root is, and what tells of the root. */
function reachedBy(handover: Handover): AddressRange[] {
  const { walk, root, generation, value, registry } = handover;
  const record = recorded(walk.image);
  openHandover(record.image, {
    khoFdt: root.address,
    pageSize: walk.pageSize,
    ...(generation === undefined ? {} : { generation: generation.name }),
    ...(value.scratch === undefined ? {} : { scratch: value.scratch }),
    registry,
    forced: walk.forced,
  });
  const told = handover.objects
    .filter(({ path }) => path === 'setup_data' || path === 'chosen' || path.startsWith('scratch'))
    .map(({ path, address, size }) => ({
      address,
      size: path === 'setup_data' ? 48n : path === 'chosen' ? treeSize(walk.image, address) : BigInt(size),
    }));
  return [...record.reads, ...told];
}

/** A device tree says in its second word how long it is. */
function treeSize(image: Image, address: bigint): bigint {
  const head = image.read(address, 8);
  return head instanceof Uint8Array ? BigInt(new DataView(head.buffer, head.byteOffset).getUint32(4)) : 0n;
}

/** Whole pages, ascending and disjoint. */
function paged(ranges: readonly AddressRange[], pageSize: number): AddressRange[] {
  const page = BigInt(pageSize);
  const out: { address: bigint; size: bigint }[] = [];
  const whole = ranges
    .filter(({ size }) => size > 0n)
    .map(({ address, size }) => {
      const start = address - (address % page);
      return { address: start, size: ((address + size + page - 1n) / page) * page - start };
    })
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  for (const range of whole) {
    const last = out[out.length - 1];
    const end = range.address + range.size;
    if (last === undefined || range.address > last.address + last.size) out.push({ ...range });
    else if (end > last.address + last.size) last.size = end - last.address;
  }
  return out;
}

/** The parts of some ranges that are not in others; both ascend. */
function without(ranges: readonly AddressRange[], others: readonly AddressRange[]): AddressRange[] {
  const out: AddressRange[] = [];
  let next = 0;
  for (const { address, size } of ranges) {
    const end = address + size;
    let at = address;
    while (next > 0 && (others[next - 1]?.address ?? 0n) + (others[next - 1]?.size ?? 0n) > at) next--;
    for (let i = next; i < others.length && at < end; i++) {
      const other = others[i];
      if (other === undefined || other.address >= end) break;
      next = i + 1;
      if (other.address > at) out.push({ address: at, size: other.address - at });
      if (other.address + other.size > at) at = other.address + other.size;
    }
    if (at < end) out.push({ address: at, size: end - at });
  }
  return out;
}
