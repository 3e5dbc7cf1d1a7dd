/** Iommufds in the layouts of other postings, and beside no state of an IOMMU. */
import type { Conversion, Layouts } from '../../handover/extension.js';
import { type HwptSpec, IOMMUFD_BUILDS, type IommufdSpec } from '../iommufd.js';

function hex(token: number | bigint): string {
  return `0x${BigInt(token).toString(16)}`;
}

export const iommufdLayouts: Layouts = {
  format: 'iommufd',
  names: IOMMUFD_BUILDS,
  // The spec of a file says that its key has the type.
  of: (value) => (value as IommufdSpec).layout ?? 'C',
  convert: (value, name, { lost }) => {
    const { layout: from = 'C', hwpts = [], folio } = value as IommufdSpec;
    const layout = IOMMUFD_BUILDS.find((each) => each === name);
    if (layout === undefined || layout === from) return value;
    if (folio !== undefined) lost(`folio: the layout ${name} has none, so that what it holds is gone`);
    const kept: HwptSpec[] = [];
    for (const [i, hwpt] of hwpts.entries())
      if (name === 'R1')
        lost(`hwpts[${i}]: the layout R1 has no page tables; its token was ${hex(hwpt.token)}`);
      else if (name === 'B' && BigInt(hwpt.token) >= 1n << 32n)
        lost(
          `hwpts[${i}]: tokens of the layout B have 32 bits, and ${hex(hwpt.token)} has more, so that the page table is gone`,
        );
      else kept.push(hwpt);
    return { layout, ...(kept.length === 0 ? {} : { hwpts: kept }) } satisfies IommufdSpec;
  },
};

/** Page tables of domains of an IOMMU whose state is not handed over lead nowhere. */
export function iommufdWithoutFlbs(value: unknown, { lost }: Conversion): IommufdSpec {
  // The spec of a file says that its key has the type.
  const { hwpts, ...rest } = value as IommufdSpec;
  if (hwpts === undefined) return rest;
  const kept = hwpts.filter(({ domain, token }, i) => {
    if (domain === undefined) return true;
    lost(`hwpts[${i}]: its domain ${JSON.stringify(domain)} is not handed over; its token was ${hex(token)}`);
    return false;
  });
  return { ...rest, ...(kept.length === 0 ? {} : { hwpts: kept }) };
}
