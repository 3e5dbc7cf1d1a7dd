/** Builds what hugetlb hands over of its pools. */
import { HUGETLB_MAX_HSTATES, HugetlbSer, type HugetlbValue } from '../../formats/hugetlb/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { FlbBuilder } from '../handover/extension.js';
import type { Word } from '../handover/spec.js';
import { field, list, needed, number, object, word } from '../spec/shape.js';
import { wordOf } from '../words.js';

export interface HugetlbSpec {
  /** Pools of huge pages, one for each size. */
  readonly hstates?: readonly {
    /** log2 of the pages of each huge page. */
    readonly order: number;
    /** 0 if not given. */
    readonly nr_pages?: Word;
  }[];
}
const SIZE = 37;
/** 16 GiB, the largest size that any machine has. */
const LARGEST = 34;

/** @throws `build-value` for what is no order of huge pages. */
export function hugeOrderOf(order: number, { pageSize }: HandoverBuilder, path: string): number {
  const most = LARGEST - Math.log2(pageSize);
  if (!Number.isInteger(order) || order < 1 || order > most)
    throw buildError('build-value', path, `huge pages are of the orders 1 to ${most}, not ${order}`);
  return order;
}

export const hugetlbBuilder: FlbBuilder = {
  key: 'hugetlb',
  field: field(
    object('hugetlb', 'Pools of huge pages', {
      hstates: field(
        list(
          object('a pool', 'Huge pages of one size', {
            order: needed(number(33), 'log2 of the pages of each huge page'),
            nr_pages: field(word, 'how many; 0 if not given'),
          }),
        ),
        `at most ${HUGETLB_MAX_HSTATES} of them`,
      ),
    }),
    'pools of huge pages',
  ),
  dependsOn: 'huge-memfd-',
  flbName: () => 'hugetlb-v1',
  build: (value, builder, place) => {
    const path = `${place}.hugetlb.hstates`;
    // The spec of an FLB says that this key has the type.
    const { hstates = [] } = value as HugetlbSpec;
    if (hstates.length > HUGETLB_MAX_HSTATES)
      throw buildError(
        'build-full',
        path,
        `there is room for ${HUGETLB_MAX_HSTATES} pools, and there are ${hstates.length}`,
      );
    const orders = new Set<number>();
    const pools = hstates.map(({ order, nr_pages = 0n }, i) => {
      hugeOrderOf(order, builder, `${path}[${i}].order`);
      if (orders.has(order))
        throw buildError('build-value', `${path}[${i}].order`, `there is a pool of order ${order} already`);
      orders.add(order);
      return { order, nr_pages: wordOf(nr_pages, `${path}[${i}].nr_pages`) };
    });
    const unused = Array.from({ length: HUGETLB_MAX_HSTATES - pools.length }, () => ({
      order: 0,
      nr_pages: 0n,
    }));
    const region = builder.object(`${place}.hugetlb`, HugetlbSer, SIZE, () => ({
      hstates: [...pools, ...unused],
      nr_hstates: pools.length,
    }));
    return () => region.address;
  },
  describe: (value) => {
    // What the decoder of pools gives under this key.
    const { hstates } = value as HugetlbValue;
    return hstates.length === 0
      ? {}
      : ({
          hstates: hstates.map(({ order, nr_pages }) => ({
            order,
            ...(nr_pages === 0n ? {} : { nr_pages }),
          })),
        } satisfies HugetlbSpec);
  },
};
