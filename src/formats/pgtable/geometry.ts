/** The shape of the tables of each format: how many levels, how many entries, where a leaf may be. */
import type { Granule, TableFormat } from './types.js';

export interface TableGeometry {
  readonly format: TableFormat;
  /** Bytes of a table below the topmost one, and of the smallest page; and that as a power of two. */
  readonly granule: Granule;
  readonly granuleShift: number;
  /** Bits of an address that index a table. */
  readonly indexBits: number;
  /** Lowest and highest level that a topmost table may have. */
  readonly minTop: number;
  readonly maxTop: number;
  /** Levels whose entries may map memory, beside level 0. */
  readonly leafLevels: readonly number[];
  /** Bits by which the topmost table may be larger than others: ARM concatenates up to 16 of stage 2. */
  readonly concatenated: number;
  /** Bits of an address that the format has at most. */
  readonly maxBits: number;
}

type Base = Omit<TableGeometry, 'format' | 'granule' | 'granuleShift' | 'indexBits'>;

const BASES: Readonly<Record<'vtdss' | 'x86_64' | 'amdv1' | 'riscv64', Base>> = {
  vtdss: { minTop: 2, maxTop: 4, leafLevels: [1, 2], concatenated: 0, maxBits: 57 },
  x86_64: { minTop: 3, maxTop: 4, leafLevels: [1, 2], concatenated: 0, maxBits: 57 },
  // The index of the sixth level has 7 bits.
  amdv1: { minTop: 1, maxTop: 5, leafLevels: [1, 2, 3, 4], concatenated: 0, maxBits: 64 },
  riscv64: { minTop: 2, maxTop: 4, leafLevels: [1, 2, 3, 4], concatenated: 0, maxBits: 57 },
};

/** Blocks of ARMv8 without the 52-bit extension of the small granules: the generic levels that have them. */
const ARM: Readonly<Record<Granule, { readonly maxTop: number; readonly leafLevels: readonly number[] }>> = {
  4096: { maxTop: 3, leafLevels: [1, 2] },
  16384: { maxTop: 3, leafLevels: [1] },
  65536: { maxTop: 2, leafLevels: [1, 2] },
};

/** The shape of the tables of a format; the granule counts for ARMv8 only. */
export function geometryOf(format: TableFormat, granule: Granule = 4096): TableGeometry {
  if (format !== 'armv8-s1' && format !== 'armv8-s2')
    return { format, granule: 4096, granuleShift: 12, indexBits: 9, ...BASES[format] };
  const granuleShift = granule === 4096 ? 12 : granule === 16384 ? 14 : 16;
  return {
    format,
    granule,
    granuleShift,
    indexBits: granuleShift - 3,
    minTop: 0,
    ...ARM[granule],
    concatenated: format === 'armv8-s2' ? 4 : 0,
    maxBits: granule === 65536 ? 52 : 48,
  };
}

/** How far an address is shifted to get the index of a table of that level; the size of what an entry spans. */
export function shiftOf(geometry: TableGeometry, level: number): number {
  return geometry.granuleShift + geometry.indexBits * level;
}
/** Bits of the addresses that a topmost table of that level can hold, concatenated ones not counted. */
export function capacityOf(geometry: TableGeometry, level: number): number {
  return Math.min(geometry.maxBits, shiftOf(geometry, level + 1));
}
