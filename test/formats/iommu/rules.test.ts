/** Each rule, broken alone: the finding and no other. */
import { describe, expect, it } from 'vitest';
import type { IOMMU } from '../../../src/formats/iommu/index.js';
import { type BuiltIommu, buildIommu, type DeviceSpec, type IommuSpec, START } from './builder.js';
import { broken, iommuOf, opened } from './support.js';

const PAGE = 4096;

/** Two units, three domains, five devices: the first two share a domain. */
function sound(profile: string): IommuSpec {
  const device = (devid: number, domain: number, unit: number, id: number): DeviceSpec => ({
    devid,
    domain,
    unit,
    id,
    token: 0x1234n,
    ats: true,
  });
  return {
    profile,
    pageSize: PAGE,
    units: [{}, {}],
    domains: [{}, { level: 4, vasz: 57 }, {}],
    devices: [
      device(0x3a08, 0, 0, 0x42),
      device(0x3a09, 0, 0, 0x42),
      device(0x3b00, 1, 0, 0x43),
      device(0x0100, 2, 1, 0x42),
      { ...device(0x0208, 0, 1, 0x44), segment: 0x10001 },
    ],
  };
}
/** As many devices as fill so many pages of F2, of one domain. */
function full(pages: number, last: Partial<DeviceSpec> = {}): IommuSpec {
  const count = 56 * pages;
  return {
    ...sound('F2'),
    units: [{}],
    domains: [{}],
    devices: Array.from({ length: count }, (_, i) => ({
      devid: 0x1000 + (i % 64) + (i >> 6) * 256,
      domain: 0,
      unit: 0,
      id: 7,
      ats: true,
      ...(i === count - 1 ? last : {}),
    })),
  };
}
function withDevice(spec: IommuSpec, index: number, change: Partial<DeviceSpec>): IommuSpec {
  return { ...spec, devices: spec.devices.map((each, i) => (i === index ? { ...each, ...change } : each)) };
}

type BuildOptions = NonNullable<Parameters<typeof buildIommu>[1]>;
interface Case {
  readonly spec: IommuSpec;
  readonly patch?: (built: BuiltIommu) => void;
  readonly more?: BuildOptions;
  readonly forced?: string;
}
const at = (list: readonly number[], i: number): number => {
  const found = list[i];
  if (found === undefined) throw new Error(`no element ${i}`);
  return found;
};
const f2 = (patch: (built: BuiltIommu) => void): Case => ({ spec: sound('F2'), patch });
const b = (patch: (built: BuiltIommu) => void): Case => ({ spec: sound('B'), patch, forced: 'B' });

const file = (token: bigint, compatible: string) => ({ token, size: 0, folios: [], compatible });
/** Sessions of vfio files, one list of tokens of files for each. */
function vfioSessions(...tokens: readonly (readonly bigint[])[]): BuildOptions {
  return {
    sessions: tokens.map((list, i) => ({
      name: `vmm ${i}`,
      files: list.map((token) => file(token, 'vfio-pci-v2')),
    })),
  };
}
function vfio(built: BuiltIommu, token: bigint, segment: number, devid: number, iommufd: number): void {
  const place = built.places.get(`memfd ${token}`);
  if (place === undefined) throw new Error(`no file ${token}`);
  built.memory.bytes(place, new Uint8Array(64));
  built.memory.u32(place, segment);
  built.memory.u16(place + 4, devid);
  built.memory.u32(place + 7, iommufd);
}
function allVfio(built: BuiltIommu): void {
  vfio(built, 1n, 0, 0x3a08, 0);
  vfio(built, 2n, 0, 0x3a09, 0);
  vfio(built, 3n, 0, 0x3b00, 0);
  vfio(built, 4n, 0, 0x0100, 0);
  vfio(built, 5n, 0x10001, 0x0208, 0);
}

