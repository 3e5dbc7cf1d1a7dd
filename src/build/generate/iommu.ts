/** Fixtures of the IOMMU's state, with the tables that its hardware reads. */
import { findABI } from '../../codec/index.js';
import { IOMMU_HW } from '../../formats/iommu/hw/index.js';
import { IOMMU, IOMMU_PROFILES, iommuProfile, slotsOf } from '../../formats/iommu/index.js';
import type { HandoverSpec } from '../handover/spec.js';
import type { IommuDeviceSpec, IommuSpec } from '../iommu/index.js';
import { type Boundary, type Choices, handoverGenerator } from './handover-generator.js';
import { IOMMU_FAULTS, stateSpec } from './iommu-faults.js';
import type { GeneratedMachine } from './machines.js';
import type { Generator } from './types.js';

const MIB = 1 << 20;

function capacityOf(generation: string, { abi, pageSize }: GeneratedMachine): number {
  const profile = iommuProfile(generation);
  const machine = findABI(abi);
  if (profile === undefined || machine === undefined) throw new Error(`there is no ${generation} of ${abi}`);
  return slotsOf(profile, { ...machine, pageSize }).devices.capacity;
}
/** Different devices of two segments' first buses, each of its own domain if none is named. */
function devices(
  count: number,
  more: (i: number) => Partial<IommuDeviceSpec> = () => ({}),
): IommuDeviceSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    bdf: `0000:${(i >> 8).toString(16).padStart(2, '0')}:${((i >> 3) & 31).toString(16).padStart(2, '0')}.${i & 7}`,
    ...more(i),
  }));
}
const inOneDomain = (count: number): IommuSpec => ({
  domains: [{ name: 'shared' }],
  devices: devices(count, () => ({ domain: 'shared' })),
});
const SMALL_PAGES: Boundary['on'] = (_, { pageSize }) => pageSize === 4096;
const keepsPasids = (generation: string): boolean => {
  const profile = iommuProfile(generation);
  return profile?.driver === true && profile.types.includes(1);
};
const guest = (size: number): HandoverSpec['sessions'] => [
  { name: 'vm', files: [{ token: 1, memfd: { contents: [{ fill: 'zeros', size }] } }] },
];

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'no object of any kind', spec: (generation) => stateSpec(generation, {}) },
  {
    name: 'device-1',
    covers: 'one device, with a domain of its own',
    spec: (generation) => stateSpec(generation, { devices: devices(1) }),
  },
  {
    name: 'page-full',
    covers: 'as many devices as fit into a page',
    on: SMALL_PAGES,
    spec: (generation, machine) => stateSpec(generation, inOneDomain(capacityOf(generation, machine))),
  },
  {
    name: 'page-and-one',
    covers: 'one device more than fits into a page',
    on: SMALL_PAGES,
    spec: (generation, machine) => stateSpec(generation, inOneDomain(capacityOf(generation, machine) + 1)),
  },
  {
    name: 'deleted',
    covers: 'deleted devices, domains and units between live ones',
    spec: (generation) =>
      stateSpec(generation, {
        units: [{}, {}, {}],
        devices: devices(9, (i) => ({
          unit: i % 2 === 0 ? 0 : 2,
          ...(i % 3 === 1 ? { deleted: true } : {}),
        })),
      }),
  },
  {
    name: 'all-deleted',
    covers: 'a device that was given up, and with it all there was',
    spec: (generation) => stateSpec(generation, { devices: devices(1, () => ({ deleted: true })) }),
  },
  {
    name: 'ids-last',
    covers: 'the highest and the lowest id of a domain, and one domain with two ids on two units',
    spec: (generation) =>
      stateSpec(generation, {
        units: [{}, {}],
        domains: [{ name: 'shared' }],
        devices: devices(3, (i) => ({
          unit: i === 0 ? 0 : 1,
          ...(i < 2 ? { domain: 'shared', did: i === 0 ? 65535 : 2 } : {}),
        })),
      }),
  },
  {
    name: 'segment-beyond-16-bits',
    covers: 'a device of a VMD, whose segment has more than 16 bits',
    spec: (generation) => stateSpec(generation, { devices: [{ bdf: '10001:ff:1f.7' }] }),
  },
  {
    name: 'mapped',
    covers: 'a domain that maps a file, and the same in pages that lie apart',
    on: (_, { abi, pageSize }) => abi === 'x86_64' || pageSize === 65536,
    spec: (generation) =>
      stateSpec(
        generation,
        {
          domains: [
            {
              name: 'shared',
              map: [
                { iova: 0, size: MIB, file: 'vm/1' },
                { iova: 0x7fff_0000_0000, size: MIB, file: 'vm/1', write: false },
              ],
            },
          ],
          devices: devices(2, () => ({ domain: 'shared' })),
        },
        guest(MIB),
      ),
  },
  {
    name: 'oversized',
    covers: 'a topmost table that is larger than addresses need, of which one entry is used',
    spec: (generation) =>
      stateSpec(generation, {
        domains: [{ name: 'wide', ...(generation < 'C' ? {} : { vasz: 48 }), top_level: 4 }],
        devices: devices(1, () => ({ domain: 'wide' })),
      }),
  },
  {
    name: 'scalable',
    covers: 'scalable mode with PASID tables, of the first and the second stage',
    on: keepsPasids,
    spec: (generation) =>
      stateSpec(generation, {
        units: [{ mode: 'scalable' }],
        domains: [{ name: 'second', format: 'vtdss' }],
        devices: devices(3, (i) => (i === 1 ? { domain: 'second' } : {})),
      }),
  },
  {
    name: 'pasids-most',
    covers: 'a directory of as many PASIDs as there can be',
    on: keepsPasids,
    spec: (generation) =>
      stateSpec(generation, {
        units: [{ mode: 'scalable' }],
        devices: [{ bdf: '0000:80:10.0', max_pasid: MIB }],
      }),
  },
  {
    name: 'smmuv3',
    covers: 'an SMMUv3 beside a unit of Intel',
    on: (generation) => generation.endsWith('+S'),
    spec: (generation) =>
      stateSpec(generation, {
        units: [{}, { type: 'smmuv3' }],
        devices: devices(4, (i) => ({ unit: i % 2 })),
      }),
  },
];

