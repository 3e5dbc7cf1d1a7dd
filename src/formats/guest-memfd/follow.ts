/** From the data of a guest_memfd's file to its folios. */
import type { FileHandler } from '../kho/extension.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import { claimFolios, type FolioArray, readFolios } from '../memfd/folios.js';
import { FolioReader, type FolioRuns, memfdContents } from '../memfd/index.js';
import { MEMFD_MEANING } from '../memfd/meaning.js';
import { readStruct } from '../payload/index.js';
import { GUEST_MEMFD } from './rules.js';
import { GUEST_MEMFD_FOLIO_UPTODATE, GuestMemfdLuoFolios, GuestMemfdLuoSer } from './schema.js';

export interface GuestMemfdValue {
  /** In bytes. */
  readonly size: bigint;
  /** Bit 0 MMAP, bit 1 INIT_SHARED. */
  readonly flags: bigint;
  readonly nr_folios: bigint;
  /** The file of its VM, in the same session. */
  readonly vm_token: bigint;
  readonly folios: FolioRuns;
}

/** The same as of a memfd: its pages, and not the folios that they lie in. */
const MEANING: Meaning = {
  fields: {
    nr_folios: { is: 'layout' },
    folios: MEMFD_MEANING.fields?.folios ?? { is: 'layout' },
  },
};

export const guestMemfdHandler: FileHandler = Object.freeze({
  compatible: 'guest_memfd_luo_v1',
  key: 'guest_memfd',
  meaning: MEANING,
  decode: followGuestMemfd,
  // The value is what decode gave.
  contents: (value: unknown, walk: Walk) =>
    memfdContents(value as GuestMemfdValue, walk, GUEST_MEMFD_FOLIO_UPTODATE),
});

const SIZE = 48;
const KNOWN_FLAGS = 3n;
const INIT_SHARED = 2n;

export function followGuestMemfd(data: bigint, walk: Walk, path: string): GuestMemfdValue | undefined {
  const ser = readStruct(walk, GuestMemfdLuoSer, SIZE, data, path, 'the guest_memfd');
  if (ser === undefined) return undefined;
  const { size, nr_folios, vm_token } = ser;
  const flags = BigInt(ser.flags);
  const page = BigInt(walk.pageSize);
  if (size === 0n || size >= 1n << 63n || size % page !== 0n)
    walk.find(GUEST_MEMFD.size, `${path}.size`, data, `The size is ${size}.`);
  if ((flags & ~KNOWN_FLAGS) !== 0n)
    walk.find(GUEST_MEMFD.flags, `${path}.flags`, data + 8n, `The flags are ${hexText(flags)}.`);
  if ((flags & INIT_SHARED) === 0n)
    walk.find(GUEST_MEMFD.private, `${path}.flags`, data + 8n, 'The file has no INIT_SHARED.');
  if (vm_token === 0n) walk.find(GUEST_MEMFD['vm-none'], `${path}.vm_token`, data + 24n, 'vm_token is 0.');
  const filePages = (size + page - 1n) / page;
  if (nr_folios > filePages)
    walk.find(
      GUEST_MEMFD['folio-count'],
      `${path}.nr_folios`,
      data + 16n,
      `There are ${many(nr_folios, 'folio')} in a file of ${many(filePages, 'page')}.`,
    );
  const at = `${path}.folios`;
  const reader = new FolioReader(walk.map, walk.little, Number(filePages), GUEST_MEMFD_FOLIO_UPTODATE);
  const array: FolioArray = {
    descriptor: ser.folios,
    descriptorAt: data + 32n,
    count: nr_folios,
    countAt: data + 16n,
    schema: GuestMemfdLuoFolios,
    take: many(nr_folios, 'folio takes', 'folios take'),
    data,
    unknownFlags: (runs) => `${runs} have unknown flags`,
  };
  const folios = readFolios(GUEST_MEMFD, array, reader, walk, at);
  // Of several orders above 0, that of the folio that comes first.
  const [, large] = [...claimFolios(walk, folios, path)].find(([order]) => order > 0) ?? [];
  if (large !== undefined)
    walk.find(
      GUEST_MEMFD['folio-large'],
      at,
      data,
      `The folio at index ${large} is of a higher order than 0.`,
    );
  return { size, flags, nr_folios, vm_token, folios };
}
