/** Builds handovers with the IOMMU's state from specs, and opens them again. */
import { buildHandover, contentsOfBuilt, type HandoverSpec } from '../../../src/build/index.js';
import type { IommuSpec } from '../../../src/build/iommu/index.js';
import type { IommuValue } from '../../../src/formats/iommu/index.js';
import { type Handover, type HandoverOptions, openHandover } from '../../../src/formats/kho/index.js';
import type { LuoValue } from '../../../src/formats/luo/index.js';
import { bytesSource, openImage, writeMemory } from '../../../src/memory/index.js';

export type PageSize = 4096 | 16384 | 65536;
export const PAGE_SIZES: readonly PageSize[] = [4096, 16384, 65536];

/** A spec of nothing but the IOMMU's state, of a machine with pages of that size. */
export function specWith(iommu: IommuSpec, pageSize: PageSize = 4096, more: HandoverSpec = {}): HandoverSpec {
  return {
    ...(pageSize === 4096 ? {} : { abi: 'aarch64', page_size: pageSize }),
    sessions: [{ name: 'vmm', files: [{ token: 1, memfd: {} }] }],
    ...more,
    flbs: [{ iommu }],
  };
}

export function opened(spec: HandoverSpec, options: HandoverOptions = {}): Handover {
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(buildHandover(spec)))]);
  return openHandover(openImage(bytesSource(new Uint8Array(bytes))), options);
}

export function iommuOf(handover: Handover): IommuValue {
  const luo = handover.value.entries.LUO as LuoValue | undefined;
  const found = luo?.flbs.find((flb) => flb.iommu !== undefined);
  if (found === undefined) throw new Error('there is no state of an IOMMU');
  return found.iommu as IommuValue;
}

/** Everything that was found, but that more than one layout fits. */
export function problems(handover: Handover): string[] {
  return handover.findings
    .filter(({ rule }) => rule !== 'iommu/undecided')
    .map(({ rule, path, message }) => `${rule} ${path}: ${message}`);
}

/** 256 devices in 64 domains behind 8 units, with PASID tables, and guest memory that each domain maps. */
export function fullMachine(): HandoverSpec {
  return specWith(
    {
      units: Array.from({ length: 8 }, () => ({ mode: 'scalable' as const })),
      domains: Array.from({ length: 64 }, (_, i) => ({
        name: `domain${i}`,
        map: [{ iova: 0n, size: 1n << 30n, file: 'vm/0x1' }],
      })),
      devices: Array.from({ length: 256 }, (_, i) => ({
        bdf: `0000:${(i >> 3).toString(16).padStart(2, '0')}:00.${i & 7}`,
        ...(i % 8 === 0 ? {} : { unit: i % 8 }),
        domain: `domain${i >> 2}`,
        token: 0x1001n,
      })),
    },
    4096,
    {
      sessions: [
        {
          name: 'vm',
          files: [{ token: 1n, memfd: { folio_order: 9, contents: [{ absent: true, size: 1n << 30n }] } }],
        },
      ],
    },
  );
}
