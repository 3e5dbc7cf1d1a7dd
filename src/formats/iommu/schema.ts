/**
 * What the IOMMU core and its drivers hand over, as each series declared it. All is in native order. Nearly
 * everything is packed, so that bit-fields at the end of a struct take one byte whatever their type, and what
 * follows is misaligned. The names of the structs inside unions are not those of the kernel, which gives them
 * none that is known.
 */
import {
  anonymous,
  array,
  bits,
  bytes,
  enumeration,
  type Fields,
  field,
  flags,
  hex,
  type Int,
  phys,
  pointer,
  reserved,
  type Struct,
  struct,
  taggedUnion,
  u8,
  u32,
  u64,
  union,
} from '../../codec/index.js';

const PACKED = { packed: true } as const;

// --- types of IOMMUs ---------------------------------------------------------------------------------------

export const IOMMU_INTEL = 1;
export const IOMMU_ARM_SMMUV3 = 2;

const TYPES = { IOMMU_INVALID: 0, IOMMU_INTEL, IOMMU_ARM_SMMUV3 } as const;
function typeOf<V extends number | bigint>(name: string, base: Int<V>) {
  return enumeration(name, base, TYPES);
}
/** Seed era. */
export const IommuLuType = typeOf('iommu_lu_type', u32);
/** Generation C. */
export const IommuTypeSer32 = typeOf('iommu_type_ser', u32);
/** From the second posting on. */
export const IommuTypeSer = typeOf('iommu_type_ser', u64);

// --- headers -----------------------------------------------------------------------------------------------

/** A and B: 9 bytes. */
export const IommuObjSer = struct(
  'iommu_obj_ser',
  { idx: u32, ref_count: u32, deleted: bits(u32, 1), incoming: bits(u32, 1) },
  PACKED,
);
/** C and D: 5 bytes. */
export const IommuHdrSerBits = struct(
  'iommu_hdr_ser',
  { ref_count: u32, deleted: bits(u32, 1), incoming: bits(u32, 1) },
  PACKED,
);
export const IommuFlags = flags('iommu_ser_flags', hex(u32), {
  IOMMU_SER_DELETED: 1,
  IOMMU_SER_INCOMING: 2,
});
/** E and F: 8 bytes. */
export const IommuHdrSer = struct('iommu_hdr_ser', { ref_count: u32, flags: IommuFlags }, PACKED);

/** Header of a page of objects in the seed era. */
export const IommuObjsSer = struct('iommu_objs_ser', { next_objs: phys(), nr_objs: u64 }, PACKED);
/** Header of a page of objects from C on. */
export const IommuArrayHdrSer = struct(
  'iommu_array_hdr_ser',
  { next_array_phys: phys(), nr_objects: u64 },
  PACKED,
);

// --- roots -------------------------------------------------------------------------------------------------

/** A and B: the totals count deleted slots too. */
export const IommuLuFlbSer = struct(
  'iommu_lu_flb_ser',
  {
    iommus_phys: phys(),
    nr_iommus: u64,
    iommu_domains_phys: phys(),
    nr_domains: u64,
    devices_phys: phys(),
    nr_devices: u64,
  },
  PACKED,
);
/** C to E. */
export const IommuFlbSer = struct(
  'iommu_flb_ser',
  { iommu_array_phys: phys(), iommu_domain_array_phys: phys(), device_array_phys: phys() },
  PACKED,
);
/** F: with a version at an offset that is promised to stay. */
export const IommuFlbSerVersioned = struct(
  'iommu_flb_ser',
  { version: u64, iommu_array_phys: phys(), iommu_domain_array_phys: phys(), device_array_phys: phys() },
  PACKED,
);

// --- domains -----------------------------------------------------------------------------------------------

