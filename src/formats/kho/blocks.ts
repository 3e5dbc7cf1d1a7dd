/** Linked blocks (7.2): pages with a header and entries of one size. */

import { entriesUsed, hasBits } from './bits.js';
import type { Effect } from './findings.js';
import { KHO } from './rules.js';
import { KHO_MAX_BLOCKS, KhoBlockHeaderSer } from './schema.js';
import { hexText, many, type Walk } from './walk.js';

const HEADER = 16;

export interface Entry {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}
export interface Chain {
  readonly entries: readonly Entry[];
  /** What the blocks say they have, together. */
  readonly count: number;
  readonly complete: boolean;
}

/** Follows a chain of blocks. `effect` is what a broken chain does to the receiver. */
export function followBlocks(
  walk: Walk,
  first: bigint,
  entrySize: number,
  path: string,
  effect: Effect,
): Chain {
  const { pageSize } = walk;
  const capacity = Math.floor((pageSize - HEADER) / entrySize);
  const entries: Entry[] = [];
  const seen = new Set<bigint>();
  let count = 0;
  let complete = true;
  let room: { address: bigint; path: string } | undefined;
  for (let at = first; at !== 0n; ) {
    const where = `${path}.blocks[${seen.size}]`;
    if (seen.has(at)) {
      walk.find(KHO['block-cycle'], where, at, `The blocks come back to ${hexText(at)}.`, effect);
      complete = false;
      break;
    }
    if (seen.size >= KHO_MAX_BLOCKS) {
      walk.find(KHO['block-many'], where, at, `There are more than ${KHO_MAX_BLOCKS} blocks.`, effect);
      complete = false;
      break;
    }
    seen.add(at);
    if (!walk.enter(at, where)) {
      complete = false;
      break;
    }
    if (room !== undefined)
      walk.find(
        KHO['block-not-full'],
        room.path,
        room.address,
        `The block at ${hexText(room.address)} has a successor and is not full.`,
      );
    if (!walk.isAligned(at))
      walk.find(KHO['block-unaligned'], where, at, `The block at ${hexText(at)} is not page aligned.`);
    if (walk.map.complete && !walk.map.covers(at, pageSize))
      walk.find(KHO['block-not-preserved'], where, at, `The block at ${hexText(at)} is not preserved.`);
    const bytes = walk.bytes(at, pageSize, where, 'a block');
    if (bytes === undefined) {
      complete = false;
      break;
    }
    walk.claims.add(walk.pfn(at), 1, where);
    const header = walk.decodeBytes(KhoBlockHeaderSer, bytes.subarray(0, HEADER), at, where);
    // A count that cannot be right says nothing; the entries that are not zero are shown.
    const used =
      header.count > BigInt(capacity)
        ? Math.min(capacity, entriesUsed(bytes.subarray(HEADER), entrySize))
        : Number(header.count);
    if (header.count === 0n || header.count > BigInt(capacity)) {
      walk.find(
        KHO['block-count'],
        where,
        at + 8n,
        `The block says it has ${many(header.count, 'entry', 'entries')}; 1 to ${capacity} fit.`,
        effect,
      );
      complete = false;
    }
    count += Number(header.count);
    room = used < capacity ? { address: at, path: where } : undefined;
    if (hasBits(bytes.subarray(HEADER + used * entrySize)))
      walk.find(
        KHO['block-tail'],
        where,
        at + BigInt(HEADER + used * entrySize),
        `The block has ${used} entries, and something behind the last.`,
      );
    for (let i = 0; i < used; i++) {
      const offset = HEADER + i * entrySize;
      entries.push({ address: at + BigInt(offset), bytes: bytes.subarray(offset, offset + entrySize) });
    }
    at = header.next;
  }
  return { entries, count, complete };
}
