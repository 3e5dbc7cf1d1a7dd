/** Preserved memory range by range, with who owns it, and a map of all physical memory in a few cells. */
import type { HandoverState } from './handover.js';

export interface OwnedRange {
  /** Physical address of its first byte, and of the first one after. */
  readonly address: bigint;
  readonly end: bigint;
  readonly pages: number;
  /** Blocks of 2^order pages. */
  readonly order: number;
  readonly count: number;
  /** Paths of who owns memory in it, in the order of their addresses; at most {@link MAX_OWNERS}. */
  readonly owners: readonly string[];
  /** How many owners there are. */
  readonly ownerCount: number;
}

/** Owners of one range that are named. */
const MAX_OWNERS = 16;

interface Owned {
  readonly start: number;
  readonly end: number;
  readonly owner: string;
}

/** Preserved memory in the order of addresses; nothing where there is no memory. */
export function* handoverRanges(state: HandoverState): Iterable<OwnedRange> {
  if (state.memory === undefined) return;
  const { value } = state.memory.handover;
  const size = BigInt(value.page_size);
  const owned = ownersOf(state, value.page_size);
  let next = 0;
  // What began before a range may reach into it.
  let open: Owned[] = [];
  for (const { address, order, count } of value.preserved.ranges) {
    const start = Number(address / size);
    const pages = count * 2 ** order;
    const end = start + pages;
    open = open.filter((each) => each.end > start);
    for (let each = owned[next]; each !== undefined && each.start < end; each = owned[++next])
      if (each.end > start) open.push(each);
    const names = new Set(open.filter((each) => each.start < end).map(({ owner }) => owner));
    yield {
      address,
      end: address + BigInt(pages) * size,
      pages,
      order,
      count,
      owners: [...names].slice(0, MAX_OWNERS),
      ownerCount: names.size,
    };
  }
}

/** All memory that something that was decoded lies in, in page frames, by ascending start. */
function ownersOf(state: HandoverState, pageSize: number): Owned[] {
  const owned: Owned[] = [];
  const size = BigInt(pageSize);
  const add = (address: bigint, length: bigint, owner: string): void => {
    if (length <= 0n) return;
    owned.push({
      start: Number(address / size),
      end: Number((address + length + size - 1n) / size),
      owner: holderOf(owner),
    });
  };
  const handover = state.memory?.handover;
  if (handover === undefined) return owned;
  add(handover.root.address, 1n, 'fdt');
  for (const { name, data } of handover.root.nodes) if (data !== undefined) add(data, 1n, `entries.${name}`);
  for (const { path, address, size: length } of state.objects) add(address, BigInt(length), path);
  const addRuns = (runs: unknown, owner: string, common: unknown): void => {
    if (!isIterable(runs)) return;
    for (const run of runs) {
      if (!isRecord(run)) continue;
      // Huge pages of one file are all of the same order, which is told with the file.
      const { order = common } = run;
      if (typeof order !== 'number') continue;
      if (typeof run.address === 'bigint') add(run.address, size << BigInt(order), owner);
      if (typeof run.pfn !== 'bigint' || typeof run.count !== 'number') continue;
      const pages = run.count * 2 ** order;
      const start = Number(run.pfn) - (run.step === -1 ? pages - 2 ** order : 0);
      owned.push({ start, end: start + pages, owner: holderOf(owner) });
    }
  };
  // Whatever has runs of folios or a start and a size owns memory, whoever decoded it.
  const visit = (value: unknown, path: string, depth: number): void => {
    if (depth > 12) return;
    if (Array.isArray(value)) {
      for (const [i, element] of value.entries()) visit(element, `${path}[${i}]`, depth + 1);
      return;
    }
    if (!isRecord(value)) return;
    if (typeof value.start === 'bigint' && typeof value.size === 'bigint') add(value.start, value.size, path);
    for (const [name, member] of Object.entries(value)) {
      if (name === 'folios') addRuns(member, path, value.order);
      else if (typeof member === 'object') visit(member, `${path}.${name}`, depth + 1);
    }
  };
  visit(handover.value.entries, 'entries', 0);
  return owned.sort((a, b) => a.start - b.start);
}

/** Of everything that belongs to a file, the file. */
function holderOf(path: string): string {
  return /^entries\.LUO\.sessions\[\d+\]\.files\[\d+\]/.exec(path)?.[0] ?? path;
}

/** What most of a piece of memory is. */
export type Cell = 'none' | 'present' | 'preserved' | 'some' | 'scratch' | 'overlap';

export interface MemoryMap {
  /** Bytes of memory in each cell. */
  readonly cellSize: bigint;
  readonly end: bigint;
  readonly cells: readonly Cell[];
}

/** Physical memory from 0 on in so many cells. */
export function memoryMap(state: HandoverState, cells: number): MemoryMap {
  const memory = state.memory;
  if (memory === undefined) return { cellSize: 0n, end: 0n, cells: [] };
  const { value, findings } = memory.handover;
  let end = 0n;
  for (const { address, size } of memory.image.regions()) end = max(end, address + size);
  const size = BigInt(value.page_size);
  for (const { address, order, count } of value.preserved.ranges)
    end = max(end, address + BigInt(count) * (size << BigInt(order)));
  for (const area of value.scratch ?? []) end = max(end, area.addr + area.size);
  if (end > 1n << 52n) end = 1n << 52n;
  let cellSize = size;
  while (cellSize * BigInt(cells) < end) cellSize *= 2n;
  const length = Number((end + cellSize - 1n) / cellSize);
  const preserved = new Float64Array(length);
  const scratch = new Float64Array(length);
  const present = new Float64Array(length);
  const fill = (into: Float64Array, address: bigint, bytes: bigint): void => {
    const step = Number(cellSize);
    let at = Number(address);
    const stop = Math.min(at + Number(bytes), length * step);
    while (at < stop) {
      const cell = Math.floor(at / step);
      const next = Math.min(stop, (cell + 1) * step);
      into[cell] = (into[cell] ?? 0) + next - at;
      at = next;
    }
  };
  for (const region of memory.image.regions()) fill(present, region.address, region.size);
  for (const { address, order, count } of value.preserved.ranges)
    fill(preserved, address, BigInt(count) * (size << BigInt(order)));
  for (const area of value.scratch ?? []) fill(scratch, area.addr, area.size);
  const overlaps = new Set<number>();
  for (const { rule, address } of findings)
    if ((rule === 'kho/preserved-in-scratch' || rule === 'kho/preserved-twice') && address !== undefined)
      overlaps.add(Number(address / cellSize));
  const half = Number(cellSize) / 2;
  return {
    cellSize,
    end,
    cells: Array.from({ length }, (_, i): Cell => {
      const kept = preserved[i] ?? 0;
      if (overlaps.has(i)) return 'overlap';
      if (kept >= half) return 'preserved';
      if ((scratch[i] ?? 0) > 0 && (scratch[i] ?? 0) >= kept) return 'scratch';
      if (kept > 0) return 'some';
      return (present[i] ?? 0) > 0 ? 'present' : 'none';
    }),
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}
function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
