/** Sizes, offsets and bit positions of every struct of every generation, as the facts about the series give them. */
import { describe, expect, it } from 'vitest';
import {
  ABI,
  decode,
  encode,
  fromHex,
  type Layout,
  type LayoutMember,
  layoutOf,
  planOf,
  type Schema,
  sizeof,
  toHex,
} from '../../../src/codec/index.js';
import {
  declaredSchema,
  IOMMU_KINDS,
  IOMMU_PROFILES,
  iommuProfile,
  PAGE_HEADER,
} from '../../../src/formats/iommu/index.js';
import * as schema from '../../../src/formats/iommu/schema.js';

const abi = ABI.x86_64;

function members(layout: Layout, into = new Map<string, LayoutMember>()): Map<string, LayoutMember> {
  for (const part of layout.parts) {
    if (part.part === 'hole') continue;
    if (!part.anonymous) into.set(part.path, part);
    if (part.inside !== undefined) members(part.inside, into);
  }
  return into;
}
function places(type: Schema, of = abi): Record<string, number | undefined> {
  return Object.fromEntries(
    [...members(layoutOf(type, of))]
      .filter(([, { bitSize }]) => bitSize === undefined)
      .map(([path, { offset }]) => [path, offset]),
  );
}
const sizes = (name: string, of = abi) => {
  const profile = iommuProfile(name);
  if (profile === undefined) throw new Error(`no profile ${name}`);
  return [
    sizeof(profile.root.schema, of),
    ...IOMMU_KINDS.map((kind) => sizeof(declaredSchema(profile, kind), of)),
  ];
};

describe('sizes of root, unit, domain and device', () => {
  it.each<[string, number, number, number, number]>([
    ['A', 48, 48, 41, 53],
    ['B49', 48, 37, 33, 49],
    ['B', 48, 37, 33, 65],
    ['C', 24, 17, 34, 45],
    ['D', 24, 21, 34, 37],
    ['D+I', 24, 109, 34, 53],
    ['E', 24, 112, 37, 56],
    ['E+S', 24, 112, 37, 64],
    ['F0', 32, 24, 37, 40],
    ['F1', 32, 112, 40, 72],
    ['F1+S', 32, 112, 40, 72],
    ['F2', 32, 112, 40, 72],
  ])('%s', (name, ...expected) => {
    expect(sizes(name)).toEqual(expected);
  });
  it('change with 4-byte pointers in domains only, and in what A does not pack', () => {
    for (const { name } of IOMMU_PROFILES) {
      const [root, hw, domain, device] = sizes(name);
      const [root32, hw32, domain32, device32] = sizes(name, ABI.i386);
      expect([name, root32, domain32]).toEqual([name, root, (domain ?? 0) - 4]);
      expect([name, hw32, device32]).toEqual(name === 'A' ? [name, 40, 49] : [name, hw, device]);
    }
  });
});

it('page headers have 16 bytes', () => {
  for (const { page } of IOMMU_PROFILES) expect(sizeof(page.schema, abi)).toBe(PAGE_HEADER);
});

describe('as many objects fit in a page as the series say', () => {
  it.each<[string, number[], number[], number[]]>([
    ['A', [85, 341, 1365], [99, 399, 1598], [76, 308, 1236]],
    ['B', [110, 442, 1770], [123, 496, 1985], [62, 251, 1008]],
    ['B49', [110, 442, 1770], [123, 496, 1985], [83, 334, 1337]],
    ['C', [240, 962, 3854], [120, 481, 1927], [90, 363, 1456]],
    ['D', [194, 779, 3120], [120, 481, 1927], [110, 442, 1770]],
    ['E', [36, 146, 585], [110, 442, 1770], [72, 292, 1170]],
    ['E+S', [36, 146, 585], [110, 442, 1770], [63, 255, 1023]],
    ['F0', [170, 682, 2730], [110, 442, 1770], [102, 409, 1638]],
    ['F1', [36, 146, 585], [102, 409, 1638], [56, 227, 910]],
    ['F2', [36, 146, 585], [102, 409, 1638], [56, 227, 910]],
  ])('%s', (name, ...expected) => {
    const [, ...strides] = sizes(name);
    expect(
      strides.map((stride) => [4096, 16384, 65536].map((page) => Math.floor((page - PAGE_HEADER) / stride))),
    ).toEqual(expected);
  });
});

