/** What the image builder makes of descriptions of the IOMMU's state: each layout, with pages of each size. */
import { buildHandover, contentsOfBuilt, type HandoverSpec } from '../../src/build/index.js';
import type { IommuSpec } from '../../src/build/iommu/index.js';
import { IOMMU_PROFILES } from '../../src/formats/iommu/index.js';
import { writeMemory } from '../../src/memory/index.js';
import type { JudgeCase } from './judge-cases.js';

/** More devices than fit into a page of 4 KiB in any layout. */
const DEVICES = 120;

function stateOf(profile: IommuSpec['profile']): IommuSpec {
  const smmu = profile?.endsWith('+S') === true ? [{ type: 'smmuv3' as const }] : [];
  const scalable = ['B', 'E', 'E+S', 'F1', 'F1+S', 'F2'].includes(profile ?? '');
  return {
    ...(profile === undefined ? {} : { profile }),
    units: [{}, scalable ? { mode: 'scalable' } : {}, ...smmu, {}],
    domains: [
      { name: 'shared', map: [{ iova: 0, size: 2 << 20, file: 'vm/1' }] },
      { name: 'given up', deleted: true },
      { name: 'of nobody' },
    ],
    devices: [
      { bdf: '0000:80:00.0', domain: 'shared' },
      ...Array.from({ length: DEVICES }, (_, i) => ({
        bdf: `0000:${(i >> 3).toString(16)}:00.${i & 7}`,
        unit: i % (2 + smmu.length),
        ...(i % 10 === 9 ? { deleted: true as const, domain: 'given up' } : {}),
      })),
    ],
  };
}

/** The judge has all layouts but the one whose sizes nobody has seen. */
export function* builtIommuCases(): Generator<JudgeCase> {
  for (const { name } of IOMMU_PROFILES)
    for (const pageSize of [4096, 16384, 65536] as const) {
      if (name === 'D+I') continue;
      const spec: HandoverSpec = {
        abi: pageSize === 4096 ? 'x86_64' : 'aarch64',
        page_size: pageSize,
        sessions: [
          { name: 'vm', files: [{ token: 1, memfd: { contents: [{ fill: 'zeros', size: 2 << 20 }] } }] },
        ],
        flbs: [{ iommu: stateOf(name) }],
      };
      const built = buildHandover(spec);
      const root = built.regions.find(({ label }) => label === 'flbs[0].iommu')?.address;
      if (root === undefined) throw new Error('there is no root');
      yield {
        name: `build-iommu/${name}/${pageSize / 1024}K`,
        generation: `iommu-${name}`,
        pageSize,
        root,
        elf: () => new Uint8Array(Buffer.concat([...writeMemory('elf', contentsOfBuilt(built))])),
      };
    }
}
