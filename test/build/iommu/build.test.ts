/** What the builder makes of specs is what the decoder finds, in every layout and with pages of every size. */
import { describe, expect, it } from 'vitest';
import { specOf } from '../../../src/build/index.js';
import type { IommuDeviceSpec, IommuSpec } from '../../../src/build/iommu/index.js';
import { findABI } from '../../../src/codec/index.js';
import { IOMMU_PROFILES, type IommuProfile, slotsOf } from '../../../src/formats/iommu/index.js';
import { iommuOf, opened, PAGE_SIZES, type PageSize, problems, specWith } from './support.js';

/** Layouts that a state of units without SMMUv3 fits besides. */
const ALIKE: readonly (readonly string[])[] = [
  ['B49', 'B'],
  ['E', 'E+S'],
];
// Without ATS, F1 and F2 have the same bytes.
const WITHOUT_ATS = ['F1', 'F1+S', 'F2'];
function alike(profile: string): readonly string[] {
  if (profile === 'F1' || profile === 'F1+S') return WITHOUT_ATS;
  return ALIKE.find((names) => names.includes(profile)) ?? [profile];
}
function devices(
  count: number,
  more: (i: number) => Partial<IommuDeviceSpec> = () => ({}),
): IommuDeviceSpec[] {
  return Array.from({ length: count }, (_, i) => ({
    bdf: `${Math.floor(i / 8192)
      .toString(16)
      .padStart(
        4,
        '0',
      )}:${(Math.floor(i / 64) % 128).toString(16).padStart(2, '0')}:${((i % 64) >> 3).toString(16).padStart(2, '0')}.${i % 8}`,
    ...(i < 8192 ? {} : { unit: Math.floor(i / 8192) }),
    ...more(i),
  }));
}
/** Devices in domains of four, behind as many units as segments; each tenth device is deleted. */
function machine({ name }: IommuProfile, count: number, deleted: boolean): IommuSpec {
  return {
    profile: name,
    ...(count > 8192 ? { units: Array.from({ length: Math.ceil(count / 8192) }, () => ({})) } : {}),
    domains: Array.from({ length: Math.max(1, Math.ceil(count / 4)) }, (_, i) => ({ name: `domain${i}` })),
    devices: devices(count, (i) => ({
      domain: `domain${Math.floor(i / 4)}`,
      ...(deleted && i % 10 === 9 ? { deleted: true as const } : {}),
    })),
  };
}
/** As specs are described: without what is usual. */
function withoutProfile({ profile: _, ...rest }: IommuSpec): IommuSpec {
  return rest;
}
const capacityOf = (profile: IommuProfile, pageSize: PageSize): number => {
  const abi = findABI(pageSize === 4096 ? 'x86_64' : 'aarch64');
  if (abi === undefined) throw new Error('no machine');
  return slotsOf(profile, { ...abi, pageSize }).devices.capacity;
};

describe.each(IOMMU_PROFILES.map((profile) => [profile.name, profile] as const))('%s', (name, profile) => {
  it.each(PAGE_SIZES)(
    'pages of %d bytes: arrays of one, a full page, one more, and several hundred',
    (pageSize) => {
      const capacity = capacityOf(profile, pageSize);
      // Pages of 64 KiB hold so many that one kind of count is enough to be several hundred.
      const counts = pageSize === 65536 ? [1, capacity, capacity + 1] : [1, 300, capacity, capacity + 1];
      for (const count of counts)
        for (const deleted of count === (pageSize === 65536 ? capacity : 300) ? [true] : [false]) {
          const spec = specWith(machine(profile, count, deleted), pageSize);
          const own = opened(spec);
          const found = iommuOf(own);
          const fits = found.candidates ?? [found.profile];
          // What cannot be told apart is forced.
          const forced = fits.length === 1 ? own : opened(spec, { forced: { iommu: name } });
          expect(problems(forced), `${count} devices`).toEqual([]);
          const value = iommuOf(forced);
          expect(
            value.devices.map(({ bdf, deleted: gone, domain, iommu }) => [bdf, gone, domain, iommu]),
          ).toEqual(
            machine(profile, count, deleted).devices?.map(({ bdf, deleted: gone = false, unit = 0 }, i) => [
              bdf,
              gone,
              Math.floor(i / 4),
              unit,
            ]),
          );
          expect(fits).toContain(name);
          for (const each of fits) expect(alike(name), `${name} as ${each}`).toContain(each);
          expect(problems(own)).toEqual([]);
        }
    },
  );
  it('the spec of what was built is the spec', () => {
    for (const iommu of [machine(profile, 40, true), { profile: name }]) {
      const handover = opened(specWith(iommu), { forced: { iommu: name } });
      const { spec } = specOf(handover);
      const again = opened(spec, { forced: { iommu: name } });
      expect(specOf(again).spec).toEqual(spec);
      const [flb] = spec.flbs ?? [];
      expect(Object.keys(flb ?? {})).toEqual(['name', 'iommu']);
      expect(flb?.iommu).toEqual(name === 'F2' ? withoutProfile(iommu) : iommu);
    }
  });
});
