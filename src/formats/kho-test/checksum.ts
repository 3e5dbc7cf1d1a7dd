/** The internet checksum of the folios of the kernel's own test, as far as a dump can tell it. */
import type { Walk } from '../kho/walk.js';

/** What is added up: by default the test fills two blocks of the largest order, 8 MiB with 4 KiB pages. */
const MAX_SUMMED = 64n << 20n;
const WINDOW = 1 << 20;

interface Folio {
  readonly address: bigint;
  readonly order: number;
}

/**
 * The sum of all 16-bit words of the folios, in the order of the machine's bytes and folded to 16 bits; undefined
 * where the dump lacks some of them, or where they are too much to be read for this. Random bytes are never all
 * zero, so a page that the dump has as zeros without storing them was left out of it.
 */
export function folioSum(folios: readonly Folio[], walk: Walk): number | undefined {
  const page = BigInt(walk.pageSize);
  let total = 0n;
  for (const { order } of folios) total += order < 40 ? page << BigInt(order) : MAX_SUMMED;
  if (folios.length === 0 || total > MAX_SUMMED) return undefined;
  for (const folio of folios)
    if (!isStored(walk, folio.address, page << BigInt(folio.order))) return undefined;
  let sum = 0;
  const buffer = new Uint8Array(Math.min(WINDOW, Number(total)));
  for (const { address, order } of folios) {
    const size = Number(page << BigInt(order));
    for (let at = 0; at < size; at += buffer.length) {
      const bytes = buffer.subarray(0, Math.min(buffer.length, size - at));
      if (walk.image.readInto(address + BigInt(at), bytes).length > 0) return undefined;
      sum = fold(sum + wordsOf(bytes, walk.little));
    }
  }
  return sum;
}

/** Whether two partial sums can be of the same bytes: all ones and zero are the same in this arithmetic. */
export function sameSum(one: number, other: number): boolean {
  return fold(one) % 0xffff === fold(other) % 0xffff;
}

function wordsOf(bytes: Uint8Array, little: boolean): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += view.getUint16(at, little);
  return sum;
}

/** Adds the carries back in, up to sums of 2^53. */
function fold(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000);
  return rest;
}

function isStored(walk: Walk, address: bigint, length: bigint): boolean {
  for (let at = 0n; at < length; ) {
    const place = walk.image.at(address + at);
    if (place.state !== 'data') return false;
    at += place.length;
  }
  return true;
}
