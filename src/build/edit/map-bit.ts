/** Blocks of the map of preserved memory: a bit of a leaf of the radix tree, or of a bitmap of kho-v1. */
import type { JSONValue } from '../../codec/index.js';
import { readChunks } from '../../formats/kho/bitmaps.js';
import { radixShape } from '../../formats/kho/index.js';
import { unknownMap } from '../../formats/kho/preserved.js';
import { Walk } from '../../formats/kho/walk.js';
import { isAbsence } from '../../memory/index.js';
import type { HandoverState } from '../../state/index.js';
import { absentFor, impossible } from './errors.js';
import { bytesOf, type Extent, type Field } from './field.js';
import type { OverlayImage } from './overlay-image.js';

/** A bit: the byte that it is in, and which one of that, from the least significant. */
interface Bit {
  readonly byte: Extent;
  readonly bit: number;
}

/**
 * `preserved+=ADDRESS/ORDER` and `preserved-=ADDRESS/ORDER`: a block is preserved from then on, or is not any
 * more. The bit has to have a place in the map: no page of it is made.
 */
export function mapField(state: HandoverState, path: string, value: JSONValue): Field | undefined {
  if (path !== 'preserved+' && path !== 'preserved-') return undefined;
  const adds = path === 'preserved+';
  const { address, order } = blockOf(state, path, value, adds);
  const named = `${path}=0x${address.toString(16)}/${order}`;
  const { byte, bit } = bitOf(state, address, order, named);
  const isSet = (memory: OverlayImage): boolean =>
    (((bytesOf(memory, byte, named)[0] ?? 0) >> bit) & 1) === 1;
  return {
    path: named,
    type: 'a bit of the map',
    extents: [byte],
    bits: { first: bit, count: 1 },
    text: (memory) => (isSet(memory) ? 'preserved' : 'not preserved'),
    set: (memory) => {
      if (isSet(memory) === adds)
        throw impossible(
          `the block of order ${order} at 0x${address.toString(16)} is ${adds ? 'preserved already' : 'not in the map'}`,
        );
      const bytes = bytesOf(memory, byte, named);
      bytes[0] = (bytes[0] ?? 0) ^ (1 << bit);
      memory.write(byte.address, bytes, named);
    },
  };
}

function blockOf(
  state: HandoverState,
  path: string,
  value: JSONValue,
  adds: boolean,
): { readonly address: bigint; readonly order: number } {
  const { abi, memory } = state;
  const [, place, digits] =
    /^(0x[0-9a-f]{1,16}|\d{1,19})(?:\/(\d{1,2}))?$/i.exec(typeof value === 'string' ? value.trim() : '') ??
    [];
  if (place === undefined || abi === undefined || memory === undefined)
    throw impossible(`${path}= takes a block as ADDRESS/ORDER, such as 0x4bd000/0`);
  const address = BigInt(place);
  const size = BigInt(abi.pageSize);
  const known = memory.handover.walk.map.blockAt(Number(address / size));
  const order = digits === undefined ? (adds ? 0 : (known ?? 0)) : Number(digits);
  if (address >= 1n << 52n || address % (size << BigInt(order)) !== 0n)
    throw impossible(`a block of order ${order} does not begin at 0x${address.toString(16)}`);
  return { address, order };
}

function bitOf(state: HandoverState, address: bigint, order: number, named: string): Bit {
  const { memory, abi } = state;
  const map = memory?.handover.root.map;
  if (memory === undefined || abi === undefined || map === undefined || map === 0n)
    throw impossible('the root has no map of preserved memory');
  const pfn = address / BigInt(abi.pageSize);
  return memory.handover.generation?.map === 'radix'
    ? radixBit(state, map, pfn, order, named)
    : bitmapBit(state, map, pfn, order, named);
}

function radixBit(state: HandoverState, root: bigint, pfn: bigint, order: number, named: string): Bit {
  const { memory, abi } = state;
  if (memory === undefined || abi === undefined) throw impossible('there is no memory');
  // A tree that is one level short has lost the highest bits of its keys.
  const first = state.findings.some(({ rule }) => rule === 'kho/radix-depth');
  const shape = radixShape(abi.pageSize, first);
  const bits = BigInt(shape.leafBits + shape.nodeBits * (shape.depth - 1));
  const key = ((1n << BigInt(shape.orderBit - order)) + (pfn >> BigInt(order))) & ((1n << bits) - 1n);
  let table = root;
  for (let level = shape.depth - 1; level > 0; level--) {
    const shift = BigInt((level - 1) * shape.nodeBits + shape.leafBits);
    const slot = (key >> shift) & ((1n << BigInt(shape.nodeBits)) - 1n);
    const bytes = memory.image.read(table + 8n * slot, 8);
    if (isAbsence(bytes)) throw absentFor(named, bytes);
    const next = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, abi.endian === 'little');
    if (next === 0n)
      throw impossible(
        `the map has no ${level === 1 ? 'leaf' : 'node'} for blocks of order ${order} at 0x${(pfn * BigInt(abi.pageSize)).toString(16)}, and a new page for one has no place in the dump; carryover build makes a map anew`,
      );
    table = next;
  }
  const place = Number(key & ((1n << BigInt(shape.leafBits)) - 1n));
  return { byte: { address: table + BigInt(place >> 3), size: 1 }, bit: place & 7 };
}

function bitmapBit(state: HandoverState, map: bigint, pfn: bigint, order: number, named: string): Bit {
  const { memory, abi } = state;
  if (memory === undefined || abi === undefined) throw impossible('there is no memory');
  const { bitmaps } = readChunks(new Walk(memory.image, abi, unknownMap(abi.pageSize), true), map);
  const size = BigInt(abi.pageSize);
  const bits = memory.handover.generation?.map === 'bitmaps-512' ? 4096n : size * 8n;
  for (const { order: own, start, bitmap } of bitmaps) {
    const place = (pfn - start / size) >> BigInt(order);
    if (own !== order || pfn < start / size || place >= bits) continue;
    return { byte: { address: bitmap + (place >> 3n), size: 1 }, bit: Number(place & 7n) };
  }
  throw impossible(
    `${named}: the map has no bitmap of order ${order} for that memory, and a new one has no place in the dump; carryover build makes a map anew`,
  );
}