const CASES: Readonly<Record<keyof typeof IOMMU, Case>> = {
  undecided: { spec: sound('F1') },
  'not-read': { spec: sound('F2'), forced: 'R1' },
  name: { spec: { ...sound('F2'), name: 'iommu-liveupdate-v1' } },
  version: f2(({ memory, data }) => memory.u64(data, 2)),
  root: { spec: { ...sound('F2'), omit: [START] } },
  'array-none': {
    spec: { ...sound('F2'), units: [], domains: [], devices: [] },
    patch: ({ memory, data }) => memory.u64(data + 24, 0),
    forced: 'F2',
  },
  'page-unaligned': { spec: { ...sound('F2'), shift: 64 } },
  'page-not-preserved': { spec: { ...sound('F2'), omit: [START + 3 * PAGE] } },
  'page-cycle': {
    spec: full(1),
    patch: ({ memory, pages }) => memory.u64(at(pages.devices, 0), at(pages.devices, 0)),
  },
  'page-shared': {
    spec: full(1),
    patch: ({ memory, pages }) => memory.u64(at(pages.devices, 0), at(pages.domains, 0)),
  },
  'page-count': { spec: full(1), patch: ({ memory, pages }) => memory.u64(at(pages.devices, 0) + 8, 57) },
  'page-not-full': {
    spec: { ...withDevice(full(2), 55, { deleted: true }) },
    patch: ({ memory, pages, devices }) => {
      memory.u64(at(pages.devices, 0) + 8, 55);
      memory.bytes(at(devices, 55), new Uint8Array(72));
    },
  },
  total: b(({ memory, pages }) => memory.u64(at(pages.devices, 0) + 8, 4)),
  idx: b(({ memory, devices }) => memory.u32(at(devices, 3), 9)),
  tail: f2(({ memory, devices }) => memory.u64(at(devices, 4) + 80, 1)),
  reserved: f2(({ memory, domains }) => memory.word(at(domains, 1) + 30, 1, 1)),
  restored: f2(({ memory, domains }) => memory.u64(at(domains, 1) + 32, 0xffff888012345678n)),
  dangling: f2(({ memory, devices, domains }) => memory.u64(at(devices, 1) + 32, at(domains, 0) + 8)),
  'deleted-reference': f2(({ memory, domains }) => memory.u32(at(domains, 2) + 4, 1)),
  zombie: b(({ memory, units }) => memory.u32(at(units, 0) + 4, 2)),
  'ref-zero': f2(({ memory, domains }) => memory.u32(at(domains, 1), 0)),
  'ref-count': f2(({ memory, units }) => memory.u32(at(units, 1), 3)),
  'ref-one': f2(({ memory, devices }) => memory.u32(at(devices, 1), 2)),
  ats: f2(({ memory, devices }) => memory.word(at(devices, 2) + 48, 2, 1)),
  devid: { spec: withDevice(sound('F2'), 2, { devid: 0x13b00 }) },
  'device-duplicate': { spec: withDevice(sound('F2'), 1, { devid: 0x3a08 }) },
  'iommu-duplicate': { spec: { ...sound('F2'), units: [{ base: 0xfed90000 }, { base: 0xfed90000 }] } },
  'iommu-token': f2(({ memory, units }) => memory.u64(at(units, 1) + 32, 0xfed92000)),
  'iommu-type': f2(({ memory, units }) => memory.u64(at(units, 1) + 16, 7)),
  'domain-unused': { spec: { ...sound('F2'), domains: [...sound('F2').domains, {}] } },
  'hwpt-domain': {
    spec: sound('F2'),
    more: { sessions: [{ name: 'vmm', files: [file(1n, 'iommufd-v1')] }] },
    patch: ({ memory, places, domains }) => {
      const place = places.get('memfd 1') ?? 0;
      memory.bytes(place, new Uint8Array(64));
      memory.u64(place, 2);
      memory.u64(place + 8, at(domains, 0));
      memory.u64(place + 16, 1);
      memory.u64(place + 32, at(domains, 0) + 8);
      memory.u64(place + 40, 2);
    },
  },
  'id-reserved': { spec: withDevice(sound('F2'), 2, { id: 1 }) },
  'id-range': { spec: withDevice(sound('F2'), 2, { id: 0x10043 }) },
  'id-differs': { spec: withDevice(sound('F2'), 1, { id: 0x50 }) },
  'id-shared': { spec: withDevice(sound('F2'), 2, { id: 0x42 }) },
  level: { spec: { ...sound('F2'), domains: [{}, { level: 6, vasz: 57 }, {}] } },
  'top-table': f2(({ memory, domains, tops }) => memory.u64(at(domains, 1) + 8, at(tops, 1) + 8)),
  vasz: f2(({ memory, domains }) => memory.u32(at(domains, 1) + 24, 65)),
  undersized: { spec: { ...sound('F2'), domains: [{}, { level: 2, vasz: 48 }, {}] } },
  'sign-extend': { spec: { ...sound('F0'), domains: [{}, { level: 5, vasz: 64, sign: 1 }, {}] } },
  'max-pasid': f2(({ memory, devices, tops }) => {
    memory.u64(at(devices, 2) + 56, at(tops, 0));
    memory.u64(at(devices, 2) + 64, 1000);
  }),
  'pasid-table': f2(({ memory, devices }) => memory.u64(at(devices, 2) + 64, 0x8000)),
  'pasid-beyond': {
    spec: { ...sound('B'), scalable: 'second' },
    patch: ({ memory, directories }) => {
      // Any preserved page of zeros: a leaf without entries.
      const [directory] = directories.values();
      memory.u64((directory ?? 0) + 8, START + 0x800000 + 1);
      memory.touch(START + 0x800000, PAGE);
    },
    more: { blocks: [[(START + 0x800000) / PAGE, 0]] },
  },
  'owner-zero': { spec: withDevice(sound('F2'), 2, { token: 0n }) },
  'owner-pointer': { spec: withDevice(sound('F2'), 2, { token: 0xffff888012345678n }) },
  'owner-shared': { spec: sound('F2'), more: vfioSessions([1n, 2n, 3n, 4n], [5n]), patch: allVfio },
  'owner-cut': {
    spec: withDevice(sound('C'), 2, { token: 0x100001234n }),
    more: {
      sessions: [{ name: 'vmm', files: [1n, 2n, 3n, 4n, 5n].map((token) => file(token, 'vfio-pci-v2')) }],
    },
    patch: (built) => {
      allVfio(built);
      vfio(built, 3n, 0, 0x3b00, 0x1234);
    },
  },
  'vfio-missing': {
    spec: sound('F2'),
    more: vfioSessions([1n, 2n, 3n, 4n]),
    patch: (built) => {
      vfio(built, 1n, 0, 0x3a08, 0);
      vfio(built, 2n, 0, 0x3a09, 0);
      vfio(built, 3n, 0, 0x3b00, 0);
      vfio(built, 4n, 0, 0x0100, 0);
    },
  },
  'iommu-missing': {
    spec: sound('F2'),
    more: {
      sessions: [
        {
          name: 'vmm',
          files: [
            ...[1n, 2n, 3n, 4n, 5n, 6n].map((token) => file(token, 'vfio-pci-v2')),
            file(0x77n, 'iommufd-v1'),
          ],
        },
      ],
    },
    patch: (built) => {
      allVfio(built);
      vfio(built, 6n, 0, 0x5000, 0x77);
      built.memory.bytes(built.places.get('memfd 119') ?? 0, new Uint8Array(64));
    },
  },
  'pci-missing': {
    spec: sound('F2'),
    patch: () => {},
    more: {},
  },
};

