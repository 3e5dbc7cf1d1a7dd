/**
 * From the serialized state on to what hardware reads: root, context and PASID tables or stream tables of each
 * unit, and the page tables of each domain. The format of page tables is not serialized: what the hardware is
 * told of the devices of a domain tells it.
 */
import { many, type Walk } from '../kho/walk.js';
import {
  coverageOf,
  type FormatInference,
  inferFormat,
  type TableWalk,
  walkTables,
} from '../pgtable/index.js';
import {
  checkBitmap,
  checkDevice,
  type SmmuUnit,
  smmuDevice,
  smmuUnit,
  type Translation,
  type VtdUnit,
  vtdDevice,
  vtdUnit,
} from './hw/index.js';
import type { FoundDevice, FoundDomain, FoundState, FoundUnit } from './objects.js';
import type { DeviceReach, DomainTables, UnitTables } from './reach.js';
import { IOMMU } from './rules.js';

export interface Hardware {
  readonly units: ReadonlyMap<FoundUnit, UnitTables>;
  readonly domains: ReadonlyMap<FoundDomain, DomainTables>;
  readonly devices: ReadonlyMap<FoundDevice, DeviceReach>;
  /** Of domains whose tables were walked: to be compared with guest memory once that is known. */
  readonly walks: ReadonlyMap<FoundDomain, TableWalk>;
}

/** Tables that are read, and merged mappings that are kept, of all domains together: what shares tables does not multiply the work. */
const MAX_TABLES = 1 << 21;
const MAX_MAPPINGS = 1 << 22;

export function followHardware(walk: Walk, state: FoundState): Hardware {
  const translations = new Map<FoundDevice, Translation>();
  const units = new Map<FoundUnit, UnitTables>();
  for (const unit of state.iommus) {
    const tables = unit.deleted ? undefined : followUnit(walk, state, unit, translations);
    if (tables !== undefined) units.set(unit, tables);
  }

  const domains = new Map<FoundDomain, DomainTables>();
  const walks = new Map<FoundDomain, TableWalk>();
  const byTop = new Map<bigint, DomainTables>();
  const budget = { tables: MAX_TABLES, mappings: MAX_MAPPINGS };
  for (const domain of state.domains) {
    if (domain.deleted || !isSoundTop(domain)) continue;
    const known = byTop.get(domain.topTable);
    if (known !== undefined) {
      // Tables of two domains are walked once; that the page has two owners is found from the claims.
      walk.claims.add(walk.pfn(domain.topTable), 1, domain.path);
      domains.set(domain, known);
      continue;
    }
    const { inference, tables } = walkDomain(walk, domain, translations, budget);
    budget.tables = Math.max(1, budget.tables - tables.tables.length);
    budget.mappings = Math.max(1, budget.mappings - tables.mappings.length);
    const presented = present(walk, inference, tables);
    walks.set(domain, tables);
    domains.set(domain, presented);
    byTop.set(domain.topTable, presented);
  }

  const devices = new Map<FoundDevice, DeviceReach>();
  for (const device of state.devices) {
    if (device.deleted) continue;
    const translation = translations.get(device);
    const tables = device.domain === undefined ? undefined : domains.get(device.domain);
    // What the domain maps is what the device reaches only if the hardware reads these very tables.
    const same = translation?.table === undefined || translation.table === device.domain?.topTable;
    if (translation === undefined && tables === undefined) continue;
    devices.set(device, {
      kind: translation?.kind ?? 'unknown',
      because: translation?.because ?? 'The tables of the hardware are not there to say it.',
      ...(tables === undefined || !same || translation?.kind === 'pass-through'
        ? {}
        : { bytes: tables.bytes, runs: tables.mappings.length }),
    });
  }
  return { units, domains, devices, walks };
}

/** What cannot be the topmost table was told, and is not followed. */
function isSoundTop({ topTable, topLevel }: FoundDomain): boolean {
  return topTable !== 0n && topTable % 4096n === 0n && topTable < 1n << 52n && topLevel <= 5n;
}
/** The same of a PASID directory. */
function isSoundPasid({ pasidTable, maxPasid }: FoundDevice): boolean {
  if (pasidTable === undefined || maxPasid === undefined) return false;
  if (pasidTable === 0n) return maxPasid === 0n;
  return (
    pasidTable % 4096n === 0n &&
    pasidTable < 1n << 52n &&
    maxPasid >= 1n << 15n &&
    maxPasid <= 1n << 20n &&
    (maxPasid & (maxPasid - 1n)) === 0n
  );
}

function followUnit(
  walk: Walk,
  state: FoundState,
  unit: FoundUnit,
  translations: Map<FoundDevice, Translation>,
): UnitTables | undefined {
  const { path, rootTable, bitmap, streamTable } = unit;
  if (!state.profile.types.includes(unit.type)) return undefined;
  // Devices whose number no requester can have were told.
  const devices = unit.devices.filter(({ devid }) => devid <= 0xffffn);
  if (streamTable !== undefined) {
    const smmu = smmuUnit(walk, streamTable.base, streamTable.cfg, path);
    if (smmu === undefined) return undefined;
    followStreams(walk, smmu, devices, translations);
    return {
      mode: smmu.twoLevel ? 'stream table of two levels' : 'stream table',
      because: smmu.because,
      tables: smmu.tables.length,
      entries: smmu.streamsValid.length,
      complete: smmu.complete,
    };
  }
  if (rootTable === undefined) return undefined;
  const scalable = devices.some((device) => isSoundPasid(device) && device.pasidTable !== 0n);
  const vtd = vtdUnit(walk, rootTable, path, scalable);
  if (vtd === undefined) return undefined;
  if (bitmap !== undefined && vtd.complete) checkBitmap(walk, vtd, bitmap, path);
  followContexts(walk, state, vtd, devices, translations);
  return {
    mode: vtd.mode,
    because: vtd.because,
    tables: vtd.tables.length,
    entries: vtd.contexts.length,
    complete: vtd.complete,
  };
}