function randomState(generation: string, choices: Choices): HandoverSpec {
  const profile = iommuProfile(generation);
  const units = choices.between(1, 3);
  const scalable = Array.from({ length: units }, () => keepsPasids(generation) && choices.chance(0.5));
  const shared = choices.between(0, 4);
  // The tables of a domain are of one stage: units of its devices have one mode.
  const unitOf = Array.from({ length: shared }, () => choices.below(units));
  const size = choices.between(1, 64) * 65536;
  const list = devices(choices.between(0, 40), () => {
    const domain = shared > 0 && choices.chance(0.7) ? choices.below(shared) : undefined;
    const unit = domain === undefined ? choices.below(units) : (unitOf[domain] ?? 0);
    return {
      unit,
      ...(domain === undefined ? {} : { domain: `d${domain}` }),
      ...(choices.chance(0.1) ? { deleted: true as const } : {}),
      ...(profile?.device.roles.owner !== undefined && choices.chance(0.3)
        ? { token: choices.between(1, 9) }
        : {}),
    };
  });
  // A domain that no device uses is legal, and told.
  const used = new Set(list.flatMap(({ domain, deleted }) => (deleted === true ? [] : [domain])));
  return stateSpec(
    generation,
    {
      units: scalable.map((each) => (each ? { mode: 'scalable' } : {})),
      domains: Array.from({ length: shared }, (_, i) => ({
        name: `d${i}`,
        ...(used.has(`d${i}`)
          ? choices.chance(0.7)
            ? { map: [{ iova: choices.below(1 << 20) * 4096, size, file: 'vm/1' }] }
            : {}
          : { deleted: true as const }),
      })),
      devices: list,
    },
    guest(size),
  );
}

export const iommuGenerator: Generator = handoverGenerator({
  format: 'iommu',
  generations: IOMMU_PROFILES,
  rules: [...Object.values(IOMMU), ...Object.values(IOMMU_HW)],
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: (generation, _, choices) => randomState(generation, choices),
  faults: IOMMU_FAULTS,
  unbroken: {
    'iommu/not-read': 'it is only found where the layout without state is named with --as iommu@R1',
    'iommu-hw/limit': 'it takes more than 32,768 pages of tables',
  },
});
