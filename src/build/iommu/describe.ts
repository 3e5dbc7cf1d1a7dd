/** From the decoded state back to the spec that would build it. */
import {
  IOMMU_ARM_SMMUV3,
  IOMMU_PROFILES,
  type IommuDeviceObject,
  type IommuDomainObject,
  type IommuProfile,
  type IommuUnitObject,
  type IommuValue,
  iommuProfile,
} from '../../formats/iommu/index.js';
import { isRecord } from '../../formats/kho/record.js';
import { filesOf } from '../../formats/luo/parts.js';
import type { TableShape } from '../../formats/pgtable/index.js';
import type { Describer } from '../handover/describer.js';
import { FilesByMemory } from './files-by-memory.js';
import { chooseIds, FIRST_ID, LAST_ID } from './ids.js';
import { mappingsOf } from './mappings-of.js';
import { parseBDF, readerOf, USUAL_ATS, USUAL_MAX_PASID, USUAL_OWNER, usualBase } from './model.js';
import { shapeOf, usualFormat, wordsOf } from './shape.js';
import type { IommuDeviceSpec, IommuDomainSpec, IommuSpec, IommuUnitSpec } from './spec.js';

/** A device of the state that a spec can have: its slots are there. */
interface Kept {
  readonly device: IommuDeviceObject;
  readonly unit: IommuUnitObject;
  readonly domain: IommuDomainObject;
  readonly unitIndex: number;
  readonly domainIndex: number;
  /** Among those that are kept. */
  readonly place: number;
}

class KeptDevices {
  readonly all: readonly Kept[];
  readonly #units = new Map<number, Kept[]>();
  readonly #domains = new Map<number, Kept[]>();

