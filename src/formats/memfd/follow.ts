/** From the data of a memfd's file to its folios. */
import type { ValueOf } from '../../codec/index.js';
import type { FileHandler } from '../kho/extension.js';
import { KHO } from '../kho/rules.js';
import { are, hexText, many, type Walk } from '../kho/walk.js';
import { memfdContents } from './contents.js';
import { claimFolios, type FolioArray, readFolios } from './folios.js';
import { MEMFD_MEANING } from './meaning.js';
import { MEMFD } from './rules.js';
import { FolioReader, type FolioRuns, MAX_RUNS } from './runs.js';
import { KNOWN_SEALS, MemfdLuoFolios, MemfdLuoSerV1, MemfdLuoSerV2, SIZES } from './schema.js';

export interface MemfdValue {
  /** Position of the file, in bytes. */
  readonly pos: bigint;
  /** In bytes. */
  readonly size: bigint;
  /** F_SEAL_*; from memfd-v2 on. */
  readonly seals?: number;
  readonly flags?: number;
  readonly nr_folios: bigint;
  readonly folios: FolioRuns;
}

export const memfdV1: FileHandler = Object.freeze(handler('memfd-v1'));
export const memfdV2: FileHandler = Object.freeze(handler('memfd-v2'));

function handler(compatible: 'memfd-v1' | 'memfd-v2'): FileHandler {
  return {
    compatible,
    key: 'memfd',
    decode: (data, walk, path) => followMemfd(data, walk, path, compatible === 'memfd-v1' ? 1 : 2),
    meaning: MEMFD_MEANING,
    // The value is what decode gave.
    contents: (value, walk) => memfdContents(value as MemfdValue, walk),
  };
}

/** Memfds by their address, for each walk: one that two files name is followed once. */
const followed = new WeakMap<Walk, Map<bigint, MemfdValue | undefined>>();

export function followMemfd(data: bigint, walk: Walk, path: string, version: 1 | 2): MemfdValue | undefined {
  const known = followed.get(walk) ?? new Map<bigint, MemfdValue | undefined>();
  followed.set(walk, known);
  if (known.has(data)) {
    walk.find(MEMFD.data, path, data, `Another file has the data at ${hexText(data)} too.`);
    return known.get(data);
  }
  const value = readMemfd(data, walk, path, version);
  if (data !== 0n) known.set(data, value);
  return value;
}

function readMemfd(data: bigint, walk: Walk, path: string, version: 1 | 2): MemfdValue | undefined {
  const { pageSize } = walk;
  if (data === 0n) {
    walk.find(MEMFD.data, path, undefined, 'data is 0.');
    return undefined;
  }
  const size = version === 1 ? SIZES.v1 : SIZES.v2;
  if (walk.map.complete && !walk.map.covers(data, size))
    walk.find(MEMFD.data, path, data, `The memfd_luo_ser at ${hexText(data)} is not preserved.`);
  walk.claims.add(walk.pfn(data), Math.ceil((Number(data % BigInt(pageSize)) + size) / pageSize), path);
  const ser: Ser | undefined =
    version === 1
      ? walk.decode(MemfdLuoSerV1, data, size, path, 'the memfd_luo_ser')
      : walk.decode(MemfdLuoSerV2, data, size, path, 'the memfd_luo_ser');
  if (ser === undefined) return undefined;
  const { pos, seals, flags, nr_folios } = ser;
  const filePages = (ser.size + BigInt(pageSize) - 1n) / BigInt(pageSize);
  checkFields(ser, filePages, data, walk, path);

  const at = `${path}.folios`;
  const array: FolioArray = {
    descriptor: ser.folios,
    descriptorAt: data + BigInt(size - 16),
    count: nr_folios,
    countAt: data,
    schema: MemfdLuoFolios,
    take: `${many(nr_folios, 'folio')} take`,
    data,
    unknownFlags: (runs) => `Flags are not known in ${runs}`,
  };
  const reader = new FolioReader(walk.map, walk.little, Number(filePages));
  const folios = readFolios(MEMFD, array, reader, walk, at);
  if (folios.omitted > 0)
    walk.find(
      KHO.limit,
      at,
      data,
      `The file is in more than ${MAX_RUNS} pieces of memory: ${many(folios.omitted, 'folio')} behind those are checked, and not kept.`,
    );
  const largest = Math.max(0, ...claimFolios(walk, folios, path).keys());
  if (largest > maxPageOrder(pageSize))
    walk.find(
      MEMFD['folio-large'],
      at,
      data,
      `The largest folio is of order ${largest}; by default none is above ${maxPageOrder(pageSize)}.`,
    );
  return {
    pos,
    size: ser.size,
    ...(seals === undefined || flags === undefined ? {} : { seals, flags }),
    nr_folios,
    folios,
  };
}

/** A memfd_luo_ser of either version. */
type Ser = ValueOf<typeof MemfdLuoSerV1> & Partial<Pick<ValueOf<typeof MemfdLuoSerV2>, 'seals' | 'flags'>>;

function checkFields(
  { pos, size, seals, flags, nr_folios, folios }: Ser,
  filePages: bigint,
  data: bigint,
  walk: Walk,
  path: string,
): void {
  if (seals !== undefined && (seals & ~KNOWN_SEALS) !== 0)
    walk.find(MEMFD.seals, `${path}.seals`, data + 16n, `The memfd has the seals ${hexText(seals)}.`);
  if (flags !== undefined && flags !== 0)
    walk.find(MEMFD.flags, `${path}.flags`, data + 20n, `The word is ${hexText(flags)}.`);
  if (size > MAX_FILE_SIZE) walk.find(MEMFD.size, `${path}.size`, data + 8n, `The size is ${hexText(size)}.`);
  if (pos > MAX_FILE_SIZE) walk.find(MEMFD.pos, `${path}.pos`, data, `The position is ${hexText(pos)}.`);
  if (nr_folios > filePages)
    walk.find(
      MEMFD['folio-count'],
      `${path}.nr_folios`,
      data,
      `There ${are(nr_folios)} ${many(nr_folios, 'folio')} in a file of ${many(filePages, 'page')}.`,
    );
  const hasArray = folios.first !== 0n || folios.total_pages !== 0;
  if ((nr_folios === 0n) === hasArray || (size === 0n) !== (nr_folios === 0n))
    walk.find(
      MEMFD.empty,
      path,
      data,
      `The file has ${many(size, 'byte')} and ${many(nr_folios, 'folio')}; its array has ${many(folios.total_pages, 'page')}.`,
    );
}

/** MAX_LFS_FILESIZE of machines with 64 bits. */
const MAX_FILE_SIZE = (1n << 63n) - 1n;

/** MAX_PAGE_ORDER as kernels are configured by default. */
function maxPageOrder(pageSize: number): number {
  if (pageSize === 65536) return 13;
  return pageSize === 16384 ? 11 : 10;
}
