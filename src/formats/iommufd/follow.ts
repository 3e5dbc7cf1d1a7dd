/** From the data of an iommufd's file to its page tables. */
import { hasBits } from '../kho/bits.js';
import type { FileHandler } from '../kho/extension.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import {
  CHOICE_MEANING,
  checkTail,
  chooseLayout,
  claimBlock,
  Evidence,
  type Payload,
  readPayload,
  type ToldChoice,
  toldChoice,
} from '../payload/index.js';
import { IOMMUFD_PROFILES, type IommufdProfile } from './profiles.js';
import { IOMMUFD } from './rules.js';
import { IommufdHwptSer, IommufdHwptSerB } from './schema.js';

export interface IommufdHwpt {
  /** Physical address of an iommu_domain_ser. */
  readonly domain_data: bigint;
  /** What userspace named it by. */
  readonly token: bigint;
  readonly reclaimed: number;
}
export interface IommufdValue extends ToldChoice {
  readonly nr_hwpts: bigint;
  readonly hwpts: readonly IommufdHwpt[];
  /** Of the RFC. */
  readonly folio?: bigint;
}

const MEANING: Meaning = {
  fields: {
    ...CHOICE_MEANING,
    nr_hwpts: { is: 'derived' },
    hwpts: { key: 'token', each: { fields: { domain_data: { is: 'address' } } } },
    folio: { is: 'address' },
  },
};

export const iommufdHandler: FileHandler = Object.freeze({
  compatible: 'iommufd-v1',
  key: 'iommufd',
  meaning: MEANING,
  decode: followIommufd,
});

interface RawHwpt extends IommufdHwpt {
  readonly at: number;
  readonly padding: boolean;
}
interface Raw {
  readonly nr: bigint;
  /** As many as fit into the block. */
  readonly room: number;
  readonly hwpts: readonly RawHwpt[];
}

function readRaw({ header, entry }: IommufdProfile, { bytes, size }: Payload, little: boolean): Raw {
  if (header === 0 || entry === 0) return { nr: 0n, room: 0, hwpts: [] };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const nr = header === 8 ? view.getBigUint64(0, little) : BigInt(view.getUint32(0, little));
  const room = Math.floor((size - header) / entry);
  const there = Math.floor((bytes.length - header) / entry);
  const count = nr > BigInt(there) ? 0 : Number(nr);
  const hwpts = Array.from({ length: count }, (_, i): RawHwpt => {
    const at = header + i * entry;
    return entry === 13
      ? {
          at,
          token: BigInt(view.getUint32(at, little)),
          domain_data: view.getBigUint64(at + 4, little),
          reclaimed: view.getUint8(at + 12),
          padding: false,
        }
      : {
          at,
          domain_data: view.getBigUint64(at, little),
          token: view.getBigUint64(at + 8, little),
          reclaimed: view.getUint8(at + 16),
          padding: hasBits(bytes.subarray(at + 17, at + 24)),
        };
  });
  return { nr, room, hwpts };
}

/** The bytes of a pointer, which is what the RFC left. */
function folioOf({ bytes }: Payload, walk: Walk): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return walk.abi.pointerSize === 4
    ? BigInt(view.getUint32(0, walk.little))
    : view.getBigUint64(0, walk.little);
}

/** Where an iommu_domain_ser can be: behind the header of a page of the array, in preserved memory. */
function isDomain(address: bigint, walk: Walk): boolean {
  if (address === 0n || address % BigInt(walk.pageSize) < 16n) return false;
  return !walk.map.complete || walk.map.covers(address, 1);
}

function evidenceOf(profile: IommufdProfile, payload: Payload, walk: Walk): Evidence {
  const evidence = new Evidence();
  const { bytes } = payload;
  if (profile.header === 0) {
    const folio = folioOf(payload, walk);
    const isPage =
      folio !== 0n && walk.isAligned(folio) && (!walk.map.complete || walk.map.covers(folio, walk.pageSize));
    if (folio !== 0n)
      evidence.add(isPage ? 5 : -12, isPage ? `${hexText(folio)} is a page` : `${hexText(folio)} is no page`);
    if (hasBits(bytes.subarray(walk.abi.pointerSize))) evidence.add(-12, 'something follows the pointer');
    return evidence;
  }
  const { nr, room, hwpts } = readRaw(profile, payload, walk.little);
  if (nr > BigInt(room)) {
    evidence.add(-12, `${many(nr, 'page table')} would not fit into ${payload.size} bytes`);
    return evidence;
  }
  const used = profile.header + Number(nr) * profile.entry;
  if (hasBits(bytes.subarray(used))) evidence.add(-8, `something follows the entries at byte ${used}`);
  const odd = hwpts.findIndex(
    (hwpt) => !isDomain(hwpt.domain_data, walk) || hwpt.reclaimed > 1 || hwpt.padding,
  );
  if (odd >= 0)
    evidence.add(-6, `entry ${odd} would have the domain ${hexText(hwpts[odd]?.domain_data ?? 0n)}`);
  else if (hwpts.length > 0) {
    const taken = hwpts.findIndex(({ reclaimed }) => reclaimed !== 0);
    if (taken >= 0) evidence.add(-2, `entry ${taken} would be reclaimed already`);
    evidence.add(
      6,
      `${many(hwpts.length, 'entry names a domain', 'entries name domains')} in preserved memory`,
    );
  }
  return evidence;
}

