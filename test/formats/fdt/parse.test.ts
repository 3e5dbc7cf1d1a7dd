import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { CarryoverError, toHex } from '../../../src/codec/index.js';
import {
  FDT_CODES,
  FDT_LAYOUTS,
  type FDTNode,
  type FDTTree,
  findNode,
  libfdtError,
  type ParseOptions,
  parseFDT,
  property,
  stringOf,
  toDTS,
  writeFDT,
} from '../../../src/formats/fdt/index.js';
import { bare, fixture } from './goldens.js';

/** A tree from words and texts: numbers are big-endian words, strings are padded to 4 bytes after their NUL. */
function blob(parts: readonly (number | string)[], strings: string, version = 17): Uint8Array {
  const structure: number[] = [];
  for (const part of parts) {
    if (typeof part === 'number')
      structure.push(part >>> 24, (part >>> 16) & 255, (part >>> 8) & 255, part & 255);
    else {
      structure.push(...Buffer.from(`${part}\0`));
      while (structure.length % 4 !== 0) structure.push(0);
    }
  }
  const text = Buffer.from(strings);
  const all = new Uint8Array(56 + structure.length + text.length);
  const view = new DataView(all.buffer);
  const words = [
    0xd00dfeed,
    all.length,
    56,
    56 + structure.length,
    40,
    version,
    version < 16 ? 1 : 16,
    0,
    text.length,
  ];
  for (const [i, word] of [...words, structure.length].entries())
    if (i < 9 || version >= 17) view.setUint32(4 * i, word);
  all.set(structure, 56);
  all.set(text, 56 + structure.length);
  return all;
}

