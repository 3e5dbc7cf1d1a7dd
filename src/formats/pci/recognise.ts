/** Which layout the PCI core's data has: `pci-v1` stood for more than five. */
import { hasBits } from '../kho/bits.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { Evidence, isPage, type Payload } from '../payload/index.js';
import { bdfPoints, domainPoints, pciAddress } from './address.js';
import type { PciProfile } from './profiles.js';

/** An entry as all layouts have it. */
export interface RawDevice {
  /** Offset in the bytes that it was read from. */
  readonly offset: number;
  readonly domain: number;
  readonly bdf: number;
  readonly refcount: number;
}
/** The header as all layouts have it. */
export interface RawPci {
  readonly version: number | undefined;
  readonly max: bigint | undefined;
  readonly nr: bigint;
  /** The first of the linked blocks. */
  readonly first: bigint | undefined;
}

export function readHeader(
  { header, max, nr, version, list }: PciProfile,
  view: DataView,
  little: boolean,
): RawPci {
  if (view.byteLength < header) return { version: undefined, max: undefined, nr: 0n, first: undefined };
  const word = (at: number, size: 0 | 4 | 8): bigint =>
    size === 8 ? view.getBigUint64(at, little) : size === 4 ? BigInt(view.getUint32(at, little)) : 0n;
  return {
    version: version === 0 ? undefined : view.getUint32(0, little),
    max: max === 0 ? undefined : word(version, max),
    nr: word(version + max, nr),
    first: list === 'blocks' ? word(header - 8, 8) : undefined,
  };
}

export function readDevice(profile: PciProfile, view: DataView, offset: number, little: boolean): RawDevice {
  return profile.entry === 4
    ? { offset, domain: view.getUint16(offset, little), bdf: view.getUint16(offset + 2, little), refcount: 0 }
    : {
        offset,
        domain: view.getUint32(offset, little),
        bdf: view.getUint16(offset + 4, little),
        refcount: view.getUint16(offset + 6, little),
      };
}

/** Entries that lie behind the header: as many as are said, and as the bytes have. */
export function readInline(
  profile: PciProfile,
  { max, nr }: RawPci,
  view: DataView,
  little: boolean,
): { readonly devices: readonly RawDevice[]; readonly cut: boolean } {
  const said = profile.list === 'slots' ? (max ?? nr) : nr;
  const room = Math.max(0, Math.floor((view.byteLength - profile.header) / profile.entry));
  const count = said > BigInt(room) ? room : Number(said);
  const devices: RawDevice[] = [];
  for (let i = 0; i < count; i++)
    devices.push(readDevice(profile, view, profile.header + i * profile.entry, little));
  return { devices, cut: said > BigInt(room) };
}

export function ascends(a: RawDevice, b: RawDevice): boolean {
  return a.domain < b.domain || (a.domain === b.domain && a.bdf < b.bdf);
}

/** Devices that are looked at to tell layouts apart. */
const LOOKED_AT = 256;

export function pciEvidence(profile: PciProfile, payload: Payload, walk: Walk): Evidence {
  const evidence = new Evidence();
  const { bytes } = payload;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const raw = readHeader(profile, view, walk.little);
  if (profile.number !== undefined)
    evidence.add(raw.version === profile.number ? 8 : -4, `the version is ${raw.version}`);
  if (profile.list === 'blocks') ofBlocks(profile, raw, payload, walk, evidence);
  else ofEntries(profile, raw, payload, view, walk, evidence);
  return evidence;
}

function ofBlocks(
  profile: PciProfile,
  { nr, first = 0n }: RawPci,
  payload: Payload,
  walk: Walk,
  evidence: Evidence,
): void {
  if (hasBits(payload.bytes.subarray(profile.header)))
    evidence.add(-8, `something follows the header of ${profile.header} bytes`);
  if (first === 0n) {
    if (nr > 0n) evidence.add(-8, `${many(nr, 'device')} would be nowhere`);
    return;
  }
  const isBlock = isPage(walk, first);
  evidence.add(
    isBlock ? 8 : -12,
    isBlock ? `the blocks begin at ${hexText(first)}, a page` : `${hexText(first)} would be the first block`,
  );
}

function ofEntries(
  profile: PciProfile,
  raw: RawPci,
  payload: Payload,
  view: DataView,
  walk: Walk,
  evidence: Evidence,
): void {
  const { max, nr } = raw;
  const { entry, header } = profile;
  const room = BigInt(Math.floor((payload.size - header) / entry));
  const all = max ?? nr;
  if (all > room || nr > all) {
    evidence.add(
      -12,
      all > room
        ? `${many(all, 'entry', 'entries')} would not fit into ${payload.size} bytes`
        : `${nr} of ${many(all, 'entry', 'entries')} would be in use`,
    );
    return;
  }
  if (payload.known && all > 0n) {
    const wanted = header + Number(all) * entry;
    const order = Math.max(0, Math.ceil(Math.log2(wanted / walk.pageSize)));
    const fits = payload.size === walk.pageSize * 2 ** order;
    evidence.add(
      fits ? 1 : -2,
      `${many(all, 'entry', 'entries')} of ${entry} bytes take ${wanted} bytes of the ${payload.size} allocated`,
    );
  }
  const end = header + Number(all) * entry;
  if (hasBits(payload.bytes.subarray(end))) evidence.add(-8, `something follows the entries at byte ${end}`);
  const { devices } = readInline(profile, raw, view, walk.little);
  const used = profile.list === 'slots' ? devices.filter(({ refcount }) => refcount > 0) : devices;
  if (profile.list === 'slots' && BigInt(used.length) !== nr)
    evidence.add(-6, `${many(used.length, 'refcount')} would not be 0, for ${many(nr, 'device')}`);
  const unsorted = used.findIndex((device, i) => {
    const before = used[i - 1];
    return profile.sorted && before !== undefined && !ascends(before, device);
  });
  if (unsorted >= 0) evidence.add(-5, `entry ${unsorted} would be out of order`);
  else if (profile.sorted && used.length > 1) evidence.add(1, 'the entries ascend');
  if (profile.refcount === 'used') {
    const odd = used.find(({ refcount }) => refcount > 1);
    if (odd !== undefined)
      evidence.add(-3, `${pciAddress(odd.domain, odd.bdf)} would have the refcount ${odd.refcount}`);
  }
  if (profile.refcount === 'reserved') {
    const odd = used.find(({ refcount }) => refcount > 0);
    if (odd !== undefined)
      evidence.add(-3, `the padding of ${pciAddress(odd.domain, odd.bdf)} would be ${odd.refcount}`);
  }
  const looked = used.slice(0, LOOKED_AT);
  if (looked.length === 0) return;
  const points = looked.map(({ domain, bdf }) => domainPoints(domain) + bdfPoints(bdf));
  const mean = Math.round(points.reduce((sum, each) => sum + each, 0) / looked.length);
  const [one] = looked;
  if (one !== undefined)
    evidence.add(mean, `the devices are as ${pciAddress(one.domain, one.bdf)}, of ${looked.length}`);
}
