/** lib/test_kho.c (CONFIG_TEST_KEXEC_HANDOVER): folios and their checksum. */
import { type FDTNode, nativeOf, parseFDT, property, stringOf } from '../fdt/index.js';
import type { Blob, SubtreeDecoder } from '../kho/extension.js';
import { KhoVmalloc } from '../kho/schema.js';
import { followVmalloc, vmallocPieces } from '../kho/vmalloc.js';
import { are, hexText, many, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import { folioSum, sameSum } from './checksum.js';
import { KHO_TEST } from './rules.js';

export { KHO_TEST } from './rules.js';

export interface KhoTestFolio {
  readonly address: bigint;
  readonly order: number;
}
export interface KhoTestValue {
  readonly compatible: string | undefined;
  readonly magic: number | undefined;
  readonly nr_folios: number | undefined;
  /** Where the list of folios is: in the property (6.17), or in a vmalloc area (6.18 on). */
  readonly folios_info: 'inline' | 'vmalloc' | undefined;
  readonly folios: readonly KhoTestFolio[];
  /** Partial internet checksum over the folios. */
  readonly csum: number | undefined;
  /** Whether the folios add up to it; undefined where the dump does not have all of them. */
  readonly csum_fits?: boolean;
}

export const KHO_TEST_MAGIC = 0x4b484f21;
const MAX_FOLIOS = 1 << 16;

const MEANING: Meaning = {
  fields: {
    compatible: { is: 'generation' },
    folios_info: { is: 'layout' },
    // The list of them lies in memory of its own.
    folios: { needs: 'memory', each: { fields: { address: { is: 'address' } } } },
    csum_fits: { maybe: true },
  },
};

export const khoTestSubtree: SubtreeDecoder = Object.freeze({
  name: 'kho_test',
  compatible: 'kho-test-v1',
  tree: true,
  decode: decodeKhoTest,
  meaning: () => MEANING,
});

export function decodeKhoTest(blob: Blob, walk: Walk): KhoTestValue | undefined {
  const { path, address } = blob;
  const { root } = parseFDT(blob.bytes, { lenient: true });
  const text = property(root, 'compatible');
  const compatible = text && stringOf(text);
  const word = (node: FDTNode | undefined, name: string): number | undefined => {
    const found = node && property(node, name);
    const value = found?.value.length === 4 ? nativeOf(found, walk.abi.endian) : undefined;
    if (value === undefined) walk.find(KHO_TEST.property, path, address, `There is no ${name} of 4 bytes.`);
    return value === undefined ? undefined : Number(value);
  };
  const magic = word(root, 'magic');
  if (compatible !== 'kho-test-v1' || (magic !== undefined && magic !== KHO_TEST_MAGIC))
    walk.find(
      KHO_TEST.compatible,
      path,
      address,
      `The test is ${JSON.stringify(compatible ?? '')} with the magic number ${hexText(magic ?? 0)}.`,
    );
  const data = root.children.find(({ name }) => name === 'data');
  const nr_folios = word(data, 'nr_folios');
  const csum = word(data, 'csum');
  const info = data && property(data, 'folios_info');
  if (info === undefined) walk.find(KHO_TEST.property, path, address, 'There is no folios_info.');
  // Two folios inline have as many bytes as a kho_vmalloc, whose second word is never an address.
  const inline =
    info !== undefined && info.value.length === (nr_folios ?? -1) * 8 && !isVmalloc(info.value, nr_folios);
  const list =
    info === undefined
      ? undefined
      : inline
        ? info.value
        : areaBytes(info.value, nr_folios ?? 0, walk, path, address + BigInt((info.offset ?? 0) + 12));
  const folios = list === undefined ? [] : foliosOf(list, nr_folios ?? 0, walk);
  checkFolios(folios, walk, path, address);
  const fits = csum === undefined ? undefined : checkSum(folios, nr_folios, csum, walk, path, address);
  return {
    compatible,
    magic,
    nr_folios,
    folios_info: info === undefined ? undefined : inline ? 'inline' : 'vmalloc',
    folios,
    csum,
    ...(fits === undefined ? {} : { csum_fits: fits }),
  };
}

/** Whether the folios add up to the sum; undefined where that cannot be told. */
function checkSum(
  folios: readonly KhoTestFolio[],
  count: number | undefined,
  csum: number,
  walk: Walk,
  path: string,
  address: bigint,
): boolean | undefined {
  const sum = folios.length === count ? folioSum(folios, walk) : undefined;
  if (sum === undefined) return undefined;
  const fits = sameSum(sum, csum);
  if (!fits)
    walk.find(
      KHO_TEST.checksum,
      `${path}.csum`,
      address,
      `csum is ${hexText(csum)}; the ${many(folios.length, 'folio')} add up to ${hexText(sum)} in 16 bits.`,
    );
  return fits;
}

/** Whether 16 bytes for two folios are rather a descriptor: one or two pages of entries, order 0. */
function isVmalloc(bytes: Uint8Array, folios: number | undefined): boolean {
  if (folios !== 2 || bytes.length !== 16) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Two folios are listed in one page; an address has zeros there, but for that of order 1 at 4 GiB.
  const isOnePage = view.getUint32(8) === 1 || view.getUint32(8, true) === 1;
  return isOnePage && view.getUint16(14) === 0 && (view.getUint16(12) === 0x100 || view.getUint16(12) === 1);
}

function areaBytes(
  descriptor: Uint8Array,
  count: number,
  walk: Walk,
  path: string,
  address: bigint,
): Uint8Array | undefined {
  if (descriptor.length !== 16) {
    walk.find(
      KHO_TEST['folios-info'],
      path,
      address,
      `folios_info has ${many(descriptor.length, 'byte')} for ${many(count, 'folio')}.`,
    );
    return undefined;
  }
  const area = followVmalloc(
    walk,
    walk.decodeBytes(KhoVmalloc, descriptor, address, `${path}.folios_info`),
    `${path}.folios_info`,
    address,
  );
  const length = Math.min(area.size, Math.min(count, MAX_FOLIOS) * 8);
  const out = new Uint8Array(length);
  for (const piece of vmallocPieces(walk.pageSize, area, length)) {
    const bytes = walk.bytes(piece.address, piece.length, `${path}.folios`, 'the list of folios');
    if (bytes === undefined) return undefined;
    out.set(bytes, piece.offset);
  }
  return out;
}

function foliosOf(bytes: Uint8Array, count: number, walk: Walk): KhoTestFolio[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const used = Math.min(count, Math.floor(bytes.length / 8), MAX_FOLIOS);
  return Array.from({ length: used }, (_, i) => {
    const word = view.getBigUint64(8 * i, walk.little);
    const size = BigInt(walk.pageSize);
    return { address: word - (word % size), order: Number(word % size) };
  });
}

function checkFolios(folios: readonly KhoTestFolio[], walk: Walk, path: string, address: bigint): void {
  const lost = folios.filter((folio) => walk.map.blockAt(walk.pfn(folio.address)) !== folio.order);
  const [first] = lost;
  if (walk.map.complete && first !== undefined)
    walk.find(
      KHO_TEST['folio-not-preserved'],
      `${path}.folios`,
      address,
      `${lost.length} of ${many(folios.length, 'folio')} ${are(lost.length)} not in the map of preserved memory, the first at ${hexText(first.address)}: kho_test says "KHO restore failed".`,
    );
  for (const folio of folios)
    if (folio.order < 40) walk.claims.add(walk.pfn(folio.address), 2 ** folio.order, path, true);
}
