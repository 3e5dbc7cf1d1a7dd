/** What decides between layouts, what is said about it, and what happens with memory that is anything at all. */
import { describe, expect, it } from 'vitest';
import { isCarryoverError } from '../../../src/codec/index.js';
import { iommuObjectBytes } from '../../../src/formats/iommu/index.js';
import { jsonOf } from '../../../src/formats/kho/index.js';
import { buildIommu, type IommuSpec, machine, SHAPES } from './builder.js';
import { broken, iommuOf, opened } from './support.js';

const PAGE = 4096;
const one = (profile: string, more: Partial<IommuSpec> = {}): IommuSpec => ({
  ...machine(profile, PAGE, 1),
  ...more,
});

describe('one device', () => {
  it('of E is also one of E with SMMUv3: told, with both named', () => {
    const handover = opened(buildIommu(one('E')));
    const value = iommuOf(handover);
    expect(value.profile).toBe('E');
    expect(value.candidates).toEqual(['E', 'E+S']);
    expect(value.because.join('\n')).toContain('E, E+S fit equally');
    expect(handover.findings.find(({ rule }) => rule === 'iommu/undecided')).toMatchObject({
      severity: 'note',
      message: 'E, E+S fit the state at 0x10000000 equally; it is shown as E.',
    });
  });
  it('of B with a PASID directory is none of 49 bytes', () => {
    const value = iommuOf(opened(buildIommu(one('B', { scalable: 'second' }))));
    expect([value.profile, value.candidates]).toEqual(['B', undefined]);
    expect(value.because.find((text) => text.startsWith('next is B49'))).toMatch(
      /with \d+\.\d%, \d+\.\d points behind: zeros behind the last of the devices never holds/,
    );
  });
});

describe('ATS and restored are at each other’s places in F1 and F2', () => {
  const patched = (profile: string, incoming: number, at: number, value: number) => {
    const built = buildIommu(one(profile, { devices: [{ devid: 0x3a08, domain: 0, unit: 0, id: 2 }] }));
    const [device = 0] = built.devices;
    built.memory.word(device + 4, incoming, 4);
    built.memory.word(device + at, value, 1);
    return iommuOf(opened(built)).candidates ?? [iommuOf(opened(built)).profile];
  };
  it('restored of F1 goes with incoming', () => expect(patched('F1', 2, 48, 1)).toEqual(['F1', 'F1+S']));
  it('ATS that is supported but off is F2', () => expect(patched('F2', 0, 49, 1)).toEqual(['F2']));
});

describe('SMMUv3', () => {
  /** Units of type 2, with a stream table that is not in the dump's reach: state that is not followed further. */
  const smmu = (profile: 'E+S' | 'F1+S') => {
    const built = buildIommu(one(profile));
    const { memory, units, devices } = built;
    for (const at of units) {
      memory.bytes(at + 8, new Uint8Array(104));
      memory.u64(at + 8, 0x2b400000);
      memory.u64(at + 16, 2);
      memory.u64(at + 24, 0x2b400000);
      memory.u64(at + (profile === 'E+S' ? 40 : 32), 0x8);
    }
    for (const at of devices) memory.u64(at + (profile === 'E+S' ? 40 : 48), 0x123000);
    return built;
  };
  it.each(['E+S', 'F1+S'] as const)('%s is told by the type of the unit', (profile) => {
    const value = iommuOf(opened(smmu(profile)));
    expect([value.profile, value.candidates]).toEqual([profile, undefined]);
    expect(value.iommus[0]).toMatchObject({ type: 2n, arm_smmu_v3: { phys_addr: 0x2b400000n } });
    expect(value.devices[0]).toMatchObject({ arm_smmu_v3: { l1_cdtab_lu_state: 0x123000n } });
  });
  it('an Intel layout that is forced on it keeps the bytes of the unions', () => {
    const built = smmu('E+S');
    const handover = opened(built, { forced: { iommu: 'E' } });
    expect(broken(handover)).toContain('iommu/iommu-type');
    const [device] = iommuOf(handover).devices;
    expect(device?.driver).toBeInstanceOf(Uint8Array);
    if (device === undefined) throw new Error('no device');
    expect(iommuObjectBytes(device, handover.abi)).toHaveLength(56);
  });
});

describe('forcing a layout', () => {
  const built = buildIommu(one('F2'));
  it('takes any case', () => {
    expect(iommuOf(opened(built, { forced: { iommu: 'f2' } })).profile).toBe('F2');
  });
  it('R1 had nothing to read', () => {
    expect(() => iommuOf(opened(built, { forced: { iommu: 'R1' } }))).toThrow('no state');
  });
  it('and that nothing is read is told', () => {
    const [finding, ...others] = opened(built, { forced: { iommu: 'r1' } }).findings.filter(({ rule }) =>
      rule.startsWith('iommu'),
    );
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ rule: 'iommu/not-read', severity: 'note' });
    expect(finding?.message).toMatch(
      /^Nothing is read as R1, which does not look like it: R1 had no iommu-liveupdate, and there is data at 0x[0-9a-f]+\.$/,
    );
  });
  it('one that does not exist is an error', () => {
    try {
      opened(built, { forced: { iommu: 'G' } });
      expect.unreachable();
    } catch (error) {
      if (!isCarryoverError(error)) throw error;
      expect([error.code, error.reason]).toEqual([
        'kho-generation',
        'iommu has no layout "G"; it has R1, A, B49, B, C, D, D+I, E, E+S, F0, F1, F1+S, F2',
      ]);
    }
  });
});

describe('the value', () => {
  it('is plain JSON', () => {
    const json = JSON.stringify(jsonOf(iommuOf(opened(buildIommu(one('F2'))))));
    expect(JSON.parse(json)).toMatchObject({
      profile: 'F2',
      devices: [{ bdf: '0000:00:00.0', domain: 0, iommu: 0 }],
    });
  });
});

it('any damage gives a value or findings, and an end', () => {
  let seed = 12345;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (const profile of Object.keys(SHAPES)) {
    const spec = machine(profile, PAGE, 3);
    for (let round = 0; round < 12; round++) {
      const built = buildIommu(spec);
      const { memory, data, pages, rootTables, contextTables, tops } = built;
      const places = [data, ...Object.values(pages).flat(), ...rootTables, ...contextTables, ...tops];
      for (let i = 0; i <= round; i++) {
        const place = places[random(places.length)] ?? data;
        const value =
          [0n, 1n, 0xffffffffffffffffn, BigInt(place), BigInt(data + random(PAGE))][random(5)] ?? 0n;
        memory.u64(place + random(240), value);
      }
      const handover = opened(built, round % 2 === 0 ? {} : { forced: { iommu: profile } });
      for (const { message, severity } of handover.findings) {
        expect(message).not.toBe('');
        expect(['error', 'warning', 'note']).toContain(severity);
      }
    }
  }
});

it('a chain without end is left at a limit', () => {
  const built = buildIommu(one('C'));
  const { memory, pages } = built;
  const [first = 0] = pages.iommus;
  // Pages that say they are full, each followed by the next: more than are read.
  let at = first;
  for (let i = 0; i < 700; i++) {
    memory.u64(at + 8, 240);
    const next = 0x30000000 + i * PAGE;
    memory.u64(at, next);
    at = next;
  }
  memory.touch(at, PAGE);
  const handover = opened(built, { forced: { iommu: 'C' } });
  expect(broken(handover)).toContain('kho/limit');
  expect(iommuOf(handover).iommus.length).toBeLessThan(1 << 18);
});
