import { describe, expect, it } from 'vitest';
import {
  ABI,
  type ABIName,
  aligned,
  anonymous,
  array,
  bits,
  bytes,
  chars,
  compareLayouts,
  enumeration,
  field,
  formatLayout,
  type Layout,
  type LayoutHole,
  layoutOf,
  optional,
  pointer,
  reserved,
  sideBySide,
  struct,
  sumsOf,
  taggedUnion,
  u8,
  u16,
  u32,
  u64,
  union,
  unnamed,
} from '../../src/codec/index.js';
import { type GoldenStruct, goldenStructs, schemaOf } from './gcc.js';

/** Offsets by path, each element of an array of structs on its own, as the goldens have them. */
function offsets(layout: Layout, shift = 0, prefix = ''): Map<string, number> {
  const all = new Map<string, number>();
  for (const part of layout.parts) {
    if (part.part === 'hole') continue;
    const { inside, offset } = part;
    const name = part.path.replace(/^.*[.\]]\.?/, '').replace(/^.*\./, '');
    const own = part.anonymous ? prefix : prefix === '' ? name : `${prefix}.${name}`;
    if (!part.anonymous && part.bitOffset === undefined && offset !== undefined) all.set(own, offset + shift);
    if (inside === undefined) continue;
    const dimensions = part.anonymous
      ? []
      : [...part.type.matchAll(/\[(\d+)\]/g)].map((match) => Number(match[1]));
    const indices = dimensions.reduce<string[]>(
      (paths, count) => paths.flatMap((path) => Array.from({ length: count }, (_, i) => `${path}[${i}]`)),
      [own],
    );
    for (const [i, path] of indices.entries())
      for (const [at, value] of offsets(inside, shift + i * (inside.size ?? 0), path)) all.set(at, value);
  }
  return all;
}

/** Every byte and bit of a fixed layout is told exactly once. */
function accounted(layout: Layout): boolean {
  if (layout.kind === 'union') return true;
  const sum = sumsOf(layout);
  const told =
    (sum.memberBytes + sum.holeBytes + sum.padding) * 8 + sum.memberBits + sum.holeBits + sum.bitPadding;
  return told === (layout.size ?? 0) * 8;
}

function wrong(golden: GoldenStruct): string[] {
  const schema = schemaOf(golden.type, golden.name);
  const out: string[] = [];
  for (const expected of golden.golden)
    for (const name of expected.abis) {
      const layout = layoutOf(schema, ABI[name]);
      const found = offsets(layout);
      const say = (what: string) =>
        out.push(`${golden.name} on ${name}: ${what}: ${JSON.stringify(golden.type)}`);
      if (layout.size !== expected.size || layout.align !== expected.align) say('size or align');
      else if (!accounted(layout)) say(`not accounted: ${JSON.stringify(sumsOf(layout))}`);
      for (const [path, offset] of Object.entries(expected.offsets))
        if (found.get(path) !== offset) say(`${path} at ${found.get(path)}, not ${offset}`);
    }
  return out;
}

describe('offsets', () => {
  it.each(['systematic', 'random'] as const)('are those of GCC for the %s structs', (file) => {
    const all = goldenStructs(file).flatMap(wrong);
    expect(all.slice(0, 5)).toEqual([]);
  });
});

const In = struct('in', { x: u8, y: u32 });
/** pahole 1.24 prints the same for it, but for a line `u32 :4;` below the hole that the unnamed bit-field is. */
const Foo = struct('foo', {
  a: u8,
  b: u32,
  c: bits(u32, 3),
  d: bits(u32, 5),
  _4: unnamed(u32, 4),
  e: bits(u32, 2),
  in: In,
  _un: anonymous(union('un', { f: u32, g: u64 })),
  _st: anonymous(struct('st', { h: u8, i: u8 })),
  p: enumeration('pif', u32, { A: 0, B: 1 }),
  ptr: pointer(() => In),
  name: chars(3),
  arr: array(In, 2),
  last: u8,
});

