/** Every generation at every page size, from memory that the tests build. */
import { describe, expect, it } from 'vitest';
import { openHandover } from '../../../src/formats/kho/index.js';
import { build, type SessionSpec, type Spec } from './builder.js';
import { contentOf, luoOf, memfdOf, textAt } from './support.js';

const SESSIONS: readonly SessionSpec[] = [
  {
    name: 'one',
    files: [
      {
        token: 0x1001n,
        size: 40000,
        pos: 7,
        seals: 6,
        folios: [
          { index: 0, order: 0, fill: 'first' },
          { index: 2, order: 1, fill: 'a folio of two pages' },
        ],
      },
      { token: 0n, size: 0, folios: [] },
    ],
  },
  { name: 'nothing', files: [] },
  ...Array.from({ length: 60 }, (_, i): SessionSpec => ({ name: `more-${i}`, files: [] })),
];

const COMBINATIONS: readonly Pick<Spec, 'kho' | 'luo' | 'memfd'>[] = [
  { kho: 'v1a' },
  { kho: 'v1b' },
  { kho: 'v1b', luo: 'v1-6.19', memfd: 1 },
  { kho: 'v1b', luo: 'v1', memfd: 1 },
  { kho: 'v2' },
  { kho: 'v3', luo: 'v1', memfd: 2 },
  { kho: 'v3', luo: 'v2', memfd: 2 },
  { kho: 'v3', luo: 'v3', memfd: 2 },
  { kho: 'v4', luo: 'v4', memfd: 2 },
  { kho: 'v4', luo: 'v5', memfd: 2 },
];

describe.each([4096, 16384, 65536])('pages of %i bytes', (pageSize) => {
  it.each(COMBINATIONS)('$kho with LUO $luo', (combination) => {
    const size = (pages: number): number => pages * pageSize;
    const sessions = SESSIONS.map((session) => ({
      ...session,
      files: session.files.map((file) => (file.size === 0 ? file : { ...file, size: size(4) - 100 })),
    }));
    const built = build({
      ...combination,
      pageSize,
      sessions,
      flbs: [{ name: 'an-flb', data: 0xfeedn, count: 2 }],
      // One block per order, far apart, and one at 2^40.
      blocks: Array.from({ length: 11 }, (_, order): [number, number] => [(order + 16) * 2048, order]).concat(
        [[2 ** 40 / pageSize, 3]],
      ),
      nodes: [{ name: 'somebody', bytes: new Uint8Array(Buffer.from('who knows')) }],
    });
    const handover = openHandover(built.image);
    expect(handover.value.page_size).toBe(pageSize);
    expect(handover.value.fdt.address).toBe(BigInt(built.root));
    expect(handover.generation?.name).toBe(combination.kho);

    // The map, block for block.
    const expected = built.blocks.map(([pfn, order]) => `${pfn * pageSize} ${order}`).sort();
    const found: string[] = [];
    for (const { address, order, count } of handover.value.preserved.ranges)
      for (let i = 0; i < count; i++) found.push(`${Number(address) + i * 2 ** order * pageSize} ${order}`);
    expect(found.sort()).toEqual(expected);

    const errors = handover.findings.filter(({ severity }) => severity === 'error');
    expect(errors).toEqual([]);
    expect(handover.value.entries.somebody).toMatchObject({ unknown: true });
    if (combination.luo === undefined) return;
    const luo = luoOf(handover);
    expect(luo.compatible).toBe(`luo-${combination.luo.slice(0, 2)}`);
    expect(luo.liveupdate_num).toBe(1n);
    expect(luo.sessions.map(({ name }) => name)).toEqual(sessions.map(({ name }) => name));
    expect(memfdOf(handover, 'one', 0x1001n)).toMatchObject({
      size: BigInt(size(4) - 100),
      nr_folios: 2n,
      pos: 7n,
    });
    expect([...memfdOf(handover, 'one', 0x1001n).folios]).toMatchObject([
      { index: 0n, order: 0, count: 1, flags: 3 },
      { index: 2n, order: 1, count: 1, flags: 3 },
    ]);
    const { bytes, absent } = contentOf(handover, 'one', 0x1001n);
    expect(bytes.length).toBe(size(4) - 100);
    expect(absent).toBe(0);
    expect(textAt(bytes, 0)).toBe('first');
    expect(textAt(bytes, size(1))).toBe('');
    expect(textAt(bytes, size(2))).toBe('a folio of two pages');
    if (combination.luo !== 'v1-6.19')
      expect(luo.flbs).toMatchObject([{ name: 'an-flb', data: 0xfeedn, count: 2n }]);
  });
});

it('16 KiB pages before 7.1-rc6: a level of the tree is missing, and order 0 is found all the same', () => {
  const built = build({
    kho: 'v2-first',
    pageSize: 16384,
    nodes: [{ name: 'x', bytes: new Uint8Array([1, 2, 3]) }],
  });
  const handover = openHandover(built.image);
  expect(handover.generation?.name).toBe('v2');
  expect(handover.value.page_size).toBe(16384);
  expect(handover.findings.map(({ rule }) => rule)).toContain('kho/radix-depth');
  const [first] = handover.value.preserved.ranges;
  expect(first?.order).toBe(0);
  expect(handover.value.preserved.ranges.blocks).toBe(built.blocks.length);
});

it('a full chunk of a vmalloc area has an empty successor', () => {
  // 511 pages of 256 folios each fill the chunk to its end.
  const folios = Array.from({ length: 511 * 256 }, (_, index) => ({ index, order: 0, fill: '' }));
  const built = build({
    kho: 'v4',
    luo: 'v5',
    pageSize: 4096,
    sessions: [{ name: 's', files: [{ token: 1n, size: folios.length * 4096, folios }] }],
  });
  const handover = openHandover(built.image);
  expect(handover.findings).toEqual([]);
  expect([...memfdOf(handover, 's', 1n).folios]).toMatchObject([{ index: 0n, count: 511 * 256, order: 0 }]);
});

it('the composite strings that are proposed are named', () => {
  const bytes = new Uint8Array(40);
  bytes.set(Buffer.from('luo-v5;block-v1'));
  const built = build({ kho: 'v4', pageSize: 4096, nodes: [{ name: 'LUO', bytes }] });
  const handover = openHandover(built.image);
  expect(luoOf(handover).compatible).toBe('luo-v5;block-v1');
  expect(handover.findings.map(({ rule }) => rule)).toContain('luo/composite');
});

it('systemd’s mapping is shown', () => {
  const mapping = JSON.stringify({ units: { 'a.service': [{ name: 'socket', token: 3 }] } });
  const built = build({
    kho: 'v4',
    luo: 'v5',
    pageSize: 4096,
    sessions: [
      {
        name: 'systemd',
        files: [{ token: 0n, size: mapping.length, folios: [{ index: 0, order: 0, fill: mapping }] }],
      },
    ],
  });
  expect(luoOf(openHandover(built.image)).sessions[0]?.systemd?.mapping).toEqual(JSON.parse(mapping));
});
