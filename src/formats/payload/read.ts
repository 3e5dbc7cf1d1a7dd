/** The block of memory that a file's or an FLB's data points at. */
import type { Schema, ValueOf } from '../../codec/index.js';
import { hasBits } from '../kho/bits.js';
import type { Effect } from '../kho/findings.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { PAYLOAD } from './rules.js';

export interface Payload {
  readonly address: bigint;
  /** What the dump has of the block, from its first byte on; at most {@link MAX_PAYLOAD}. */
  readonly bytes: Uint8Array;
  /** Bytes of the block as it was allocated; of a page where the map does not tell. */
  readonly size: number;
  /** Whether the size is that of a preserved block. */
  readonly known: boolean;
}

/** Bytes of a block that are read; what is larger is no list of devices or tables. */
export const MAX_PAYLOAD = 1 << 22;

/**
 * Reads the block and claims it for `path`. Undefined, with a finding, where there is none, or where its first
 * `least` bytes are not in the dump.
 */
export function readPayload(
  walk: Walk,
  data: bigint,
  least: number,
  path: string,
  what: string,
  effect?: Effect,
): Payload | undefined {
  const { pageSize } = walk;
  if (data === 0n) {
    walk.find(PAYLOAD.none, path, undefined, `The data of ${what} is 0.`, effect);
    return undefined;
  }
  // Whoever has the same data is shown the finding that it is shared, and reads it no second time.
  if (!walk.enter(data, path)) return undefined;
  const isAligned = walk.isAligned(data);
  const order = isAligned ? walk.map.blockAt(walk.pfn(data)) : undefined;
  if (!isAligned)
    walk.find(
      PAYLOAD.unaligned,
      path,
      data,
      `The data of ${what} at ${hexText(data)} is not page aligned.`,
      effect,
    );
  else if (walk.map.complete && order === undefined)
    walk.find(
      PAYLOAD['not-preserved'],
      path,
      data,
      `The data of ${what} at ${hexText(data)} is not the start of a preserved block.`,
      effect,
    );
  const size =
    order === undefined ? pageSize - Number(data % BigInt(pageSize)) : pageSize * 2 ** Math.min(order, 30);
  walk.claims.add(walk.pfn(data), Math.ceil(size / pageSize), path);
  const { bytes, holes } = walk.image.readSome(data, Math.min(size, MAX_PAYLOAD));
  const [hole] = holes;
  const there = hole === undefined ? bytes.length : Number(hole.address - data);
  if (there < least) {
    // Without the bytes, the finding of the memory that is absent is all there is to say.
    walk.bytes(data, least, path, `the data of ${what}`);
    return undefined;
  }
  return { address: data, bytes: bytes.subarray(0, there), size, known: order !== undefined };
}

/** Whether the rest of the block is as it was allocated: zero. A finding if not. */
export function checkTail(walk: Walk, payload: Payload, used: number, path: string): void {
  const rest = payload.bytes.subarray(used);
  if (!hasBits(rest)) return;
  const at = used + rest.findIndex((byte) => byte !== 0);
  walk.find(
    PAYLOAD.tail,
    path,
    payload.address + BigInt(at),
    `The data has ${many(used, 'byte')}, and byte ${at} of its page is not zero.`,
  );
}

/** Reads a block that has one struct of `size` bytes and nothing else. Undefined as {@link readPayload} is. */
export function readStruct<S extends Schema>(
  walk: Walk,
  schema: S,
  size: number,
  data: bigint,
  path: string,
  what: string,
): ValueOf<S> | undefined {
  const payload = readPayload(walk, data, size, path, what);
  if (payload === undefined) return undefined;
  const value = walk.decodeBytes(schema, payload.bytes.subarray(0, size), data, path);
  checkTail(walk, payload, size, path);
  return value;
}

/** Whether a preserved page can be there; without the map, whether the dump has anything there. */
export function isPage(walk: Walk, address: bigint): boolean {
  if (address === 0n || !walk.isAligned(address)) return false;
  return walk.map.complete
    ? walk.map.covers(address, walk.pageSize)
    : walk.image.at(address).state !== 'absent';
}

/** Claims a block that something points at, of `pages` pages where the map does not tell. */
export function claimBlock(walk: Walk, address: bigint, path: string, pages = 1): void {
  const order = walk.isAligned(address) ? walk.map.blockAt(walk.pfn(address)) : undefined;
  walk.claims.add(walk.pfn(address), order === undefined ? pages : 2 ** order, path);
}
