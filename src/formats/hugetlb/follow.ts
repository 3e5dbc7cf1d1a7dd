/** From the data of hugetlb's pools and of memfds of huge pages to what was kept. */
import type { FileHandler, FlbDecoder } from '../kho/extension.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { type CountedArray, PAYLOAD, readCounted, readStruct } from '../payload/index.js';
import { HugeFolioReader, type HugeRun } from './folios.js';
import { HUGE_MEMFD_MEANING, HUGETLB_MEANING } from './meaning.js';
import { HUGETLB } from './rules.js';
import { HUGETLB_MAX_HSTATES, HugeMemfdFolios, HugeMemfdSer, HugetlbSer } from './schema.js';

export interface HugetlbValue {
  /** Those in use. */
  readonly hstates: readonly { readonly nr_pages: bigint; readonly order: number }[];
  readonly nr_hstates: number;
}
export interface HugeMemfdValue {
  /** In bytes. */
  readonly size: bigint;
  readonly pos: bigint;
  readonly nr_folios: bigint;
  readonly order: number;
  readonly folios: Iterable<HugeRun>;
}

export const hugetlbFlb: FlbDecoder = Object.freeze({
  name: 'hugetlb-v1',
  key: 'hugetlb',
  decode: (data: bigint, walk: Walk, path: string) => followHugetlb(data, walk, `${path}.hugetlb`),
  meaning: HUGETLB_MEANING,
});
export const hugeMemfdHandler: FileHandler = Object.freeze({
  compatible: 'huge-memfd-v1',
  key: 'huge_memfd',
  decode: followHugeMemfd,
  meaning: HUGE_MEMFD_MEANING,
});

/** Bytes of a hugetlb_ser. */
const POOLS_SIZE = 37;

/** 16 GiB, the largest size that any machine has. */
const LARGEST = 34;

function isHugeOrder(order: number, walk: Walk): boolean {
  return order > 0 && order + Math.log2(walk.pageSize) <= LARGEST;
}

export function followHugetlb(data: bigint, walk: Walk, path: string): HugetlbValue | undefined {
  const ser = readStruct(walk, HugetlbSer, POOLS_SIZE, data, path, 'hugetlb');
  if (ser === undefined) return undefined;
  const { hstates, nr_hstates } = ser;
  if (nr_hstates > HUGETLB_MAX_HSTATES)
    walk.find(
      HUGETLB.hstates,
      `${path}.nr_hstates`,
      data + 36n,
      `There are said to be ${nr_hstates} sizes; there is room for ${HUGETLB_MAX_HSTATES}.`,
    );
  const orders = new Set<number>();
  for (const [i, { nr_pages, order }] of hstates.entries()) {
    const at = `${path}.hstates[${i}]`;
    const address = data + BigInt(9 * i);
    if (i >= nr_hstates) {
      if (nr_pages !== 0n || order !== 0)
        walk.find(HUGETLB.unused, at, address, `It has ${many(nr_pages, 'page')} of order ${order}.`);
      continue;
    }
    if (!isHugeOrder(order, walk) || orders.has(order))
      walk.find(
        HUGETLB.order,
        `${at}.order`,
        address + 8n,
        orders.has(order) ? `The order ${order} is there before.` : `The order is ${order}.`,
      );
    orders.add(order);
  }
  return { hstates: hstates.slice(0, nr_hstates), nr_hstates };
}

const SIZE = 41;
const FOLIO = 16;

export function followHugeMemfd(data: bigint, walk: Walk, path: string): HugeMemfdValue | undefined {
  const ser = readStruct(walk, HugeMemfdSer, SIZE, data, path, 'the memfd');
  if (ser === undefined) return undefined;
  const { size, pos, nr_folios, order } = ser;
  const isHuge = isHugeOrder(order, walk);
  if (!isHuge) walk.find(HUGETLB.order, `${path}.order`, data + 40n, `The order is ${order}.`);
  const page = BigInt(walk.pageSize) << BigInt(isHuge ? order : 0);
  if (size % page !== 0n)
    walk.find(HUGETLB.size, `${path}.size`, data, `${size} bytes are not whole pages of ${page} bytes.`);
  const most = (size + page - 1n) / page;
  if (isHuge && nr_folios > most)
    walk.find(
      HUGETLB['folio-count'],
      `${path}.nr_folios`,
      data + 16n,
      `There are ${many(nr_folios, 'folio')} in a file of ${many(most, 'huge page')}.`,
    );
  const at = `${path}.folios`;
  const folios = new HugeFolioReader(walk.map, walk.little, order);
  const array: CountedArray = {
    descriptor: ser.folios,
    descriptorAt: data + 24n,
    count: nr_folios,
    size: FOLIO,
    schema: HugeMemfdFolios,
    what: 'the array of folios',
    short: HUGETLB.array,
    countAt: data + 16n,
    take: many(nr_folios, 'folio takes', 'folios take'),
    tail: { rule: PAYLOAD.tail, last: 'folio' },
  };
  readCounted(walk, array, folios, at);
  if (folios.unpreserved > 0 && isHuge) {
    const first = BigInt(folios.firstUnpreserved) * BigInt(walk.pageSize);
    walk.find(
      HUGETLB['folio-unpreserved'],
      at,
      first,
      `${many(folios.unpreserved, 'folio')} of ${folios.entries} begin no preserved block of order ${order}, the first at ${hexText(first)}.`,
    );
  }
  if (folios.reserved > 0)
    walk.find(
      HUGETLB.reserved,
      at,
      data,
      `${many(folios.reserved, 'folio has', 'folios have')} reserved bits, the first at index ${folios.firstReserved}.`,
    );
  const twice = folios.twice();
  if (twice !== undefined) walk.find(HUGETLB['folio-twice'], at, data, `Two folios are at index ${twice}.`);
  if (isHuge) for (const run of folios) walk.claims.add(Number(run.pfn), run.count * 2 ** order, path, true);
  return { size, pos, nr_folios, order, folios };
}
