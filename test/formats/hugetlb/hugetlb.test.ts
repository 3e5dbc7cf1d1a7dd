import { describe, expect, it } from 'vitest';
import { ABI, encode, sizeof, toHex } from '../../../src/codec/index.js';
import {
  HUGETLB,
  HugeMemfdFolioSer,
  HugeMemfdSer,
  type HugeMemfdValue,
  HugetlbSer,
  type HugetlbValue,
} from '../../../src/formats/hugetlb/index.js';
import { rulesOf } from '../kho/support.js';
import { fileValue, flbValue, joined, Machine, words } from '../machine.js';

it('sizes and golden bytes', () => {
  for (const abi of Object.values(ABI)) {
    expect(sizeof(HugetlbSer, abi)).toBe(37);
    expect(sizeof(HugeMemfdSer, abi)).toBe(41);
    expect(sizeof(HugeMemfdFolioSer, abi)).toBe(16);
  }
  const none = { nr_pages: 0n, order: 0 };
  const value = { hstates: [{ nr_pages: 2n, order: 9 }, none, none, none], nr_hstates: 1 };
  expect(toHex(encode(HugetlbSer, value, { abi: ABI.x86_64 }))).toBe(
    `020000000000000009${'00'.repeat(27)}01`,
  );
});

type State = readonly [pages: number, order: number];
function pools(states: readonly State[], nr = states.length): Machine {
  const on = new Machine();
  on.file('eventfd-v1', words([8, 0], [4, 0]));
  const bytes = new Uint8Array(37);
  for (const [i, [pages, order]] of states.entries()) bytes.set(words([8, pages], [1, order]), 9 * i);
  bytes[36] = nr;
  on.flb('hugetlb-v1', bytes);
  return on;
}

describe('pools', () => {
  it('are decoded', () => {
    const handover = pools([
      [16, 9],
      [1, 18],
    ]).open();
    expect(rulesOf(handover)).toEqual([]);
    expect(flbValue<HugetlbValue>(handover, 'hugetlb')).toEqual({
      hstates: [
        { nr_pages: 16n, order: 9 },
        { nr_pages: 1n, order: 18 },
      ],
      nr_hstates: 2,
    });
  });
  it.each<[keyof typeof HUGETLB, readonly State[], number | undefined]>([
    [
      'hstates',
      [
        [1, 1],
        [1, 2],
        [1, 3],
        [1, 4],
      ],
      5,
    ],
    ['order', [[1, 0]], undefined],
    ['order', [[1, 23]], undefined],
    [
      'order',
      [
        [1, 9],
        [2, 9],
      ],
      undefined,
    ],
    [
      'unused',
      [
        [1, 9],
        [2, 18],
      ],
      1,
    ],
  ])('%s of %j', (rule, states, nr) => {
    expect(rulesOf(pools(states, nr).open())).toEqual([HUGETLB[rule].name]);
  });
});

interface Spec {
  readonly size?: number;
  readonly order?: number;
  readonly nr?: number;
  /** Order of the block that is preserved. */
  readonly block?: number;
  readonly indices?: readonly number[];
  readonly reserved?: number;
}
const HUGE = 4 * 4096;
function memfd({
  size = 4 * HUGE,
  order = 2,
  indices = [0, 4, 8],
  nr = indices.length,
  block = order,
  reserved = 0,
}: Spec): Machine {
  const on = new Machine();
  const folios = indices.map((index) =>
    words([8, (BigInt(reserved) << 52n) | BigInt(on.block(block) / 4096)], [8, index]),
  );
  on.file(
    'huge-memfd-v1',
    joined(words([8, size], [8, 0x10], [8, nr]), on.area(joined(...folios)), words([1, order])),
  );
  return on;
}

describe('memfds of huge pages', () => {
  it.each([
    ['pages', [0, 4, 8], 4],
    ['huge pages', [0, 1, 2], 1],
  ])('with indices that count %s', (_, indices, step) => {
    const handover = memfd({ indices }).open();
    expect(rulesOf(handover)).toEqual([]);
    const value = fileValue<HugeMemfdValue>(handover, 'huge_memfd');
    expect(value).toMatchObject({ size: BigInt(4 * HUGE), pos: 0x10n, nr_folios: 3n, order: 2 });
    expect([...value.folios].map(({ index, step: each, count }) => [index, each, count])).toEqual([
      [0n, step, 3],
    ]);
  });
  it.each<[keyof typeof HUGETLB, Spec]>([
    ['order', { order: 0 }],
    ['size', { size: 4 * HUGE - 4096 }],
    ['folio-count', { size: 2 * HUGE }],
    ['array', { size: 1000 * HUGE, nr: 300, indices: Array.from({ length: 256 }, (_, i) => 4 * i) }],
    ['folio-unpreserved', { order: 1, indices: [0], block: 2 }],
    ['folio-twice', { indices: [0, 4, 0] }],
    ['reserved', { reserved: 1 }],
  ])('%s of %o', (rule, spec) => {
    // What is in a block of another order than the file's stays without an owner in part.
    expect(rulesOf(memfd(spec).open()).filter((each) => each !== 'kho/opaque')).toEqual([HUGETLB[rule].name]);
  });
  it('any flip of a bit is decoded or found', () => {
    for (let bit = 0; bit < 48 * 8; bit++) {
      const on = new Machine();
      const folio = words([8, on.block(2) / 4096], [8, 0]);
      const bytes = joined(words([8, HUGE], [8, 0], [8, 1]), on.area(folio), words([1, 2], [7, 0]));
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      on.file('huge-memfd-v1', bytes);
      expect(() => on.open()).not.toThrow();
    }
  });
});
