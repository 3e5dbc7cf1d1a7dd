/** Whether bitmaps have 512 bytes, as up to 6.17, or a page: the root says kho-v1 of both. */
import { isAbsence } from '../../memory/index.js';
import { parseFDT, property } from '../fdt/index.js';
import { type BitmapList, type BitmapSize, bitmapSize } from './bitmaps.js';
import { isTree } from './raw.js';
import type { Root } from './root.js';
import type { Walk } from './walk.js';

/** Kernels that build the root at boot, or have the LUO, have bitmaps of a page. */
export function sizeByRoot(root: Root): BitmapSize | undefined {
  if (root.nodes.some(({ name }) => name === 'LUO'))
    return { kind: 'v1b', because: 'there is a node LUO, which kernels have since 6.19' };
  return isEdited(root)
    ? { kind: 'v1b', because: 'the root was edited in place, as kernels do since 6.19' }
    : undefined;
}

/** By where the bitmaps lie, which late 6.17.y cannot deceive; where that leaves it open, by the kernel's own test. */
export function sizeByBitmaps(walk: Walk, list: BitmapList, root: Root): BitmapSize {
  const size = bitmapSize(walk, list);
  return size.kind === undefined ? (sizeByTest(walk, root) ?? size) : size;
}

/** The kernel's own test lists its folios in the property up to 6.17, and in a vmalloc area from 6.18 on. */
function sizeByTest({ image, abi }: Walk, root: Root): BitmapSize | undefined {
  const address = root.nodes.find(({ name }) => name === 'kho_test')?.data;
  const bytes = address === undefined ? undefined : image.read(address, 4096);
  if (bytes === undefined || isAbsence(bytes) || !isTree(bytes)) return undefined;
  const data = parseFDT(bytes, { lenient: true }).root.children.find(({ name }) => name === 'data');
  const length = data && property(data, 'folios_info')?.value.length;
  if (length === undefined || length % 8 !== 0) return undefined;
  if (length !== 16)
    return { kind: 'v1a', because: 'kho_test lists its folios in a property, as up to 6.17' };
  // Two folios take as many bytes as the descriptor of an area.
  const count = data && property(data, 'nr_folios')?.value;
  if (count?.length !== 4) return undefined;
  const folios = new DataView(count.buffer, count.byteOffset).getUint32(0, abi.endian === 'little');
  return folios === 2
    ? undefined
    : { kind: 'v1b', because: 'kho_test lists its folios in a vmalloc area, as from 6.18 on' };
}

/** Whether the root was built at boot and edited since, as from 6.19 on: its reserve map is at 0x28. */
export function isEdited(root: Root): boolean {
  return (
    root.bytes.length >= 20 && new DataView(root.bytes.buffer, root.bytes.byteOffset).getUint32(16) === 0x28
  );
}