function idOf({ devid }: FoundDevice): { readonly bus: number; readonly devfn: number } {
  return { bus: Number(devid >> 8n), devfn: Number(devid & 0xffn) };
}

function followContexts(
  walk: Walk,
  { profile }: FoundState,
  unit: VtdUnit,
  devices: readonly FoundDevice[],
  translations: Map<FoundDevice, Translation>,
): void {
  const seen = new Set<bigint>();
  for (const device of devices) {
    // A second slot of the device is told as such.
    if (seen.has(device.devid)) continue;
    seen.add(device.devid);
    const { path, domain, id, pasidTable, maxPasid } = device;
    const pasids = isSoundPasid(device) ? { pasidTable, maxPasid } : {};
    const found = vtdDevice(walk, unit, idOf(device), path, {
      ...(pasids.pasidTable === undefined ? {} : { pasidTable: pasids.pasidTable }),
      ...(pasids.maxPasid === undefined ? {} : { maxPasid: pasids.maxPasid }),
    });
    if (found.translation !== undefined) translations.set(device, found.translation);
    const claimed = domain !== undefined && !domain.deleted && isSoundTop(domain) && domain.topLevel <= 4n;
    checkDevice(
      walk,
      {
        id: idOf(device),
        attachmentId: id >= 2n && id <= 0xffffn ? id : undefined,
        pasidTable: pasids.pasidTable,
        maxPasid: pasids.maxPasid,
        domain: claimed
          ? {
              topTable: domain.topTable,
              topLevel: domain.topLevel,
              ...(domain.signExtend === undefined ? {} : { signExtend: domain.signExtend }),
            }
          : undefined,
      },
      found,
      unit,
      path,
    );
    const beyond = (found.pasids?.leaves ?? []).filter(({ index }) => index > 0);
    const [first] = beyond;
    if (profile.walk === 'totals' && first !== undefined)
      walk.find(
        IOMMU['pasid-beyond'],
        path,
        first.table,
        `The directory of ${device.bdf} has ${many(beyond.length, 'leaf', 'leaves')} for PASIDs from 64 on.`,
      );
  }
}

function followStreams(
  walk: Walk,
  unit: SmmuUnit,
  devices: readonly FoundDevice[],
  translations: Map<FoundDevice, Translation>,
): void {
  for (const device of devices) {
    // Firmware maps requester ids to stream ids, most often one to one; that table is not handed over, so that a
    // stream that is not there says nothing.
    const found = smmuDevice(walk, unit, Number(device.devid), device.path);
    if (found.stream === undefined) continue;
    if (found.translation !== undefined) translations.set(device, found.translation);
  }
}

const VENDORS = { 1: 'intel', 2: 'arm-smmuv3' } as const;

function walkDomain(
  walk: Walk,
  domain: FoundDomain,
  translations: ReadonlyMap<FoundDevice, Translation>,
  budget: { readonly tables: number; readonly mappings: number },
): { readonly inference: FormatInference; readonly tables: TableWalk } {
  const { topTable, topLevel, devices, path, slot } = domain;
  const level = Number(topLevel);
  const soundVasz = domain.vasz !== undefined && domain.vasz >= 12 && domain.vasz <= 64;
  const vasz = soundVasz ? domain.vasz : undefined;
  // A sign that cannot be was told, and says nothing of the format.
  const signExtend = domain.signExtend === true && vasz !== 64;
  const told = devices.flatMap((device) => {
    const translation = translations.get(device);
    return translation?.table === topTable ? [translation] : [];
  });
  const type = devices.find(({ iommu }) => iommu !== undefined)?.iommu?.type;
  const vendor = type === 1 || type === 2 ? VENDORS[type] : undefined;
  const inference = inferFormat(walk.image, {
    table: topTable,
    level,
    vasz,
    signExtend,
    translations: told.map(({ format, granule, because }) => ({
      format,
      because,
      ...(granule === undefined ? {} : { granule }),
    })),
    ...(vendor === undefined ? {} : { vendor }),
  });
  const { format, granule } = inference;
  const tables = walkTables(
    walk.image,
    {
      table: topTable,
      level,
      vasz,
      // Before C the sign is not told; tables of a first stage on VT-d always have it.
      signExtend: domain.signExtend === undefined ? format === 'x86_64' : signExtend,
      format,
      granule,
    },
    { limits: { tables: Math.min(1 << 20, budget.tables), mappings: Math.min(1 << 21, budget.mappings) } },
  );
  // What is beyond any format was told with the domain.
  const tooHigh = (tables.counts.get('level') ?? 0) > 0 && topLevel <= (vendor === 'intel' ? 4n : 5n);
  if (tooHigh)
    walk.find(
      IOMMU.level,
      path,
      slot.address,
      `The topmost table is of level ${level}, which tables of ${format} do not have.`,
    );
  return { inference, tables };
}

function present(walk: Walk, inference: FormatInference, tables: TableWalk): DomainTables {
  const { mappings } = tables;
  const preserved = walk.map.complete ? coverageOf(walk.map) : undefined;
  let inside = true;
  if (preserved !== undefined)
    for (let i = 0; i < mappings.length && inside; i++)
      inside = preserved.firstOutside(mappings.physFrameAt(i), mappings.framesAt(i)) === undefined;
  return {
    format: inference.format,
    confidence: inference.confidence,
    because: inference.because,
    bytes: mappings.bytes,
    ...(preserved === undefined ? {} : { preserved: inside }),
    levels: tables.levels,
    sizes: tables.sizes,
    mappings,
    complete: tables.complete,
  };
}
