/** A spec with everything decided that it leaves open: who belongs to whom, ids, counts, shapes of tables. */
import { CarryoverError } from '../../codec/index.js';
import {
  IOMMU_ARM_SMMUV3,
  IOMMU_INTEL,
  IOMMU_PROFILES,
  type IommuProfile,
  iommuProfile,
} from '../../formats/iommu/index.js';
import { FRAME, type TableShape, writeTables } from '../../formats/pgtable/index.js';
import { buildError } from '../build-error.js';
import { wordOf } from '../words.js';
import { chooseIds, FIRST_ID, LAST_ID } from './ids.js';
import { type Files, piecesOf } from './pieces.js';
import { type Piece, permissionsOf } from './segments.js';
import { READER_FORMATS, type Reader, shapeOf, usualFormat } from './shape.js';
import type { IommuDeviceSpec, IommuDomainSpec, IommuSpec, IommuUnitSpec } from './spec.js';

interface Part {
  readonly index: number;
  /** In the spec. */
  readonly path: string;
  readonly deleted: boolean;
  readonly refCount: number;
  /** Live devices. */
  readonly devices: readonly DeviceModel[];
}
export interface UnitModel extends Part {
  readonly base: bigint;
  /** 0 where the layout has no drivers. */
  readonly type: number;
  readonly mode: 'legacy' | 'scalable';
  readonly reader: Reader;
}
export interface DomainModel extends Part {
  readonly name: string | undefined;
  readonly shape: TableShape;
  readonly pieces: readonly Piece[];
}
export interface DeviceModel extends Part {
  readonly bdf: string;
  readonly segment: number;
  /** bus << 8 | devfn */
  readonly devid: number;
  readonly id: bigint;
  readonly owner: bigint;
  readonly unit: UnitModel;
  readonly domain: DomainModel;
  /** Always off in layouts that say nothing of it. */
  readonly ats: 'off' | 'supported' | 'enabled';
  readonly maxPasid: number;
}
export interface IommuModel {
  readonly profile: IommuProfile;
  readonly units: readonly UnitModel[];
  readonly domains: readonly DomainModel[];
  readonly devices: readonly DeviceModel[];
}

/** Where the registers of units usually are. */
export const FIRST_BASE = 0xfed90000n;
export function usualBase(index: number): bigint {
  return FIRST_BASE + BigInt(index) * 0x1000n;
}
export const USUAL_OWNER = 1n;
export const USUAL_MAX_PASID = 1 << 15;
const LARGEST_MAX_PASID = 1 << 20;

export const USUAL_ATS = 'enabled';

/** The layout of a spec; the newest if it names none. */
export function profileOf(spec: IommuSpec): IommuProfile {
  const profile = spec.profile === undefined ? IOMMU_PROFILES.at(-1) : iommuProfile(spec.profile);
  if (profile === undefined)
    throw buildError('build-value', 'iommu.profile', `there is no layout ${JSON.stringify(spec.profile)}`);
  return profile;
}

/** Whether the layout keeps PASID tables of Intel's units: scalable mode cannot be handed over else. */
export function keepsPasids({ driver, types }: IommuProfile): boolean {
  return driver && types.includes(IOMMU_INTEL);
}

/** Segment and bus << 8 | devfn. */
export function parseBDF(text: string): { readonly segment: number; readonly devid: number } | undefined {
  const found = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([01]?[0-9a-f])\.([0-7])$/i.exec(text);
  if (found === null) return undefined;
  const [, segment = '0', bus = '', device = '', fn = ''] = found;
  return {
    segment: Number.parseInt(segment, 16),
    devid: (Number.parseInt(bus, 16) << 8) | (Number.parseInt(device, 16) << 3) | Number(fn),
  };
}

interface Draft {
  readonly spec: IommuDeviceSpec;
  readonly path: string;
  readonly deleted: boolean;
  readonly unit: number;
  readonly domain: number;
}

