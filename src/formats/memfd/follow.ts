/** From the data of a memfd's file to its folios. */
import type { FileHandler } from '../kho/extension.js';
import { KHO } from '../kho/rules.js';
import { followVmalloc } from '../kho/vmalloc.js';
import { are, hexText, many, type Walk } from '../kho/walk.js';
import { arrayTail, readArray } from './array.js';
import { memfdContents } from './contents.js';
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
  const ser =
    version === 1
      ? { ...decodeV1(walk, data, path) }
      : walk.decode(MemfdLuoSerV2, data, SIZES.v2, path, 'the memfd_luo_ser');
  if (
    ser?.folios === undefined ||
    ser.size === undefined ||
    ser.nr_folios === undefined ||
    ser.pos === undefined
  )
    return undefined;

  if (version === 2 && 'seals' in ser && 'flags' in ser) {
    if ((ser.seals & ~KNOWN_SEALS) !== 0)
      walk.find(MEMFD.seals, `${path}.seals`, data + 16n, `The memfd has the seals ${hexText(ser.seals)}.`);
    if (ser.flags !== 0)
      walk.find(MEMFD.flags, `${path}.flags`, data + 20n, `The word is ${hexText(ser.flags)}.`);
  }
  if (ser.size > MAX_FILE_SIZE)
    walk.find(MEMFD.size, `${path}.size`, data + 8n, `The size is ${hexText(ser.size)}.`);
  if (ser.pos > MAX_FILE_SIZE)
    walk.find(MEMFD.pos, `${path}.pos`, data, `The position is ${hexText(ser.pos)}.`);
  const filePages = (ser.size + BigInt(pageSize) - 1n) / BigInt(pageSize);
  if (ser.nr_folios > filePages)
    walk.find(
      MEMFD['folio-count'],
      `${path}.nr_folios`,
      data,
      `There ${are(ser.nr_folios)} ${many(ser.nr_folios, 'folio')} in a file of ${many(filePages, 'page')}.`,
    );
  const hasArray = ser.folios.first !== 0n || ser.folios.total_pages !== 0;
  if ((ser.nr_folios === 0n) === hasArray || (ser.size === 0n) !== (ser.nr_folios === 0n))
    walk.find(
      MEMFD.empty,
      path,
      data,
      `The file has ${many(ser.size, 'byte')} and ${many(ser.nr_folios, 'folio')}; its array has ${many(ser.folios.total_pages, 'page')}.`,
    );

  const at = `${path}.folios`;
  const area = followVmalloc(walk, ser.folios, at, data + BigInt(size - 16));
  const wanted = ser.nr_folios * BigInt(SIZES.folio);
  if (wanted > BigInt(area.size) && area.complete)
    walk.find(
      MEMFD.array,
      at,
      data,
      `${many(ser.nr_folios, 'folio')} take ${wanted} bytes; the array has ${area.size}.`,
    );
  const length = wanted > BigInt(area.size) ? area.size : Number(wanted);
  const reader = new FolioReader(walk.map, walk.little, Number(filePages));
  readArray(walk, area, length, SIZES.folio, MemfdLuoFolios, reader, at, 'the array of folios');
  const tail = arrayTail(walk, area, length);
  if (tail !== undefined) walk.find(MEMFD.tail, at, tail, 'The array goes on behind its last folio.');
  const folios = reader.done();
  report(reader, walk, at, data, area.complete);
  if (folios.omitted > 0)
    walk.find(
      KHO.limit,
      at,
      data,
      `The file is in more than ${MAX_RUNS} pieces of memory: ${many(folios.omitted, 'folio')} behind those are checked, and not kept.`,
    );
  let largest = 0;
  for (const run of folios) {
    if (run.order > largest) largest = run.order;
    const pages = run.count * 2 ** run.order;
    const first = Number(run.pfn) - (run.step === -1 ? pages - 2 ** run.order : 0);
    walk.claims.add(first, pages, path, true);
  }
  if (largest > maxPageOrder(pageSize))
    walk.find(
      MEMFD['folio-large'],
      at,
      data,
      `The largest folio is of order ${largest}; by default none is above ${maxPageOrder(pageSize)}.`,
    );
  const { pos, nr_folios } = ser;
  return {
    pos,
    size: ser.size,
    ...('seals' in ser && 'flags' in ser ? { seals: ser.seals, flags: ser.flags } : {}),
    nr_folios,
    folios,
  };
}

/** MAX_LFS_FILESIZE of machines with 64 bits. */
const MAX_FILE_SIZE = (1n << 63n) - 1n;

/** MAX_PAGE_ORDER as kernels are configured by default. */
function maxPageOrder(pageSize: number): number {
  if (pageSize === 65536) return 13;
  return pageSize === 16384 ? 11 : 10;
}

function decodeV1(walk: Walk, data: bigint, path: string) {
  return walk.decode(MemfdLuoSerV1, data, SIZES.v1, path, 'the memfd_luo_ser');
}

function report(reader: FolioReader, walk: Walk, path: string, data: bigint, complete: boolean): void {
  const { faults } = reader;
  const { pageSize } = walk;
  if (faults.unpreserved > 0)
    walk.find(
      MEMFD['folio-unpreserved'],
      path,
      BigInt(faults.firstUnpreserved) * BigInt(pageSize),
      `${many(faults.unpreserved, 'folio')} of ${faults.entries} begin no preserved block, the first at ${hexText(BigInt(faults.firstUnpreserved) * BigInt(pageSize))}.`,
    );
  if (faults.unknownFlags > 0)
    walk.find(
      MEMFD['folio-flags'],
      path,
      data,
      `Flags are not known in ${many(faults.unknownFlags, 'run')} of folios, the first at index ${faults.firstUnknownFlags}.`,
    );
  if (faults.misaligned > 0)
    walk.find(
      MEMFD['folio-index'],
      path,
      data,
      `At odd places there ${are(faults.misaligned)} ${many(faults.misaligned, 'folio')}, the first at index ${faults.firstMisaligned}.`,
    );
  if (faults.twice > 0)
    walk.find(
      MEMFD['folio-twice'],
      path,
      data,
      `Where another one is there ${are(faults.twice)} ${many(faults.twice, 'folio')}, the first at index ${faults.firstTwice}.`,
    );
  if (faults.unordered > faults.twice)
    walk.find(
      MEMFD['folio-order'],
      path,
      data,
      `The index goes back ${many(faults.unordered, 'time')}, first to ${faults.firstUnordered}.`,
    );
  if (faults.beyond > 0)
    walk.find(
      MEMFD['folio-beyond'],
      path,
      data,
      `Behind the end of the file there ${are(faults.beyond)} ${many(faults.beyond, 'folio')}, the first at index ${faults.firstBeyond}.`,
    );
  if (faults.none > 0 && complete)
    walk.find(
      MEMFD['folio-none'],
      path,
      data,
      `Page frame 0 stands in ${many(faults.none, 'entry', 'entries')}.`,
    );
}
