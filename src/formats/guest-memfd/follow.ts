/** From the data of a guest_memfd's file to its folios. */
import type { FileHandler } from '../kho/extension.js';
import { followVmalloc } from '../kho/vmalloc.js';
import { are, hexText, many, type Walk } from '../kho/walk.js';
import type { Meaning } from '../meaning.js';
import { arrayTail, FolioReader, type FolioRuns, memfdContents, readArray } from '../memfd/index.js';
import { MEMFD_MEANING } from '../memfd/meaning.js';
import { checkTail, readPayload } from '../payload/index.js';
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
const FOLIO = 16;
const KNOWN_FLAGS = 3n;
const INIT_SHARED = 2n;

export function followGuestMemfd(data: bigint, walk: Walk, path: string): GuestMemfdValue | undefined {
  const payload = readPayload(walk, data, SIZE, path, 'the guest_memfd');
  if (payload === undefined) return undefined;
  const ser = walk.decodeBytes(GuestMemfdLuoSer, payload.bytes.subarray(0, SIZE), data, path);
  checkTail(walk, payload, SIZE, path);
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
  const area = followVmalloc(walk, ser.folios, at, data + 32n);
  const wanted = nr_folios * BigInt(FOLIO);
  if (wanted > BigInt(area.size) && area.complete)
    walk.find(
      GUEST_MEMFD.array,
      at,
      data + 16n,
      `${many(nr_folios, 'folio takes', 'folios take')} ${wanted} bytes; the array has ${area.size}.`,
    );
  const length = wanted > BigInt(area.size) ? area.size : Number(wanted);
  const reader = new FolioReader(walk.map, walk.little, Number(filePages), GUEST_MEMFD_FOLIO_UPTODATE);
  readArray(walk, area, length, FOLIO, GuestMemfdLuoFolios, reader, at, 'the array of folios');
  const tail = arrayTail(walk, area, length);
  if (tail !== undefined) walk.find(GUEST_MEMFD.tail, at, tail, 'The array goes on behind its last folio.');
  const folios = reader.done();
  report(reader, walk, at, data, area.complete);
  let large: bigint | undefined;
  for (const run of folios) {
    if (run.order > 0) large ??= run.index;
    const pages = run.count * 2 ** run.order;
    const first = Number(run.pfn) - (run.step === -1 ? pages - 2 ** run.order : 0);
    walk.claims.add(first, pages, path, true);
  }
  if (large !== undefined)
    walk.find(
      GUEST_MEMFD['folio-large'],
      at,
      data,
      `The folio at index ${large} is of a higher order than 0.`,
    );
  return { size, flags, nr_folios, vm_token, folios };
}

function report(reader: FolioReader, walk: Walk, path: string, data: bigint, complete: boolean): void {
  const { faults } = reader;
  if (faults.unpreserved > 0) {
    const address = BigInt(faults.firstUnpreserved) * BigInt(walk.pageSize);
    walk.find(
      GUEST_MEMFD['folio-unpreserved'],
      path,
      address,
      `${many(faults.unpreserved, 'folio')} of ${faults.entries} begin no preserved block, the first at ${hexText(address)}.`,
    );
  }
  if (faults.unknownFlags > 0)
    walk.find(
      GUEST_MEMFD['folio-flags'],
      path,
      data,
      `${many(faults.unknownFlags, 'run')} of folios have unknown flags, the first at index ${faults.firstUnknownFlags}.`,
    );
  if (faults.twice > 0)
    walk.find(
      GUEST_MEMFD['folio-twice'],
      path,
      data,
      `Where another one is there ${are(faults.twice)} ${many(faults.twice, 'folio')}, the first at index ${faults.firstTwice}.`,
    );
  if (faults.unordered > faults.twice)
    walk.find(
      GUEST_MEMFD['folio-order'],
      path,
      data,
      `The index goes back ${many(faults.unordered, 'time')}, first to ${faults.firstUnordered}.`,
    );
  if (faults.beyond > 0)
    walk.find(
      GUEST_MEMFD['folio-beyond'],
      path,
      data,
      `Behind the end of the file there ${are(faults.beyond)} ${many(faults.beyond, 'folio')}, the first at index ${faults.firstBeyond}.`,
    );
  if (faults.none > 0 && complete)
    walk.find(
      GUEST_MEMFD['folio-none'],
      path,
      data,
      `Page frame 0 stands in ${many(faults.none, 'entry', 'entries')}.`,
    );
}