/** A: 41 bytes with 8-byte pointers. */
export const IommuDomainSerA = struct(
  'iommu_domain_ser',
  {
    obj: IommuObjSer,
    top_table: phys(),
    top_level: u64,
    attach_count: u64,
    restored_domain: pointer(),
  },
  PACKED,
);
/** B: 33 bytes. */
export const IommuDomainSerB = struct(
  'iommu_domain_ser',
  { obj: IommuObjSer, top_table: phys(), top_level: u64, restored_domain: pointer() },
  PACKED,
);
/** C and D: 34 bytes; the bit takes one of them. */
export const IommuDomainSerC = struct(
  'iommu_domain_ser',
  {
    hdr: IommuHdrSerBits,
    top_table_phys: phys(),
    top_level: u64,
    vasz: u32,
    sign_extend: bits(u32, 1),
    restored_domain: pointer(),
  },
  PACKED,
);
/** E and F0: 37 bytes. */
export const IommuDomainSerE = struct(
  'iommu_domain_ser',
  {
    hdr: IommuHdrSer,
    top_table_phys: phys(),
    top_level: u64,
    vasz: u32,
    sign_extend: bits(u32, 1),
    restored_domain: pointer(),
  },
  PACKED,
);
/** F1 and F2: 40 bytes. */
export const IommuDomainSerF = struct(
  'iommu_domain_ser',
  {
    hdr: IommuHdrSer,
    top_table_phys: phys(),
    top_level: u64,
    vasz: u32,
    sign_extend: u8,
    pad: reserved(bytes(3)),
    restored_domain: pointer(),
  },
  PACKED,
);

// --- IOMMU units -------------------------------------------------------------------------------------------

/** The Intel part of a unit in the seed era: 16 bytes. */
export const IommuIntelSerB = struct('iommu_intel_ser', { phys_addr: phys(), root_table: phys() }, PACKED);
/** From D on: 88 bytes. Bit bus * 2 + (devfn >= 0x80) of the bitmap says that a context table is preserved. */
export const IommuIntelSer = struct('iommu_intel_ser', {
  restored: u8,
  pad: reserved(bytes(7)),
  phys_addr: phys(),
  root_table: phys(),
  context_tables_bitmap: array(hex(u64), 8),
});
/** The SMMUv3 part beside E: 48 bytes. */
export const IommuArmSmmuV3SerE = struct(
  'iommu_arm_smmu_v3_ser',
  {
    phys_addr: phys(),
    strtab_base: hex(u64),
    strtab_base_cfg: hex(u64),
    l1_strtab_lu_state: hex(u64),
    num_l2_tables: u32,
    pad: reserved(u32),
    l2_strtab_lu_states_phys: phys(),
  },
  PACKED,
);
/** The SMMUv3 part beside F1: 32 bytes. */
export const IommuArmSmmuV3SerF = struct(
  'iommu_arm_smmu_v3_ser',
  {
    phys_addr: phys(),
    strtab_base_cfg: hex(u64),
    l1_strtab_lu_state: hex(u64),
    l2_strtab_lu_states_phys: phys(),
  },
  PACKED,
);

/** A: 48 bytes, not packed. */
export const IommuSerA = struct('iommu_ser', {
  obj: IommuObjSer,
  token: hex(u64),
  type: IommuLuType,
  driver: anonymous(
    taggedUnion('iommu_ser_driver', field('type'), { 1: 'intel' }, { intel: IommuIntelSerB }, PACKED),
  ),
});
/** B: 37 bytes. */
export const IommuSerB = struct(
  'iommu_ser',
  {
    obj: IommuObjSer,
    token: hex(u64),
    type: IommuLuType,
    driver: anonymous(
      taggedUnion('iommu_ser_driver', field('type'), { 1: 'intel' }, { intel: IommuIntelSerB }, PACKED),
    ),
  },
  PACKED,
);
/** C: 17 bytes, without a driver's part. */
export const IommuHwSerC = struct(
  'iommu_hw_ser',
  { hdr: IommuHdrSerBits, token: hex(u64), type: IommuTypeSer32 },
  PACKED,
);
/** The core of D: 21 bytes. */
export const IommuHwSerD = struct(
  'iommu_hw_ser',
  { hdr: IommuHdrSerBits, token: hex(u64), type: IommuTypeSer },
  PACKED,
);
/** D with the part of the Intel driver: 109 bytes, inferred. */
export const IommuHwSerDIntel = struct(
  'iommu_hw_ser',
  {
    hdr: IommuHdrSerBits,
    token: hex(u64),
    type: IommuTypeSer,
    driver: anonymous(
      taggedUnion('iommu_hw_driver', field('type'), { 1: 'intel' }, { intel: IommuIntelSer }, PACKED),
    ),
  },
  PACKED,
);
/** F0: 24 bytes, without a driver's part. */
export const IommuHwSerF0 = struct(
  'iommu_hw_ser',
  { hdr: IommuHdrSer, token: hex(u64), type: IommuTypeSer },
  PACKED,
);
/** E, F1 and F2: 112 bytes. */
export const IommuHwSerE = struct(
  'iommu_hw_ser',
  {
    hdr: IommuHdrSer,
    token: hex(u64),
    type: IommuTypeSer,
    driver: anonymous(
      taggedUnion('iommu_hw_driver', field('type'), { 1: 'intel' }, { intel: IommuIntelSer }, PACKED),
    ),
  },
  PACKED,
);
/** E with SMMUv3: 112 bytes. */
export const IommuHwSerES = struct(
  'iommu_hw_ser',
  {
    hdr: IommuHdrSer,
    token: hex(u64),
    type: IommuTypeSer,
    driver: anonymous(
      taggedUnion(
        'iommu_hw_driver',
        field('type'),
        { 1: 'intel', 2: 'arm_smmu_v3' },
        { intel: IommuIntelSer, arm_smmu_v3: IommuArmSmmuV3SerE },
        PACKED,
      ),
    ),
  },
  PACKED,
);
/** F1 with SMMUv3: 112 bytes. */
export const IommuHwSerFS = struct(
  'iommu_hw_ser',
  {
    hdr: IommuHdrSer,
    token: hex(u64),
    type: IommuTypeSer,
    driver: anonymous(
      taggedUnion(
        'iommu_hw_driver',
        field('type'),
        { 1: 'intel', 2: 'arm_smmu_v3' },
        { intel: IommuIntelSer, arm_smmu_v3: IommuArmSmmuV3SerF },
        PACKED,
      ),
    ),
  },
  PACKED,
);

