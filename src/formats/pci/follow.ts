/** From the data of the PCI core to the devices that it preserves. */
import { followBlocks } from '../kho/blocks.js';
import type { FlbDecoder } from '../kho/extension.js';
import { many, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import {
  CHOICE_MEANING,
  checkTail,
  chooseLayout,
  layoutsOf,
  type Payload,
  readPayload,
  type ToldChoice,
  toldChoice,
} from '../payload/index.js';
import { pciAddress } from './address.js';
import { PCI_PROFILES, type PciProfile } from './profiles.js';
import {
  ascends,
  pciEvidence,
  type RawDevice,
  type RawPci,
  readDevice,
  readHeader,
  readInline,
} from './recognise.js';
import { PCI } from './rules.js';
import { PciDevSerRfc, PciDevSerRfcNamed } from './schema.js';

export interface PciDevice {
  readonly domain: number;
  /** `bus << 8 | devfn`. */
  readonly bdf: number;
  /** Where the layout has one: 1, or the number of preserved devices at the device and below it. */
  readonly refcount?: number;
  /** `0001:3a:01.0` */
  readonly address: string;
}
/** An entry of the RFC, which names no device. */
export interface PciRfcDevice {
  readonly path: number;
  readonly flags: number;
  readonly driver_name?: string;
  readonly driver_data: bigint;
}
export interface PciValue extends ToldChoice {
  readonly version?: number;
  readonly max_nr_devices?: bigint;
  readonly nr_devices: bigint;
  /** Those in use. */
  readonly devices: readonly PciDevice[];
  readonly rfc_devices?: readonly PciRfcDevice[];
}

/** A device is the same wherever in the list it is. */
const MEANING: Meaning = {
  fields: {
    ...CHOICE_MEANING,
    version: { is: 'generation' },
    max_nr_devices: { is: 'layout' },
    nr_devices: { is: 'derived' },
    devices: { key: 'address' },
  },
};

function decoder(name: string): FlbDecoder {
  return Object.freeze({
    name,
    key: 'pci',
    meaning: MEANING,
    decode: (data: bigint, walk: Walk, path: string) => followPci(data, walk, `${path}.pci`, name),
  });
}
/** `pci` as accepted, and the strings of the postings. */
export const pciFlbs: readonly FlbDecoder[] = Object.freeze(
  ['pci', 'pci-v1', 'pci-v2', 'pci-v3'].map(decoder),
);

export function followPci(data: bigint, walk: Walk, path: string, compatible: string): PciValue | undefined {
  const payload = readPayload(walk, data, 16, path, 'the PCI core');
  if (payload === undefined) return undefined;
  const choice = chooseLayout(
    {
      part: 'pci',
      all: PCI_PROFILES,
      candidates: layoutsOf(PCI_PROFILES, compatible),
      evidence: (profile) => pciEvidence(profile, payload, walk),
      // The entries of the RFC name no device that could be compared.
      differ: (chosen, other) =>
        chosen.list !== 'open' && says(chosen, payload, walk) !== says(other, payload, walk),
    },
    walk,
    path,
    data,
  );
  if (choice === undefined) return undefined;
  const { profile } = choice;
  const told = toldChoice(choice);
  if (profile.list === 'open') return { ...told, ...rfcDevices(profile, payload, walk, path) };
  const view = viewOf(payload);
  const raw = readHeader(profile, view, walk.little);
  walk.object(path, profile.schema, data, profile.list === 'blocks' ? profile.header : payload.bytes.length);
  if (raw.version !== undefined && raw.version !== profile.number)
    walk.find(PCI.version, `${path}.version`, data, `The version is ${raw.version}.`);
  if (profile.list === 'blocks') checkTail(walk, payload, profile.header, path);
  const entries =
    profile.list === 'blocks'
      ? blockDevices(profile, raw, walk, path)
      : inlineDevices(profile, raw, payload, walk, path);
  checkDevices(profile, raw, entries, walk, path, data);
  const devices = entries.used.map(
    ({ domain, bdf, refcount }): PciDevice => ({
      domain,
      bdf,
      ...(profile.refcount === 'none' ? {} : { refcount }),
      address: pciAddress(domain, bdf),
    }),
  );
  return {
    ...told,
    ...(raw.version === undefined ? {} : { version: raw.version }),
    ...(raw.max === undefined ? {} : { max_nr_devices: raw.max }),
    nr_devices: raw.nr,
    devices,
  };
}

interface Entries {
  readonly used: readonly (RawDevice & { readonly address: bigint })[];
  /** Whether all entries were read. */
  readonly complete: boolean;
}

function viewOf({ bytes }: Payload): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What a reading says, for comparison with another. */
function says(profile: PciProfile, payload: Payload, walk: Walk): string {
  const view = viewOf(payload);
  const raw = readHeader(profile, view, walk.little);
  if (profile.list === 'blocks') return raw.nr === 0n ? '' : `blocks at ${raw.first}, ${raw.nr}`;
  const { devices } = readInline(profile, raw, view, walk.little);
  return devices
    .filter(({ refcount }) => profile.list === 'devices' || refcount > 0)
    .map(({ domain, bdf }) => pciAddress(domain, bdf))
    .join();
}

function blockDevices(profile: PciProfile, { first = 0n }: RawPci, walk: Walk, path: string): Entries {
  const chain = followBlocks(walk, first, profile.entry, `${path}.devices`, 'refused');
  const used = chain.entries.flatMap(({ address, bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const device = readDevice(profile, view, 0, walk.little);
    return device.refcount === 0 ? [] : [{ ...device, address }];
  });
  return { used, complete: chain.complete };
}

function inlineDevices(
  profile: PciProfile,
  raw: RawPci,
  payload: Payload,
  walk: Walk,
  path: string,
): Entries {
  const { max, nr } = raw;
  const { devices, cut } = readInline(profile, raw, viewOf(payload), walk.little);
  const room = BigInt(Math.floor((payload.size - profile.header) / profile.entry));
  const all = max ?? nr;
  if (all > room)
    walk.find(
      PCI.capacity,
      `${path}.${max === undefined ? 'nr_devices' : 'max_nr_devices'}`,
      payload.address,
      `${many(all, 'entry', 'entries')} of ${profile.entry} bytes do not fit into the ${payload.size} bytes of the block.`,
    );
  else if (nr > all)
    walk.find(
      PCI.capacity,
      `${path}.nr_devices`,
      payload.address,
      `There are ${many(nr, 'device')}, and room for ${all}.`,
    );
  const used = profile.list === 'slots' ? devices.filter(({ refcount }) => refcount > 0) : devices;
  if (all <= room && nr <= room) {
    // Devices behind the room that there is are told by that.
    const count = Math.max(devices.length, nr > all ? Number(nr) : 0);
    checkTail(walk, payload, profile.header + count * profile.entry, path);
  }
  return {
    used: used.map((device) => ({ ...device, address: payload.address + BigInt(device.offset) })),
    complete: !cut && nr <= all,
  };
}

function checkDevices(
  profile: PciProfile,
  { nr }: RawPci,
  { used, complete }: Entries,
  walk: Walk,
  path: string,
  data: bigint,
): void {
  if (complete && BigInt(used.length) !== nr)
    walk.find(
      PCI.count,
      `${path}.nr_devices`,
      data,
      `nr_devices is ${nr}; ${many(used.length, 'entry is', 'entries are')} in use.`,
    );
  // Where there are more entries than can be, those that are there may be anything.
  if (profile.list !== 'blocks' && !complete) return;
  const seen = new Set<string>();
  const buses = profile.refcount === 'below' ? new Buses(used) : undefined;
  for (const [i, device] of used.entries()) {
    const { domain, bdf, refcount, address } = device;
    const at = `${path}.devices[${i}]`;
    const name = pciAddress(domain, bdf);
    const before = used[i - 1];
    if (seen.has(name)) walk.find(PCI.duplicate, at, address, `${name} is there before.`);
    else if (profile.sorted && before !== undefined && !ascends(before, device))
      walk.find(PCI.order, at, address, `${name} follows ${pciAddress(before.domain, before.bdf)}.`);
    seen.add(name);
    if (profile.refcount === 'used' && refcount > 1)
      walk.find(PCI.refcount, `${at}.refcount`, address + 6n, `${name} has the refcount ${refcount}.`);
    if (profile.refcount === 'reserved' && refcount > 1)
      walk.find(PCI.reserved, at, address + 6n, `The last word of ${name} is ${refcount}.`);
    const below = buses?.atOrBelow(device);
    if (below !== undefined && complete && refcount > below)
      walk.find(
        PCI['refcount-below'],
        `${at}.refcount`,
        address + 6n,
        `${name} has the refcount ${refcount}; with higher bus numbers there ${below === 2 ? 'is 1 device' : `are ${below - 1} devices`} in its domain.`,
      );
  }
}

/** How many entries there are in a domain from a bus on. */
class Buses {
  readonly #buses = new Map<number, number[]>();

  constructor(devices: readonly RawDevice[]) {
    for (const { domain, bdf } of devices) {
      const list = this.#buses.get(domain);
      if (list === undefined) this.#buses.set(domain, [bdf >> 8]);
      else list.push(bdf >> 8);
    }
    for (const list of this.#buses.values()) list.sort((a, b) => a - b);
  }
  /** The device itself and all that can be below it. */
  atOrBelow({ domain, bdf }: RawDevice): number {
    const list = this.#buses.get(domain) ?? [];
    const bus = bdf >> 8;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle] ?? 0) <= bus) low = middle + 1;
      else high = middle;
    }
    return 1 + list.length - low;
  }
}

/** The RFC wrote no count: its entries end with one of zeros. */
function rfcDevices(
  profile: PciProfile,
  payload: Payload,
  walk: Walk,
  path: string,
): Pick<PciValue, 'nr_devices' | 'devices' | 'rfc_devices'> {
  const { entry } = profile;
  const rfc_devices: PciRfcDevice[] = [];
  let at = 0;
  for (; at + entry <= payload.bytes.length; at += entry) {
    const bytes = payload.bytes.subarray(at, at + entry);
    if (bytes.every((byte) => byte === 0)) break;
    const address = payload.address + BigInt(at);
    const where = `${path}.rfc_devices[${rfc_devices.length}]`;
    rfc_devices.push(
      profile.dev === PciDevSerRfcNamed
        ? walk.decodeBytes(PciDevSerRfcNamed, bytes, address, where)
        : walk.decodeBytes(PciDevSerRfc, bytes, address, where),
    );
  }
  checkTail(walk, payload, at, path);
  return { nr_devices: BigInt(rfc_devices.length), devices: [], rfc_devices };
}