describe('text', () => {
  it('is as pahole prints it', async () => {
    await expect(`${formatLayout(layoutOf(Foo, ABI.x86_64))}\n`).toMatchFileSnapshot(
      'goldens/pahole-foo.txt',
    );
    const packed = struct('pk', { a: u8, b: bits(u32, 1), c: bits(u32, 9), z: u32 }, { packed: true });
    expect(formatLayout(layoutOf(packed, ABI.x86_64), { cacheline: 0 })).toBe(
      [
        'struct pk {',
        '\tu8                         a;                    /*     0     1 */',
        '\tu32                        b:1;                  /*     0: 8  4 */',
        '\tu32                        c:9;                  /*     0: 9  4 */',
        '',
        '\t/* XXX 6 bits hole, try to pack */',
        '',
        '\tu32                        z;                    /*     3     4 */',
        '',
        '\t/* size: 7, members: 4 */',
        '\t/* sum members: 5 */',
        '\t/* sum bitfield members: 10 bits, bit holes: 1, sum bit holes: 6 bits */',
        '} __attribute__((__packed__));',
      ].join('\n'),
    );
  });
  it('expands what is asked for', () => {
    const text = formatLayout(layoutOf(Foo, ABI.x86_64), { expand: true });
    expect(text).toContain('\tstruct in {\n\t\tu8                 x;                    /*    52     1 */');
    expect(text).toContain('\t} arr[2];                                        /*    52    16 */');
  });
  it('marks what depends on the data', () => {
    const schema = struct('s', {
      n: u8,
      r: reserved(u8),
      d: bytes(field('n')),
      t: u32,
      o: optional(u16, { ref: 'n', is: 'equal', value: 1 }),
    });
    const layout = layoutOf(schema, ABI.x86_64);
    expect(layout.size).toBeUndefined();
    expect(
      layout.parts.map((part) =>
        part.part === 'member' ? [part.path, part.offset, part.size, part.variable, part.reserved] : 'hole',
      ),
    ).toEqual([
      ['n', 0, 1, false, false],
      ['r', 1, 1, false, true],
      ['d', 2, undefined, true, false],
      ['t', undefined, 4, false, false],
      ['o', undefined, 2, true, false],
    ]);
    expect(formatLayout(layout)).toContain('/*     2   ... variable */');
  });
  it('has the members of unions at the same place', () => {
    const schema = struct('s', { t: u32, u: taggedUnion('u', field('t'), { 1: 'a' }, { a: u8, b: In }) });
    const inside = layoutOf(schema, ABI.x86_64).parts.map((part) =>
      part.part === 'member' ? part.inside : undefined,
    )[1];
    expect(inside?.parts.map((part) => part.offset)).toEqual([4, 4]);
  });
});

describe('two machines', () => {
  const schema = struct('s', {
    a: u32,
    b: u64,
    c: bits(u16, 3),
    d: unnamed(u16, 4),
    e: aligned(u8, 2),
    p: pointer(),
  });
  it('differ where they do', () => {
    const rows = compareLayouts(layoutOf(schema, ABI.x86_64), layoutOf(schema, ABI.i386));
    expect(rows.filter((row) => row.differs).map((row) => [row.path || row.type, row.a, row.b])).toEqual([
      ['(hole)', '4 4', '-'],
      ['b', '8 8', '4 8'],
      ['c', '16:0 3 bits', '12:0 3 bits'],
      ['(hole)', '16 13 bits', '12 13 bits'],
      ['e', '18 1', '14 1'],
      ['(hole)', '19 5', '15 1'],
      ['p', '24 8', '16 4'],
      ['struct s', '32, aligned 8', '20, aligned 4'],
    ]);
  });
  it('stand side by side', () => {
    const text = sideBySide(layoutOf(schema, ABI.x86_64), layoutOf(schema, ABI.i386), {
      a: 'x86_64',
      b: 'i386',
    });
    expect(text.split('\n').slice(0, 3)).toEqual([
      '   member    type    x86_64         i386',
      '   a         u32     0 4            0 4',
      '*  (hole)            4 4            -',
    ]);
  });
  it.each(Object.keys(ABI) as ABIName[])('have holes that add up: %s', (name) => {
    const layout = layoutOf(schema, ABI[name]);
    const holes = layout.parts.filter((part): part is LayoutHole => part.part === 'hole');
    expect(holes.every((hole) => hole.size > 0 || hole.bits > 0)).toBe(true);
    expect(accounted(layout)).toBe(true);
  });
  it('cannot be asked of what is no struct', () => {
    expect(() => layoutOf(u32, ABI.arm)).toThrow(/schema-invalid/);
    expect(layoutOf(array(In, 3), ABI.arm).name).toBe('in');
  });
});
