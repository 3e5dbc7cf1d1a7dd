/** The objects of a state: decoded, with what a profile calls by other names under one. */
import { encode, type Schema, type Struct, setSlack, slackOf } from '../../codec/index.js';
import { isRecord } from '../kho/record.js';
import type { Walk } from '../kho/walk.js';
import type { Arrays, Slot } from './arrays.js';
import type { IommuKind, IommuProfile } from './profiles.js';
import type { DeviceReach, DomainTables, UnitTables } from './reach.js';
import { integerAt, type Place, type SlotsOf, slotsOf } from './slots.js';

/** What every object shows beside the members of its struct. */
export interface IommuObject {
  /** Physical address of its slot: what others refer to it by. */
  readonly address: bigint;
  /** Given up by the sender; readers skip it. */
  readonly deleted: boolean;
  /** Met by the receiver. */
  readonly incoming: boolean;
  /** The members of the struct, by their C names. */
  readonly [member: string]: unknown;
}
export interface IommuUnitObject extends IommuObject {
  /** Places of the devices behind it in the list of devices. */
  readonly devices: readonly number[];
  /** What it reads to find the tables of a device; undefined where that cannot be followed. */
  readonly tables?: UnitTables;
}
export interface IommuDomainObject extends IommuObject {
  readonly devices: readonly number[];
  /** What its page tables map; undefined where they cannot be walked. */
  readonly tables?: DomainTables;
}
export interface IommuDeviceObject extends IommuObject {
  /** Segment, bus, device and function: `0001:3a:01.0`. */
  readonly bdf: string;
  /** Places in the lists of domains and IOMMUs; null where it points at no slot. */
  readonly domain: number | null;
  readonly iommu: number | null;
  /** How its requests are translated, and how much memory it reaches. */
  readonly reach?: DeviceReach;
}

/** One object as the checks see it. */
export interface Found {
  readonly kind: IommuKind;
  readonly index: number;
  readonly path: string;
  readonly slot: Slot;
  readonly schema: Struct;
  readonly deleted: boolean;
  readonly incoming: boolean;
  readonly ref_count: bigint;
  /** The struct's value. */
  readonly ser: Readonly<Record<string, unknown>>;
}
export interface FoundUnit extends Found {
  readonly token: bigint;
  readonly type: number;
  /** Register base as the driver's part has it. */
  readonly base: bigint | undefined;
  /** Of Intel's part. */
  readonly rootTable: bigint | undefined;
  readonly bitmap: readonly bigint[] | undefined;
  /** Of the SMMUv3 part beside E. */
  readonly streamTable: { readonly base: bigint; readonly cfg: bigint } | undefined;
  readonly restored: bigint;
  readonly devices: FoundDevice[];
}
export interface FoundDomain extends Found {
  readonly topTable: bigint;
  readonly topLevel: bigint;
  /** Undefined before C. */
  readonly vasz: number | undefined;
  readonly signExtend: boolean | undefined;
  readonly restored: bigint;
  readonly devices: FoundDevice[];
}
export interface FoundDevice extends Found {
  readonly segment: bigint;
  readonly devid: bigint;
  readonly bdf: string;
  /** `did` or `attachment_id`. */
  readonly id: bigint;
  readonly domainPhys: bigint;
  readonly iommuPhys: bigint;
  readonly domain: FoundDomain | undefined;
  readonly iommu: FoundUnit | undefined;
  /** The token that stands for its owner, in generations with one. */
  readonly owner: bigint | undefined;
  readonly restored: bigint;
  readonly pasidTable: bigint | undefined;
  readonly maxPasid: bigint | undefined;
}
export interface FoundState {
  readonly profile: IommuProfile;
  readonly path: string;
  readonly arrays: Arrays;
  readonly iommus: readonly FoundUnit[];
  readonly domains: readonly FoundDomain[];
  readonly devices: readonly FoundDevice[];
}

/** `0001:3a:01.0`, from a segment and bus << 8 | devfn. */
export function bdfText(segment: bigint | number, devid: bigint | number): string {
  const id = Number(devid);
  const hex = (value: number | bigint, width: number): string => value.toString(16).padStart(width, '0');
  return `${hex(segment, 4)}:${hex(id >>> 8, 2)}:${hex((id >>> 3) & 31, 2)}.${id & 7}`;
}

