/**
 * The layouts that the IOMMU's state had, one named profile for each. A compatible string stands for several
 * of them, so everything that differs is said here, and nothing else asks which one it is.
 */
import type { Struct } from '../../codec/index.js';
import type { Generation } from '../format.js';
import {
  DEVICES,
  type DeviceSchemas,
  IommuArrayHdrSer,
  IommuDomainSerA,
  IommuDomainSerB,
  IommuDomainSerC,
  IommuDomainSerE,
  IommuDomainSerF,
  IommuFlbSer,
  IommuFlbSerVersioned,
  IommuHwSerC,
  IommuHwSerD,
  IommuHwSerDIntel,
  IommuHwSerE,
  IommuHwSerES,
  IommuHwSerF0,
  IommuHwSerFS,
  IommuLuFlbSer,
  IommuObjsSer,
  IommuSerA,
  IommuSerB,
} from './schema.js';

export type IommuKind = 'iommus' | 'domains' | 'devices';
export const IOMMU_KINDS: readonly IommuKind[] = Object.freeze(['iommus', 'domains', 'devices']);

export type IommuString = 'iommu-v1' | 'iommu-liveupdate-v1' | 'iommu-liveupdate';

/** Members by what they are for: paths in the value of the struct. Undefined where the generation has none. */
export interface CommonRoles {
  readonly ref_count: string;
  /** The ordinal of the object over all pages. */
  readonly idx?: string;
  /** Two bit-fields, or a word whose bits 0 and 1 they are. */
  readonly deleted: string;
  readonly incoming: string;
  readonly flags?: string;
}
export interface DomainRoles extends CommonRoles {
  readonly top_table: string;
  readonly top_level: string;
  readonly vasz?: string;
  readonly sign_extend?: string;
  readonly restored: string;
}
export interface DeviceRoles extends CommonRoles {
  /** Of the owner: the iommufd's token in its session (A to C), or the owner of its DMA (F1 on). */
  readonly owner?: string;
  readonly devid: string;
  readonly segment: string;
  /** The domain's id on the unit. */
  readonly id: string;
  readonly domain: string;
  readonly iommu: string;
  readonly restored?: string;
}
export interface IommuRoles extends CommonRoles {
  readonly token: string;
  readonly type: string;
  readonly restored?: string;
  /** Whether the Intel part tells which context tables are preserved. */
  readonly bitmap?: true;
}

export interface IommuProfile extends Generation {
  readonly name: 'A' | 'B' | 'B49' | 'C' | 'D' | 'D+I' | 'E' | 'E+S' | 'F0' | 'F1' | 'F1+S' | 'F2';
  /** Name of the file-lifecycle-bound data. */
  readonly compatible: IommuString;
  /** `version` of the root, where it has one. */
  readonly version: bigint | undefined;
  readonly root: {
    readonly schema: Struct;
    /** In bytes. */
    readonly size: number;
    /** Members with the first page of each kind. */
    readonly arrays: Readonly<Record<IommuKind, string>>;
    /** Members with the totals of each kind. */
    readonly totals: Readonly<Record<IommuKind, string>> | undefined;
  };
  /** Header of a page of objects: 16 bytes in all of them. */
  readonly page: { readonly schema: Struct; readonly next: string; readonly count: string };
  /** Whether readers count up to the totals of the root, or follow each page's own count. */
  readonly walk: 'totals' | 'counts';
  readonly iommu: { readonly schema: Struct; readonly roles: IommuRoles };
  readonly domain: { readonly schema: Struct; readonly roles: DomainRoles };
  readonly device: { readonly schemas: DeviceSchemas; readonly roles: DeviceRoles };
  /** Types of IOMMU that its writers give; only 0 where no driver is declared. */
  readonly types: readonly number[];
  /** Whether the vendor's part of a device is there. */
  readonly driver: boolean;
  /** Whether a device that is taken back leaves its slot live. */
  readonly zombies: boolean;
}

/** Bytes of the header of a page, before its first object. */
export const PAGE_HEADER = 16;

