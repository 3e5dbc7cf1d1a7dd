/**
 * Builds the memory of an IOMMU's state in every layout, byte by byte from the layouts as they are documented.
 * It uses nothing of the decoders. Units are VT-d in legacy mode: root table, context tables and empty
 * second-stage tables are what hardware would accept.
 */
import { type Built, build, Memory } from '../kho/builder.js';

export interface UnitSpec {
  readonly base?: number;
  readonly type?: number;
  readonly ref?: number;
  readonly deleted?: boolean;
}
export interface DomainSpec {
  readonly level?: number;
  readonly vasz?: number;
  readonly sign?: number;
  readonly ref?: number;
  readonly deleted?: boolean;
}
export interface DeviceSpec {
  readonly segment?: number;
  readonly devid: number;
  readonly id: number;
  readonly domain: number;
  readonly unit: number;
  readonly token?: bigint;
  readonly ref?: number;
  readonly deleted?: boolean;
  /** F2: ATS enabled and supported. */
  readonly ats?: boolean;
}
export interface IommuSpec {
  readonly profile: string;
  readonly pageSize: number;
  readonly units: readonly UnitSpec[];
  readonly domains: readonly DomainSpec[];
  readonly devices: readonly DeviceSpec[];
  /** The name of the data, where it is not that of the profile. */
  readonly name?: string;
  /** Addresses of pages that are not preserved. */
  readonly omit?: readonly number[];
  /** Scalable mode, with second-stage tables, or first-stage ones. */
  readonly scalable?: 'second' | 'first';
  /** The page of devices begins so many bytes late. */
  readonly shift?: number;
}

type Header = 'obj' | 'bits' | 'flags';
interface Shape {
  readonly name: string;
  readonly header: Header;
  readonly root: 'totals' | 'plain' | 'version';
  readonly domain: number;
  readonly unit: number;
  readonly device: number;
  /** Type that units have. */
  readonly type: number;
}
export const SHAPES: Readonly<Record<string, Shape>> = {
  A: { name: 'iommu-v1', header: 'obj', root: 'totals', unit: 48, domain: 41, device: 53, type: 1 },
  B49: { name: 'iommu-v1', header: 'obj', root: 'totals', unit: 37, domain: 33, device: 49, type: 1 },
  B: { name: 'iommu-v1', header: 'obj', root: 'totals', unit: 37, domain: 33, device: 65, type: 1 },
  C: {
    name: 'iommu-liveupdate-v1',
    header: 'bits',
    root: 'plain',
    unit: 17,
    domain: 34,
    device: 45,
    type: 0,
  },
  D: {
    name: 'iommu-liveupdate-v1',
    header: 'bits',
    root: 'plain',
    unit: 21,
    domain: 34,
    device: 37,
    type: 0,
  },
  'D+I': {
    name: 'iommu-liveupdate-v1',
    header: 'bits',
    root: 'plain',
    unit: 109,
    domain: 34,
    device: 53,
    type: 1,
  },
  E: {
    name: 'iommu-liveupdate-v1',
    header: 'flags',
    root: 'plain',
    unit: 112,
    domain: 37,
    device: 56,
    type: 1,
  },
  'E+S': {
    name: 'iommu-liveupdate-v1',
    header: 'flags',
    root: 'plain',
    unit: 112,
    domain: 37,
    device: 64,
    type: 1,
  },
  F0: {
    name: 'iommu-liveupdate',
    header: 'flags',
    root: 'version',
    unit: 24,
    domain: 37,
    device: 40,
    type: 0,
  },
  F1: {
    name: 'iommu-liveupdate',
    header: 'flags',
    root: 'version',
    unit: 112,
    domain: 40,
    device: 72,
    type: 1,
  },
  'F1+S': {
    name: 'iommu-liveupdate',
    header: 'flags',
    root: 'version',
    unit: 112,
    domain: 40,
    device: 72,
    type: 1,
  },
  F2: {
    name: 'iommu-liveupdate',
    header: 'flags',
    root: 'version',
    unit: 112,
    domain: 40,
    device: 72,
    type: 1,
  },
};

class Writer {
  readonly bytes: Uint8Array;
  at = 0;
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }
  word(value: number | bigint, size: number): this {
    let rest = BigInt(value);
    for (let i = 0; i < size; i++) {
      this.bytes[this.at++] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this;
  }
  u8(value: number): this {
    return this.word(value, 1);
  }
  u32(value: number): this {
    return this.word(value, 4);
  }
  u64(value: number | bigint): this {
    return this.word(value, 8);
  }
  skip(bytes: number): this {
    this.at += bytes;
    return this;
  }
}

function writeHeader(w: Writer, kind: Header, idx: number, ref: number, deleted: boolean): Writer {
  if (kind === 'obj') w.u32(idx);
  w.u32(ref);
  if (kind === 'flags') w.u32(deleted ? 1 : 0);
  else w.u8(deleted ? 1 : 0);
  return w;
}