function thrown(bytes: Uint8Array, options: ParseOptions = {}): CarryoverError {
  try {
    parseFDT(bytes, options);
  } catch (error) {
    if (error instanceof CarryoverError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
const codes = (bytes: Uint8Array): string[] =>
  parseFDT(bytes, { lenient: true }).problems.map(({ code }) => code);

const [BEGIN, END_NODE, PROP, NOP, END] = [1, 2, 3, 4, 9];

describe('each problem', () => {
  const cases: readonly [string, Uint8Array, string][] = [
    ['fdt-token', blob([BEGIN, '', 7, 0, END_NODE, END], ''), '/'],
    ['fdt-name-unterminated', blob([BEGIN, 0x61616161], ''), '/'],
    ['fdt-property-cut', blob([BEGIN, '', PROP, 99, 0, END_NODE, END], 'a\0'), '/'],
    ['fdt-property-outside', blob([PROP, 0, 0, BEGIN, '', END_NODE, END], 'a\0'), '/'],
    ['fdt-unbalanced', blob([BEGIN, '', BEGIN, 'a', END_NODE, END], ''), '/'],
    ['fdt-unbalanced', blob([BEGIN, '', END_NODE, END_NODE, END], ''), '/'],
    ['fdt-second-root', blob([BEGIN, '', END_NODE, BEGIN, '', END_NODE, END], ''), '/'],
    ['fdt-root-name', blob([BEGIN, 'root', END_NODE, END], ''), '/'],
    ['fdt-root-name', blob([BEGIN, 'root', END_NODE, END], '', 3), '/'],
    ['fdt-name-offset', blob([BEGIN, '', BEGIN, 'a', PROP, 0, 9, END_NODE, END_NODE, END], 'a\0'), '/a/?0x9'],
    ['fdt-string-unterminated', blob([BEGIN, '', PROP, 0, 1, END_NODE, END], '\0ab'), '/?0x1'],
    ['fdt-end-missing', blob([BEGIN, '', END_NODE], ''), '/'],
    ['fdt-no-root', blob([NOP, END], ''), '/'],
  ];
  it.each(cases)('%s', (code, bytes, path) => {
    const error = thrown(bytes);
    expect([error.code, error.path]).toEqual([code, [path]]);
    expect(error.offset).toBeDefined();
    expect(codes(bytes)).toContain(code);
    // A tree that nobody touched is written as it was, however broken.
    expect(toHex(writeFDT(parseFDT(bytes, { lenient: true })))).toBe(toHex(bytes));
  });

  const accepted: readonly [string, Uint8Array][] = [
    ['fdt-duplicate-property', blob([BEGIN, '', PROP, 0, 0, PROP, 0, 0, END_NODE, END], 'a\0')],
    ['fdt-duplicate-node', blob([BEGIN, '', BEGIN, 'a', END_NODE, BEGIN, 'a', END_NODE, END_NODE, END], '')],
    ['fdt-property-late', blob([BEGIN, '', BEGIN, 'a', END_NODE, PROP, 0, 0, END_NODE, END], 'a\0')],
    ['fdt-name-path', blob([BEGIN, '/', BEGIN, '/other/a', END_NODE, END_NODE, END], '', 3)],
  ];
  it.each(accepted)('%s, which libfdt accepts', (code, bytes) => {
    const fdt = parseFDT(bytes);
    expect(fdt.problems.map((problem) => problem.code)).toEqual([code]);
    expect(libfdtError(code)).toBeUndefined();
    expect(toHex(writeFDT(fdt))).toBe(toHex(bytes));
  });

  it('has a golden text', () => {
    expect(thrown(blob([BEGIN, '', BEGIN, 'chosen', PROP, 99, 0, END_NODE, END], 'a\0')).message).toBe(
      `/chosen: the property runs past the structure block [fdt-property-cut]
  at offset 0x4c
  expected at most 8 bytes of value
  found    99 bytes of value
  00000030  00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00
  00000040  00 00 00 01 63 68 6f 73 65 6e 00 00 00 00 00 03
                                                ^^ ^^ ^^ ^^
  00000050  00 00 00 63 00 00 00 00 00 00 00 02 00 00 00 09`,
    );
  });
  it('is explained', () => {
    for (const { title, text } of Object.values(FDT_CODES)) {
      expect(title).not.toMatch(/\.$/);
      expect(text).toMatch(/\.\)?$/);
    }
  });
});

describe('a lenient parse', () => {
  const names = new TextEncoder().encode('preserved-memory-map\0compatible\0preserved-data\0blob-size\0');

  it('reads a file of debugfs that was cut before its strings, with names from outside', () => {
    const cut = fixture('kho-v3-root-cut.dtb');
    expect(thrown(cut)).toMatchObject({ code: 'fdt-truncated', expected: '405 bytes', found: '233 bytes' });
    const fdt = parseFDT(cut, { lenient: true, strings: names });
    expect(fdt.problems.map(({ code }) => code)).toEqual(['fdt-truncated', 'fdt-end-missing']);
    expect(stringOf(property(fdt.root, 'compatible') ?? { name: '', value: names })).toBe('kho-v3');
    expect(fdt.root.children.map(({ name }) => name)).toEqual(['memblock', 'LUO', 'kho_test']);
    const luo = findNode(fdt, '/LUO');
    expect(luo?.properties.map(({ name }) => name)).toEqual(['blob-size', 'preserved-data']);
    expect(toHex(writeFDT(fdt))).toBe(toHex(cut));
  });
  it('calls properties by their offset where there are no names', () => {
    const fdt = parseFDT(fixture('kho-v3-root-cut.dtb'), { lenient: true });
    expect(fdt.root.properties.map(({ name }) => name)).toEqual(['?0x15', '?0x0']);
    expect(fdt.problems.filter(({ code }) => code === 'fdt-name-offset').length).toBe(6);
  });
  it('goes on after what is no token, and with nodes after the root', () => {
    const bytes = blob([BEGIN, '', 7, 0, BEGIN, 'a', END_NODE, END_NODE, BEGIN, 'b', END_NODE, END], '');
    const fdt = parseFDT(bytes, { lenient: true });
    expect(fdt.root.children.map(({ name }) => name)).toEqual(['a', 'b']);
  });
  it('at every cut: the nodes before it, and the cut is told', () => {
    const whole = fixture('kho-v4-root.dtb');
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.subarray(0, length);
      expect(thrown(cut).code).toBe('fdt-truncated');
      const fdt = parseFDT(cut, { lenient: true });
      expect(fdt.problems[0]?.code).toBe('fdt-truncated');
      expect(toHex(writeFDT(fdt))).toBe(toHex(cut));
    }
  });
  it('writes what was cut and then changed as a sound tree', () => {
    const fdt = parseFDT(fixture('kho-v3-root-cut.dtb'), { lenient: true, strings: names });
    fdt.root.children.pop();
    const again = parseFDT(writeFDT(fdt));
    expect(again.problems).toEqual([]);
    expect(bare(again.root)).toEqual(bare(fdt.root));
  });
});

describe('large and hostile trees', () => {
  it('nests 100,000 deep', () => {
    const depth = 100_000;
    const bytes = blob(
      [
        ...Array.from({ length: depth }, () => [BEGIN, '']).flat(),
        ...Array<number>(depth).fill(END_NODE),
        END,
      ],
      '',
    );
    expect(thrown(bytes).code).toBe('fdt-limit');
    const lenient = parseFDT(bytes, { lenient: true });
    expect(lenient.problems.map(({ code }) => code)).toEqual(['fdt-limit']);
    const deep = parseFDT(bytes, { maxDepth: depth });
    expect(toHex(writeFDT(deep).subarray(0, 40))).toBe(toHex(bytes.subarray(0, 40)));
    expect(toDTS(deep).length).toBeGreaterThan(depth);
    expect(writeFDT(deep, { layout: 'sequential' }).length).toBe(bytes.length + 8);
  });
  it('lists a thousand problems and no more', () => {
    const bytes = blob([BEGIN, '', ...Array<number[]>(20_000).fill([PROP, 0, 77]).flat(), END_NODE, END], '');
    const { problems, root } = parseFDT(bytes, { lenient: true });
    expect(problems.length).toBe(1001);
    expect(problems.at(-1)?.code).toBe('fdt-many-problems');
    expect(root.properties.length).toBe(20_000);
  });
  it('reads many properties whose names overlap in a long strings block', () => {
    const count = 50_000;
    const props = Array.from({ length: count }, (_, i) => [PROP, 0, i]).flat();
    const long = blob([BEGIN, '', ...props, END_NODE, END], `${'a'.repeat(count)}\0`);
    expect(thrown(long).code).toBe('fdt-limit');
    const unended = blob([BEGIN, '', ...props, END_NODE, END], 'a'.repeat(count));
    expect(thrown(unended).code).toBe('fdt-string-unterminated');
    expect(parseFDT(unended, { lenient: true }).root.properties.length).toBe(count);
  });
});

describe('what is not written', () => {
  const leaf = (name: string): FDTNode => ({ name, properties: [], children: [] });
  const cases: readonly [string, FDTTree, number][] = [
    ['a root with a name', { root: leaf('x') }, 17],
    ['a node name with a NUL', { root: { ...leaf(''), children: [leaf('a\0b')] } }, 17],
    ['a slash before version 16', { root: { ...leaf(''), children: [leaf('a/b')] } }, 3],
    [
      'a property name with a NUL',
      { root: { ...leaf(''), properties: [{ name: '\0', value: new Uint8Array() }] } },
      17,
    ],
    ['an empty reservation', { root: leaf(''), reservations: [{ address: 1n, size: 0n }] }, 17],
    ['a boot CPU in version 1', { root: leaf(''), bootCpuid: 1 }, 1],
    ['version 4', { root: leaf('') }, 4],
  ];
  it.each(cases)('%s', (_, tree, version) => {
    expect(() => writeFDT(tree, { version })).toThrow(/\[fdt-unwritable\]/);
  });
});

const nodes = fc.letrec<{ node: FDTNode }>((tie) => ({
  node: fc.record({
    name: fc.stringMatching(/^[a-zé@0-9,-]{1,12}$/),
    properties: fc.array(
      fc.record({ name: fc.stringMatching(/^[a-zé#-]{1,6}$/), value: fc.uint8Array({ maxLength: 20 }) }),
      { maxLength: 4 },
    ),
    children: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant<FDTNode[]>([]),
      fc.array(tie('node'), { maxLength: 4 }),
    ),
  }),
})).node;
const trees: fc.Arbitrary<FDTTree> = fc.record({
  bootCpuid: fc.nat(),
  reservations: fc.array(
    fc.record({ address: fc.bigInt(0n, 2n ** 64n - 1n), size: fc.bigInt(1n, 2n ** 64n - 1n) }),
    { maxLength: 3 },
  ),
  root: nodes.map((node) => ({ ...node, name: '' })),
});

describe('random trees', () => {
  test.prop({
    tree: trees,
    version: fc.constantFrom(2, 3, 16, 17),
    layout: fc.constantFrom(...FDT_LAYOUTS),
    padding: fc.nat(9),
  })('written and read are the same', ({ tree, version, layout, padding }) => {
    const bytes = writeFDT(tree, { version, layout, padding });
    const fdt = parseFDT(bytes);
    expect(bare(fdt.root)).toEqual(bare(tree.root));
    expect(fdt.reservations).toEqual(tree.reservations);
    expect(fdt.bootCpuid).toBe(tree.bootCpuid);
    expect(toHex(writeFDT(fdt))).toBe(toHex(bytes));
  });
  test.prop({
    tree: trees,
    other: nodes,
    version: fc.constantFrom(2, 3, 16, 17),
    layout: fc.constantFrom(...FDT_LAYOUTS),
    slots: fc.nat(2),
    padding: fc.nat(40),
  })(
    'changed after they were read are the changed ones when read again',
    ({ tree, other, version, layout, slots, padding }) => {
      const fdt = parseFDT(writeFDT(tree, { version, layout, padding, reserveSlots: slots }));
      fdt.root.children.unshift(other);
      fdt.root.properties.push(...other.properties);
      fdt.reservations.push({ address: 1n, size: 2n });
      const again = parseFDT(writeFDT(fdt));
      expect(bare(again.root)).toEqual(bare(fdt.root));
      expect(again.reservations).toEqual(fdt.reservations);
    },
  );
  test.prop({
    tree: trees,
    edits: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
    cut: fc.nat(),
  })('broken anywhere are read as far as they go, and written as they were', ({ tree, edits, cut }) => {
    const bytes = writeFDT(tree);
    for (const [at, value] of edits) bytes[at % bytes.length] = value;
    const broken = bytes.subarray(0, bytes.length - (cut % 5 === 0 ? cut % bytes.length : 0));
    const fdt = parseFDT(broken, { lenient: true });
    const written = writeFDT(fdt);
    expect(toHex(written)).toBe(toHex(broken.subarray(0, written.length)));
  });
  test.prop({ bytes: fc.uint8Array({ maxLength: 300 }) })('any bytes at all', ({ bytes }) => {
    expect(parseFDT(bytes, { lenient: true }).problems.length).toBeGreaterThan(0);
    expect(thrown(bytes)).toBeInstanceOf(CarryoverError);
  });
});
