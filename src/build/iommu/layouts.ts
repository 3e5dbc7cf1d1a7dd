/** The IOMMU's state in the layouts of other postings. */
import {
  IOMMU_ARM_SMMUV3,
  IOMMU_INTEL,
  IOMMU_PROFILES,
  type IommuProfile,
  iommuProfile,
} from '../../formats/iommu/index.js';
import type { TableFormat } from '../../formats/pgtable/index.js';
import type { Conversion, Layouts } from '../handover/extension.js';
import { wordOf } from '../words.js';
import { chooseIds } from './ids.js';
import {
  keepsPasids,
  parseBDF,
  profileOf,
  readerOf,
  USUAL_ATS,
  USUAL_MAX_PASID,
  USUAL_OWNER,
  usualBase,
} from './model.js';
import { READER_FORMATS, type Reader, shapeOf, usualFormat } from './shape.js';
import type { IommuDeviceSpec, IommuDomainSpec, IommuMappingSpec, IommuSpec, IommuUnitSpec } from './spec.js';

export const iommuLayouts: Layouts = {
  format: 'iommu',
  names: IOMMU_PROFILES.map(({ name }) => name),
  // The shape of the field says that it has the type.
  of: (value) => profileOf(value as IommuSpec).name,
  convert: (value, layout, conversion) => {
    const spec = value as IommuSpec;
    const from = profileOf(spec);
    const to = iommuProfile(layout);
    return to === undefined || to === from ? value : new Converter(spec, from, to, conversion).spec();
  },
};

type UnitKind = 'intel' | 'smmuv3' | undefined;

interface Unit {
  readonly spec: IommuUnitSpec;
  readonly at: string;
  /** Undefined where the layout does not say it. */
  readonly kind: UnitKind;
  readonly mode: 'legacy' | 'scalable';
  readonly reader: Reader;
  readonly to:
    | { readonly kind: UnitKind; readonly mode: 'legacy' | 'scalable'; readonly reader: Reader }
    | undefined;
}
interface Domain {
  readonly spec: IommuDomainSpec;
  readonly at: string;
  readonly name: string;
  readonly format: TableFormat;
  /** In the target. */
  written: TableFormat;
  deleted: boolean;
}
interface Device {
  readonly spec: IommuDeviceSpec;
  readonly at: string;
  readonly unit: Unit;
  readonly domain: Domain;
  id: bigint;
  deleted: boolean;
  gone: boolean;
}

const TYPE = { intel: IOMMU_INTEL, smmuv3: IOMMU_ARM_SMMUV3 } as const;

/** Units of layouts without drivers have no type. */
function isTyped({ types }: IommuProfile): boolean {
  return types.some((type) => type !== 0);
}
function readerFor(kind: UnitKind, mode: 'legacy' | 'scalable'): Reader {
  return readerOf(kind === undefined ? 0 : TYPE[kind], mode);
}

function grouped<T, K>(list: readonly T[], by: (each: T, index: number) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const [i, each] of list.entries()) {
    const key = by(each, i);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return groups;
}

/** Everything that a spec leaves open is said first, since defaults of the target may be others. */
class Converter {
  readonly #from: IommuProfile;
  readonly #to: IommuProfile;
  readonly #conversion: Conversion;
  readonly #units: readonly Unit[];
  readonly #domains: readonly Domain[];
  readonly #devices: readonly Device[];
  readonly #inside: ReadonlyMap<Domain, readonly Device[]>;
  readonly #behind: ReadonlyMap<Unit, readonly Device[]>;