// --- devices -----------------------------------------------------------------------------------------------

/** What a device is attached to; A: 24 bytes, not packed. */
export const DeviceDomainIommuSerA = struct('device_domain_iommu_ser', {
  did: u32,
  domain_phys: phys(() => IommuDomainSerA),
  iommu_phys: phys(() => IommuSerA),
});
/** B: 20 bytes. */
export const DeviceDomainIommuSerB = struct(
  'device_domain_iommu_ser',
  { did: u32, domain_phys: phys(() => IommuDomainSerB), iommu_phys: phys(() => IommuSerB) },
  PACKED,
);
/** From C on: 24 bytes. */
export const IommuDevMapSer = struct(
  'iommu_dev_map_ser',
  { attachment_id: u64, domain_phys: phys(), iommu_phys: phys() },
  PACKED,
);

/** The Intel part of a device, B to E: 16 bytes. max_pasid is how many PASIDs the directory covers. */
export const DeviceIntelSer = struct('device_intel_ser', { pasid_table: phys(), max_pasid: u64 }, PACKED);
/** F1: 24 bytes. */
export const DeviceIntelSerF1 = struct(
  'device_intel_ser',
  { restored: u8, pad: reserved(bytes(7)), pasid_table: phys(), max_pasid: u64 },
  PACKED,
);
/** F2: `restored` moved two bytes on, under the same size and version. */
export const DeviceIntelSerF2 = struct(
  'device_intel_ser',
  {
    ats_enabled: u8,
    ats_supported: u8,
    restored: u8,
    pad: reserved(bytes(5)),
    pasid_table: phys(),
    max_pasid: u64,
  },
  PACKED,
);
/** The SMMUv3 part of a device: 24 bytes. */
export const DeviceArmSmmuV3Ser = struct(
  'device_arm_smmu_v3_ser',
  {
    l1_cdtab_lu_state: hex(u64),
    num_l2_cdtables: u32,
    pad: reserved(u32),
    l2_cdtab_lu_states_phys: phys(),
  },
  PACKED,
);

