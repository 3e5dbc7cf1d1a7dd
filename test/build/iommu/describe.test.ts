/** The spec of what was built of a spec is that spec; devices reach what the spec maps. */
import { describe, expect, it } from 'vitest';
import { imageOf } from '../../../src/build/generate/built-dump.js';
import { iommuGenerator } from '../../../src/build/generate/iommu.js';
import { type HandoverSpec, readHandoverSpec, specOf, specText } from '../../../src/build/index.js';
import type { IommuSpec } from '../../../src/build/iommu/index.js';
import { openHandover } from '../../../src/formats/kho/index.js';
import { iommuOf, opened, PAGE_SIZES, type PageSize, problems, specWith } from './support.js';

const MIB = 1n << 20n;
const GIB = 1n << 30n;

/** Guest memory of two files: one of large folios, one of pages that lie apart. */
function files(pageSize: PageSize): HandoverSpec {
  const large = 2n * MIB;
  return {
    sessions: [
      {
        name: 'vm-alpha',
        files: [
          {
            token: 0x1001n,
            memfd: {
              folio_order: Math.log2(Number(large) / pageSize),
              contents: [{ fill: 'zeros', size: 64n * MIB }],
            },
          },
          {
            token: 2n,
            memfd: {
              folios: Array.from({ length: 8 }, (_, i) => ({
                at: BigInt(0x50000000 + (7 - i) * 3 * pageSize),
              })),
              size: BigInt(8 * pageSize),
              contents: [{ fill: 'zeros', size: BigInt(8 * pageSize) }],
            },
          },
        ],
      },
    ],
  };
}
const map = (pageSize: PageSize) => [
  { iova: 0n, size: 32n * MIB, file: 'vm-alpha/0x1001' },
  // Whole folios that do not lie where a large page could begin.
  { iova: GIB + 4096n, size: 4n * MIB, file: 'vm-alpha/0x1001', offset: 32n * MIB },
  { iova: 2n * GIB, size: 4n * MIB, file: 'vm-alpha/0x1001', offset: 36n * MIB, page: 4096n },
  { iova: 3n * GIB, size: 8192n, file: 'vm-alpha/0x1001', offset: 40n * MIB, write: false },
  { iova: 4n * GIB, size: BigInt(8 * pageSize), file: 'vm-alpha/0x2' },
];

type Variant = 'legacy' | 'first stage' | 'second stage' | 'core' | 'smmuv3' | 'smmuv3 stage 1';
const VARIANTS: readonly (readonly [Variant, readonly string[]])[] = [
  ['legacy', ['A', 'B49', 'B', 'D+I', 'E', 'E+S', 'F1', 'F1+S', 'F2']],
  ['first stage', ['B', 'D+I', 'E', 'F1', 'F2']],
  ['second stage', ['B', 'D+I', 'E+S', 'F1+S', 'F2']],
  ['core', ['C', 'D', 'F0']],
  ['smmuv3', ['E+S', 'F1+S']],
  ['smmuv3 stage 1', ['E+S']],
];

function state(variant: Variant, profile: string, pageSize: PageSize): IommuSpec {
  const unit =
    variant === 'first stage' || variant === 'second stage'
      ? { mode: 'scalable' as const }
      : variant.startsWith('smmuv3')
        ? { type: 'smmuv3' as const }
        : {};
  const format =
    variant === 'second stage'
      ? { format: 'vtdss' as const }
      : variant === 'smmuv3 stage 1'
        ? { format: 'armv8-s1' as const }
        : {};
  const wide = profile.startsWith('A') || profile.startsWith('B') ? { top_level: 4 } : { vasz: 57 };
  return {
    ...(profile === 'F2' ? {} : { profile: profile as NonNullable<IommuSpec['profile']> }),
    units: [unit, { ...unit, phys_addr: 0xfeb00000n }],
    domains: [
      { name: 'domain0', ...format, map: map(pageSize) },
      {
        name: 'domain1',
        ...format,
        ...(variant.startsWith('smmuv3') ? {} : wide),
        map: [{ iova: 0n, size: 64n * MIB, file: 'vm-alpha/0x1001', write: false }],
      },
    ],
    devices: [
      { bdf: '0000:3a:01.0', domain: 'domain0' },
      { bdf: '0000:3a:11.0', domain: 'domain0' },
      {
        bdf: '0000:3b:00.0',
        domain: 'domain1',
        did: 0x42n,
        ...(['A', 'B49', 'B', 'C', 'F1', 'F1+S', 'F2'].includes(profile) ? { token: 0x1001n } : {}),
        ...(unit.mode === undefined ? {} : { max_pasid: 1n << 20n }),
        ...(profile === 'F2' ? { ats: 'supported' as const } : {}),
      },
      { bdf: '10001:02:01.0', unit: 1, domain: 'domain0' },
      { bdf: '0000:05:00.0', deleted: true },
      ...(variant === 'second stage' || variant === 'smmuv3 stage 1'
        ? []
        : [{ bdf: '0000:06:00.0', unit: 1 }]),
    ],
  };
}