describe('offsets', () => {
  it.each<[string, Schema, Record<string, number>]>([
    ['iommu_obj_ser', schema.IommuObjSer, { idx: 0, ref_count: 4 }],
    [
      'iommu_domain_ser of B',
      schema.IommuDomainSerB,
      { obj: 0, top_table: 9, top_level: 17, restored_domain: 25 },
    ],
    [
      'iommu_domain_ser of A',
      schema.IommuDomainSerA,
      { obj: 0, top_table: 9, top_level: 17, attach_count: 25, restored_domain: 33 },
    ],
    [
      'device_domain_iommu_ser of B',
      schema.DeviceDomainIommuSerB,
      { did: 0, domain_phys: 4, iommu_phys: 12 },
    ],
    [
      'device_domain_iommu_ser of A',
      schema.DeviceDomainIommuSerA,
      { did: 0, domain_phys: 8, iommu_phys: 16 },
    ],
    [
      'device_ser of B',
      schema.DEVICES.B.declared,
      {
        obj: 0,
        token: 9,
        devid: 17,
        pci_domain: 21,
        'domain_iommu_ser.did': 25,
        'domain_iommu_ser.domain_phys': 29,
        'domain_iommu_ser.iommu_phys': 37,
        type: 45,
        'intel.pasid_table': 49,
        'intel.max_pasid': 57,
      },
    ],
    ['device_ser of A', schema.DeviceSerA, { devid: 17, domain_iommu_ser: 25, type: 49 }],
    [
      'iommu_ser of B',
      schema.IommuSerB,
      { token: 9, type: 17, 'intel.phys_addr': 21, 'intel.root_table': 29 },
    ],
    [
      'iommu_ser of A',
      schema.IommuSerA,
      { token: 16, type: 24, 'intel.phys_addr': 28, 'intel.root_table': 36 },
    ],
    [
      'iommu_lu_flb_ser',
      schema.IommuLuFlbSer,
      {
        iommus_phys: 0,
        nr_iommus: 8,
        iommu_domains_phys: 16,
        nr_domains: 24,
        devices_phys: 32,
        nr_devices: 40,
      },
    ],
    [
      'iommu_domain_ser of C and D',
      schema.IommuDomainSerC,
      { top_table_phys: 5, top_level: 13, vasz: 21, restored_domain: 26 },
    ],
    [
      'iommu_device_ser of C',
      schema.IommuDeviceSerC,
      { token: 5, devid: 13, pci_domain_nr: 17, map: 21, 'map.domain_phys': 29, 'map.iommu_phys': 37 },
    ],
    ['iommu_device_ser of D', schema.IommuDeviceSerD, { devid: 5, pci_domain_nr: 9, map: 13 }],
    ['iommu_hw_ser of C', schema.IommuHwSerC, { token: 5, type: 13 }],
    ['iommu_hw_ser of D', schema.IommuHwSerD, { token: 5, type: 13 }],
    [
      'iommu_domain_ser of E',
      schema.IommuDomainSerE,
      { top_table_phys: 8, top_level: 16, vasz: 24, restored_domain: 29 },
    ],
    [
      'iommu_device_ser of E',
      schema.DEVICES.E.declared,
      {
        devid: 8,
        pci_domain_nr: 12,
        'map.attachment_id': 16,
        'map.domain_phys': 24,
        'map.iommu_phys': 32,
        'intel.pasid_table': 40,
        'intel.max_pasid': 48,
      },
    ],
    [
      'iommu_hw_ser of E with SMMUv3',
      schema.IommuHwSerES,
      {
        token: 8,
        type: 16,
        'intel.restored': 24,
        'intel.phys_addr': 32,
        'intel.root_table': 40,
        'intel.context_tables_bitmap': 48,
        'arm_smmu_v3.phys_addr': 24,
        'arm_smmu_v3.strtab_base': 32,
        'arm_smmu_v3.strtab_base_cfg': 40,
        'arm_smmu_v3.l1_strtab_lu_state': 48,
        'arm_smmu_v3.num_l2_tables': 56,
        'arm_smmu_v3.l2_strtab_lu_states_phys': 64,
      },
    ],
    [
      'iommu_device_ser of E with SMMUv3',
      schema.DEVICES.ES.declared,
      {
        'arm_smmu_v3.l1_cdtab_lu_state': 40,
        'arm_smmu_v3.num_l2_cdtables': 48,
        'arm_smmu_v3.l2_cdtab_lu_states_phys': 56,
      },
    ],
    ['iommu_domain_ser of F1', schema.IommuDomainSerF, { vasz: 24, sign_extend: 28, restored_domain: 32 }],
    [
      'iommu_device_ser of F1',
      schema.DEVICES.F1.declared,
      {
        devid: 8,
        pci_domain_nr: 12,
        dma_owner_token: 16,
        'map.attachment_id': 24,
        'map.domain_phys': 32,
        'map.iommu_phys': 40,
        'intel.restored': 48,
        'intel.pasid_table': 56,
        'intel.max_pasid': 64,
      },
    ],
    [
      'iommu_device_ser of F2',
      schema.DEVICES.F2.declared,
      {
        'intel.ats_enabled': 48,
        'intel.ats_supported': 49,
        'intel.restored': 50,
        'intel.pasid_table': 56,
        'intel.max_pasid': 64,
      },
    ],
    [
      'iommu_hw_ser of F1 with SMMUv3',
      schema.IommuHwSerFS,
      {
        'arm_smmu_v3.phys_addr': 24,
        'arm_smmu_v3.strtab_base_cfg': 32,
        'arm_smmu_v3.l1_strtab_lu_state': 40,
        'arm_smmu_v3.l2_strtab_lu_states_phys': 48,
      },
    ],
    [
      'iommu_device_ser of F1 with SMMUv3',
      schema.DEVICES.FS.declared,
      { 'arm_smmu_v3.l1_cdtab_lu_state': 48, 'arm_smmu_v3.l2_cdtab_lu_states_phys': 64 },
    ],
    [
      'iommu_flb_ser of F',
      schema.IommuFlbSerVersioned,
      { version: 0, iommu_array_phys: 8, iommu_domain_array_phys: 16, device_array_phys: 24 },
    ],
  ])('%s', (_, type, expected) => {
    expect(places(type)).toMatchObject(expected);
  });
  it('i386 has A’s structs that are not packed closer together', () => {
    expect(places(schema.IommuSerA, ABI.i386)).toMatchObject({ token: 12, type: 20, 'intel.phys_addr': 24 });
    expect(places(schema.DeviceDomainIommuSerA, ABI.i386)).toMatchObject({ domain_phys: 4, iommu_phys: 12 });
  });
  it('bits of a header come from the low end on little-endian machines, from the high end on others', () => {
    const bytes = (of: ABI, deleted: number, incoming: number) =>
      encode(schema.IommuObjSer, { idx: 0, ref_count: 0, deleted, incoming }, { abi: of })[8];
    expect([bytes(abi, 1, 0), bytes(abi, 0, 1)]).toEqual([1, 2]);
    expect([bytes(ABI.s390x, 1, 0), bytes(ABI.s390x, 0, 1)]).toEqual([0x80, 0x40]);
  });
});

