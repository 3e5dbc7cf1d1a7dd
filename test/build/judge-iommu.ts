/**
 * What an IOMMU driver hands over, written field by field at the offsets that were measured of each profile. The
 * second judge reads it with the structs themselves, so that table and structs prove each other.
 */
import { Memory } from '../formats/kho/builder.js';
import type { JudgeCase } from './judge-cases.js';
import { elfOf } from './judge-elf.js';

/** Offset and size of each field, in the order in which the judge prints them. */
type Fields = readonly (readonly [name: string, offset: number, size: number])[];
interface Kind {
  readonly stride: number;
  readonly fields: Fields;
}
interface Profile {
  /** Where the root has the version, the first array, and whether totals stand between. */
  readonly version: boolean;
  readonly totals: boolean;
  /** Offset of the byte of one-bit fields; where there is none, flags are a word at 4. */
  readonly bits?: number;
  readonly hw: Kind;
  readonly domain: Kind;
  readonly device: Kind;
}

const IDX: Fields = [
  ['idx', 0, 4],
  ['ref_count', 4, 4],
];
const COUNT: Fields = [['ref_count', 0, 4]];
const FLAGS: Fields = [
  ['ref_count', 0, 4],
  ['flags', 4, 4],
];

const HW_B: Fields = [
  ...IDX,
  ['token', 9, 8],
  ['type', 17, 4],
  ['intel.phys_addr', 21, 8],
  ['intel.root_table', 29, 8],
];
const DOMAIN_B: Fields = [...IDX, ['top_table', 9, 8], ['top_level', 17, 8], ['restored_domain', 25, 8]];
const DEVICE_B49: Fields = [
  ...IDX,
  ['token', 9, 8],
  ['devid', 17, 4],
  ['pci_domain', 21, 4],
  ['did', 25, 4],
  ['domain_phys', 29, 8],
  ['iommu_phys', 37, 8],
  ['type', 45, 4],
];
const DOMAIN_C: Fields = [
  ...COUNT,
  ['top_table_phys', 5, 8],
  ['top_level', 13, 8],
  ['vasz', 21, 4],
  ['sign_extend', 25, 1],
  ['restored_domain', 26, 8],
];
const DOMAIN_E: Fields = [
  ...FLAGS,
  ['top_table_phys', 8, 8],
  ['top_level', 16, 8],
  ['vasz', 24, 4],
  ['sign_extend', 28, 1],
  ['restored_domain', 29, 8],
];
const DOMAIN_F: Fields = [...DOMAIN_E.slice(0, -1), ['restored_domain', 32, 8]];
const map = (at: number): Fields => [
  ['attachment_id', at, 8],
  ['domain_phys', at + 8, 8],
  ['iommu_phys', at + 16, 8],
];
const HW_E: Fields = [
  ...FLAGS,
  ['token', 8, 8],
  ['type', 16, 8],
  ['intel.restored', 24, 1],
  ['intel.phys_addr', 32, 8],
  ['intel.root_table', 40, 8],
  ['intel.context_tables_bitmap.0', 48, 8],
  ['intel.context_tables_bitmap.7', 104, 8],
];
const HW_ES: Fields = [
  ...HW_E.slice(0, 4),
  ['smmuv3.phys_addr', 24, 8],
  ['smmuv3.strtab_base', 32, 8],
  ['smmuv3.strtab_base_cfg', 40, 8],
  ['smmuv3.l1_strtab_lu_state', 48, 8],
  ['smmuv3.num_l2_tables', 56, 4],
  ['smmuv3.l2_strtab_lu_states_phys', 64, 8],
];
const HW_F1S: Fields = [
  ...HW_E.slice(0, 4),
  ['smmuv3.phys_addr', 24, 8],
  ['smmuv3.strtab_base_cfg', 32, 8],
  ['smmuv3.l1_strtab_lu_state', 40, 8],
  ['smmuv3.l2_strtab_lu_states_phys', 48, 8],
];
const DEVICE_F: Fields = [
  ...FLAGS,
  ['devid', 8, 4],
  ['pci_domain_nr', 12, 4],
  ['dma_owner_token', 16, 8],
  ...map(24),
];
const OLD = { version: false, totals: true, bits: 8 } as const;
const MIDDLE = { version: false, totals: false } as const;
const NEW = { version: true, totals: false } as const;

