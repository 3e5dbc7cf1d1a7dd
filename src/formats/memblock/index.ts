/** Regions of `reserve_mem=` (mm/memblock.c): a device tree with a child for each, from 6.16 on. */
import { type FDTNode, nativeOf, parseFDT, property, stringOf } from '../fdt/index.js';
import type { Blob, SubtreeDecoder } from '../kho/extension.js';
import { hexText, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import { MEMBLOCK } from './rules.js';

export { MEMBLOCK } from './rules.js';

export interface ReserveMem {
  readonly compatible: string | undefined;
  /** Physical address. */
  readonly start: bigint | undefined;
  /** In bytes. */
  readonly size: bigint | undefined;
}
/** `compatible` is the string of the node, everything else a region by its name. */
export interface MemblockValue {
  readonly compatible: string | undefined;
  readonly [region: string]: ReserveMem | string | undefined;
}

const MAX_REGIONS = 8;
const MAX_NAME = 15;

export const memblockSubtree: SubtreeDecoder = Object.freeze({
  name: 'memblock',
  compatible: 'memblock-v1',
  tree: true,
  decode: decodeMemblock,
  meaning: () => MEANING,
});

/** Two regions of a name are compared by their bytes. */
const REGION: Meaning = {
  fields: { compatible: { is: 'generation' }, start: { is: 'address' } },
  content: { address: 'start', size: 'size' },
};

const MEANING: Meaning = { map: true, fields: { compatible: { is: 'generation' } }, each: REGION };

function textOf(node: FDTNode, name: string): string | undefined {
  const found = property(node, name);
  return found && stringOf(found);
}

export function decodeMemblock(blob: Blob, walk: Walk): MemblockValue | undefined {
  const { root } = parseFDT(blob.bytes, { lenient: true });
  const compatible = textOf(root, 'compatible');
  if (compatible !== 'memblock-v1')
    walk.find(
      MEMBLOCK.compatible,
      blob.path,
      blob.address,
      `The node is ${JSON.stringify(compatible ?? '')} instead of "memblock-v1".`,
    );
  if (root.children.length > MAX_REGIONS)
    walk.find(MEMBLOCK.many, blob.path, blob.address, `There are ${root.children.length} regions.`);
  const regions = root.children.map((child): [string, ReserveMem] => {
    // A region may have the name of the property beside it.
    const name = child.name === 'compatible' ? '+compatible' : child.name;
    return [name, region(child, walk, `${blob.path}.${name}`, blob.address)];
  });
  return { ...Object.fromEntries(regions), compatible };
}

function region(node: FDTNode, walk: Walk, path: string, address: bigint): ReserveMem {
  const compatible = textOf(node, 'compatible');
  if (compatible !== 'reserve-mem-v1')
    walk.find(
      MEMBLOCK.compatible,
      path,
      address,
      `The region is ${JSON.stringify(compatible ?? '')} instead of "reserve-mem-v1".`,
    );
  if (node.name.length > MAX_NAME)
    walk.find(MEMBLOCK.name, path, address, `The name has ${node.name.length} characters.`);
  const word = (name: string): bigint | undefined => {
    const found = property(node, name);
    const value = found?.value.length === 8 ? nativeOf(found, walk.abi.endian) : undefined;
    if (value === undefined)
      walk.find(MEMBLOCK.region, path, address, `The region has no ${name} of 8 bytes.`);
    return value;
  };
  const start = word('start');
  const size = word('size');
  if (start !== undefined && size !== undefined) {
    if (!walk.isAligned(start) || !walk.isAligned(size) || size === 0n)
      walk.find(MEMBLOCK.unaligned, path, start, `The region is at ${hexText(start)} and has ${size} bytes.`);
    else if (size < 1n << 52n) {
      if (walk.map.complete && !walk.map.covers(start, size))
        walk.find(
          MEMBLOCK['not-preserved'],
          path,
          start,
          `Not all of the region at ${hexText(start)} (${size} bytes) is preserved.`,
        );
      walk.claims.add(walk.pfn(start), walk.pfn(size), path, true);
    }
  }
  return { compatible, start, size };
}