/** @throws CarryoverError `build-value` for what no kernel would hand over, with the path in the spec. */
export function modelOf(spec: IommuSpec, files: Files, pageSize: number, path: string): IommuModel {
  const profile = profileOf(spec);
  const deviceSpecs = spec.devices ?? [];
  const unitSpecs: readonly IommuUnitSpec[] = spec.units ?? (deviceSpecs.length > 0 ? [{}] : []);
  const domainSpecs: IommuDomainSpec[] = [...(spec.domains ?? [])];
  const drafts = draftDevices(deviceSpecs, unitSpecs.length, domainSpecs, path);
  const behind = grouped(drafts, ({ unit }) => unit);
  const inside = grouped(drafts, ({ domain }) => domain);
  const units = unitSpecs.map((unit, i) =>
    unitOf(profile, unit, i, behind.get(i) ?? [], `${path}.units[${i}]`),
  );
  checkBases(units);
  const domains = domainSpecs.map((domain, i) =>
    domainOf(profile, domain, i, inside.get(i) ?? [], units, files, pageSize, `${path}.domains[${i}]`),
  );
  const devices = devicesOf(profile, drafts, units, domains);
  checkRequesters(devices);
  return { profile, units, domains, devices };
}

function grouped(drafts: readonly Draft[], by: (draft: Draft) => number): ReadonlyMap<number, Draft[]> {
  const groups = new Map<number, Draft[]>();
  for (const draft of drafts) {
    const group = groups.get(by(draft));
    if (group === undefined) groups.set(by(draft), [draft]);
    else group.push(draft);
  }
  return groups;
}

function draftDevices(
  specs: readonly IommuDeviceSpec[],
  units: number,
  domains: IommuDomainSpec[],
  path: string,
): readonly Draft[] {
  const names = new Map<string, number>();
  for (const [i, { name }] of domains.entries()) {
    if (name === undefined) continue;
    const before = names.get(name);
    if (before !== undefined)
      throw buildError(
        'build-value',
        `${path}.domains[${i}].name`,
        `domains[${before}] is called ${JSON.stringify(name)} too`,
      );
    names.set(name, i);
  }
  return specs.map((spec, i) => {
    const where = `${path}.devices[${i}]`;
    const { unit = 0, deleted = false } = spec;
    if (unit >= units)
      throw buildError('build-value', `${where}.unit`, `there are ${units} units, numbered from 0 on`);
    let domain = spec.domain === undefined ? undefined : names.get(spec.domain);
    if (domain === undefined) {
      if (spec.domain !== undefined)
        throw buildError(
          'build-value',
          `${where}.domain`,
          `no domain is called ${JSON.stringify(spec.domain)}`,
        );
      domain = domains.length;
      domains.push(deleted ? { deleted: true } : {});
    }
    return { spec, path: where, deleted, unit, domain };
  });
}

function unitOf(
  profile: IommuProfile,
  spec: IommuUnitSpec,
  index: number,
  mine: readonly Draft[],
  path: string,
): UnitModel & { readonly devices: DeviceModel[] } {
  const live = mine.filter(({ deleted }) => !deleted).length;
  const { type: kind, mode = 'legacy' } = spec;
  const drivers = profile.types.some((type) => type !== 0);
  const type = kind === 'smmuv3' ? IOMMU_ARM_SMMUV3 : drivers ? IOMMU_INTEL : 0;
  if (kind !== undefined && !profile.types.includes(kind === 'smmuv3' ? IOMMU_ARM_SMMUV3 : IOMMU_INTEL))
    throw buildError(
      'build-value',
      `${path}.type`,
      `the layout ${profile.name} has no part of ${kind} units`,
    );
  if (mode === 'scalable' && (type !== IOMMU_INTEL || !keepsPasids(profile)))
    throw buildError(
      'build-value',
      `${path}.mode`,
      type === IOMMU_ARM_SMMUV3
        ? 'an SMMUv3 has no modes'
        : `the layout ${profile.name} hands over no PASID tables, which scalable mode needs`,
    );
  if (spec.deleted === true && live > 0 && !profile.zombies)
    throw buildError('build-value', `${path}.deleted`, `${live} live devices are behind it`);
  const base = spec.phys_addr === undefined ? usualBase(index) : wordOf(spec.phys_addr, `${path}.phys_addr`);
  if (base === 0n || base % 4096n !== 0n || base >= 1n << 52n)
    throw buildError('build-value', `${path}.phys_addr`, 'registers begin at a multiple of 4096 below 2^52');
  return {
    index,
    path,
    deleted: spec.deleted ?? live === 0,
    refCount: spec.ref_count ?? (spec.deleted === true ? 0 : live),
    devices: [],
    base,
    type,
    mode,
    reader: readerOf(type, mode),
  };
}