describe.each(
  VARIANTS.flatMap(([variant, profiles]) => profiles.map((profile) => [variant, profile] as const)),
)('%s, %s', (variant, profile) => {
  it.each(PAGE_SIZES)('pages of %d bytes', (pageSize) => {
    const iommu = state(variant, profile, pageSize);
    const handover = opened(specWith(iommu, pageSize, files(pageSize)), { forced: { iommu: profile } });
    expect(problems(handover)).toEqual([]);
    const { spec } = specOf(handover);
    // What hangs on an SMMUv3 beside F1 cannot be reached, so that its format is told by entries alone.
    expect(spec.flbs?.map((flb) => flb.iommu)).toEqual([iommu]);
    expect(spec.preserved).toBeUndefined();

    const read = readHandoverSpec(specText(spec)).value;
    const again = opened(read, { forced: { iommu: profile } });
    expect(problems(again)).toEqual([]);
    expect(specOf(again).spec).toEqual(spec);

    const { domains, devices } = iommuOf(handover);
    const mapped = 32n * MIB + 8n * MIB + 8192n + BigInt(8 * pageSize);
    expect(domains.map(({ tables }) => tables?.bytes)).toEqual([
      mapped,
      64n * MIB,
      undefined,
      ...(iommu.devices?.length === 6 ? [0n] : []),
    ]);
    expect(domains[0]?.tables?.sizes.map(({ size }) => size)).toEqual([4096n, 2n * MIB]);
    expect(devices.slice(0, 3).map(({ reach }) => reach?.bytes)).toEqual([mapped, mapped, 64n * MIB]);
  });
});

it('the spec of what was built of the spec of any state is that spec', () => {
  for (const { name } of iommuGenerator.generations)
    for (let i = 0; i < 8; i++) {
      const made = iommuGenerator.random(name, 11, i).make();
      if (made.kind !== 'memory') throw new Error('a handover is memory');
      const { spec } = specOf(openHandover(imageOf(made.memory), { forced: { iommu: name } }));
      const again = opened(spec, { forced: { iommu: name } });
      expect(problems(again), `${name} ${i}`).toEqual([]);
      expect(specOf(again).spec, `${name} ${i}`).toEqual(spec);
    }
});

it('with the addresses of files, mappings lead to the same memory', () => {
  const handover = opened(specWith(state('legacy', 'F2', 4096), 4096, files(4096)));
  const { spec } = specOf(handover, { addresses: true });
  const again = opened(spec);
  expect(problems(again)).toEqual([]);
  expect(specOf(again, { addresses: true }).spec).toEqual(spec);
  const physOf = (each: typeof handover) =>
    iommuOf(each).domains.map(({ tables }) => [...(tables?.mappings ?? [])].map(({ phys }) => phys));
  expect(physOf(again)).toEqual(physOf(handover));
});

it('a state without anything, and one device', () => {
  for (const iommu of [{}, { devices: [{ bdf: '0000:01:00.0' }] }]) {
    const handover = opened(specWith(iommu), { forced: { iommu: 'F2' } });
    expect(problems(handover)).toEqual([]);
    expect(specOf(handover).spec.flbs).toEqual([{ name: 'iommu-liveupdate', iommu }]);
  }
});

it('a page table of an iommufd names a domain of the spec', () => {
  const spec = specWith({ devices: [{ bdf: '0000:01:00.0' }] });
  const named: HandoverSpec = {
    ...spec,
    sessions: [{ name: 's', files: [{ token: 1n, iommufd: { hwpts: [{ token: 5n, domain: 'domain0' }] } }] }],
    flbs: [
      { iommu: { domains: [{ name: 'domain0' }], devices: [{ bdf: '0000:01:00.0', domain: 'domain0' }] } },
    ],
  };
  const handover = opened(named);
  expect(problems(handover)).toEqual([]);
  const found = specOf(handover).spec;
  expect(found.sessions).toEqual(named.sessions);
  expect(found.flbs?.map((flb) => flb.iommu)).toEqual(named.flbs?.map((flb) => flb.iommu));
});

it('what a kernel of A to D leaves of devices that were taken back is a warning, and kept', () => {
  const iommu: IommuSpec = {
    profile: 'B',
    units: [{ ref_count: 1 }],
    devices: [{ bdf: '0000:01:00.0' }, { bdf: '0000:01:00.1' }],
  };
  const handover = opened(specWith(iommu), { forced: { iommu: 'B' } });
  expect(handover.findings.map(({ rule, severity }) => [rule, severity])).toEqual([
    ['iommu/zombie', 'warning'],
  ]);
  expect(specOf(handover).spec.flbs?.[0]?.iommu).toEqual(iommu);
});

it('the counts of deleted objects are kept, and a unit without devices is deleted', () => {
  const iommu: IommuSpec = {
    units: [{}, { ref_count: 1 }, {}],
    devices: [{ bdf: '0000:01:00.0' }],
  };
  const handover = opened(specWith(iommu));
  expect(problems(handover)).toEqual([]);
  expect(iommuOf(handover).iommus.map(({ deleted, hdr }) => [deleted, hdr])).toMatchObject([
    [false, { ref_count: 1 }],
    [true, { ref_count: 1 }],
    [true, { ref_count: 0 }],
  ]);
  expect(specOf(handover).spec.flbs?.[0]?.iommu).toEqual(iommu);
});
