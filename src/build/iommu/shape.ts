/** The shape of page tables, from the little that a spec says of it. */
import type { IommuProfile } from '../../formats/iommu/index.js';
import { geometryOf, type TableFormat, type TableShape } from '../../formats/pgtable/index.js';

/** Who reads the tables of a domain. */
export type Reader = 'core' | 'vtd-legacy' | 'vtd-scalable' | 'smmuv3';

/** Formats that a reader takes, the usual one first. */
export const READER_FORMATS: Readonly<Record<Reader, readonly TableFormat[]>> = Object.freeze({
  // Layouts without drivers do not say whose tables they are.
  core: ['vtdss', 'x86_64', 'amdv1', 'riscv64', 'armv8-s1', 'armv8-s2'],
  'vtd-legacy': ['vtdss'],
  'vtd-scalable': ['x86_64', 'vtdss'],
  smmuv3: ['armv8-s2', 'armv8-s1'],
});

export function usualFormat(reader: Reader): TableFormat {
  return READER_FORMATS[reader][0] ?? 'vtdss';
}

const USUAL_BITS = 48;

/** Bits of the addresses that a topmost table of a level holds. */
function capacityOf(format: TableFormat, level: number): number {
  const { maxBits, granuleShift, indexBits } = geometryOf(format);
  return Math.min(maxBits, granuleShift + indexBits * (level + 1));
}

/** The lowest topmost table that holds addresses of so many bits, if any does. */
function levelFor(format: TableFormat, vasz: number): number | undefined {
  const { minTop, maxTop } = geometryOf(format);
  for (let level = minTop; level <= maxTop; level++) if (capacityOf(format, level) >= vasz) return level;
  return undefined;
}

export interface ShapeWords {
  readonly vasz?: number;
  readonly top_level?: number;
}

/** Level and width from what is given; undefined where no table holds that many bits. */
export function shapeOf(
  format: TableFormat,
  { vasz, top_level }: ShapeWords,
  signExtend: boolean,
): TableShape | undefined {
  const bits = vasz ?? (top_level === undefined ? USUAL_BITS : capacityOf(format, top_level));
  const level = top_level ?? levelFor(format, bits);
  return level === undefined ? undefined : { format, level, vasz: bits, signExtend };
}

/** What has to be said of a level and a width, so that {@link shapeOf} gives them. */
export function wordsOf(
  profile: IommuProfile,
  format: TableFormat,
  level: number,
  vasz: number | undefined,
): ShapeWords {
  // Before C the width is not handed over.
  if (profile.domain.roles.vasz === undefined || vasz === undefined)
    return shapeOf(format, {}, false)?.level === level ? {} : { top_level: level };
  for (const words of [{}, { vasz }, { vasz, top_level: level }]) {
    const shape = shapeOf(format, words, false);
    if (shape?.level === level && shape.vasz === vasz) return words;
  }
  return { vasz, top_level: level };
}
