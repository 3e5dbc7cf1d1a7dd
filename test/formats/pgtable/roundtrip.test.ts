import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MAY_READ,
  MAY_WRITE,
  type Mapping,
  type MappingInput,
  type TableShape,
  walkTables,
} from '../../../src/formats/pgtable/index.js';
import { imageOf, pageSizes, physicalBits, SHAPES, walked, written } from './support.js';

/** The mappings that a walk should give: ascending, merged where addresses, memory and permissions go on. */
function merged(
  mappings: readonly MappingInput[],
): Pick<Mapping, 'iova' | 'phys' | 'size' | 'permissions'>[] {
  const out: { iova: bigint; phys: bigint; size: bigint; permissions: number }[] = [];
  for (const { iova, phys, size, permissions = 3 } of [...mappings].sort((a, b) =>
    a.iova < b.iova ? -1 : 1,
  )) {
    const last = out[out.length - 1];
    if (
      last !== undefined &&
      last.iova + last.size === iova &&
      last.phys + last.size === phys &&
      last.permissions === permissions
    )
      last.size += size;
    else out.push({ iova, phys, size, permissions });
  }
  return out;
}

/** Mappings that do not overlap, of all page sizes, next to each other, far away, and at both ends. */
function mappingsOf(shape: TableShape): fc.Arbitrary<MappingInput[]> {
  const sizes = pageSizes(shape);
  const smallest = sizes[0] ?? 4096n;
  const bits = BigInt(shape.vasz ?? 48);
  const span = 1n << bits;
  const memory = 1n << BigInt(physicalBits(shape));
  const writeOnly = shape.format === 'vtdss' || shape.format === 'amdv1' || shape.format === 'armv8-s2';
  const piece = fc.record({
    where: fc.oneof(
      fc.constant('next' as const),
      fc.constant('top' as const),
      fc.constant('middle' as const),
      fc.bigInt(0n, span - 1n),
    ),
    phys: fc.oneof(fc.constant('next' as const), fc.bigInt(0n, memory - 1n)),
    page: fc.nat(sizes.length - 1),
    count: fc.integer({ min: 1, max: 20 }),
    permissions: fc.constantFrom(MAY_READ | MAY_WRITE, MAY_READ, writeOnly ? MAY_WRITE : MAY_READ),
    odd: fc.boolean(),
    large: fc.boolean(),
  });
  return fc.array(piece, { maxLength: 12 }).map((pieces) => {
    const taken: { from: bigint; to: bigint }[] = [];
    const out: MappingInput[] = [];
    let next = 0n;
    let nextPhys = 0n;
    for (const { where, phys, page, count, permissions, odd, large } of pieces) {
      const unit = odd ? smallest : (sizes[page] ?? smallest);
      let size = unit * BigInt(unit > 1n << 30n ? 1 : count);
      if (size > span / 2n) size = smallest;
      let from =
        where === 'next'
          ? next
          : where === 'top'
            ? span - size
            : where === 'middle'
              ? span / 2n - size
              : where;
      from -= from % unit;
      let frame = phys === 'next' ? nextPhys : phys;
      frame -= frame % unit;
      if (frame + size > memory) frame = memory - size - ((memory - size) % unit);
      const to = from + size;
      if (to > span || taken.some((other) => from < other.to && other.from < to)) continue;
      // A mapping across the middle would be two with sign extension.
      if (shape.signExtend && from < span / 2n && to > span / 2n) continue;
      taken.push({ from, to });
      next = to;
      nextPhys = frame + size;
      out.push({
        iova: shape.signExtend && from >= span / 2n ? from + (1n << 64n) - span : from,
        phys: frame,
        size,
        permissions,
        ...(large ? {} : { largestPage: smallest }),
      });
    }
    // Small pages by the million are for another test.
    return out.filter(({ size, largestPage }) => largestPage === undefined || size / largestPage < 5000n);
  });
}