const OBJ: CommonRoles = {
  ref_count: 'obj.ref_count',
  idx: 'obj.idx',
  deleted: 'obj.deleted',
  incoming: 'obj.incoming',
};
const HDR_BITS: CommonRoles = {
  ref_count: 'hdr.ref_count',
  deleted: 'hdr.deleted',
  incoming: 'hdr.incoming',
};
const HDR_FLAGS: CommonRoles = {
  ref_count: 'hdr.ref_count',
  deleted: 'hdr.flags',
  incoming: 'hdr.flags',
  flags: 'hdr.flags',
};

const SEED_ROOT: IommuProfile['root'] = {
  schema: IommuLuFlbSer,
  size: 48,
  arrays: { iommus: 'iommus_phys', domains: 'iommu_domains_phys', devices: 'devices_phys' },
  totals: { iommus: 'nr_iommus', domains: 'nr_domains', devices: 'nr_devices' },
};
const ARRAYS = {
  iommus: 'iommu_array_phys',
  domains: 'iommu_domain_array_phys',
  devices: 'device_array_phys',
} as const;
const ROOT: IommuProfile['root'] = { schema: IommuFlbSer, size: 24, arrays: ARRAYS, totals: undefined };
const VERSIONED_ROOT: IommuProfile['root'] = {
  schema: IommuFlbSerVersioned,
  size: 32,
  arrays: ARRAYS,
  totals: undefined,
};

const SEED_PAGE: IommuProfile['page'] = { schema: IommuObjsSer, next: 'next_objs', count: 'nr_objs' };
const PAGE: IommuProfile['page'] = {
  schema: IommuArrayHdrSer,
  next: 'next_array_phys',
  count: 'nr_objects',
};

const SEED_DOMAIN: DomainRoles = {
  ...OBJ,
  top_table: 'top_table',
  top_level: 'top_level',
  restored: 'restored_domain',
};
const DOMAIN = {
  top_table: 'top_table_phys',
  top_level: 'top_level',
  vasz: 'vasz',
  sign_extend: 'sign_extend',
  restored: 'restored_domain',
} as const;
const SEED_DEVICE: DeviceRoles = {
  ...OBJ,
  owner: 'token',
  devid: 'devid',
  segment: 'pci_domain',
  id: 'domain_iommu_ser.did',
  domain: 'domain_iommu_ser.domain_phys',
  iommu: 'domain_iommu_ser.iommu_phys',
};
const DEVICE = {
  devid: 'devid',
  segment: 'pci_domain_nr',
  id: 'map.attachment_id',
  domain: 'map.domain_phys',
  iommu: 'map.iommu_phys',
} as const;
const HW = { token: 'token', type: 'type' } as const;
const HW_INTEL = { ...HW, restored: 'intel.restored', bitmap: true } as const;

const SEED = {
  compatible: 'iommu-v1',
  version: undefined,
  root: SEED_ROOT,
  page: SEED_PAGE,
  walk: 'totals',
} as const;
const UNVERSIONED = {
  compatible: 'iommu-liveupdate-v1',
  version: undefined,
  root: ROOT,
  page: PAGE,
  walk: 'counts',
} as const;
const VERSIONED = {
  compatible: 'iommu-liveupdate',
  version: 1n,
  root: VERSIONED_ROOT,
  page: PAGE,
  walk: 'counts',
} as const;

