/** Which layout the PCI core's data has: `pci-v1` stood for more than five. */
import { hasBits } from '../kho/bits.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { Evidence, isPage, type Payload } from '../payload/index.js';
import { bdfPoints, domainPoints, pciAddress } from './address.js';
import { PCI_PROFILES, type PciProfile } from './profiles.js';

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

/** What lies behind the header. */
export interface Inline {
  /** In a list of slots all of them; else the entries that hold something, whatever the count says. */
  readonly devices: readonly RawDevice[];
  /** Whether the header says more than the bytes have. */
  readonly cut: boolean;
}

/**
 * Entries that lie behind the header. Slots are as many as are said. Of a list without slots the bytes tell how
 * many there are: entries of zeros at its end are none, since 0000:00:00.0 comes first if anywhere, and entries
 * that follow those counted are some.
 */
export function readInline(
  profile: PciProfile,
  { max, nr }: RawPci,
  view: DataView,
  little: boolean,
): Inline {
  const said = profile.list === 'slots' ? (max ?? nr) : nr;
  const room = Math.max(0, Math.floor((view.byteLength - profile.header) / profile.entry));
  const atMost = (count: bigint): number => (count > BigInt(room) ? room : Number(count));
  const all = max === undefined ? room : atMost(max);
  let count = profile.list === 'slots' ? atMost(said) : Math.min(atMost(said), all);
  if (profile.list === 'devices') {
    // Entries of all layouts are whole words.
    const isEmpty = (i: number): boolean => {
      const start = profile.header + i * profile.entry;
      for (let at = 0; at < profile.entry; at += 4) if (view.getUint32(start + at) !== 0) return false;
      return true;
    };
    if (count > 1 && isEmpty(count - 1)) while (count > 1 && isEmpty(count - 1)) count--;
    else while (count < all && !isEmpty(count)) count++;
  }
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
  if (profile.number !== undefined) {
    // A version that is not known is rather a later one, whose entries are those of the newest that is.
    const isNewest = PCI_PROFILES.every(({ number = 0 }) => number <= (profile.number ?? 0));
    const isKnown = PCI_PROFILES.some(({ number }) => number === raw.version);
    evidence.add(
      raw.version === profile.number ? 8 : !isKnown && isNewest ? -3 : -4,
      `the version is ${raw.version}`,
    );
  }
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
  const fits = all <= room && nr <= all;
  if (all > room)
    evidence.add(-12, `${many(all, 'entry', 'entries')} would not fit into ${payload.size} bytes`);
  // A count that is wrong speaks less against a layout than words that no count can be.
  if (nr > all)
    evidence.add(nr > room ? -12 : -6, `${nr} of ${many(all, 'entry', 'entries')} would be in use`);
  if (fits && payload.known && all > 0n) {
    const wanted = header + Number(all) * entry;
    const order = Math.max(0, Math.ceil(Math.log2(wanted / walk.pageSize)));
    const isSize = payload.size === walk.pageSize * 2 ** order;
    evidence.add(
      isSize ? 1 : -2,
      `${many(all, 'entry', 'entries')} of ${entry} bytes take ${wanted} bytes of the ${payload.size} allocated`,
    );
  }
  const { devices } = readInline(profile, raw, view, walk.little);
  const used = profile.list === 'slots' ? devices.filter(({ refcount }) => refcount > 0) : devices;
  if (all <= room && nr <= room) {
    const end = header + Math.max(devices.length, nr > all ? Number(nr) : 0) * entry;
    if (hasBits(payload.bytes.subarray(end)))
      evidence.add(-8, `something follows the entries at byte ${end}`);
  }
  if (nr === 0n && hasBits(payload.bytes.subarray(header, header + devices.length * entry)))
    evidence.add(
      -8,
      `there would be no device, and ${many(devices.length, 'entry', 'entries')} with something in them`,
    );
  else if (fits && BigInt(used.length) !== nr)
    evidence.add(
      -4,
      profile.list === 'slots'
        ? `${many(used.length, 'refcount')} would not be 0, for ${many(nr, 'device')}`
        : `${many(used.length, 'entry', 'entries')} would hold something, for ${many(nr, 'device')}`,
    );
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
