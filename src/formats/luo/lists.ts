/** Lists of entries in memory: in contiguous pages, and in linked blocks. */
import { entriesUsed, hasBits } from '../kho/bits.js';
import type { Chain, Entry } from '../kho/blocks.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { LUO } from './rules.js';
import { LuoSessionHeaderSer } from './schema.js';

/** A list, and whether it is all there is. */
export interface Read<T> {
  readonly list: readonly T[];
  readonly complete: boolean;
}

export function ofBlocks({ entries, complete }: Chain): Read<Entry> {
  return { list: entries, complete };
}

/** Entries that lie in contiguous pages, as many as fit and are said to be there. */
export function contiguous(
  walk: Walk,
  address: bigint,
  pages: number,
  header: number,
  size: number,
  count: bigint | undefined,
  path: string,
  what: string,
  excess: (count: bigint, capacity: number) => void,
): Read<Entry> {
  const { pageSize } = walk;
  if (!walk.enter(address, path)) return { list: [], complete: false };
  if (!walk.isAligned(address))
    walk.find(
      LUO['pointer-unaligned'],
      path,
      address,
      `${what} at ${hexText(address)} are not page aligned.`,
    );
  checkPreserved(walk, address, pages * pageSize, path, what);
  let said = count;
  if (said === undefined) {
    const head = walk.decode(LuoSessionHeaderSer, address, 8, path, what);
    if (head === undefined) return { list: [], complete: false };
    said = head.count;
  }
  const capacity = Math.floor((pages * pageSize - header) / size);
  if (said > BigInt(capacity)) excess(said, capacity);
  const { bytes, holes } = walk.image.readSome(address, pages * pageSize);
  // A count that cannot be right says nothing; the entries that are not zero are shown.
  const used =
    said > BigInt(capacity) ? Math.min(capacity, entriesUsed(bytes.subarray(header), size)) : Number(said);
  const entries: Entry[] = [];
  const isThere = (from: number, to: number): boolean =>
    holes.every((hole) => {
      const at = Number(hole.address - address);
      return to <= at || from >= at + hole.length;
    });
  let missing = 0;
  for (let i = 0; i < used; i++) {
    const from = header + i * size;
    if (isThere(from, from + size))
      entries.push({ address: address + BigInt(from), bytes: bytes.subarray(from, from + size) });
    else missing++;
  }
  if (missing > 0) walk.bytes(address, header + used * size, path, what);
  if (hasBits(bytes.subarray(header + used * size)))
    walk.find(
      LUO.tail,
      path,
      address + BigInt(header + used * size),
      `There is something behind the last of ${many(used, 'entry', 'entries')}.`,
    );
  return { list: entries, complete: missing === 0 && said <= BigInt(capacity) };
}

export function checkPreserved(
  walk: Walk,
  address: bigint,
  length: number,
  path: string,
  what: string,
): void {
  if (walk.map.complete && !walk.map.covers(address, length))
    walk.find(LUO['not-preserved'], path, address, `${what} at ${hexText(address)} is not preserved.`);
  walk.claims.add(walk.pfn(address), Math.ceil(length / walk.pageSize), path);
}
