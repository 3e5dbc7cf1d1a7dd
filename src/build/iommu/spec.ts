/** What a spec may say of the IOMMU's state. */
import { IOMMU_PROFILES } from '../../formats/iommu/index.js';
import { TABLE_FORMATS } from '../../formats/pgtable/index.js';
import {
  boolean,
  choice,
  constant,
  field,
  list,
  needed,
  number,
  object,
  type Read,
  text,
  word,
} from '../spec/shape.js';

const REF_COUNT = number(0xffffffff);

const unit = object('an IOMMU', 'A unit; one that no live device is behind is deleted, as kernels leave it', {
  phys_addr: field(word, 'address of its registers, which is its token; from 0xfed90000 on if not given'),
  type: field(choice(['intel', 'smmuv3']), 'intel if not given; smmuv3 in layouts with its parts'),
  mode: field(choice(['legacy', 'scalable']), 'legacy if not given; scalable, with PASID tables, from B on'),
  deleted: field(constant(true), 'given up by the sender'),
  ref_count: field(REF_COUNT, 'the number of live devices behind it if not given'),
});

const mapping = object('a mapping', 'Addresses of devices and the memory that they lead to', {
  iova: needed(word, 'first address'),
  size: needed(word, 'in bytes'),
  file: field(text, 'a memfd, by its session and token: `vm-alpha/0x1001`'),
  offset: field(word, 'where in the file it begins; 0 if not given'),
  phys: field(word, 'physical address, in place of a file'),
  page: field(
    word,
    'the largest page to use, in bytes; if not given, the largest that addresses and folios allow',
  ),
  read: field(boolean, 'devices may read; true if not given'),
  write: field(boolean, 'devices may write; true if not given'),
});

const domain = object('a domain', 'An address space of devices, with its page tables', {
  name: field(text, 'what devices of the spec refer to it by; it is not handed over'),
  format: field(
    choice(TABLE_FORMATS),
    'vtdss behind units in legacy mode, x86_64 in scalable mode, armv8-s2 behind an SMMUv3',
  ),
  vasz: field(number(64), 'bits of an address; what the tables hold if not given, 48 if neither is'),
  top_level: field(
    number(7),
    'level of the topmost table, 0 for that of pages; what vasz needs if not given',
  ),
  sign_extend: field(boolean, 'true for x86_64 if not given'),
  map: field(list(mapping), 'what it maps'),
  deleted: field(constant(true), 'given up by the sender, and its tables not preserved'),
  ref_count: field(REF_COUNT, '1 if not given'),
});

const device = object('a device', 'A PCI device whose translation is kept', {
  bdf: needed(text, 'segment, bus, device and function: `0000:3a:01.0`'),
  unit: field(number(0xffff), 'place of its IOMMU in units; 0 if not given'),
  domain: field(text, 'name of its domain; a domain of its own if not given'),
  did: field(word, 'id of the domain on the unit; from 2 on, in order, if not given'),
  token: field(word, 'token of its iommufd (A to C) or of the owner of its DMA (from F1 on); 1 if not given'),
  ats: field(choice(['off', 'supported', 'enabled']), 'F2; enabled if not given'),
  max_pasid: field(
    word,
    'PASIDs that its directory covers, in scalable mode: a power of two from 32768 (the default) to 1048576',
  ),
  deleted: field(constant(true), 'given up by the sender'),
  ref_count: field(REF_COUNT, '1 if not given'),
});

export const iommuShape = object('iommu', "The IOMMU's state: units, domains and devices", {
  profile: field(choice(IOMMU_PROFILES.map(({ name }) => name)), 'its layout; F2 if not given'),
  units: field(list(unit), 'IOMMUs; one if not given and there are devices'),
  domains: field(list(domain), 'domains that have a name, or something to be said of'),
  devices: field(list(device), 'devices'),
});

/** Words may be numbers where specs are written in code. */
type Wide<T> = T extends bigint
  ? number | bigint
  : T extends readonly (infer E)[]
    ? readonly Wide<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Wide<T[K]> }
      : T;

export type IommuSpec = Wide<Read<typeof iommuShape>>;
export type IommuUnitSpec = NonNullable<IommuSpec['units']>[number];
export type IommuDomainSpec = NonNullable<IommuSpec['domains']>[number];
export type IommuDeviceSpec = NonNullable<IommuSpec['devices']>[number];
export type IommuMappingSpec = NonNullable<IommuDomainSpec['map']>[number];