export function followIommufd(data: bigint, walk: Walk, path: string): IommufdValue | undefined {
  const payload = readPayload(walk, data, 16, path, 'the iommufd');
  if (payload === undefined) return undefined;
  const says = (profile: IommufdProfile): string =>
    readRaw(profile, payload, walk.little)
      .hwpts.map(({ domain_data, token }) => `${domain_data}:${token}`)
      .join();
  const choice = chooseLayout(
    {
      part: 'iommufd',
      all: IOMMUFD_PROFILES,
      evidence: (profile) => evidenceOf(profile, payload, walk),
      // A layout without entries is chosen for its folio, which no other has.
      differ: (chosen, other) => chosen.header !== 0 && says(chosen) !== says(other),
    },
    walk,
    path,
    data,
  );
  if (choice === undefined) return undefined;
  const { profile } = choice;
  const told = toldChoice(choice);
  walk.object(path, profile.schema, data, payload.bytes.length);
  if (profile.header === 0) {
    const folio = folioOf(payload, walk);
    if (folio !== 0n) claimBlock(walk, folio, path);
    checkTail(walk, payload, walk.abi.pointerSize, path);
    return { ...told, nr_hwpts: 0n, hwpts: [], folio };
  }
  const raw = readRaw(profile, payload, walk.little);
  checkHwpts(profile, raw, payload, walk, path);
  return {
    ...told,
    nr_hwpts: raw.nr,
    hwpts: raw.hwpts.map(({ domain_data, token, reclaimed }) => ({ domain_data, token, reclaimed })),
  };
}

/** Entries that are listed as objects. */
const LISTED = 1024;

function checkHwpts(
  profile: IommufdProfile,
  { nr, room, hwpts }: Raw,
  payload: Payload,
  walk: Walk,
  path: string,
): void {
  const { address } = payload;
  if (nr > BigInt(room)) {
    walk.find(
      IOMMUFD.count,
      `${path}.nr_hwpts`,
      address,
      `${many(nr, 'page table')} of ${profile.entry} bytes do not fit into the ${payload.size} bytes of the block.`,
    );
    return;
  }
  const used = profile.header + Number(nr) * profile.entry;
  if (used > payload.bytes.length) walk.bytes(address, used, path, 'the page tables of the iommufd');
  else checkTail(walk, payload, used, path);
  const tokens = new Set<bigint>();
  const domains = new Set<bigint>();
  const schema = profile.entry === 13 ? IommufdHwptSerB : IommufdHwptSer;
  for (const [i, { at, domain_data, token, reclaimed, padding }] of hwpts.entries()) {
    const where = `${path}.hwpts[${i}]`;
    const place = address + BigInt(at);
    if (i < LISTED) walk.object(where, schema, place, profile.entry);
    if (tokens.has(token))
      walk.find(
        IOMMUFD['token-duplicate'],
        `${where}.token`,
        place,
        `A page table before this one has the token ${hexText(token)}.`,
      );
    tokens.add(token);
    if (!isDomain(domain_data, walk))
      walk.find(
        IOMMUFD.domain,
        `${where}.domain_data`,
        place,
        `There cannot be a domain at ${hexText(domain_data)}.`,
      );
    else if (domains.has(domain_data))
      walk.find(
        IOMMUFD['domain-duplicate'],
        `${where}.domain_data`,
        place,
        `A page table before this one is of the domain at ${hexText(domain_data)}.`,
      );
    domains.add(domain_data);
    if (reclaimed !== 0)
      walk.find(IOMMUFD.reclaimed, `${where}.reclaimed`, place, `reclaimed is ${reclaimed}.`);
    if (padding) walk.find(IOMMUFD.padding, where, place + 17n, 'The padding is not zero.');
  }
}
