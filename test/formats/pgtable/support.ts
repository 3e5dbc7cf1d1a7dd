import {
  type Granule,
  geometryOf,
  type MappingInput,
  type TableFormat,
  type TableRoot,
  type TableShape,
  type WrittenTables,
  walkTables,
  writeTables,
} from '../../../src/formats/pgtable/index.js';
import { bytesSource, type Image, openImage } from '../../../src/memory/index.js';

/** Where the tables of tests are. */
export const TABLES_AT = 0x10_0000n;

/** Raw memory in which only these pages are, from the lowest on; what is between them is zero. */
export function imageOf(pages: readonly { readonly address: bigint; readonly bytes: Uint8Array }[]): Image {
  const first = pages.reduce((low, { address }) => (address < low ? address : low), pages[0]?.address ?? 0n);
  const end = pages.reduce((high, { address, bytes }) => {
    const last = address + BigInt(bytes.length);
    return last > high ? last : high;
  }, first);
  const memory = new Uint8Array(Number(end - first));
  for (const { address, bytes } of pages) memory.set(bytes, Number(address - first));
  return openImage([bytesSource(memory)], { raw: { base: first } });
}

/** Memory for tables, one after the other. */
export function allocator(from = TABLES_AT): (bytes: number) => bigint {
  let next = from;
  return (bytes) => {
    const size = BigInt(bytes);
    const address = ((next + size - 1n) / size) * size;
    next = address + size;
    return address;
  };
}

export function written(shape: TableShape, mappings: Iterable<MappingInput>): WrittenTables {
  return writeTables(shape, mappings, allocator());
}
export function walked(shape: TableShape, mappings: Iterable<MappingInput>) {
  const { root, pages } = written(shape, mappings);
  return walkTables(imageOf(pages), root);
}

/** The page that holds an address, to be broken. */
export function entryAt(
  { pages }: WrittenTables,
  level: number,
  place = 0,
): { readonly view: DataView; readonly address: bigint } {
  const page = pages.filter((candidate) => candidate.level === level)[place];
  if (page === undefined) throw new Error(`there is no table ${place} of level ${level}`);
  return { view: new DataView(page.bytes.buffer), address: page.address };
}

/** Every format with every topmost level, width and granule that is worth a test. */
export const SHAPES: readonly (TableShape & { readonly title: string })[] = [
  shape('vtdss', 2, 39),
  shape('vtdss', 3, 48),
  shape('vtdss', 4, 57),
  // Oversized, as VT-d has it: only one entry of the topmost table can be used, or a few.
  shape('vtdss', 4, 48),
  shape('vtdss', 4, 39),
  shape('vtdss', 3, 46),
  shape('x86_64', 3, 48, true),
  shape('x86_64', 4, 57, true),
  shape('x86_64', 3, 47),
  shape('amdv1', 2, 39),
  shape('amdv1', 3, 48),
  shape('amdv1', 5, 64),
  shape('riscv64', 2, 39),
  shape('riscv64', 3, 48, true),
  shape('riscv64', 4, 57),
  shape('armv8-s1', 3, 48),
  shape('armv8-s1', 2, 39),
  shape('armv8-s1', 2, 36),
  shape('armv8-s1', 3, 48, false, 16384),
  shape('armv8-s1', 2, 47, false, 16384),
  shape('armv8-s1', 2, 48, false, 65536),
  shape('armv8-s1', 2, 52, false, 65536),
  shape('armv8-s2', 3, 48),
  // 16 concatenated tables.
  shape('armv8-s2', 2, 43),
  shape('armv8-s2', 2, 40),
  shape('armv8-s2', 1, 40, false, 16384),
  shape('armv8-s2', 1, 42, false, 65536),
];
function shape(
  format: TableFormat,
  level: number,
  vasz: number,
  signExtend = false,
  granule: Granule = 4096,
): TableShape & { readonly title: string } {
  return {
    title: `${format}, level ${level}, ${vasz} bits${signExtend ? ', sign extended' : ''}${granule === 4096 ? '' : `, ${granule / 1024} KiB`}`,
    format,
    level,
    vasz,
    signExtend,
    ...(format.startsWith('armv8') ? { granule } : {}),
  };
}

/** The sizes of pages that take one entry. */
export function pageSizes({ format, granule, level }: TableShape): bigint[] {
  const geometry = geometryOf(format, granule);
  return [0, ...geometry.leafLevels]
    .filter((l) => l <= level)
    .map((l) => 1n << BigInt(geometry.granuleShift + geometry.indexBits * l));
}
export const physicalBits = ({ format, granule }: TableRoot | TableShape): number =>
  format.startsWith('armv8') && granule !== 65536 ? 48 : 52;