export function readerOf(type: number, mode: 'legacy' | 'scalable'): Reader {
  if (type === IOMMU_ARM_SMMUV3) return 'smmuv3';
  return type === IOMMU_INTEL ? (mode === 'legacy' ? 'vtd-legacy' : 'vtd-scalable') : 'core';
}

function checkBases(units: readonly UnitModel[]): void {
  const seen = new Map<bigint, UnitModel>();
  for (const unit of units) {
    if (unit.deleted) continue;
    const before = seen.get(unit.base);
    if (before !== undefined)
      throw buildError(
        'build-value',
        `${unit.path}.phys_addr`,
        `the registers of ${before.path} are at 0x${unit.base.toString(16)} too`,
      );
    seen.set(unit.base, unit);
  }
}

function domainOf(
  profile: IommuProfile,
  spec: IommuDomainSpec,
  index: number,
  mine: readonly Draft[],
  units: readonly UnitModel[],
  files: Files,
  pageSize: number,
  path: string,
): DomainModel & { readonly devices: DeviceModel[] } {
  const live = mine.filter(({ deleted }) => !deleted);
  if (spec.deleted === true && live.length > 0 && !profile.zombies)
    throw buildError('build-value', `${path}.deleted`, `${live.length} live devices belong to it`);
  // Its tables are read by the units of its live devices; of one without any, by those of the first.
  const readers = [...(live.length > 0 ? live : mine.slice(0, 1))].map(({ unit }) => units[unit]?.reader);
  const [reader] = readers;
  const format = spec.format ?? usualFormat(reader ?? 'core');
  const refuses = readers.find((each) => each !== undefined && !READER_FORMATS[each].includes(format));
  if (refuses !== undefined)
    throw buildError(
      'build-value',
      `${path}.format`,
      `units of its devices (${refuses}) read no tables of ${format}`,
    );
  const signExtend = spec.sign_extend ?? format === 'x86_64';
  if (signExtend !== (format === 'x86_64') && (reader === 'vtd-legacy' || reader === 'vtd-scalable'))
    throw buildError(
      'build-value',
      `${path}.sign_extend`,
      'VT-d extends the sign of addresses of the first stage, and of no others',
    );
  const shape = shapeOf(format, spec, signExtend);
  if (shape === undefined)
    throw buildError('build-value', `${path}.vasz`, `no tables of ${format} hold ${spec.vasz} bits`);
  const mappings = spec.map ?? [];
  checkTables(
    shape,
    mappings.map(({ read, write }) => permissionsOf(read ?? true, write ?? true)),
    path,
  );
  if (spec.deleted === true && mappings.length > 0)
    throw buildError('build-value', `${path}.map`, 'the tables of a deleted domain are not preserved');
  return {
    index,
    path,
    name: spec.name,
    deleted: spec.deleted ?? false,
    refCount: spec.ref_count ?? 1,
    devices: [],
    shape,
    pieces: piecesOf(shape, mappings, files, pageSize, `${path}.map`),
  };
}

/** The writer of tables knows what a format can express; better asked now than when pages are made. */
function checkTables(shape: TableShape, permissions: readonly number[], path: string): void {
  for (const each of [undefined, ...new Set(permissions)])
    try {
      writeTables(
        { ...shape, granule: FRAME },
        each === undefined ? [] : [{ iova: 0n, phys: 0n, size: BigInt(FRAME), permissions: each }],
        () => BigInt(FRAME),
      );
    } catch (error) {
      if (!(error instanceof CarryoverError)) throw error;
      throw buildError('build-value', each === undefined ? path : `${path}.map`, error.message);
    }
}