  constructor(all: readonly Kept[]) {
    this.all = all;
    for (const each of all) {
      append(this.#units, each.unitIndex, each);
      append(this.#domains, each.domainIndex, each);
    }
  }
  ofUnit(index: number): readonly Kept[] {
    return this.#units.get(index) ?? [];
  }
  ofDomain(index: number): readonly Kept[] {
    return this.#domains.get(index) ?? [];
  }
}
function append<T>(lists: Map<number, T[]>, key: number, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** The spec of a state. What is wrong with it is left out: what is built of the spec is sound. */
export function describeIommu(value: IommuValue, describer: Describer, path: string): IommuSpec {
  const profile = iommuProfile(value.profile);
  if (profile === undefined) return {};
  const read = new Members(profile);
  const kept = new KeptDevices(keptDevices(value, profile, describer, path));
  const units = value.iommus.map((unit, i) => unitSpec(read, kept, unit, i));
  const files = new FilesByMemory(describer.handover);
  const domains = value.domains.map((domain, i) =>
    domainSpec(read, kept, domain, i, files, describer, `${path}.iommu.domains[${i}]`),
  );
  const wanted = namedByFiles(describer);
  const own = ownDomains(domains, value.domains, kept, wanted);
  const listed = domains.slice(0, own);
  const names = new Map<number, string>();
  for (const [i, { address }] of value.domains.entries())
    if (i < own && (kept.ofDomain(i).length > 0 || wanted.has(address))) {
      names.set(i, `domain${i}`);
      describer.named.set(address, `iommu.domains.domain${i}`);
    }
  const ids = neededIds(read, kept.all);
  const devices = kept.all.map((each) => deviceSpec(read, each, names.get(each.domainIndex), ids.get(each)));
  const [only, ...others] = units;
  const isUsual =
    only === undefined
      ? devices.length === 0
      : others.length === 0 && Object.keys(only).length === 0 && devices.length > 0;
  return {
    ...(profile === IOMMU_PROFILES.at(-1) ? {} : { profile: profile.name }),
    ...(isUsual ? {} : { units }),
    ...(listed.length === 0
      ? {}
      : {
          domains: listed.map((domain, i) => {
            const name = names.get(i);
            return { ...(name === undefined ? {} : { name }), ...domain };
          }),
        }),
    ...(devices.length === 0 ? {} : { devices }),
  };
}

/** Domains that page tables of iommufds are of, by their addresses: those need a name. */
function namedByFiles({ handover }: Describer): ReadonlySet<bigint> {
  return new Set(
    filesOf(handover.value.entries).flatMap(({ file: { iommufd } }) =>
      isRecord(iommufd) && Array.isArray(iommufd.hwpts)
        ? iommufd.hwpts.flatMap((hwpt: unknown) =>
            isRecord(hwpt) && typeof hwpt.domain_data === 'bigint' ? [hwpt.domain_data] : [],
          )
        : [],
    ),
  );
}

/** Reads members of objects by what they are for. */
class Members {
  readonly profile: IommuProfile;
  constructor(profile: IommuProfile) {
    this.profile = profile;
  }
  get(object: Readonly<Record<string, unknown>>, path: string | undefined): bigint | undefined {
    if (path === undefined) return undefined;
    let value: unknown = object;
    for (const name of path.split('.')) value = isRecord(value) ? value[name] : undefined;
    return typeof value === 'bigint'
      ? value
      : typeof value === 'number' || typeof value === 'boolean'
        ? BigInt(value)
        : undefined;
  }
  /** The count, where it is to be said. */
  refCount(
    object: Readonly<Record<string, unknown>>,
    roles: { readonly ref_count: string },
    usual: number,
  ): { readonly ref_count?: number } {
    const count = Number(this.get(object, roles.ref_count) ?? 0n);
    return count === usual ? {} : { ref_count: count };
  }
}

function keptDevices(
  { iommus, domains, devices }: IommuValue,
  { zombies }: IommuProfile,
  describer: Describer,
  path: string,
): readonly Kept[] {
  const seen = new Set<string>();
  const kept: Kept[] = [];
  for (const device of devices) {
    const unit = device.iommu === null ? undefined : iommus[device.iommu];
    const domain = device.domain === null ? undefined : domains[device.domain];
    const gone = !device.deleted && !zombies && (unit?.deleted === true || domain?.deleted === true);
    const twice = !device.deleted && seen.has(device.bdf);
    if (
      unit === undefined ||
      domain === undefined ||
      device.iommu === null ||
      device.domain === null ||
      gone ||
      twice ||
      parseBDF(device.bdf) === undefined
    ) {
      describer.omitted.push(
        `the device ${device.bdf} of ${path}.iommu, which is no sound one: carryover check says why`,
      );
      continue;
    }
    if (!device.deleted) seen.add(device.bdf);
    kept.push({
      device,
      unit,
      domain,
      unitIndex: device.iommu,
      domainIndex: device.domain,
      place: kept.length,
    });
  }
  return kept;
}

function typeOf(read: Members, unit: IommuUnitObject): number {
  return Number(read.get(unit, read.profile.iommu.roles.type) ?? 0n);
}
/** Devices with PASID tables tell the mode. */
function modeOf(read: Members, devices: readonly Kept[]): 'legacy' | 'scalable' {
  const has = devices.some(
    ({ device }) => !device.deleted && (read.get(device, 'intel.pasid_table') ?? 0n) !== 0n,
  );
  return has ? 'scalable' : 'legacy';
}

function unitSpec(read: Members, kept: KeptDevices, unit: IommuUnitObject, index: number): IommuUnitSpec {
  const { roles } = read.profile.iommu;
  const behind = kept.ofUnit(index);
  const live = behind.filter(({ device }) => !device.deleted).length;
  const base = read.get(unit, roles.token) ?? 0n;
  // One without live devices is deleted; where it is not said to be, its count was wrong.
  const deleted = unit.deleted && live > 0;
  const counted = unit.deleted || read.profile.zombies;
  return {
    ...(base === usualBase(index) ? {} : { phys_addr: base }),
    ...(typeOf(read, unit) === IOMMU_ARM_SMMUV3 ? { type: 'smmuv3' as const } : {}),
    ...(modeOf(read, behind) === 'scalable' ? { mode: 'scalable' as const } : {}),
    ...(deleted ? { deleted: true as const } : {}),
    ...(counted ? read.refCount(unit, roles, unit.deleted ? 0 : live) : {}),
  };
}

function domainSpec(
  read: Members,
  kept: KeptDevices,
  domain: IommuDomainObject,
  index: number,
  files: FilesByMemory,
  describer: Describer,
  path: string,
): IommuDomainSpec {
  const { profile } = read;
  const { roles } = profile.domain;
  const mine = kept.ofDomain(index);
  const live = mine.filter(({ device }) => !device.deleted);
  const first = live[0] ?? mine[0];
  const reader =
    first === undefined
      ? 'core'
      : readerOf(typeOf(read, first.unit), modeOf(read, kept.ofUnit(first.unitIndex)));
  const usual = usualFormat(reader);
  const { tables } = domain;
  // Empty tables outside of what a driver tells say nothing of their format.
  const told = tables !== undefined && (tables.confidence === 1 || tables.bytes > 0n);
  const sign = read.get(domain, roles.sign_extend);
  const format = told ? tables.format : sign === 1n ? 'x86_64' : usual;
  const level = Number(read.get(domain, roles.top_level) ?? 0n);
  const width = read.get(domain, roles.vasz);
  const vasz = width === undefined ? undefined : Number(width);
  const signExtend = sign === undefined ? format === 'x86_64' : sign === 1n;
  const words = wordsOf(profile, format, level, vasz);
  const shape: TableShape | undefined = shapeOf(format, words, signExtend);
  return {
    ...(format === usual ? {} : { format }),
    ...words,
    ...(signExtend === (format === 'x86_64') ? {} : { sign_extend: signExtend }),
    ...(tables === undefined || domain.deleted || shape === undefined
      ? {}
      : mappingsOf(tables, shape, files, describer, path)),
    ...(domain.deleted ? { deleted: true as const } : {}),
    ...read.refCount(domain, roles, 1),
  };
}

/**
 * From which domain on each is that of one device and has nothing to be said of, in the order of devices: those
 * need not be listed.
 */
function ownDomains(
  specs: readonly IommuDomainSpec[],
  domains: readonly IommuDomainObject[],
  kept: KeptDevices,
  wanted: ReadonlySet<bigint>,
): number {
  let first = specs.length;
  let last = Number.POSITIVE_INFINITY;
  for (let i = specs.length - 1; i >= 0; i--) {
    const users = kept.ofDomain(i);
    const [user] = users;
    if (wanted.has(domains[i]?.address ?? 0n)) break;
    const { deleted = false, ...rest } = specs[i] ?? {};
    if (user === undefined || users.length > 1 || user.place > last) break;
    if (Object.keys(rest).length > 0 || deleted !== user.device.deleted || domains[i]?.deleted !== deleted)
      break;
    last = user.place;
    first = i;
  }
  return first;
}

/** The ids that have to be said: those that the builder would not choose. */
function neededIds(read: Members, kept: readonly Kept[]): ReadonlyMap<Kept, bigint> {
  const { roles } = read.profile.device;
  const actual = kept.map((each) => ({
    kept: each,
    unit: each.unit,
    domain: each.domain,
    id: read.get(each.device, roles.id),
  }));
  const usual = chooseIds(actual.map((each) => ({ ...each, id: undefined })));
  const usualOf = new Map([...usual.ids].map(([{ kept: each }, id]) => [each, id]));
  const ids = new Map<Kept, bigint>();
  const pairs = new Map<object, Map<object, bigint>>();
  const taken = new Map<object, Set<bigint>>();
  for (const { kept: each, unit, domain, id } of actual) {
    if (id === undefined || id < FIRST_ID || id > LAST_ID) continue;
    const known = pairs.get(unit) ?? new Map<object, bigint>();
    pairs.set(unit, known);
    const before = known.get(domain);
    if (before !== undefined) {
      if (before !== id && each.device.deleted) ids.set(each, id);
      continue;
    }
    const others = taken.get(unit) ?? new Set<bigint>();
    taken.set(unit, others);
    // An id of two domains is a fault; the second gets another one.
    if (others.has(id)) continue;
    others.add(id);
    known.set(domain, id);
    if (usualOf.get(each) !== id) ids.set(each, id);
  }
  return ids;
}

function deviceSpec(
  read: Members,
  { device, unitIndex }: Kept,
  domain: string | undefined,
  did: bigint | undefined,
): IommuDeviceSpec {
  const { profile } = read;
  const { roles } = profile.device;
  const owner = read.get(device, roles.owner) ?? USUAL_OWNER;
  const enabled = read.get(device, 'intel.ats_enabled') ?? 1n;
  const supported = read.get(device, 'intel.ats_supported') ?? 1n;
  const ats = enabled !== 0n ? 'enabled' : supported !== 0n ? 'supported' : 'off';
  const max = read.get(device, 'intel.max_pasid') ?? 0n;
  return {
    bdf: device.bdf,
    ...(unitIndex === 0 ? {} : { unit: unitIndex }),
    ...(domain === undefined ? {} : { domain }),
    ...(did === undefined ? {} : { did }),
    ...(owner === USUAL_OWNER ? {} : { token: owner }),
    ...(ats === USUAL_ATS ? {} : { ats }),
    ...(max === 0n || max === BigInt(USUAL_MAX_PASID) || !isDirectory(max) ? {} : { max_pasid: max }),
    ...(device.deleted ? { deleted: true as const } : {}),
    ...read.refCount(device, roles, 1),
  };
}
function isDirectory(max: bigint): boolean {
  return max >= 1n << 15n && max <= 1n << 20n && (max & (max - 1n)) === 0n;
}