/** From the oldest on. */
export const IOMMU_PROFILES: readonly IommuProfile[] = Object.freeze<IommuProfile[]>([
  {
    ...SEED,
    name: 'A',
    title: 'domains with attach_count; devices without a driver’s part',
    source: 'RFC v2 of 2025-12-02 (the header is that of the development tree)',
    iommu: { schema: IommuSerA, roles: { ...OBJ, ...HW } },
    domain: { schema: IommuDomainSerA, roles: SEED_DOMAIN },
    device: { schemas: DEVICES.A, roles: SEED_DEVICE },
    types: [1],
    driver: false,
    zombies: true,
  },
  {
    ...SEED,
    name: 'B49',
    title: 'patches 1 to 8 of B: devices of 49 bytes',
    source: 'v1 of 2026-02-03 (20260203220948.2176157) before its ninth patch',
    iommu: { schema: IommuSerB, roles: { ...OBJ, ...HW } },
    domain: { schema: IommuDomainSerB, roles: SEED_DOMAIN },
    device: { schemas: DEVICES.B49, roles: SEED_DEVICE },
    types: [1],
    driver: false,
    zombies: true,
  },
  {
    ...SEED,
    name: 'B',
    title: 'headers of 9 bytes, devices of 65 bytes, totals in the root',
    source: 'v1 of 2026-02-03, 14 patches (20260203220948.2176157)',
    iommu: { schema: IommuSerB, roles: { ...OBJ, ...HW } },
    domain: { schema: IommuDomainSerB, roles: SEED_DOMAIN },
    device: { schemas: DEVICES.B, roles: SEED_DEVICE },
    types: [1],
    driver: true,
    zombies: true,
  },
  {
    ...UNVERSIONED,
    name: 'C',
    title: 'headers of 5 bytes; devices with a token; types of 32 bits',
    source: 'development tree between v1 and v2, not posted',
    iommu: { schema: IommuHwSerC, roles: { ...HDR_BITS, ...HW } },
    domain: { schema: IommuDomainSerC, roles: { ...HDR_BITS, ...DOMAIN } },
    device: { schemas: DEVICES.C, roles: { ...HDR_BITS, ...DEVICE, owner: 'token' } },
    types: [0],
    driver: false,
    zombies: true,
  },
  {
    ...UNVERSIONED,
    name: 'D',
    title: 'headers of 5 bytes; no token; types of 64 bits; the core alone',
    source: 'v2 of 2026-04-27, 16 patches (20260427175633.1978233), as backported by a vendor',
    iommu: { schema: IommuHwSerD, roles: { ...HDR_BITS, ...HW } },
    domain: { schema: IommuDomainSerC, roles: { ...HDR_BITS, ...DOMAIN } },
    device: { schemas: DEVICES.D, roles: { ...HDR_BITS, ...DEVICE } },
    types: [0],
    driver: false,
    zombies: true,
  },
  {
    ...UNVERSIONED,
    name: 'D+I',
    title: 'D with the parts of the Intel driver, whose sizes are inferred',
    source: 'v2 of 2026-04-27 (20260427175633.1978233); its Intel patches were not seen as text',
    iommu: { schema: IommuHwSerDIntel, roles: { ...HDR_BITS, ...HW_INTEL } },
    domain: { schema: IommuDomainSerC, roles: { ...HDR_BITS, ...DOMAIN } },
    device: { schemas: DEVICES.DIntel, roles: { ...HDR_BITS, ...DEVICE } },
    types: [1],
    driver: true,
    zombies: true,
  },
  {
    ...UNVERSIONED,
    name: 'E',
    title: 'headers of 8 bytes with a word of flags',
    source: 'development tree, probably v3 of 2026-06-14 (20260614233728.2212104)',
    iommu: { schema: IommuHwSerE, roles: { ...HDR_FLAGS, ...HW_INTEL } },
    domain: { schema: IommuDomainSerE, roles: { ...HDR_FLAGS, ...DOMAIN } },
    device: { schemas: DEVICES.E, roles: { ...HDR_FLAGS, ...DEVICE } },
    types: [1],
    driver: true,
    zombies: false,
  },
  {
    ...UNVERSIONED,
    name: 'E+S',
    title: 'E with the parts of the SMMUv3 driver: devices of 64 bytes',
    source: 'a third party’s tree on top of E',
    iommu: { schema: IommuHwSerES, roles: { ...HDR_FLAGS, ...HW_INTEL } },
    domain: { schema: IommuDomainSerE, roles: { ...HDR_FLAGS, ...DOMAIN } },
    device: { schemas: DEVICES.ES, roles: { ...HDR_FLAGS, ...DEVICE } },
    types: [1, 2],
    driver: true,
    zombies: false,
  },
  {
    ...VERSIONED,
    name: 'F0',
    title: 'a version in the root; the core alone',
    source: 'development tree after E, core header only',
    iommu: { schema: IommuHwSerF0, roles: { ...HDR_FLAGS, ...HW } },
    domain: { schema: IommuDomainSerE, roles: { ...HDR_FLAGS, ...DOMAIN } },
    device: { schemas: DEVICES.F0, roles: { ...HDR_FLAGS, ...DEVICE } },
    types: [0],
    driver: false,
    zombies: false,
  },
  {
    ...VERSIONED,
    name: 'F1',
    title: 'owner tokens; domains of 40 and devices of 72 bytes',
    source: 'development tree after F0',
    iommu: { schema: IommuHwSerE, roles: { ...HDR_FLAGS, ...HW_INTEL } },
    domain: { schema: IommuDomainSerF, roles: { ...HDR_FLAGS, ...DOMAIN } },
    device: {
      schemas: DEVICES.F1,
      roles: { ...HDR_FLAGS, ...DEVICE, owner: 'dma_owner_token', restored: 'intel.restored' },
    },
    types: [1],
    driver: true,
    zombies: false,
  },
  {
    ...VERSIONED,
    name: 'F1+S',
    title: 'F1 with the parts of the SMMUv3 driver',
    source: 'a third party’s tree on top of F1',
    iommu: { schema: IommuHwSerFS, roles: { ...HDR_FLAGS, ...HW_INTEL } },
    domain: { schema: IommuDomainSerF, roles: { ...HDR_FLAGS, ...DOMAIN } },
    device: {
      schemas: DEVICES.FS,
      roles: { ...HDR_FLAGS, ...DEVICE, owner: 'dma_owner_token', restored: 'intel.restored' },
    },
    types: [1, 2],
    driver: true,
    zombies: false,
  },
  {
    ...VERSIONED,
    name: 'F2',
    title: 'F1 with the state of ATS in the Intel part of a device',
    source: 'development tree after F1; 2026-08-08 (20260808022723.3893618) is of this family',
    iommu: { schema: IommuHwSerE, roles: { ...HDR_FLAGS, ...HW_INTEL } },
    domain: { schema: IommuDomainSerF, roles: { ...HDR_FLAGS, ...DOMAIN } },
    device: {
      schemas: DEVICES.F2,
      roles: { ...HDR_FLAGS, ...DEVICE, owner: 'dma_owner_token', restored: 'intel.restored' },
    },
    types: [1],
    driver: true,
    zombies: false,
  },
]);