const PROFILES: Readonly<Record<string, Profile>> = {
  A: {
    ...OLD,
    hw: {
      stride: 48,
      fields: [
        ...IDX,
        ['token', 16, 8],
        ['type', 24, 4],
        ['intel.phys_addr', 28, 8],
        ['intel.root_table', 36, 8],
      ],
    },
    domain: {
      stride: 41,
      fields: [
        ...IDX,
        ['top_table', 9, 8],
        ['top_level', 17, 8],
        ['attach_count', 25, 8],
        ['restored_domain', 33, 8],
      ],
    },
    device: {
      stride: 53,
      fields: [
        ...IDX,
        ['token', 9, 8],
        ['devid', 17, 4],
        ['pci_domain', 21, 4],
        ['did', 25, 4],
        ['domain_phys', 33, 8],
        ['iommu_phys', 41, 8],
        ['type', 49, 4],
      ],
    },
  },
  B: {
    ...OLD,
    hw: { stride: 37, fields: HW_B },
    domain: { stride: 33, fields: DOMAIN_B },
    device: {
      stride: 65,
      fields: [...DEVICE_B49, ['intel.pasid_table', 49, 8], ['intel.max_pasid', 57, 8]],
    },
  },
  B49: {
    ...OLD,
    hw: { stride: 37, fields: HW_B },
    domain: { stride: 33, fields: DOMAIN_B },
    device: { stride: 49, fields: DEVICE_B49 },
  },
  C: {
    ...MIDDLE,
    bits: 4,
    hw: { stride: 17, fields: [...COUNT, ['token', 5, 8], ['type', 13, 4]] },
    domain: { stride: 34, fields: DOMAIN_C },
    device: {
      stride: 45,
      fields: [...COUNT, ['token', 5, 8], ['devid', 13, 4], ['pci_domain_nr', 17, 4], ...map(21)],
    },
  },
  D: {
    ...MIDDLE,
    bits: 4,
    hw: { stride: 21, fields: [...COUNT, ['token', 5, 8], ['type', 13, 8]] },
    domain: { stride: 34, fields: DOMAIN_C },
    device: { stride: 37, fields: [...COUNT, ['devid', 5, 4], ['pci_domain_nr', 9, 4], ...map(13)] },
  },
  E: {
    ...MIDDLE,
    hw: { stride: 112, fields: HW_E },
    domain: { stride: 37, fields: DOMAIN_E },
    device: {
      stride: 56,
      fields: [
        ...FLAGS,
        ['devid', 8, 4],
        ['pci_domain_nr', 12, 4],
        ...map(16),
        ['intel.pasid_table', 40, 8],
        ['intel.max_pasid', 48, 8],
      ],
    },
  },
  'E+S': {
    ...MIDDLE,
    hw: { stride: 112, fields: HW_ES },
    domain: { stride: 37, fields: DOMAIN_E },
    device: {
      stride: 64,
      fields: [
        ...FLAGS,
        ['devid', 8, 4],
        ['pci_domain_nr', 12, 4],
        ...map(16),
        ['intel.pasid_table', 40, 8],
        ['intel.max_pasid', 48, 8],
        ['smmuv3.l1_cdtab_lu_state', 40, 8],
        ['smmuv3.num_l2_cdtables', 48, 4],
        ['smmuv3.l2_cdtab_lu_states_phys', 56, 8],
      ],
    },
  },
  F0: {
    ...NEW,
    hw: { stride: 24, fields: [...FLAGS, ['token', 8, 8], ['type', 16, 8]] },
    domain: { stride: 37, fields: DOMAIN_E },
    device: { stride: 40, fields: [...FLAGS, ['devid', 8, 4], ['pci_domain_nr', 12, 4], ...map(16)] },
  },
  F1: {
    ...NEW,
    hw: { stride: 112, fields: HW_E },
    domain: { stride: 40, fields: DOMAIN_F },
    device: {
      stride: 72,
      fields: [
        ...DEVICE_F,
        ['intel.restored', 48, 1],
        ['intel.pasid_table', 56, 8],
        ['intel.max_pasid', 64, 8],
      ],
    },
  },
  'F1+S': {
    ...NEW,
    hw: { stride: 112, fields: HW_F1S },
    domain: { stride: 40, fields: DOMAIN_F },
    device: {
      stride: 72,
      fields: [
        ...DEVICE_F,
        ['intel.restored', 48, 1],
        ['intel.pasid_table', 56, 8],
        ['intel.max_pasid', 64, 8],
        ['smmuv3.l1_cdtab_lu_state', 48, 8],
        ['smmuv3.num_l2_cdtables', 56, 4],
        ['smmuv3.l2_cdtab_lu_states_phys', 64, 8],
      ],
    },
  },
  F2: {
    ...NEW,
    hw: { stride: 112, fields: HW_E },
    domain: { stride: 40, fields: DOMAIN_F },
    device: {
      stride: 72,
      fields: [
        ...DEVICE_F,
        ['intel.ats_enabled', 48, 1],
        ['intel.ats_supported', 49, 1],
        ['intel.restored', 50, 1],
        ['intel.pasid_table', 56, 8],
        ['intel.max_pasid', 64, 8],
      ],
    },
  },
};

const ROOT = 0x100000;
type Values = Readonly<Record<string, bigint | number>>;