describe('golden vectors', () => {
  const same = (type: Schema, text: string, value: unknown, of = abi) => {
    const bytes = fromHex(text.replace(/ /g, ''));
    if (bytes === undefined) throw new Error('no hex');
    const found = decode(type, bytes, { abi: of });
    expect(found).toEqual(value);
    expect(toHex(encode(type, found, { abi: of }))).toBe(toHex(bytes));
    expect(planOf(type, of).size).toBe(bytes.length);
  };
  const obj = (idx: number, ref_count: number) => ({ idx, ref_count, deleted: 0, incoming: 0 });
  it('domain of B', () => {
    same(schema.IommuDomainSerB, '0300000001000000 00 0030231201000000 0300000000000000 0000000000000000', {
      obj: obj(3, 1),
      top_table: 0x112233000n,
      top_level: 3n,
      restored_domain: 0n,
    });
  });
  it('unit of B', () => {
    same(
      schema.IommuSerB,
      '0000000002000000 00 0000d9fe00000000 01000000 0000d9fe00000000 0000000400000000',
      {
        obj: obj(0, 2),
        token: 0xfed90000n,
        type: 1,
        intel: { phys_addr: 0xfed90000n, root_table: 0x4000000n },
      },
    );
  });
  it('device of B', () => {
    same(
      schema.DEVICES.B.declared,
      '0500000001000000 00 8877665544332211 083a0000 01000100 42000000 1000000100000000 1000000200000000 00000000 0000000300000000 0000100000000000',
      {
        obj: obj(5, 1),
        token: 0x1122334455667788n,
        devid: 0x3a08,
        pci_domain: 0x10001,
        domain_iommu_ser: { did: 0x42, domain_phys: 0x1000010n, iommu_phys: 0x2000010n },
        type: 0,
        intel: { pasid_table: 0x3000000n, max_pasid: 0x100000n },
      },
    );
  });
  const domain = {
    hdr: { ref_count: 1, flags: 0 },
    top_table_phys: 0x112233000n,
    top_level: 3n,
    vasz: 48,
    sign_extend: 1,
    restored_domain: 0n,
  };
  it('domain of E', () => {
    same(
      schema.IommuDomainSerE,
      '01000000 00000000 0030231201000000 0300000000000000 30000000 01 0000000000000000',
      domain,
    );
  });
  it('domain of F1', () => {
    same(
      schema.IommuDomainSerF,
      '01000000 00000000 0030231201000000 0300000000000000 30000000 01 000000 0000000000000000',
      domain,
    );
  });
  it('device of F2', () => {
    same(
      schema.DEVICES.F2.declared,
      '01000000 00000000 083a0000 01000100 8877665544332211 4200000000000000 1000000100000000 1000000200000000 01 01 00 0000000000 0000000300000000 0000100000000000',
      {
        hdr: { ref_count: 1, flags: 0 },
        devid: 0x3a08,
        pci_domain_nr: 0x10001,
        dma_owner_token: 0x1122334455667788n,
        map: { attachment_id: 0x42n, domain_phys: 0x1000010n, iommu_phys: 0x2000010n },
        intel: {
          ats_enabled: 1,
          ats_supported: 1,
          restored: 0,
          pasid_table: 0x3000000n,
          max_pasid: 0x100000n,
        },
      },
    );
  });
  it('the same bytes as F1 have ats_enabled for restored', () => {
    const bytes = new Uint8Array(72);
    bytes[48] = 1;
    expect(decode(schema.DEVICES.F1.declared, bytes, { abi })).toMatchObject({ intel: { restored: 1 } });
    expect(decode(schema.DEVICES.F2.declared, bytes, { abi })).toMatchObject({
      intel: { ats_enabled: 1, restored: 0 },
    });
  });
  it.each<[keyof typeof ABI, string]>([
    ['x86_64', '39000000 01'],
    ['s390x', '00000039 80'],
  ])('vasz and sign_extend on %s', (name, text) => {
    for (const [type, at] of [
      [schema.IommuDomainSerC, 21],
      [schema.IommuDomainSerE, 24],
    ] as const) {
      const value = decode(type, new Uint8Array(planOf(type, ABI[name]).size ?? 0), { abi: ABI[name] });
      const bytes = encode(type, { ...value, vasz: 0x39, sign_extend: 1 }, { abi: ABI[name] });
      expect(toHex(bytes.subarray(at, at + 5))).toBe(text.replace(' ', ''));
    }
  });
});