export interface BuiltIommu extends Built {
  readonly shape: Shape;
  readonly pageSize: number;
  readonly data: number;
  /** Addresses of the slots. */
  readonly units: readonly number[];
  readonly domains: readonly number[];
  readonly devices: readonly number[];
  /** Pages of each kind. */
  readonly pages: Readonly<Record<'iommus' | 'domains' | 'devices', readonly number[]>>;
  readonly tops: readonly number[];
  readonly rootTables: readonly number[];
  readonly contextTables: readonly number[];
  /** PASID directories by the number of the device. */
  readonly directories: ReadonlyMap<number, number>;
  /** The bytes of each slot, by its address. */
  readonly slots: ReadonlyMap<number, Uint8Array>;
}

export const START = 0x10000000;

export function buildIommu(spec: IommuSpec, more: Partial<Parameters<typeof build>[0]> = {}): BuiltIommu {
  const shape = SHAPES[spec.profile];
  if (shape === undefined) throw new Error(`no shape ${spec.profile}`);
  const { pageSize } = spec;
  const mine = new Memory();
  const blocks: [number, number][] = [];
  let next = START;
  const page = (touched = pageSize): number => {
    const at = next;
    next += pageSize;
    blocks.push([at / pageSize, 0]);
    mine.touch(at, touched);
    return at;
  };
  const data = page();
  const slots = new Map<number, Uint8Array>();
  const place = (count: number, stride: number, shift = 0): { pages: number[]; slots: number[] } => {
    const capacity = Math.floor((pageSize - 16) / stride);
    const pages: number[] = [page() + shift];
    const list: number[] = [];
    for (let i = 0; i < count; i++) {
      if (i > 0 && i % capacity === 0) pages.push(page());
      list.push((pages[pages.length - 1] ?? 0) + 16 + (i % capacity) * stride);
    }
    for (const [i, at] of pages.entries()) {
      mine.u64(at, pages[i + 1] ?? 0);
      mine.u64(at + 8, Math.min(capacity, Math.max(0, count - i * capacity)));
    }
    return { pages, slots: list };
  };
  const units = place(spec.units.length, shape.unit);
  const domains = place(spec.domains.length, shape.domain);
  const devices = place(spec.devices.length, shape.device, spec.shift);
  const put = (at: number, w: Writer): void => {
    mine.bytes(at, w.bytes);
    slots.set(at, w.bytes);
  };

  const w = new Writer(48);
  if (shape.root === 'totals')
    w.u64(units.pages[0] ?? 0)
      .u64(spec.units.length)
      .u64(domains.pages[0] ?? 0)
      .u64(spec.domains.length)
      .u64(devices.pages[0] ?? 0)
      .u64(spec.devices.length);
  else {
    if (shape.root === 'version') w.u64(1);
    w.u64(units.pages[0] ?? 0)
      .u64(domains.pages[0] ?? 0)
      .u64(devices.pages[0] ?? 0);
  }
  mine.bytes(data, w.bytes);

  const tops: number[] = [];
  for (const [i, { level = 3, vasz = 48, sign = 0, ref = 1, deleted = false }] of spec.domains.entries()) {
    const top = page(4096);
    tops.push(top);
    const d = writeHeader(new Writer(shape.domain), shape.header, i, ref, deleted);
    d.u64(top).u64(level);
    if (shape.header === 'obj') {
      if (spec.profile === 'A') d.u64(spec.devices.filter(({ domain }) => domain === i).length);
    } else {
      d.u32(vasz).u8(sign);
      if (shape.domain === 40) d.skip(3);
    }
    d.u64(0);
    put(domains.slots[i] ?? 0, d);
  }

  const rootTables: number[] = [];
  const contextTables: number[] = [];
  const directories = new Map<number, number>();
  for (const [i, unit] of spec.units.entries()) {
    const base = unit.base ?? 0xfed90000 + i * 0x1000;
    const type = unit.type ?? shape.type;
    const behind = spec.devices.filter((device) => device.unit === i && device.deleted !== true);
    const w = writeHeader(
      new Writer(shape.unit),
      shape.header,
      i,
      unit.ref ?? behind.length,
      unit.deleted ?? false,
    );
    if (spec.profile === 'A') w.at = 16;
    w.u64(base);
    const bitmap = new Uint8Array(64);
    let root = 0;
    if (shape.type === 1) {
      root = page(4096);
      rootTables.push(root);
      const tables = new Map<number, number>();
      for (const { devid, domain, id } of behind) {
        const bus = (devid >> 8) & 255;
        let table = tables.get(bus);
        if (table === undefined) {
          table = page(4096);
          contextTables.push(table);
          tables.set(bus, table);
          mine.u64(root + 16 * bus, table | 1);
        }
        bitmap[bus >> 2] = (bitmap[bus >> 2] ?? 0) | (1 << ((bus * 2 + ((devid & 0x80) === 0 ? 0 : 1)) % 8));
        if (spec.scalable !== undefined) {
          const dir = page(4096);
          const leaf = page(4096);
          directories.set(devid, dir);
          mine.u64(table + 32 * (devid & 0x7f), dir + 1 + 2 * 512);
          mine.u64(dir, leaf | 1);
          const level = spec.domains[domain]?.level ?? 3;
          const top = tops[domain] ?? 0;
          mine.u64(leaf, spec.scalable === 'second' ? top + 1 + (level - 1) * 4 + 2 * 64 : 1 + 64);
          mine.u64(leaf + 8, id & 0xffff);
          if (spec.scalable === 'first') mine.u64(leaf + 16, top + (level - 3) * 4);
          continue;
        }
        const entry = table + 16 * (devid & 255);
        mine.u64(entry, (tops[domain] ?? 0) + 1);
        mine.u64(entry + 8, (spec.domains[domain]?.level ?? 3) - 1 + (id & 0xffff) * 256);
      }
    }
    if (shape.header === 'obj') {
      w.u32(type).u64(base).u64(root);
    } else {
      if (spec.profile === 'C') w.u32(type);
      else w.u64(type);
      if (shape.type === 1) {
        w.u8(0).skip(7).u64(base).u64(root);
        for (const byte of bitmap) w.u8(byte);
      }
    }
    put(units.slots[i] ?? 0, w);
  }

  for (const [i, device] of spec.devices.entries()) {
    const { segment = 0, devid, id, domain, unit, token = 0x1234n, ref = 1, deleted = false } = device;
    const w = writeHeader(new Writer(shape.device), shape.header, i, ref, deleted);
    const to = (): Writer => w.u64(domains.slots[domain] ?? 0).u64(units.slots[unit] ?? 0);
    if (shape.header === 'obj') {
      w.u64(token).u32(devid).u32(segment).u32(id);
      if (spec.profile === 'A') w.skip(4);
      to().u32(0);
      if (spec.profile === 'B') w.u64(directories.get(devid) ?? 0).u64(directories.has(devid) ? 32768 : 0);
    } else {
      if (spec.profile === 'C') w.u64(token);
      w.u32(devid).u32(segment);
      if (shape.device === 72) w.u64(token);
      w.u64(id);
      to();
      if (shape.device === 72) {
        w.at = 48;
        if (device.ats === true && spec.profile === 'F2') w.u8(1).u8(1);
        w.at = 56;
      }
      if (shape.device > 45) w.u64(directories.get(devid) ?? 0).u64(directories.has(devid) ? 32768 : 0);
    }
    put(devices.slots[i] ?? 0, w);
  }

  const built = build({
    kho: 'v4',
    luo: 'v5',
    pageSize,
    sessions: [{ name: 'vmm', files: [{ token: 0x1234n, size: 0, folios: [] }] }],
    flbs: [{ name: spec.name ?? shape.name, data: BigInt(data), count: 1 }],
    ...more,
    blocks: [
      ...blocks.filter(([pfn]) => spec.omit?.includes(pfn * pageSize) !== true),
      ...(more.blocks ?? []),
    ],
  });
  for (const [index, bytes] of mine.pages) built.memory.bytes(index * 4096, bytes);
  return {
    ...built,
    image: built.memory.image(pageSize === 4096 ? 62 : 183),
    shape,
    pageSize,
    data,
    units: units.slots,
    domains: domains.slots,
    devices: devices.slots,
    pages: { iommus: units.pages, domains: domains.pages, devices: devices.pages },
    tops,
    rootTables,
    contextTables,
    directories,
    slots,
  };
}

/** So many devices, four to a domain, behind as many units as are needed for 200 each; every tenth is deleted. */
export function machine(
  profile: string,
  pageSize: number,
  count: number,
  options: { readonly deleted?: boolean; readonly ats?: boolean } = {},
): IommuSpec {
  const { deleted = false, ats = true } = options;
  const perDomain = 4;
  const perUnit = 200;
  const nDomains = Math.max(1, Math.ceil(count / perDomain));
  const nUnits = Math.max(1, Math.ceil(count / perUnit));
  const gone = (i: number): boolean => deleted && i % 10 === 9;
  return {
    profile,
    pageSize,
    units: Array.from({ length: nUnits }, () => ({})),
    domains: Array.from({ length: nDomains }, () => ({})),
    devices: Array.from({ length: count }, (_, i) => ({
      segment: Math.floor(i / 8192),
      // Functions below devfn 0x80 of as many buses as it takes.
      devid: ((Math.floor(i / 64) % 256) << 8) | (i % 64),
      id: 2 + Math.floor(i / perDomain),
      domain: Math.floor(i / perDomain),
      unit: Math.floor(i / perUnit),
      token: 0x1234n,
      deleted: gone(i),
      ats,
    })),
  };
}