/** Decodes all slots and links them. */
export function readObjects(walk: Walk, profile: IommuProfile, arrays: Arrays, path: string): FoundState {
  const slots = slotsOf(profile, walk.abi);
  const iommus = arrays.chains.iommus.slots.map((slot): FoundUnit => {
    const { read, ...common } = commonOf(walk, slots.iommus, 'iommus', slot, path, slots.iommus.schema);
    const type = Number(read(slots.iommus.at.type));
    const arm = type === 2 ? 'arm_smmu_v3' : 'intel';
    const { intel, arm_smmu_v3: smmu } = common.ser;
    const isIntel = isRecord(intel);
    const bitmap = isIntel && Array.isArray(intel.context_tables_bitmap) ? intel.context_tables_bitmap : [];
    const words = bitmap.filter((word) => typeof word === 'bigint');
    const base = isRecord(common.ser[arm]) ? read(slots.iommus.place(`${arm}.phys_addr`)) : undefined;
    return {
      ...common,
      token: read(slots.iommus.at.token),
      type,
      base,
      rootTable: isIntel && typeof intel.root_table === 'bigint' ? intel.root_table : undefined,
      bitmap: words.length === 8 ? words : undefined,
      streamTable:
        isRecord(smmu) && typeof smmu.strtab_base === 'bigint' && typeof smmu.strtab_base_cfg === 'bigint'
          ? { base: smmu.strtab_base, cfg: smmu.strtab_base_cfg }
          : undefined,
      restored: isIntel ? read(slots.iommus.at.restored) : 0n,
      devices: [],
    };
  });
  const domains = arrays.chains.domains.slots.map((slot): FoundDomain => {
    const { at } = slots.domains;
    const { read, ...common } = commonOf(walk, slots.domains, 'domains', slot, path, slots.domains.schema);
    return {
      ...common,
      topTable: read(at.top_table),
      topLevel: read(at.top_level),
      vasz: at.vasz === undefined ? undefined : Number(read(at.vasz)),
      signExtend: at.sign_extend === undefined ? undefined : read(at.sign_extend) !== 0n,
      restored: read(at.restored),
      devices: [],
    };
  });
  const unitAt = new Map(iommus.map((unit) => [unit.slot.address, unit]));
  const domainAt = new Map(domains.map((domain) => [domain.slot.address, domain]));
  const { byType, other } = profile.device.schemas;
  const arms = Object.values(byType);
  const devices = arrays.chains.devices.slots.map((slot): FoundDevice => {
    const { at } = slots.devices;
    const view = viewOf(slot);
    const iommuPhys = at.iommu === undefined ? 0n : integerAt(view, 0, at.iommu, walk.little);
    const iommu = unitAt.get(iommuPhys);
    // The type of a device was never written, and later not declared: its IOMMU tells what the union holds.
    const schema =
      iommu === undefined ? (arms.length === 1 ? arms[0] : undefined) : byType[String(iommu.type)];
    const { read, ...common } = commonOf(walk, slots.devices, 'devices', slot, path, schema ?? other);
    const isIntel = isRecord(common.ser.intel);
    const segment = read(at.segment);
    const devid = read(at.devid);
    const pasidTable = slots.devices.place('intel.pasid_table');
    const maxPasid = slots.devices.place('intel.max_pasid');
    const device: FoundDevice = {
      ...common,
      segment,
      devid,
      bdf: bdfText(segment, devid),
      id: read(at.id),
      domainPhys: read(at.domain),
      iommuPhys,
      domain: domainAt.get(read(at.domain)),
      iommu,
      owner: at.owner === undefined ? undefined : read(at.owner),
      restored: isIntel ? read(at.restored) : 0n,
      pasidTable: isIntel && pasidTable !== undefined ? read(pasidTable) : undefined,
      maxPasid: isIntel && maxPasid !== undefined ? read(maxPasid) : undefined,
    };
    if (!device.deleted) {
      device.iommu?.devices.push(device);
      device.domain?.devices.push(device);
    }
    return device;
  });
  return { profile, path, arrays, iommus, domains, devices };
}

function viewOf({ bytes }: Slot): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function commonOf(
  walk: Walk,
  { at }: Pick<SlotsOf<{ ref_count: string; deleted: string; incoming: string; flags?: string }>, 'at'>,
  kind: IommuKind,
  slot: Slot,
  path: string,
  schema: Struct,
) {
  const where = `${path}.${kind}[${slot.ordinal}]`;
  const view = viewOf(slot);
  const read = (place: Place | undefined): bigint =>
    place === undefined ? 0n : integerAt(view, 0, place, walk.little);
  const flags = at.flags === undefined ? undefined : read(at.flags);
  const ser: unknown = walk.decodeBytes<Schema>(schema, slot.bytes, slot.address, where);
  return {
    kind,
    index: slot.ordinal,
    path: where,
    slot,
    schema,
    deleted: flags === undefined ? read(at.deleted) === 1n : (flags & 1n) === 1n,
    incoming: flags === undefined ? read(at.incoming) === 1n : (flags & 2n) === 2n,
    ref_count: read(at.ref_count),
    ser: isRecord(ser) ? ser : {},
    read,
  };
}

/** The presented object: what links it, and then the members of its struct. */
export function present<T extends Record<string, unknown>>(
  found: Found,
  helpers: T,
): IommuObject & T & Readonly<Record<string, unknown>> {
  const value = {
    address: found.slot.address,
    deleted: found.deleted,
    incoming: found.incoming,
    ...helpers,
    ...found.ser,
  };
  const slack = slackOf(found.ser);
  if (slack !== undefined) setSlack(value, slack);
  presented.set(value, { schema: found.schema, helpers: Object.keys(helpers) });
  return value;
}
const presented = new WeakMap<object, { readonly schema: Struct; readonly helpers: readonly string[] }>();

/**
 * The bytes of an object that was decoded, as they were unless its members have been changed; undefined for a
 * value that no decoder gave.
 */
export function iommuObjectBytes(object: IommuObject, abi: Walk['abi']): Uint8Array | undefined {
  const known = presented.get(object);
  if (known === undefined) return undefined;
  const shown = new Set(['address', 'deleted', 'incoming', ...known.helpers]);
  const members = Object.fromEntries(Object.entries(object).filter(([name]) => !shown.has(name)));
  const slack = slackOf(object);
  if (slack !== undefined) setSlack(members, slack);
  return encode<Schema>(known.schema, members, { abi });
}
