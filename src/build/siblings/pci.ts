/** Builds what the PCI core hands over of the devices that it preserves, in each layout that was posted. */
import { isRecord } from '../../formats/kho/record.js';
import { filesOf } from '../../formats/luo/parts.js';
import {
  PCI_PROFILES,
  PciDevSer,
  PciDevSerRfc,
  PciDevSerRfcNamed,
  type PciProfile,
  PciSer,
  PciSerV1,
  PciSerV2,
  PciSerV3,
  PciSerV3U32,
  PciSerV4,
  PciSerV7,
  type PciValue,
} from '../../formats/pci/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Describer } from '../handover/describer.js';
import type { FlbBuilder } from '../handover/extension.js';
import type { FlbSpec, Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { choice, either, field, list, needed, number, object, text, word } from '../spec/shape.js';
import { smallOf, wordOf } from '../words.js';
import { type PciFunction, pciFunctionOf } from './pci-address.js';

/** From the newest to the oldest: of those that go by a name, the first is taken. */
export const PCI_BUILDS = [
  'accepted-v2',
  'accepted-v1',
  'v7',
  'v5',
  'v4',
  'v3-u32',
  'v3',
  'v2',
  'v1',
  'rfc-named',
  'rfc',
] as const;
type PciBuild = (typeof PCI_BUILDS)[number];

export interface PciDeviceSpec {
  /** `0001:3a:01.0` */
  readonly address: string;
  /** How many preserved devices there are at the device and below it. 1 if not given, where the layout has it. */
  readonly refcount?: number;
}
export interface PciRfcDeviceSpec {
  readonly path: number;
  readonly flags?: number;
  readonly driver_name?: string;
  readonly driver_data?: Word;
}
export interface PciSpec {
  /** `accepted-v2`, or the newest that went by the name of the FLB. */
  readonly layout?: PciBuild;
  /** Those of the VFIO files if not given. */
  readonly devices?: readonly (string | PciDeviceSpec)[];
  /** Entries that there is room for, in `v2` to `v5`; as many as there are devices if not given. */
  readonly max_nr_devices?: number;
  /** Of the RFC, whose entries name no devices. */
  readonly rfc_devices?: readonly PciRfcDeviceSpec[];
}

/** Names that were used for a layout, the usual one first. */
const NAMES: Readonly<Record<PciBuild, readonly string[]>> = {
  'accepted-v2': ['pci'],
  'accepted-v1': ['pci'],
  v7: ['pci-v1'],
  v5: ['pci-v3', 'pci-v1', 'pci-v2'],
  v4: ['pci-v2', 'pci-v1'],
  'v3-u32': ['pci-v2', 'pci-v1'],
  v3: ['pci-v2', 'pci-v1'],
  v2: ['pci-v1'],
  v1: ['pci-v1'],
  // As data of a subsystem, which had no name of this kind.
  'rfc-named': ['pci-v1', 'pci-v2', 'pci-v3', 'pci'],
  rfc: ['pci-v1', 'pci-v2', 'pci-v3', 'pci'],
};
/** Entries of layouts that are one block of memory. */
const MAX_ENTRIES = 2 ** 20;

export const pciBuilder: FlbBuilder = {
  key: 'pci',
  field: field(
    object('pci', 'Devices that the PCI core preserves', {
      layout: field(
        choice(PCI_BUILDS),
        '`accepted-v2`, or the newest that went by the name of the FLB; `rfc` and `rfc-named` are only read with --as pci@rfc',
      ),
      devices: field(
        list(
          either(
            text,
            object('a device', 'A device that the PCI core preserves', {
              address: needed(text, '`0000:3a:01.0`, or `3a:01.0` in domain 0'),
              refcount: field(
                number(0xffff),
                'preserved devices at the device and below it; 1 if not given, where the layout has it',
              ),
            }),
          ),
        ),
        'addresses, or addresses with refcounts; those of the VFIO files if not given',
      ),
      max_nr_devices: field(
        number(2 ** 20),
        'entries that there is room for, in `v2` to `v5`; one for each device if not given',
      ),
      rfc_devices: field(
        list(
          object('a device of the RFC', 'An entry of the RFC, which names no device', {
            path: needed(number(0xffffffff), 'its place in the tree of devices'),
            flags: field(number(0xffffffff), '0 if not given'),
            driver_name: field(text, 'at most 63 bytes, of `rfc-named`'),
            driver_data: field(word, 'the word of the driver; 0 if not given'),
          }),
        ),
        'the entries of `rfc` and `rfc-named`',
      ),
    }),
    'devices that the PCI core preserves',
  ),
  // The spec of an FLB says that this key has the type.
  dependsOn: 'vfio-',
  flbName: (_, value) => NAMES[(value as PciSpec).layout ?? 'accepted-v2'][0] ?? 'pci',
  build: (value, builder, place, flb) => {
    const spec = value as PciSpec;
    const path = `${place}.pci`;
    const profile = profileOf(spec, flb, path);
    const region =
      profile.list === 'open'
        ? buildRfc(profile, spec, builder, path)
        : buildDevices(profile, spec, builder, path);
    return () => region.address;
  },
  describe: (value, describer) => {
    // What the decoder of the PCI core's data gives under this key.
    const { profile: name, devices, max_nr_devices, rfc_devices } = value as PciValue;
    const layout = PCI_BUILDS.find((each) => each === name) ?? 'accepted-v2';
    const profile = PCI_PROFILES.find((each) => each.name === layout);
    const said = layout === 'accepted-v2' ? {} : { layout };
    if (rfc_devices !== undefined) return { ...said, rfc_devices: rfc_devices.map(describeRfc) };
    const usual = profile === undefined ? 1 : usualRefcount(profile);
    const list = devices.map(({ address, refcount = usual }) =>
      refcount === usual ? address : { address, refcount },
    );
    return {
      ...said,
      ...(isUsual(list, profile, describer) ? {} : { devices: list }),
      ...(max_nr_devices === undefined || max_nr_devices === BigInt(devices.length)
        ? {}
        : { max_nr_devices: Number(max_nr_devices) }),
    } satisfies PciSpec;
  },
};

function describeRfc({
  path,
  flags,
  driver_name,
  driver_data,
}: NonNullable<PciValue['rfc_devices']>[number]): PciRfcDeviceSpec {
  return {
    path,
    ...(flags === 0 ? {} : { flags }),
    ...(driver_name === undefined || driver_name === '' ? {} : { driver_name }),
    ...(driver_data === 0n ? {} : { driver_data }),
  };
}

/** Whether a list is what is built if none is given. */
function isUsual(
  list: readonly (string | PciDeviceSpec)[],
  profile: PciProfile | undefined,
  { handover }: Describer,
): boolean {
  const files = filesOf(handover.value.entries).flatMap(({ file: { vfio } }) =>
    isRecord(vfio) && typeof vfio.address === 'string' ? [vfio.address] : [],
  );
  const names = [...new Set(files)];
  if (profile?.sorted === true) names.sort((a, b) => compare(pciFunctionOf(a, ''), pciFunctionOf(b, '')));
  return names.length === list.length && names.every((name, i) => list[i] === name);
}

function profileOf({ layout }: PciSpec, { name }: FlbSpec, path: string): PciProfile {
  const wanted = layout ?? PCI_BUILDS.find((each) => name === undefined || NAMES[each].includes(name));
  const profile = PCI_PROFILES.find((each) => each.name === wanted);
  if (wanted === undefined || profile === undefined)
    throw buildError('build-value', `${path}.layout`, `no layout goes by ${JSON.stringify(name)}`);
  if (name !== undefined && !NAMES[wanted].includes(name))
    throw buildError(
      'build-value',
      `${path}.layout`,
      `the layout ${wanted} goes by ${NAMES[wanted].join(', ')}, not by ${JSON.stringify(name)}`,
    );
  return profile;
}

interface Entry extends PciFunction {
  readonly refcount: number;
}
const FREE: Entry = { domain: 0, bdf: 0, refcount: 0 };

function compare(a: PciFunction, b: PciFunction): number {
  return a.domain === b.domain ? a.bdf - b.bdf : a.domain - b.domain;
}
/** What a refcount is where a spec does not say it: what was padding at first is 0. */
function usualRefcount({ refcount }: PciProfile): number {
  return refcount === 'used' || refcount === 'below' ? 1 : 0;
}

function entriesOf(profile: PciProfile, spec: PciSpec, builder: HandoverBuilder, path: string): Entry[] {
  const { devices } = spec;
  const list = devices ?? addressesOf(builder);
  const seen = new Set<string>();
  const entries: Entry[] = [];
  for (const [i, device] of list.entries()) {
    const where = devices === undefined ? path : `${path}.devices[${i}]`;
    const { address, refcount }: PciDeviceSpec = typeof device === 'string' ? { address: device } : device;
    const place = pciFunctionOf(address, where, profile.entry === 4 ? 16 : 32);
    const key = `${place.domain} ${place.bdf}`;
    if (seen.has(key)) {
      // Two files of one device are a mistake of theirs, which is told there.
      if (devices === undefined) continue;
      throw buildError('build-value', where, `${address} is there before`);
    }
    seen.add(key);
    entries.push({
      ...place,
      refcount: smallOf(refcount ?? usualRefcount(profile), 16, `${where}.refcount`),
    });
  }
  const below = new Below(entries);
  for (const [i, entry] of entries.entries()) {
    const fault = refcountFault(profile, entry, below);
    if (fault !== undefined) throw buildError('build-value', `${path}.devices[${i}].refcount`, fault);
  }
  return profile.sorted ? entries.sort(compare) : entries;
}

/** The devices that files are of, each once, in their order. */
function addressesOf(builder: HandoverBuilder): readonly string[] {
  const addresses = [...builder.sessions.values()]
    .flat()
    .flatMap(({ vfio }) => (isRecord(vfio) && typeof vfio.address === 'string' ? [vfio.address] : []));
  return [...new Set(addresses)];
}

/** How many devices of a domain are on a higher bus than another: those that can be below it. */
class Below {
  /** By domain: the devices on buses from each one on. */
  readonly #from = new Map<number, Uint32Array>();

  constructor(entries: readonly Entry[]) {
    for (const { domain, bdf } of entries) {
      const from = this.#from.get(domain) ?? new Uint32Array(BUSES + 1);
      this.#from.set(domain, from);
      const bus = bdf >> 8;
      from[bus] = (from[bus] ?? 0) + 1;
    }
    for (const from of this.#from.values())
      for (let bus = BUSES - 1; bus >= 0; bus--) from[bus] = (from[bus] ?? 0) + (from[bus + 1] ?? 0);
  }
  count({ domain, bdf }: Entry): number {
    return this.#from.get(domain)?.[(bdf >> 8) + 1] ?? 0;
  }
}
const BUSES = 256;

/** Why an entry cannot have its refcount; undefined if it can. */
function refcountFault({ name, refcount: kind }: PciProfile, entry: Entry, below: Below): string | undefined {
  const { refcount } = entry;
  switch (kind) {
    case 'none':
      return refcount === 0 ? undefined : `the layout ${name} has no refcounts`;
    case 'reserved':
      return refcount <= 1 ? undefined : `in the layout ${name} it is 0 or 1`;
    case 'used':
      return refcount === 1 ? undefined : `in the layout ${name} it is 1 for each device`;
    case 'below': {
      const most = 1 + below.count(entry);
      return refcount >= 1 && refcount <= most
        ? undefined
        : `it counts the device itself and those below it, 1 to ${most}, not ${refcount}`;
    }
  }
}

function buildDevices(profile: PciProfile, spec: PciSpec, builder: HandoverBuilder, path: string): Region {
  if (spec.rfc_devices !== undefined)
    throw buildError('build-value', `${path}.rfc_devices`, `the layout ${profile.name} has devices`);
  const entries = entriesOf(profile, spec, builder, path);
  const nr = entries.length;
  const max = smallOf(spec.max_nr_devices ?? nr, 32, `${path}.max_nr_devices`);
  if (profile.max === 0 && spec.max_nr_devices !== undefined)
    throw buildError(
      'build-value',
      `${path}.max_nr_devices`,
      `the layout ${profile.name} has no place for it`,
    );
  if (max < nr || max > MAX_ENTRIES)
    throw buildError(
      'build-full',
      `${path}.max_nr_devices`,
      max < nr ? `there is room for ${max} of ${nr} devices` : `at most ${MAX_ENTRIES} entries are built`,
    );
  const size = profile.header + max * profile.entry;
  // Entries of v1 and v2 have no refcount.
  const small = entries.map(({ domain, bdf }) => ({ domain, bdf }));
  switch (profile.schema) {
    case PciSerV1:
      return builder.object(path, PciSerV1, size, () => ({ nr_devices: BigInt(nr), devices: small }));
    case PciSerV2:
      return builder.object(path, PciSerV2, size, () => ({
        max_nr_devices: BigInt(max),
        nr_devices: BigInt(nr),
        devices: small,
      }));
    case PciSerV3:
      return builder.object(path, PciSerV3, size, () => ({
        max_nr_devices: BigInt(max),
        nr_devices: BigInt(nr),
        devices: entries,
      }));
    case PciSerV3U32:
      return builder.object(path, PciSerV3U32, size, () => ({
        max_nr_devices: max,
        nr_devices: nr,
        devices: entries,
      }));
    case PciSerV4:
      return builder.object(path, PciSerV4, size, () => ({
        max_nr_devices: max,
        nr_devices: nr,
        devices: [...entries, ...Array.from({ length: max - nr }, () => FREE)],
      }));
    default: {
      const first = buildBlocks(entries, builder, `${path}.devices`);
      const version = profile.number;
      return version === undefined
        ? builder.object(path, PciSerV7, profile.header, () => ({ nr_devices: nr, devices: first() }))
        : builder.object(path, PciSer, profile.header, () => ({
            version,
            nr_devices: nr,
            devices: first(),
          }));
    }
  }
}

function buildBlocks(entries: readonly Entry[], builder: HandoverBuilder, path: string): () => bigint {
  const { first, slots } = builder.blocks(path, entries.length, 8);
  for (const [i, entry] of entries.entries()) {
    const slot = slots[i];
    if (slot !== undefined) builder.memory.write(slot.region, slot.offset, PciDevSer, () => entry);
  }
  return () => first?.address ?? 0n;
}

function buildRfc(profile: PciProfile, spec: PciSpec, builder: HandoverBuilder, path: string): Region {
  if (spec.devices !== undefined || spec.max_nr_devices !== undefined)
    throw buildError('build-value', path, `the layout ${profile.name} has rfc_devices, which name no device`);
  const { rfc_devices = [] } = spec;
  const isNamed = profile.dev === PciDevSerRfcNamed;
  // The list ends with an entry of zeros.
  const region = builder.allocate(path, { size: (rfc_devices.length + 1) * profile.entry });
  for (const [i, device] of rfc_devices.entries()) {
    const where = `${path}.rfc_devices[${i}]`;
    const { driver_name = '' } = device;
    if (driver_name !== '' && !isNamed)
      throw buildError('build-value', `${where}.driver_name`, `the layout ${profile.name} has no names`);
    const common = {
      path: smallOf(device.path, 32, `${where}.path`),
      flags: smallOf(device.flags ?? 0, 32, `${where}.flags`),
      driver_data: wordOf(device.driver_data ?? 0n, `${where}.driver_data`),
    };
    if (common.path === 0 && common.flags === 0 && common.driver_data === 0n && driver_name === '')
      throw buildError('build-value', where, 'an entry of zeros would end the list');
    const offset = i * profile.entry;
    if (isNamed) builder.memory.write(region, offset, PciDevSerRfcNamed, () => ({ ...common, driver_name }));
    else builder.memory.write(region, offset, PciDevSerRfc, () => common);
  }
  return region;
}