/** Findings of other parts that go with a case whatever is done. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  // The file keeps a token that names no iommufd: nothing else can be cut.
  'owner-cut': ['vfio-pci/token-dangling'],
};

describe('a sound state', () => {
  it.each(['A', 'B49', 'B', 'C', 'D', 'D+I', 'E', 'E+S', 'F0', 'F1', 'F1+S', 'F2'])(
    'of %s gives no findings',
    (profile) => {
      const handover = opened(buildIommu(sound(profile)), { forced: { iommu: profile } });
      expect(handover.findings.filter(({ rule }) => rule !== 'kho/opaque')).toEqual([]);
      expect(iommuOf(handover).devices.map(({ bdf, domain, iommu }) => [bdf, domain, iommu])).toEqual([
        ['0000:3a:01.0', 0, 0],
        ['0000:3a:01.1', 0, 0],
        ['0000:3b:00.0', 1, 0],
        ['0000:01:00.0', 2, 1],
        ['10001:02:01.0', 0, 1],
      ]);
    },
  );
  it('may have deleted slots that still count 1, and tables larger than they need to be', () => {
    const spec = sound('F2');
    const built = buildIommu({
      ...withDevice(spec, 3, { deleted: true }),
      units: [{}, { ref: 1 }],
      domains: [{}, { level: 4, vasz: 48 }, { deleted: true }],
    });
    const handover = opened(built);
    expect(broken(handover)).toEqual([]);
    expect(iommuOf(handover).domains[2]).toMatchObject({ deleted: true, devices: [], hdr: { ref_count: 1 } });
  });
});

describe('each rule broken', () => {
  it.each(Object.entries(CASES))('%s', (name, { spec, patch, more, forced }) => {
    if (name === 'pci-missing') return pciMissing();
    const built = buildIommu(spec, more);
    patch?.(built);
    const handover = opened(built, forced === undefined ? {} : { forced: { iommu: forced } });
    expect(broken(handover)).toEqual([`iommu/${name}`, ...(BESIDE[name] ?? [])].sort());
    for (const finding of handover.findings.filter(({ rule }) => rule === `iommu/${name}`)) {
      expect(finding.path).toMatch(/^entries\.LUO\./);
      expect(finding.message.length).toBeGreaterThan(20);
    }
  });
});

/** The PCI core lists four of the five devices. */
function pciMissing(): void {
  const table = START - 0x100000;
  const built = buildIommu(sound('F2'), {
    flbs: [
      { name: 'iommu-liveupdate', data: BigInt(START), count: 1 },
      { name: 'pci-v2', data: BigInt(table), count: 1 },
    ],
    blocks: [[table / PAGE, 0]],
  });
  built.memory.touch(table, PAGE);
  built.memory.u32(table, 8);
  built.memory.u32(table + 4, 4);
  for (const [i, devid] of [0x3a08, 0x3a09, 0x3b00, 0x0100].entries()) {
    built.memory.u32(table + 8 + 8 * i, 0);
    built.memory.u16(table + 12 + 8 * i, devid);
    built.memory.u16(table + 14 + 8 * i, 1);
  }
  const handover = opened(built);
  expect(broken(handover)).toEqual(['iommu/pci-missing']);
}