  constructor(spec: IommuSpec, from: IommuProfile, to: IommuProfile, conversion: Conversion) {
    this.#from = from;
    this.#to = to;
    this.#conversion = conversion;
    // Each is told from the others, even where a spec has one twice.
    const devices = (spec.devices ?? []).map((device) => ({ ...device }));
    const units = spec.units ?? (devices.length > 0 ? [{}] : []);
    const domains = namedDomains(spec.domains ?? [], devices);
    const readers = units.map(({ type, mode = 'legacy' }) =>
      readerFor(isTyped(from) ? (type ?? 'intel') : undefined, mode),
    );
    const inside = grouped(devices, (_, j) => domains.of[j] ?? -1);
    const behind = grouped(devices, ({ unit = 0 }) => unit);
    const domainOf = new Map(devices.map((device, j) => [device, domains.of[j] ?? -1]));
    this.#domains = domains.list.map((each, i): Domain => {
      const mine = inside.get(i) ?? [];
      const first = mine.find(({ deleted }) => deleted !== true) ?? mine[0];
      const reader = first === undefined ? 'core' : (readers[first.unit ?? 0] ?? 'core');
      const format = each.format ?? usualFormat(reader);
      const { name = '', deleted = false } = each;
      return { spec: each, at: `domains[${i}]`, name, format, written: format, deleted };
    });
    this.#units = units.map((each, i): Unit => {
      const kind = isTyped(from) ? (each.type ?? 'intel') : undefined;
      const mode = each.mode ?? 'legacy';
      const formats = (behind.get(i) ?? []).flatMap((device) => {
        const domain = this.#domains[domainOf.get(device) ?? -1];
        return device.deleted !== true && domain !== undefined ? [domain.format] : [];
      });
      return {
        spec: { ...each, phys_addr: each.phys_addr ?? usualBase(i) },
        at: `units[${i}]`,
        kind,
        mode,
        reader: readerFor(kind, mode),
        to: this.#unitIn(kind, mode, formats),
      };
    });
    this.#devices = devices.flatMap((each, j): Device[] => {
      const unit = this.#units[each.unit ?? 0];
      const domain = this.#domains[domains.of[j] ?? -1];
      if (unit === undefined || domain === undefined) return [];
      const deleted = each.deleted ?? false;
      return [{ spec: each, at: `devices[${j}]`, unit, domain, id: 0n, deleted, gone: false }];
    });
    const attached = this.#devices.map((device) => ({
      device,
      unit: device.unit,
      domain: device.domain,
      id: device.spec.did === undefined ? undefined : wordOf(device.spec.did, `${device.at}.did`),
    }));
    for (const [each, id] of chooseIds(attached).ids)
      each.device.id = each.device.deleted ? (each.id ?? id) : id;
    this.#inside = grouped(this.#devices, ({ domain }) => domain);
    this.#behind = grouped(this.#devices, ({ unit }) => unit);
  }

  /** What a unit is in the target; undefined where it has no part of it. */
  #unitIn(kind: UnitKind, mode: 'legacy' | 'scalable', formats: readonly TableFormat[]): Unit['to'] {
    const to = this.#to;
    if (!isTyped(to)) return { kind: undefined, mode: 'legacy', reader: 'core' };
    const of = (kindThere: UnitKind, modeThere: 'legacy' | 'scalable'): Unit['to'] =>
      kindThere !== undefined && to.types.includes(TYPE[kindThere])
        ? { kind: kindThere, mode: modeThere, reader: readerFor(kindThere, modeThere) }
        : undefined;
    if (kind !== undefined) return of(kind, keepsPasids(to) ? mode : 'legacy');
    // Layouts without drivers do not say what a unit is: the tables that it reads do.
    if (formats.length === 0 || formats.some((format) => READER_FORMATS['vtd-scalable'].includes(format)))
      return of('intel', keepsPasids(to) && formats.includes('x86_64') ? 'scalable' : 'legacy');
    return formats.some((format) => READER_FORMATS.smmuv3.includes(format))
      ? of('smmuv3', 'legacy')
      : undefined;
  }

  #lost(at: string, why: string): void {
    this.#conversion.lost(`${at}: ${why}`);
  }
  #supplied(at: string, why: string): void {
    this.#conversion.supplied(`${at}: ${why}`);
  }

  spec(): IommuSpec {
    const from = this.#from;
    const to = this.#to;
    if (from.root.totals !== undefined && to.root.totals === undefined)
      this.#lost(
        'totals',
        `the root of the layout ${to.name} has none, nor objects ordinals; pages count their objects`,
      );
    this.#place();
    this.#giveUp();
    const units = this.#units.filter(({ to: there }) => there !== undefined);
    const unitAt = new Map(units.map((unit, i) => [unit, i]));
    return {
      profile: to.name,
      units: this.#units.flatMap((unit) => this.#unit(unit)),
      domains: this.#domains.map((domain) => this.#domain(domain)),
      devices: this.#devices.flatMap((device) =>
        device.gone ? [] : [this.#device(device, unitAt.get(device.unit) ?? 0)],
      ),
    };
  }

  /** Decides which devices have a place, and in which format the tables of domains are written. */
  #place(): void {
    const { name } = this.#to;
    const contexts = new Map<string, Device>();
    for (const device of this.#devices) {
      const { unit, domain, spec } = device;
      const gone = (why: string): void => {
        device.gone = true;
        this.#lost(device.at, `${why}; it was ${spec.bdf}`);
      };
      if (unit.to === undefined) {
        gone(`its IOMMU, ${unit.at}, is gone`);
        continue;
      }
      const { reader } = unit.to;
      if (!READER_FORMATS[reader].includes(domain.format)) {
        if (reader === 'vtd-legacy' && domain.format === 'x86_64') domain.written = 'vtdss';
        else {
          gone(`units of the layout ${name} (${reader}) read no tables of ${domain.format}`);
          continue;
        }
      }
      if (device.deleted || unit.to.kind === undefined) continue;
      const key = `${unit.at}/${parseBDF(spec.bdf)?.devid}`;
      const before = contexts.get(key);
      if (before === undefined) contexts.set(key, device);
      else
        gone(
          `${before.spec.bdf} has the same bus, device and function on ${unit.at}, which does not tell segments apart`,
        );
    }
  }

  /** Where devices that are taken back are marked, live ones do not belong to what was given up. */
  #giveUp(): void {
    if (!this.#from.zombies || this.#to.zombies) return;
    for (const device of this.#devices) {
      const { unit, domain } = device;
      const why = unit.spec.deleted === true ? unit.at : domain.deleted ? domain.at : undefined;
      if (why === undefined || device.deleted || device.gone) continue;
      device.deleted = true;
      this.#lost(
        device.at,
        `in the layout ${this.#to.name} it is deleted, as ${why} is; it was ${device.spec.bdf}, not marked`,
      );
    }
  }

  #unit(unit: Unit): readonly IommuUnitSpec[] {
    const from = this.#from;
    const to = this.#to;
    const { spec, at, kind, mode, to: there } = unit;
    const { type: _, mode: __, ref_count, ...rest } = spec;
    if (there === undefined) {
      this.#lost(
        at,
        `the layout ${to.name} has no part of ${kind ?? 'the units that read its tables'}; its registers were at 0x${BigInt(spec.phys_addr ?? 0n).toString(16)}`,
      );
      return [];
    }
    if (kind !== undefined && there.kind === undefined)
      this.#lost(
        `${at}.type`,
        `the layout ${to.name} says neither it nor where tables of drivers are; it was ${kind}`,
      );
    if (kind === undefined && there.kind !== undefined) {
      const why = `the layout ${from.name} does not say it; by the tables that it reads it is`;
      this.#supplied(`${at}.type`, `${why} ${there.kind}`);
      if (there.mode === 'scalable') this.#supplied(`${at}.mode`, `${why} scalable`);
    }
    if (mode === 'scalable' && there.mode === 'legacy')
      this.#lost(`${at}.mode`, `the layout ${to.name} hands over no PASID tables, which scalable mode needs`);
    // The address of the stream table has a place beside E only.
    const hadStreams = kind === 'smmuv3' && from.name === 'E+S';
    const hasStreams = there.kind === 'smmuv3' && to.name === 'E+S';
    if (hadStreams && !hasStreams)
      this.#lost(`${at}.strtab_base`, `the layout ${to.name} has no place for the stream table`);
    if (hasStreams && !hadStreams)
      this.#supplied(
        `${at}.strtab_base`,
        `the layout ${from.name} does not say it; the stream table is a new one`,
      );
    const behind = this.#behind.get(unit) ?? [];
    const isEmpty = behind.every(({ deleted, gone }) => deleted || gone);
    if (isEmpty && spec.deleted !== true && behind.some(({ spec: { deleted } }) => deleted !== true))
      this.#lost(`${at}.deleted`, 'no live device is behind it any more, so that it is deleted');
    return [
      {
        ...rest,
        ...(there.kind === 'smmuv3' ? { type: 'smmuv3' as const } : {}),
        ...(there.mode === 'scalable' ? { mode: 'scalable' as const } : {}),
        ...(ref_count === undefined ? {} : this.#unitCount(unit, ref_count)),
      },
    ];
  }

  /** The count of a unit whose live devices are others than before, or have to be counted exactly, follows. */
  #unitCount(unit: Unit, ref_count: number): Pick<IommuUnitSpec, 'ref_count'> {
    const behind = this.#behind.get(unit) ?? [];
    const live = behind.filter(({ deleted, gone }) => !deleted && !gone).length;
    const before = behind.filter(({ spec }) => spec.deleted !== true).length;
    const count = unit.spec.deleted === true ? 0 : live;
    if (live === before && (this.#to.zombies || live === 0 || ref_count === live)) return { ref_count };
    if (ref_count !== count)
      this.#lost(
        `${unit.at}.ref_count`,
        `in the layout ${this.#to.name} it is the number of live devices, ${count}; it was ${ref_count}`,
      );
    return {};
  }

  #domain(domain: Domain): IommuDomainSpec {
    const from = this.#from.domain.roles;
    const to = this.#to;
    const { spec, at, name, format, written, deleted } = domain;
    const { vasz: _, top_level: __, sign_extend, format: ___, map, ...rest } = spec;
    const there = to.domain.roles;
    const mine = (this.#inside.get(domain) ?? []).filter(({ gone }) => !gone);
    const first = mine.find((device) => !device.deleted) ?? mine[0];
    const reader = first?.unit.to?.reader ?? 'core';
    if (this.#from.name === 'A')
      this.#lost(`${at}.attach_count`, `the layout ${to.name} has none; it is the number of devices`);
    if (written !== format)
      this.#lost(
        `${at}.format`,
        `units of the layout ${to.name} (${reader}) read no tables of ${format}; the same mappings are in ${written}`,
      );
    const signed = sign_extend ?? format === 'x86_64';
    const shape = shapeOf(format, spec, signed);
    // The source was built, or could be.
    const level = shape?.level;
    const width = shape?.vasz;
    if (from.vasz !== undefined && there.vasz === undefined && width !== undefined)
      this.#lost(`${at}.vasz`, `the layout ${to.name} has no place for it; it was ${width}`);
    if (from.vasz === undefined && there.vasz !== undefined && width !== undefined)
      this.#supplied(
        `${at}.vasz`,
        `the layout ${this.#from.name} does not say it; it is ${width}, which the tables hold`,
      );
    const isVtd = reader === 'vtd-legacy' || reader === 'vtd-scalable';
    const sign =
      isVtd || there.sign_extend === undefined || written !== format ? written === 'x86_64' : signed;
    if (from.sign_extend !== undefined && there.sign_extend === undefined)
      this.#lost(`${at}.sign_extend`, `the layout ${to.name} has no place for it; it was ${signed}`);
    else if (from.sign_extend !== undefined && sign !== signed)
      this.#lost(
        `${at}.sign_extend`,
        `VT-d extends the sign of addresses of the first stage, and of no others; it was ${signed}`,
      );
    else if (from.sign_extend === undefined && there.sign_extend !== undefined)
      this.#supplied(
        `${at}.sign_extend`,
        `the layout ${this.#from.name} does not say it; as tables of ${written} have it, it is ${sign}`,
      );
    const kept = map === undefined ? undefined : this.#map(map, at, width ?? 48, signed, sign);
    return {
      ...rest,
      name,
      ...(deleted ? { deleted: true as const } : {}),
      format: written,
      ...(level === undefined ? {} : { top_level: level }),
      ...(there.vasz === undefined || width === undefined ? {} : { vasz: width }),
      ...(sign === (written === 'x86_64') ? {} : { sign_extend: sign }),
      ...(kept === undefined ? {} : { map: kept }),
    };
  }

  /** Without the addresses that only one of both ways to read the highest bit has. */
  #map(
    map: readonly IommuMappingSpec[],
    at: string,
    width: number,
    from: boolean,
    to: boolean,
  ): readonly IommuMappingSpec[] {
    if (from === to) return map;
    const half = 1n << BigInt(width - 1);
    return map.filter(({ iova, size }, i) => {
      const end = BigInt(iova) + BigInt(size);
      if (end <= (to ? half : 2n * half)) return true;
      this.#lost(
        `${at}.map[${i}]`,
        `addresses of ${width} bits ${to ? 'with' : 'without'} a sign do not reach 0x${BigInt(iova).toString(16)}`,
      );
      return false;
    });
  }

  #device(device: Device, unit: number): IommuDeviceSpec {
    const { spec, at, domain, id, deleted } = device;
    const { token, ats, max_pasid, unit: _, deleted: __, ...rest } = spec;
    const kind = device.unit.to?.kind;
    const scalable = device.unit.to?.mode === 'scalable';
    const wasScalable = device.unit.mode === 'scalable';
    if (wasScalable && !scalable)
      this.#lost(
        `${at}.max_pasid`,
        `without PASID tables there is no place for it; it was ${max_pasid ?? USUAL_MAX_PASID}`,
      );
    if (!wasScalable && scalable)
      this.#supplied(
        `${at}.max_pasid`,
        `the layout ${this.#from.name} does not say it; it is ${USUAL_MAX_PASID}`,
      );
    if (this.#from.name === 'F2' && device.unit.kind === 'intel')
      this.#lost(`${at}.ats`, `the layout ${this.#to.name} says nothing of ATS; it was ${ats ?? USUAL_ATS}`);
    if (this.#to.name === 'F2' && kind === 'intel')
      this.#supplied(`${at}.ats`, `the layout ${this.#from.name} does not say it; it is ${USUAL_ATS}`);
    return {
      ...rest,
      ...(unit === 0 ? {} : { unit }),
      domain: domain.name,
      did: id,
      ...this.#owner(at, token),
      ...(scalable && max_pasid !== undefined ? { max_pasid } : {}),
      ...(deleted ? { deleted: true as const } : {}),
    };
  }

  /** The token of the iommufd, up to C, is none of the owner of the DMA, from F1 on. */
  #owner(at: string, token: number | bigint | undefined): Pick<IommuDeviceSpec, 'token'> {
    const from = this.#from.device.roles.owner;
    const to = this.#to.device.roles.owner;
    if (from === to) return token === undefined ? {} : { token };
    const was = `it was 0x${BigInt(token ?? USUAL_OWNER).toString(16)}`;
    if (from !== undefined)
      this.#lost(
        `${at}.token`,
        to === undefined
          ? `devices of the layout ${this.#to.name} have none; ${was}`
          : `the layout ${this.#to.name} has that of ${to === 'token' ? 'the iommufd' : 'the owner of the DMA'} in its place; ${was}`,
      );
    if (to !== undefined)
      this.#supplied(
        `${at}.token`,
        `the layout ${this.#from.name} has none of ${to === 'token' ? 'the iommufd' : 'the owner of the DMA'}; it is ${USUAL_OWNER}`,
      );
    return {};
  }
}

/** All domains with names, and which of them each device is in: those that need not be listed follow the others. */
function namedDomains(
  given: readonly IommuDomainSpec[],
  devices: readonly IommuDeviceSpec[],
): { readonly list: readonly IommuDomainSpec[]; readonly of: readonly number[] } {
  const taken = new Set(given.flatMap(({ name }) => (name === undefined ? [] : [name])));
  const list: IommuDomainSpec[] = [];
  const add = (domain: IommuDomainSpec): number => {
    let name = domain.name ?? `domain${list.length}`;
    while (domain.name === undefined && taken.has(name)) name += '_';
    taken.add(name);
    return list.push({ ...domain, name }) - 1;
  };
  for (const domain of given) add(domain);
  const places = new Map(list.map(({ name }, i) => [name, i]));
  const of = devices.map(({ domain, deleted = false }) =>
    domain === undefined ? add(deleted ? { deleted: true } : {}) : (places.get(domain) ?? -1),
  );
  return { list, of };
}