/** A: 53 bytes. */
export const DeviceSerA = struct(
  'device_ser',
  {
    obj: IommuObjSer,
    token: hex(u64),
    devid: hex(u32),
    pci_domain: hex(u32),
    domain_iommu_ser: DeviceDomainIommuSerA,
    type: IommuLuType,
  },
  PACKED,
);
const SEED_DEVICE = {
  obj: IommuObjSer,
  token: hex(u64),
  devid: hex(u32),
  pci_domain: hex(u32),
  domain_iommu_ser: DeviceDomainIommuSerB,
  /** Declared and never assigned: what the device's union holds is told by its IOMMU. */
  type: IommuLuType,
} as const;
/** B before its ninth patch: 49 bytes. */
export const DeviceSerB49 = struct('device_ser', SEED_DEVICE, PACKED);
/** C: 45 bytes. */
export const IommuDeviceSerC = struct(
  'iommu_device_ser',
  {
    hdr: IommuHdrSerBits,
    token: hex(u64),
    devid: hex(u32),
    pci_domain_nr: hex(u32),
    map: IommuDevMapSer,
  },
  PACKED,
);
const D_DEVICE = {
  hdr: IommuHdrSerBits,
  devid: hex(u32),
  pci_domain_nr: hex(u32),
  map: IommuDevMapSer,
} as const;
/** The core of D: 37 bytes. */
export const IommuDeviceSerD = struct('iommu_device_ser', D_DEVICE, PACKED);
const E_DEVICE = {
  hdr: IommuHdrSer,
  devid: hex(u32),
  pci_domain_nr: hex(u32),
  map: IommuDevMapSer,
} as const;
/** F0: 40 bytes. */
export const IommuDeviceSerF0 = struct('iommu_device_ser', E_DEVICE, PACKED);
const F_DEVICE = {
  hdr: IommuHdrSer,
  devid: hex(u32),
  pci_domain_nr: hex(u32),
  dma_owner_token: hex(u64),
  map: IommuDevMapSer,
} as const;

/** A device as each type of IOMMU leaves it: the union holds the part of the driver of the device's IOMMU. */
export interface DeviceSchemas {
  /** As declared in C, with every member of the union. */
  readonly declared: Struct;
  /** By the type of the IOMMU; of another type nothing is known of the union's bytes. */
  readonly byType: Readonly<Record<string, Struct>>;
  readonly other: Struct;
}
/** A member of the union, its size in bytes, and the type of IOMMU whose driver writes it. */
interface Arm {
  readonly part: Struct;
  readonly size: number;
  readonly type: number;
}
const INTEL_16: Arm = { part: DeviceIntelSer, size: 16, type: IOMMU_INTEL };
const INTEL_F1: Arm = { part: DeviceIntelSerF1, size: 24, type: IOMMU_INTEL };
const INTEL_F2: Arm = { part: DeviceIntelSerF2, size: 24, type: IOMMU_INTEL };
const SMMU: Arm = { part: DeviceArmSmmuV3Ser, size: 24, type: IOMMU_ARM_SMMUV3 };

function devices(name: string, fields: Fields, arms: Readonly<Record<string, Arm>>): DeviceSchemas {
  const list = Object.entries(arms);
  const size = Math.max(...list.map(([, arm]) => arm.size));
  const withUnion = (members: Fields): Struct =>
    struct(name, { ...fields, driver: anonymous(union(`${name}_driver`, members, PACKED)) }, PACKED);
  // Bytes that a smaller part leaves of the union are there all the same.
  const alone = (key: string, arm: Arm): Struct =>
    withUnion(arm.size === size ? { [key]: arm.part } : { [key]: arm.part, room: reserved(bytes(size)) });
  return Object.freeze({
    declared: withUnion(Object.fromEntries(list.map(([key, arm]) => [key, arm.part]))),
    byType: Object.freeze(Object.fromEntries(list.map(([key, arm]) => [String(arm.type), alone(key, arm)]))),
    other: struct(name, { ...fields, driver: bytes(size) }, PACKED),
  });
}
function plain(declared: Struct): DeviceSchemas {
  return Object.freeze({ declared, byType: Object.freeze({}), other: declared });
}

export const DEVICES = Object.freeze({
  A: plain(DeviceSerA),
  B49: plain(DeviceSerB49),
  /** B: 65 bytes. */
  B: devices('device_ser', SEED_DEVICE, { intel: INTEL_16 }),
  C: plain(IommuDeviceSerC),
  D: plain(IommuDeviceSerD),
  /** 53 bytes, inferred. */
  DIntel: devices('iommu_device_ser', D_DEVICE, { intel: INTEL_16 }),
  /** 56 bytes. */
  E: devices('iommu_device_ser', E_DEVICE, { intel: INTEL_16 }),
  /** 64 bytes. */
  ES: devices('iommu_device_ser', E_DEVICE, { intel: INTEL_16, arm_smmu_v3: SMMU }),
  F0: plain(IommuDeviceSerF0),
  /** 72 bytes. */
  F1: devices('iommu_device_ser', F_DEVICE, { intel: INTEL_F1 }),
  FS: devices('iommu_device_ser', F_DEVICE, { intel: INTEL_F1, arm_smmu_v3: SMMU }),
  F2: devices('iommu_device_ser', F_DEVICE, { intel: INTEL_F2 }),
});
