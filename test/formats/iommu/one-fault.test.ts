/** One wrong field gives one finding: nothing is said of what is right, and nothing twice. */
import { describe, expect, it } from 'vitest';
import { receive } from '../../../src/formats/kho/index.js';
import { type BuiltIommu, buildIommu, type IommuSpec } from './builder.js';
import { broken, opened } from './support.js';

const at = (list: readonly number[], i: number): number => {
  const found = list[i];
  if (found === undefined) throw new Error(`no element ${i}`);
  return found;
};
/** Two units, two domains, three devices: two of them share a domain behind the first unit. */
function sound(profile: string): IommuSpec {
  return {
    profile,
    pageSize: 4096,
    units: [{}, {}],
    domains: [{}, {}],
    devices: [
      { devid: 0x3a08, domain: 0, unit: 0, id: 2, token: 7n, ats: true },
      { devid: 0x3a09, domain: 0, unit: 0, id: 2, token: 7n, ats: true },
      { devid: 0x0100, domain: 1, unit: 1, id: 2, token: 7n, ats: true },
    ],
  };
}
function found(profile: string, patch: (built: BuiltIommu) => void) {
  const built = buildIommu(sound(profile));
  patch(built);
  return opened(built, { forced: { iommu: profile } });
}
const NOWHERE = 0xdead0000;

describe('one wrong field', () => {
  it.each<[string, string, string, (built: BuiltIommu) => void]>([
    [
      'a device behind no IOMMU is not missed by the counts',
      'F2',
      'iommu/dangling',
      ({ memory, devices }) => memory.u64(at(devices, 0) + 40, NOWHERE),
    ],
    [
      'the only device of a domain points nowhere',
      'F2',
      'iommu/dangling',
      ({ memory, devices }) => memory.u64(at(devices, 2) + 32, NOWHERE),
    ],
    [
      'a reserved id is not compared with those of other devices',
      'F2',
      'iommu/id-reserved',
      ({ memory, devices }) => memory.u64(at(devices, 0) + 24, 1),
    ],
    [
      'nor is one that is too large',
      'F2',
      'iommu/id-range',
      ({ memory, devices }) => memory.u64(at(devices, 0) + 24, 0x10002),
    ],
    [
      'without IOMMUs no device is blamed for pointing at one',
      'F2',
      'iommu/array-none',
      ({ memory, data }) => memory.u64(data + 8, 0),
    ],
    [
      'without devices no IOMMU miscounts and no domain is unused',
      'F2',
      'iommu/array-none',
      ({ memory, data }) => memory.u64(data + 24, 0),
    ],
    [
      'a page that is neither preserved nor in the dump',
      'F2',
      'iommu/page-not-preserved',
      ({ memory, data }) => memory.u64(data + 24, NOWHERE),
    ],
    [
      'a root table that is neither preserved nor in the dump',
      'F2',
      'iommu-hw/root-table',
      ({ memory, units }) => memory.u64(at(units, 1) + 40, NOWHERE),
    ],
    [
      'a type that the layout does not have says nothing of tables',
      'F2',
      'iommu/iommu-type',
      ({ memory, units }) => memory.u64(at(units, 1) + 16, 2),
    ],
    [
      'ATS that is enabled twice over',
      'F2',
      'iommu/ats',
      ({ memory, devices }) => memory.word(at(devices, 0) + 48, 2, 1),
    ],
    [
      'ATS that is supported twice over',
      'F2',
      'iommu/ats',
      ({ memory, devices }) => memory.word(at(devices, 0) + 49, 2, 1),
    ],
    [
      'ATS that is enabled and not supported',
      'F2',
      'iommu/ats',
      ({ memory, devices }) => memory.word(at(devices, 0) + 49, 0, 1),
    ],
    ['a total that is too low', 'B', 'iommu/total', ({ memory, data }) => memory.u64(data + 40, 2)],
    ['a total that is too high', 'B', 'iommu/total', ({ memory, data }) => memory.u64(data + 40, 4)],
    [
      'a PASID table in legacy mode does not change the mode of the unit',
      'F2',
      'iommu-hw/pasid-table',
      ({ memory, devices, tops }) => {
        memory.u64(at(devices, 0) + 56, at(tops, 0));
        memory.u64(at(devices, 0) + 64, 0x8000);
      },
    ],
  ])('%s', (_, profile, rule, patch) => {
    expect(broken(found(profile, () => undefined))).toEqual([]);
    expect(broken(found(profile, patch))).toEqual([rule]);
  });

  it('a PASID directory that is not preserved', () => {
    const spec: IommuSpec = { ...sound('F2'), scalable: 'second' };
    const [directory] = buildIommu(spec).directories.values();
    expect(directory).toBeDefined();
    const handover = opened(buildIommu({ ...spec, omit: [directory ?? 0] }), { forced: { iommu: 'F2' } });
    expect(broken(handover)).toEqual(['iommu-hw/pasid-leaf']);
    expect(handover.findings[0]?.message).toMatch(/^The PASID directory at 0x[0-9a-f]+ is not preserved\./);
  });
});

describe('what the receiver does', () => {
  it('is told of each kind of note that it left itself', () => {
    const messageOf = (patch: (built: BuiltIommu) => void) =>
      found('F2', patch).findings.find(({ rule }) => rule === 'iommu/restored');
    expect(
      messageOf(({ memory, domains }) => memory.u64(at(domains, 0) + 32, 0xffff888000001000n)),
    ).toMatchObject({
      effect: 'panic',
      message:
        'Of the domain, restored_domain is 0xffff888000001000, which receivers follow as a pointer of their own. The next kernel panics while it boots.',
    });
    expect(messageOf(({ memory, units }) => memory.word(at(units, 0) + 24, 1, 1))).toMatchObject({
      effect: 'silent loss',
    });
    expect(messageOf(({ memory, devices }) => memory.u32(at(devices, 0) + 4, 2))).toMatchObject({
      effect: 'unnoticed',
      message:
        'Of the device, incoming is set. The image was taken after the next kernel began to restore, or is corrupted.',
    });
  });
  it('differs by generation where the rule says so', () => {
    const reserved = found('B', ({ memory, devices }) => memory.u32(at(devices, 2) + 25, 0));
    expect(reserved.findings.find(({ rule }) => rule === 'iommu/id-reserved')?.message).toBe(
      '0000:01:00.0 has the domain id 0, which is reserved. Receivers of A and B attach the device with it; in later ones reserving it fails.',
    );
  });
  it('is nothing where no release reads the state', () => {
    const handover = found('F2', ({ memory, devices }) => memory.u64(at(devices, 0) + 32, NOWHERE));
    expect(broken(handover)).toEqual(['iommu/dangling']);
    expect(receive(handover, '7.2').outcome).toBe('accepted');
  });
});
