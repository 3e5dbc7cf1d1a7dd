/** How the array of a file's folios is read, what is told of it and whose they are: of memfds and guest_memfds. */
import type { HandoverRule } from '../kho/findings.js';
import { are, hexText, many, type Walk } from '../kho/walk.js';
import { type CountedArray, readCounted } from '../payload/array.js';
import type { FolioReader, FolioRuns } from './runs.js';
import { SIZES } from './schema.js';

/** The rules of a kind of file, by what is wrong with a folio. */
export interface FolioRules {
  readonly array: HandoverRule;
  readonly tail: HandoverRule;
  readonly 'folio-unpreserved': HandoverRule;
  readonly 'folio-flags': HandoverRule;
  /** Where folios can be larger than a page. */
  readonly 'folio-index'?: HandoverRule;
  readonly 'folio-twice': HandoverRule;
  readonly 'folio-order': HandoverRule;
  readonly 'folio-beyond': HandoverRule;
  readonly 'folio-none': HandoverRule;
}

/** The array as the file's struct has it, and what findings say of it in the words of its kind. */
export interface FolioArray
  extends Pick<CountedArray, 'descriptor' | 'descriptorAt' | 'count' | 'countAt' | 'schema' | 'take'> {
  /** Physical address of the file's data. */
  readonly data: bigint;
  /** Begins the sentence on so many runs with flags that are not known. */
  readonly unknownFlags: (runs: string) => string;
}

/** Reads the array to its end and reports what is wrong with it and with its entries. */
export function readFolios(
  rules: FolioRules,
  array: FolioArray,
  reader: FolioReader,
  walk: Walk,
  path: string,
): FolioRuns {
  const { complete } = readCounted(
    walk,
    {
      ...array,
      size: SIZES.folio,
      what: 'the array of folios',
      short: rules.array,
      tail: { rule: rules.tail, last: 'folio' },
    },
    reader,
    path,
  );
  const folios = reader.done();
  report(rules, array, reader, walk, path, complete);
  return folios;
}

/** `complete`: whether all of the array was followed; of what is missing nobody knows whether it is empty. */
function report(
  rules: FolioRules,
  { data, unknownFlags }: FolioArray,
  { faults }: FolioReader,
  walk: Walk,
  path: string,
  complete: boolean,
): void {
  if (faults.unpreserved > 0) {
    const address = BigInt(faults.firstUnpreserved) * BigInt(walk.pageSize);
    walk.find(
      rules['folio-unpreserved'],
      path,
      address,
      `${many(faults.unpreserved, 'folio')} of ${faults.entries} begin no preserved block, the first at ${hexText(address)}.`,
    );
  }
  if (faults.unknownFlags > 0)
    walk.find(
      rules['folio-flags'],
      path,
      data,
      `${unknownFlags(`${many(faults.unknownFlags, 'run')} of folios`)}, the first at index ${faults.firstUnknownFlags}.`,
    );
  if (rules['folio-index'] !== undefined && faults.misaligned > 0)
    walk.find(
      rules['folio-index'],
      path,
      data,
      `At odd places there ${are(faults.misaligned)} ${many(faults.misaligned, 'folio')}, the first at index ${faults.firstMisaligned}.`,
    );
  if (faults.twice > 0)
    walk.find(
      rules['folio-twice'],
      path,
      data,
      `Where another one is there ${are(faults.twice)} ${many(faults.twice, 'folio')}, the first at index ${faults.firstTwice}.`,
    );
  if (faults.unordered > faults.twice)
    walk.find(
      rules['folio-order'],
      path,
      data,
      `The index goes back ${many(faults.unordered, 'time')}, first to ${faults.firstUnordered}.`,
    );
  if (faults.beyond > 0)
    walk.find(
      rules['folio-beyond'],
      path,
      data,
      `Behind the end of the file there ${are(faults.beyond)} ${many(faults.beyond, 'folio')}, the first at index ${faults.firstBeyond}.`,
    );
  if (faults.none > 0 && complete)
    walk.find(
      rules['folio-none'],
      path,
      data,
      `Page frame 0 stands in ${many(faults.none, 'entry', 'entries')}.`,
    );
}

/** Claims the memory of the folios for `path`. Gives the orders there are, with the index of the first folio of each. */
export function claimFolios(walk: Walk, folios: FolioRuns, path: string): ReadonlyMap<number, bigint> {
  const orders = new Map<number, bigint>();
  for (const { index, pfn, order, count, step } of folios) {
    if (!orders.has(order)) orders.set(order, index);
    const pages = count * 2 ** order;
    const first = Number(pfn) - (step === -1 ? pages - 2 ** order : 0);
    walk.claims.add(first, pages, path, true);
  }
  return orders;
}