function devicesOf(
  profile: IommuProfile,
  drafts: readonly Draft[],
  units: readonly (UnitModel & { readonly devices: DeviceModel[] })[],
  domains: readonly (DomainModel & { readonly devices: DeviceModel[] })[],
): readonly DeviceModel[] {
  const attached = drafts.flatMap((draft) => {
    const unit = units[draft.unit];
    const domain = domains[draft.domain];
    if (unit === undefined || domain === undefined) return [];
    const { did } = draft.spec;
    const id = did === undefined ? undefined : wordOf(did, `${draft.path}.did`);
    return [{ draft, unit, domain, id }];
  });
  const { ids, clashes } = chooseIds(attached);
  // What was given up keeps the id that it had.
  for (const { one, other } of clashes)
    if (!one.draft.deleted && !other.draft.deleted)
      throw buildError(
        'build-value',
        `${other.draft.path}.did`,
        one.domain === other.domain
          ? `${one.draft.path} has another id of this domain on this unit`
          : `${one.draft.path}, of another domain, has this id on this unit too`,
      );
  return attached.map((each, index) => {
    const { draft, unit, domain } = each;
    const { spec, path, deleted } = draft;
    const bdf = parseBDF(spec.bdf);
    if (bdf === undefined)
      throw buildError(
        'build-value',
        `${path}.bdf`,
        `${JSON.stringify(spec.bdf)} is no segment, bus, device and function: 0000:3a:01.0`,
      );
    const id = (deleted ? each.id : undefined) ?? ids.get(each) ?? FIRST_ID;
    if (id < FIRST_ID || id > LAST_ID)
      throw buildError('build-value', `${path}.did`, `ids of domains are ${FIRST_ID} to ${LAST_ID}`);
    if (spec.token !== undefined && profile.device.roles.owner === undefined)
      throw buildError('build-value', `${path}.token`, `devices of the layout ${profile.name} have no token`);
    if (spec.ats !== undefined && profile.name !== 'F2')
      throw buildError('build-value', `${path}.ats`, `the layout ${profile.name} says nothing of ATS`);
    const model: DeviceModel = {
      index,
      path,
      deleted,
      refCount: spec.ref_count ?? 1,
      devices: [],
      bdf: spec.bdf,
      ...bdf,
      id,
      owner: spec.token === undefined ? USUAL_OWNER : wordOf(spec.token, `${path}.token`),
      unit,
      domain,
      ats: spec.ats ?? (profile.name === 'F2' ? USUAL_ATS : 'off'),
      maxPasid: maxPasidOf(spec, unit, `${path}.max_pasid`),
    };
    if (!deleted) {
      unit.devices.push(model);
      domain.devices.push(model);
    }
    return model;
  });
}

function maxPasidOf({ max_pasid: wanted }: IommuDeviceSpec, unit: UnitModel, path: string): number {
  if (unit.mode === 'legacy') {
    if (wanted === undefined) return 0;
    throw buildError('build-value', path, 'there are no PASID tables in legacy mode');
  }
  const max = Number(wanted ?? USUAL_MAX_PASID);
  if (max < USUAL_MAX_PASID || max > LARGEST_MAX_PASID || !Number.isInteger(Math.log2(max)))
    throw buildError(
      'build-value',
      path,
      `directories cover a power of two of PASIDs, ${USUAL_MAX_PASID} to ${LARGEST_MAX_PASID}`,
    );
  return max;
}

/** A device is there once, and a unit has one context for each bus and devfn. */
function checkRequesters(devices: readonly DeviceModel[]): void {
  const seen = new Map<string, DeviceModel>();
  const contexts = new Map<string, DeviceModel>();
  for (const device of devices) {
    if (device.deleted) continue;
    const { segment, devid, unit, path, bdf } = device;
    const key = `${segment}/${devid}`;
    const before = seen.get(key);
    if (before !== undefined) throw buildError('build-value', `${path}.bdf`, `${before.path} is ${bdf} too`);
    seen.set(key, device);
    const context = `${unit.index}/${devid}`;
    const other = contexts.get(context);
    if (other !== undefined && unit.type !== 0)
      throw buildError(
        'build-value',
        `${path}.bdf`,
        `${other.path} has the same bus, device and function on the same unit, which does not tell segments apart`,
      );
    contexts.set(context, device);
  }
}
