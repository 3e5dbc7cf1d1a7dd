/** Every generation at every page size, from memory that the tests build. */
import { describe, expect, it } from 'vitest';
import { openHandover } from '../../../src/formats/kho/index.js';
import { build, type SessionSpec, type Spec } from './builder.js';
import { contentOf, luoOf, memfdOf, rulesOf, textAt } from './support.js';

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

describe('linked blocks', () => {
  // What fits into one block at each page size, as the kernel's own capacities are.
  it.each([
    [4096, 51, 63],
    [16384, 204, 255],
    [65536, 819, 1023],
  ])('of pages of %i bytes hold %i sessions, and %i files', (pageSize, sessionsEach, filesEach) => {
    const file = (i: number) => ({ token: BigInt(i), size: 0, folios: [] });
    for (const [sessions, files] of [
      [sessionsEach, 1],
      [sessionsEach + 1, filesEach],
      [2 * sessionsEach + 1, filesEach + 1],
    ] as const) {
      const built = build({
        kho: 'v4',
        luo: 'v5',
        pageSize,
        sessions: Array.from({ length: sessions }, (_, i) => ({
          name: `s${i}`,
          files: i === sessions - 1 ? Array.from({ length: files }, (__, j) => file(j)) : [],
        })),
      });
      const handover = openHandover(built.image);
      expect(handover.value.page_size).toBe(pageSize);
      expect(handover.findings).toEqual([]);
      const luo = luoOf(handover);
      expect(luo.sessions.map(({ name }) => name)).toEqual(
        Array.from({ length: sessions }, (_, i) => `s${i}`),
      );
      expect(luo.sessions[sessions - 1]?.files.map(({ token }) => token)).toEqual(
        Array.from({ length: files }, (_, i) => BigInt(i)),
      );
      const blocks = (where: RegExp): number =>
        handover.objects.filter(({ path }) => where.test(path)).length;
      expect(blocks(/^entries\.LUO\.sessions\.blocks\[\d+\]$/)).toBe(Math.ceil(sessions / sessionsEach));
      expect(blocks(/\]\.files\.blocks\[\d+\]$/)).toBe(Math.ceil(files / filesEach));
    }
  });
});

describe('a LUO beside a root', () => {
  const WRITTEN: Readonly<Record<string, readonly string[]>> = {
    v1b: ['v1-6.19', 'v1'],
    v2: ['v1'],
    v3: ['v1', 'v2', 'v3'],
    v4: ['v2', 'v3', 'v4', 'v5'],
  };
  const roots = ['v1a', 'v1b', 'v2', 'v3', 'v4'] as const;
  const luos = ['v1', 'v2', 'v3', 'v4', 'v5'] as const;
  it.each(roots.flatMap((kho) => luos.map((luo) => [kho, luo] as const)))('%s, %s', (kho, luo) => {
    const built = build({ kho, luo, pageSize: 4096, sessions: [] });
    const options = kho === 'v1a' ? { generation: 'v1a' } : {};
    const odd = rulesOf(openHandover(built.image, options)).includes('luo/generation');
    expect(odd).toBe(!(WRITTEN[kho]?.includes(luo) ?? false));
  });
});