/** The names that file-lifecycle-bound data of the IOMMU has had. */
export const IOMMU_STRINGS: readonly IommuString[] = Object.freeze([
  'iommu-v1',
  'iommu-liveupdate-v1',
  'iommu-liveupdate',
]);

/** The profile of that name, in any case: `B`, `f1+s`. */
export function iommuProfile(name: string): IommuProfile | undefined {
  const wanted = name.toLowerCase();
  return IOMMU_PROFILES.find((profile) => profile.name.toLowerCase() === wanted);
}

/** The generations as lists show them: the first series had no data of the IOMMU's own. */
export const IOMMU_GENERATIONS: readonly Generation[] = Object.freeze([
  {
    name: 'R1',
    title: 'no data of its own: the file iommufd-v1 held one folio',
    source: 'RFC v1 of autumn 2025',
  },
  ...IOMMU_PROFILES.map(({ name, title, source }) => ({ name, title, source })),
]);

/** The schema of a kind as C declares it. */
export function declaredSchema(profile: IommuProfile, kind: IommuKind): Struct {
  if (kind === 'iommus') return profile.iommu.schema;
  return kind === 'domains' ? profile.domain.schema : profile.device.schemas.declared;
}

/** Every struct of every layout: `iommu_domain_ser(B)`; the plain name is that of the last layout that has it. */
export const IOMMU_TYPES: Readonly<Record<string, Struct>> = Object.freeze(
  Object.fromEntries(
    IOMMU_PROFILES.flatMap((profile) =>
      [
        profile.root.schema,
        profile.page.schema,
        ...IOMMU_KINDS.map((kind) => declaredSchema(profile, kind)),
      ].flatMap((schema): [string, Struct][] => [
        [schema.name, schema],
        [`${schema.name}(${profile.name})`, schema],
      ]),
    ),
  ),
);