/** Two units, and of domains and devices one page full and one object in the next; the second domain is deleted. */
function write(name: string, profile: Profile, pageSize: number): Pick<JudgeCase, 'elf' | 'lines'> {
  const memory = new Memory();
  const lines: Record<string, string | number>[] = [];
  let next = ROOT + pageSize;
  const page = (): number => {
    const at = next;
    next += pageSize;
    memory.touch(at, pageSize);
    return at;
  };
  const capacity = ({ stride }: Kind): number => Math.floor((pageSize - 16) / stride);
  const smmu = name.includes('+S');

  const array = (
    kind: 'hw' | 'domain' | 'device',
    count: number,
    valuesOf: (i: number) => Values,
  ): number[] => {
    const { stride, fields } = profile[kind];
    const addresses: number[] = [];
    let block = 0;
    for (let i = 0; i < count; i++) {
      if (i % capacity(profile[kind]) === 0) {
        const successor = page();
        if (block !== 0) memory.u64(block, successor);
        block = successor;
        memory.u64(block + 8, Math.min(capacity(profile[kind]), count - i));
      }
      const at = block + 16 + (i % capacity(profile[kind])) * stride;
      addresses.push(at);
      const values: Values = { idx: i, ref_count: 1, flags: 0, ...valuesOf(i) };
      const written: [string, string][] = [];
      for (const [field, offset, size] of fields) {
        const value = values[field] ?? 0;
        // Members of a union lie over each other: the judge prints what the bytes are to each.
        if (field in values || !field.startsWith('intel.')) memory.word(at + offset, value, size);
        written.push([field, `0x${value.toString(16)}`]);
      }
      if (profile.bits !== undefined) {
        memory.word(at + profile.bits, values.flags ?? 0, 1);
        const where = written.findIndex(([field]) => field === 'ref_count') + 1;
        const flags = Number(values.flags ?? 0);
        written.splice(where, 0, ['deleted', `0x${flags & 1}`], ['incoming', `0x${flags >> 1}`]);
      }
      lines.push({ kind, address: `0x${at.toString(16)}`, ...Object.fromEntries(written) });
    }
    return addresses;
  };

  const devices = capacity(profile.device) + 1;
  const hws = array('hw', 2, (i) => {
    const token = 0xfed90000 + i * 0x1000;
    const bitmap = { 'intel.context_tables_bitmap.0': 5n, 'intel.context_tables_bitmap.7': 1n << 63n };
    return {
      token,
      ref_count: i === 0 ? devices - 1 : 1,
      type: name === 'F0' || name === 'C' || name === 'D' ? 0 : smmu ? 2 : 1,
      'intel.phys_addr': token,
      'intel.root_table': 0x4000000,
      ...bitmap,
      'smmuv3.phys_addr': token,
      'smmuv3.strtab_base': 0x5000000,
      'smmuv3.strtab_base_cfg': 0x20001,
      'smmuv3.l1_strtab_lu_state': 0x6000000,
      'smmuv3.num_l2_tables': 9,
      'smmuv3.l2_strtab_lu_states_phys': 0x7000000,
    };
  });
  const domains = array('domain', capacity(profile.domain) + 1, (i) => ({
    flags: i === 1 ? 1 : 0,
    top_table: 0x112233000,
    top_table_phys: 0x112233000,
    top_level: 3,
    attach_count: 2,
    vasz: 48,
    sign_extend: i % 2,
  }));
  const last = domains.at(-1) ?? 0;
  const slots = array('device', devices, (i) => ({
    devid: 0x3a00 + (i & 0xff),
    ...(i > 255 ? { devid: i } : {}),
    token: 0x1122334455667788n,
    pci_domain: 0x10001,
    pci_domain_nr: 0x10001,
    dma_owner_token: 0x1122334455667788n,
    did: i === devices - 1 ? 0x42 : 0x43,
    attachment_id: i === devices - 1 ? 0x42 : 0x43,
    domain_phys: i === devices - 1 ? (domains[0] ?? 0) : last,
    iommu_phys: hws[i === devices - 1 ? 1 : 0] ?? 0,
    ...(smmu
      ? { 'smmuv3.l1_cdtab_lu_state': 0, 'smmuv3.num_l2_cdtables': 0, 'smmuv3.l2_cdtab_lu_states_phys': 0 }
      : {
          'intel.ats_enabled': 1,
          'intel.ats_supported': 1,
          'intel.pasid_table': 0x3000000,
          'intel.max_pasid': 0x100000,
        }),
  }));

  memory.touch(ROOT, pageSize);
  const first = (all: readonly number[]): number => (all[0] ?? 0) - 16;
  let at = ROOT;
  if (profile.version) {
    memory.u64(at, 1);
    at += 8;
  }
  for (const all of [hws, domains, slots]) {
    memory.u64(at, first(all));
    at += 8;
    if (profile.totals) {
      memory.u64(at, all.length);
      at += 8;
    }
  }
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const head = {
    kind: 'iommu',
    address: hex(ROOT),
    ...(profile.version ? { version: '0x1' } : {}),
    ...(profile.totals
      ? { nr_iommus: hex(hws.length), nr_domains: hex(domains.length), nr_devices: hex(slots.length) }
      : {}),
  };
  return { elf: () => elfOf(memory, pageSize), lines: [head, ...lines] };
}

/** Each profile, at each page size. */
export function* iommuCases(): Generator<JudgeCase> {
  for (const [name, profile] of Object.entries(PROFILES))
    for (const pageSize of [4096, 16384, 65536])
      yield {
        name: `iommu/${name}/${pageSize / 1024}K`,
        generation: `iommu-${name}`,
        pageSize,
        root: BigInt(ROOT),
        ...write(name, profile, pageSize),
      };
}