describe.each(SHAPES)('$title', (shape) => {
  test('random mappings are walked back', () => {
    fc.assert(
      fc.property(mappingsOf(shape), (mappings) => {
        const { mappings: found, problems, complete, tables, levels } = walked(shape, mappings);
        expect(problems).toEqual([]);
        expect(complete).toBe(true);
        expect(
          [...found].map(({ iova, phys, size, permissions }) => ({ iova, phys, size, permissions })),
        ).toEqual(merged(mappings));
        expect(found.bytes).toBe(mappings.reduce((sum, { size }) => sum + size, 0n));
        expect(levels.reduce((sum, level) => sum + level.tables, 0)).toBe(tables.length);
        expect(levels.reduce((sum, level) => sum + level.tableEntries, 0)).toBe(tables.length - 1);
        for (const { iova, phys, size } of mappings) {
          expect(found.find(iova)?.iova).toBeLessThanOrEqual(iova);
          const last = found.find(iova + size - 1n);
          expect(last && last.phys - last.iova).toBe(phys - iova);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('the first and the last page, and the largest one', () => {
    const sizes = pageSizes(shape).filter((size) => size <= 1n << BigInt(shape.vasz ?? 48));
    const largest = sizes.reduce((a, b) => (a > b ? a : b));
    const [smallest = 4096n] = sizes;
    const span = 1n << BigInt(shape.vasz ?? 48);
    const top = shape.signExtend ? (1n << 64n) - smallest : span - smallest;
    const twice = largest * 2n < span;
    const mappings: MappingInput[] = [
      ...(twice ? [{ iova: largest, phys: largest, size: largest }] : []),
      { iova: 0n, phys: smallest * 3n, size: smallest, permissions: MAY_READ },
      { iova: top, phys: (1n << BigInt(physicalBits(shape))) - smallest, size: smallest },
    ];
    const walk = walked(shape, mappings);
    expect(walk.problems).toEqual([]);
    expect([...walk.mappings].map(({ iova }) => iova)).toEqual(twice ? [0n, largest, top] : [0n, top]);
    expect(walk.sizes).toEqual(
      twice
        ? [
            { size: smallest, entries: 2 },
            { size: largest, entries: 1 },
          ]
        : [{ size: smallest, entries: 2 }],
    );
    if (twice)
      expect(walk.mappings.find(largest)).toMatchObject({ smallestPage: largest, largestPage: largest });
  });
});

test('a million small pages are one mapping, whatever the hardware wrote into them', () => {
  const { root, pages } = written({ format: 'vtdss', level: 3, vasz: 48, signExtend: false }, [
    { iova: 0x40_0000_0000n, phys: 0x1_0000_0000n, size: 4n << 30n, largestPage: 4096n },
  ]);
  let seed = 1;
  for (const { level, bytes } of pages) {
    const view = new DataView(bytes.buffer);
    // Accessed and dirty.
    for (let at = 1; level === 0 && at < bytes.length; at += 8) {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0;
      view.setUint8(at, view.getUint8(at) | ((seed >>> 16) & 3));
    }
  }
  const walk = walkTables(imageOf(pages), root);
  expect([...walk.mappings]).toEqual([
    {
      iova: 0x40_0000_0000n,
      phys: 0x1_0000_0000n,
      size: 4n << 30n,
      permissions: 3,
      smallestPage: 4096n,
      largestPage: 4096n,
    },
  ]);
  expect(walk.sizes).toEqual([{ size: 4096n, entries: 1 << 20 }]);
  expect(walk.levels.map(({ tables }) => tables)).toEqual([1, 1, 4, 2048]);
});

test('nothing mapped is nothing found', () => {
  const walk = walked({ format: 'vtdss', level: 3, vasz: 48, signExtend: false }, []);
  expect(walk.mappings.length).toBe(0);
  expect(walk).toMatchObject({ problems: [], complete: true, sizes: [] });
  expect(walk.mappings.find(0n)).toBeUndefined();
});

test('pages that take several entries', () => {
  const sizes = [13, 14, 16, 20, 22, 25, 29, 31, 38].map((shift) => 1n << BigInt(shift));
  const mappings = sizes.map((size, i) => ({
    iova: (BigInt(i) + 1n) << 40n,
    phys: (BigInt(i) + 3n) << 40n,
    size: size * 2n,
    largestPage: size,
  }));
  const walk = walked({ format: 'amdv1', level: 3, vasz: 48, signExtend: false }, mappings);
  expect(walk.problems).toEqual([]);
  expect(
    [...walk.mappings].map(({ iova, phys, size, largestPage }) => ({ iova, phys, size, largestPage })),
  ).toEqual(mappings);
  const entriesOf = (size: bigint) => {
    const shift = size.toString(2).length - 1;
    return 2 * 2 ** ((shift - 12) % 9);
  };
  expect(walk.sizes).toEqual(sizes.map((size) => ({ size, entries: entriesOf(size) })));

  const napot = walked({ format: 'riscv64', level: 3, vasz: 48, signExtend: false }, [
    { iova: 0n, phys: 0x10000n, size: 0x30000n, largestPage: 65536n },
  ]);
  expect(napot.problems).toEqual([]);
  expect([...napot.mappings]).toEqual([
    { iova: 0n, phys: 0x10000n, size: 0x30000n, permissions: 3, smallestPage: 65536n, largestPage: 65536n },
  ]);
  expect(napot.sizes).toEqual([{ size: 65536n, entries: 48 }]);
});

test('a bit that marks encrypted memory is no address', () => {
  const shape = { format: 'amdv1', level: 3, vasz: 48, signExtend: false, encryptionBit: 47 } as const;
  const { root, pages } = written(shape, [{ iova: 0n, phys: 0x200000n, size: 0x200000n }]);
  const image = imageOf(pages);
  expect(walkTables(image, root).problems).toEqual([]);
  expect([...walkTables(image, root).mappings][0]?.phys).toBe(0x200000n);
  const { encryptionBit: _, ...plain } = root;
  expect(walkTables(image, plain).problems[0]?.kind).toBe('absent');
});

test('golden entries', () => {
  const entries = (shape: TableShape, mapping: MappingInput, at: readonly (readonly [number, number])[]) => {
    const { pages } = written(shape, [mapping]);
    return at.map(([level, index]) =>
      new DataView(
        pages.filter((page) => page.level === level)[0]?.bytes.buffer ?? new ArrayBuffer(0),
      ).getBigUint64(8 * index, true),
    );
  };
  const small = { iova: 0x1000n, phys: 0x12_3456_7000n, size: 4096n };
  const large = { iova: 0x20_0000n, phys: 0x12_3460_0000n, size: 0x20_0000n };
  const four = { level: 3, vasz: 48, signExtend: false } as const;
  const chain = [
    [3, 0],
    [0, 1],
  ] as const;
  expect(entries({ format: 'vtdss', ...four }, small, chain)).toEqual([0x101003n, 0x1234567003n]);
  expect(entries({ format: 'vtdss', ...four }, large, [[1, 1]])).toEqual([0x1234600083n]);
  expect(entries({ format: 'x86_64', ...four }, small, chain)).toEqual([0x101027n, 0x1234567027n]);
  expect(entries({ format: 'x86_64', ...four }, large, [[1, 1]])).toEqual([0x12346000a7n]);
  // IR, IW; the next level is 3 in the topmost of four tables; FC in a leaf.
  expect(entries({ format: 'amdv1', ...four }, small, chain)).toEqual([
    0x6000000000101601n,
    0x7000001234567001n,
  ]);
  // 64 KiB: the next level is 7, and three ones and a zero from bit 12 on.
  expect(
    entries({ format: 'amdv1', ...four }, { iova: 0n, phys: 0x10000n, size: 65536n, largestPage: 65536n }, [
      [0, 0],
      [0, 15],
    ]),
  ).toEqual([0x7000000000017e01n, 0x7000000000017e01n]);
  expect(entries({ format: 'riscv64', ...four }, small, chain)).toEqual([0x40401n, 0x48d159cd7n]);
  expect(entries({ format: 'armv8-s1', ...four }, small, chain)).toEqual([0x101003n, 0x1234567f43n]);
  expect(entries({ format: 'armv8-s2', ...four }, large, [[1, 1]])).toEqual([0x12346007fdn]);
});
