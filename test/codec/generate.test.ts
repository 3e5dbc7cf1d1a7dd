import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, interpreted } from '../../src/codec/compiled.js';
import { generateBody, generateModule } from '../../src/codec/generate.js';
import * as support from '../../src/codec/generated-support.js';
import {
  ABI,
  type ABIName,
  anonymous,
  array,
  asBigInt,
  asNumber,
  be16,
  be32,
  be64,
  bits,
  block,
  byField,
  byMagic,
  bytes,
  chars,
  checksum,
  countOf,
  derived,
  encode,
  field,
  foreign,
  fromHex,
  i8,
  i16,
  i32,
  i64,
  isCarryoverError,
  long,
  magic,
  negotiated,
  optional,
  planOf,
  pointer,
  reserved,
  rest,
  type Schema,
  sizeOf,
  sizeOfStruct,
  struct,
  taggedUnion,
  toHex,
  u8,
  u16,
  u32,
  u64,
  union,
  versioned,
} from '../../src/codec/index.js';
import { jit } from '../../src/codec/jit.js';
import { goldenStructs, initialiser, schemaOf } from './gcc.js';

/** What a call gives, or all that its error says. */
function outcome(run: () => unknown): unknown {
  try {
    return { value: run() };
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    return { ...error.toJSON(), message: error.message };
  }
}

/** An engine whose falls to the careful reader and writer are counted. */
function counted<S extends Schema>(schema: S, abi: ABI | undefined) {
  const falls = { count: 0 };
  class Counting extends support.Careful<S> {
    override decode(...given: Parameters<support.Careful<S>['decode']>) {
      falls.count++;
      return super.decode(...given);
    }
    override decodeAt(...given: Parameters<support.Careful<S>['decodeAt']>) {
      falls.count++;
      return super.decodeAt(...given);
    }
    override decodeArray(...given: Parameters<support.Careful<S>['decodeArray']>) {
      falls.count++;
      return super.decodeArray(...given);
    }
    override element(...given: Parameters<support.Careful<S>['element']>) {
      falls.count++;
      return super.element(...given);
    }
    override encode(...given: Parameters<support.Careful<S>['encode']>) {
      falls.count++;
      return super.encode(...given);
    }
    override encodeArray(...given: Parameters<support.Careful<S>['encodeArray']>) {
      falls.count++;
      return super.encodeArray(...given);
    }
    override encodeElement(...given: Parameters<support.Careful<S>['encodeElement']>) {
      falls.count++;
      return super.encodeElement(...given);
    }
    override encodeInto(...given: Parameters<support.Careful<S>['encodeInto']>) {
      falls.count++;
      return super.encodeInto(...given);
    }
    override encodeArrayInto(...given: Parameters<support.Careful<S>['encodeArrayInto']>) {
      falls.count++;
      return super.encodeArrayInto(...given);
    }
  }
  const create = new Function('support', 'schema', 'abi', generateBody(schema, abi));
  const engine: Compiled<S> = create({ ...support, Careful: Counting }, schema, abi);
  return { engine, falls };
}

/** Where two engines differ on some bytes, and on what those decode to. */
function differences(fast: Compiled<Schema>, slow: Compiled<Schema>, input: Uint8Array): string[] {
  const wrong: string[] = [];
  const same = (what: string, run: (engine: Compiled<Schema>) => unknown): unknown => {
    const expected = outcome(() => run(slow));
    const found = outcome(() => run(fast));
    if (!isDeepStrictEqual(found, expected))
      wrong.push(`${what} of ${toHex(input)}: ${show(found)}, not ${show(expected)}`);
    return expected;
  };
  const decoded = same('decode', (engine) => engine.decode(input));
  same('decodeAt', (engine) => {
    const shifted = new Uint8Array(input.length + 3);
    shifted.set(input, 3);
    return engine.decodeAt(new DataView(shifted.buffer), 3);
  });
  const twice = new Uint8Array(input.length * 2);
  twice.set(input);
  twice.set(input, input.length);
  const elements = same('decodeArray', (engine) => engine.decodeArray(twice, 2));
  // Slack shows in what is encoded from the values that each engine made itself.
  if (isValue(decoded)) same('round trip', (engine) => toHex(engine.encode(engine.decode(input) as never)));
  if (isValue(elements))
    same('round trip of an array', (engine) =>
      toHex(engine.encodeArray(engine.decodeArray(twice, 2) as never)),
    );
  return wrong;
}
function isValue(found: unknown): found is { value: unknown } {
  return typeof found === 'object' && found !== null && 'value' in found;
}
function show(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}

/** Bytes with some bits of each one flipped in turn; and cut off at each. */
function* mutants(input: Uint8Array, flips: readonly number[] = [0x01, 0x80, 0xff]): Generator<Uint8Array> {
  for (let i = 0; i < input.length; i++) {
    for (const flip of flips) {
      const changed = input.slice();
      changed[i] = (changed[i] ?? 0) ^ flip;
      yield changed;
    }
    yield input.slice(0, i);
  }
  yield Uint8Array.of(...input, 0);
  yield Uint8Array.of(...input, 7);
}

describe.each(['systematic', 'random'] as const)('the %s structs of GCC', (file) => {
  const structs = goldenStructs(file);
  const machines: readonly ABIName[] = ['x86_64', 'i386', 'm68k', 's390x', 'arm'];

  // What is the same text for the same bytes on another machine was tested there.
  const tested = new Set<string>();

  it.each(machines.map((name, turn) => [name, turn] as const))('both engines agree on %s', (name, turn) => {
    const wrong: string[] = [];
    for (const [index, golden] of structs.entries()) {
      const expected = golden.golden.find(({ abis }) => abis.includes(name));
      if (expected === undefined) continue;
      const schema = schemaOf(golden.type, golden.name);
      const abi = ABI[name];
      const identity = createHash('sha1')
        .update(generateBody(schema, abi))
        .update(expected.bytes)
        .digest('hex');
      if (tested.has(identity)) continue;
      tested.add(identity);
      const fast = jit(schema, abi);
      const slow = interpreted(schema, abi);
      const input = fromHex(expected.bytes) ?? new Uint8Array();
      const value = initialiser(golden.type, golden.value);
      const found = outcome(() => toHex(fast.encode(value as never)));
      if (!isDeepStrictEqual(found, { value: expected.bytes })) wrong.push(`encode: ${show(found)}`);
      wrong.push(...differences(fast, slow, input).map((text) => `${golden.name}: ${text}`));
      const dirty = Uint8Array.from(input, (byte, i) => byte ^ ((i * 37 + index) & 0xff));
      wrong.push(...differences(fast, slow, dirty).map((text) => `${golden.name}, dirty: ${text}`));
      if (index % 100 === turn * 20)
        for (const mutant of mutants(input, [0xff]))
          wrong.push(...differences(fast, slow, mutant).map((text) => `${golden.name}, mutant: ${text}`));
    }
    expect(wrong.slice(0, 3)).toEqual([]);
  });
});

const Named = struct('named', { name: chars(8), a: u64, b: asNumber(u64) });
const Arms = { small: u8, wide: u32, text: chars(4), pair: struct('pair', { x: u8, y: u16 }) } as const;

/** Schemas of every kind, with values whose bytes are regular. */
const cases: Record<string, { schema: Schema; values: readonly unknown[] }> = {
  integers: {
    schema: struct('integers', {
      a: u8,
      b: i8,
      c: u16,
      d: i16,
      e: u32,
      f: i32,
      g: u64,
      h: i64,
      i: asNumber(u64),
      j: asNumber(i64),
      k: asBigInt(u32),
      l: asBigInt(i16),
      m: long,
      n: pointer(),
      o: be16,
      p: be32,
      q: be64,
    }),
    values: [
      {
        a: 255,
        b: -128,
        c: 65535,
        d: -32768,
        e: 4294967295,
        f: -2147483648,
        g: 2n ** 64n - 1n,
        h: -(2n ** 63n),
        i: Number.MAX_SAFE_INTEGER,
        j: Number.MIN_SAFE_INTEGER,
        k: 2n ** 32n - 1n,
        l: -5n,
        m: -7n,
        n: 0x1234n,
        o: 0x102,
        p: 0x1020304,
        q: 0x102030405060708n,
      },
    ],
  },
  bits: {
    schema: struct('bits', {
      pfn: bits(u64, 52),
      flags: bits(u64, 12),
      a: bits(i32, 3),
      b: bits(u32, 1),
      c: bits(i64, 40),
      d: bits(u64, 60),
      e: bits(i64, 64),
      f: bits(u8, 5),
      g: u8,
    }),
    values: [
      {
        pfn: 2 ** 52 - 1,
        flags: 0x801,
        a: -4,
        b: 1,
        c: -(2 ** 39),
        d: 2n ** 60n - 2n,
        e: -2n,
        f: 21,
        g: 9,
      },
    ],
  },
  text: {
    schema: struct('text', { name: chars(8), raw: bytes(3), long: bytes(100), none: chars(0) }),
    values: [
      { name: 'abc', raw: Uint8Array.of(1, 2, 3), long: new Uint8Array(100).fill(7), none: '' },
      { name: 'abcdefgh', raw: Uint8Array.of(0, 0, 0), long: new Uint8Array(100), none: '' },
      { name: '', raw: Uint8Array.of(0, 0, 0), long: new Uint8Array(100), none: '' },
    ],
  },
  counted: {
    schema: struct('counted', {
      id: u16,
      n: derived(u32, countOf('elements')),
      m: u8,
      elements: array(Named, field('n')),
      texts: array(struct('sized', { size: u8, text: chars(field('size')) }), field('m')),
    }),
    values: [
      { id: 1, m: 0, elements: [], texts: [] },
      {
        id: 2,
        m: 2,
        elements: [
          { name: 'one', a: 1n, b: 2 },
          { name: 'two', a: 3n, b: 4 },
        ],
        texts: [
          { size: 2, text: 'ab' },
          { size: 0, text: '' },
        ],
      },
    ],
  },
  sized: {
    schema: struct('sized', {
      total: derived(u32, sizeOfStruct),
      length: derived(u16, sizeOf('data')),
      fixed: derived(u8, sizeOf('head')),
      n: derived(u8, countOf('data')),
      head: bytes(5),
      data: bytes(field('n')),
      after: u32,
    }),
    values: [{ head: Uint8Array.of(1, 2, 3, 4, 5), data: Uint8Array.of(9, 8, 7), after: 5 }],
  },
  conditional: {
    schema: struct('conditional', {
      version: u8,
      flags: u32,
      two: optional(u16, { ref: 'version', is: 'at-least', value: 2 }),
      bit: optional(struct('inner', { a: u8, b: u32 }), { ref: 'flags', is: 'any-bit', value: 0x80000001 }),
      last: optional(chars(4), { ref: 'version', is: 'different', value: 9 }),
      end: u8,
    }),
    values: [
      { version: 1, flags: 0, last: 'x', end: 1 },
      { version: 2, flags: 0, two: 5, last: 'y', end: 1 },
      { version: 9, flags: 0x80000000, two: 6, bit: { a: 1, b: 2 }, end: 1 },
    ],
  },
  versioned: {
    schema: struct('versioned', {
      version: u64,
      ext: versioned('ext', field('version'), {
        1: struct('v1', { a: u8 }),
        2: struct('v2', { a: u8, b: u32 }),
        18446744073709551615: Named,
      } as Record<string, Schema>),
      end: u8,
    }),
    values: [
      { version: 1n, ext: { a: 1 }, end: 2 },
      { version: 2n, ext: { a: 1, b: 3 }, end: 2 },
    ],
  },
  tagged: {
    schema: struct('tagged', {
      hdr: struct('hdr', { type: u32 }),
      body: taggedUnion(
        'body',
        field('hdr.type'),
        { 1: 'small', 2: 'wide', 3: 'text', 4: 'pair', 5: 'pair' },
        Arms,
      ),
      array: array(taggedUnion('body', field('hdr.type'), { 1: 'small' }, { small: u8, wide: u16 }), 2),
    }),
    values: [
      { hdr: { type: 1 }, body: { small: 3 }, array: [{ small: 1 }, { small: 2 }] },
      {
        hdr: { type: 2 },
        body: { wide: 0x12345678 },
        array: [{ $raw: Uint8Array.of(1, 2) }, { $raw: Uint8Array.of(0, 0) }],
      },
      {
        hdr: { type: 4 },
        body: { pair: { x: 1, y: 2 } },
        array: [{ $raw: Uint8Array.of(1, 2) }, { $raw: Uint8Array.of(0, 0) }],
      },
    ],
  },
  anonymous: {
    schema: struct('anonymous', {
      type: u8,
      _1: anonymous(struct('a', { x: u16, y: u8 })),
      _2: anonymous(taggedUnion('t', field('type'), { 1: 'p', 2: 'q' }, { p: u32, q: u8 })),
      _3: anonymous(
        union('u', { whole: u32, parts: array(u8, 4), _: anonymous(struct('h', { lo: u16, hi: u16 })) }),
      ),
      _4: anonymous(struct('v', { n: u8, data: bytes(field('n')) })),
      end: u8,
    }),
    values: [
      { type: 1, x: 1, y: 2, p: 3, whole: 0x04030201, n: 2, data: Uint8Array.of(1, 2), end: 9 },
      { type: 2, x: 1, y: 2, q: 3, parts: [1, 2, 3, 4], n: 0, data: new Uint8Array(), end: 9 },
    ],
  },
  unions: {
    schema: struct('unions', {
      u: union('u', { name: chars(8), words: array(u32, 2), flag: bits(u32, 3) }),
      v: union('v', { text: chars(4), small: u8 }),
    }),
    values: [
      { u: { name: 'abcdefgh' }, v: { text: 'ab' } },
      { u: { words: [1, 2] }, v: { small: 7 } },
    ],
  },
  magic: {
    schema: struct('magic', {
      number: magic(be32, 0xb1bb1d1b),
      wide: magic(u64, 0x1122334455667788n),
      text: magic(chars(4), 'abc'),
      raw: magic(bytes(2), Uint8Array.of(1, 2)),
      value: u8,
    }),
    values: [{ value: 1 }],
  },
  block: {
    schema: struct('block', {
      n: u8,
      fixed: block(struct('content', { a: u8, b: u32 }), 16),
      counted: block(struct('list', { n: derived(u8, countOf('all')), all: array(u16, field('n')) }), 12),
      outer: block(struct('rests', { k: u8, all: array(u16, rest) }), field('n')),
      end: u8,
    }),
    values: [
      { n: 6, fixed: { a: 1, b: 2 }, counted: { all: [1, 2, 3] }, outer: { k: 1, all: [5, 6] }, end: 7 },
    ],
  },
  rests: {
    schema: struct('rests', {
      head: u32,
      all: array(struct('entry', { n: u8, data: bytes(field('n')) }), rest),
    }),
    values: [
      { head: 1, all: [] },
      {
        head: 2,
        all: [
          { n: 1, data: Uint8Array.of(5) },
          { n: 0, data: new Uint8Array() },
        ],
      },
    ],
  },
  reserved: {
    schema: struct('reserved', {
      a: u8,
      pad: reserved(bytes(70)),
      b: u64,
      bit: reserved(bits(u8, 3)),
      c: bits(u8, 5),
    }),
    values: [{ a: 1, b: 2n, c: 3 }],
  },
  negotiated: {
    schema: negotiated(struct('header', { magic: u64, voidp: u32, time: u8, data: u64 }), {
      endian: byMagic('magic', 0xb1bb1d1b0bb1d1b0n),
      pointerSize: byField('voidp', [4, 8]),
      timeSize: byField('time', [4, 8]),
    }),
    values: [{ data: 5n }],
  },
  awkward: {
    schema: struct('awkward', {
      constructor: u8,
      toString: u8,
      'with space': u8,
      'q"uote': u8,
      'a\u2028b': u8,
    }),
    values: [{ constructor: 1, toString: 2, 'with space': 3, 'q"uote': 4, 'a\u2028b': 5 }],
  },
  integer: { schema: u64, values: [5n] },
  list: { schema: array(chars(4), 3), values: [['a', 'bcde', '']] },
};

describe.each(Object.entries(cases))('%s', (name, { schema, values }) => {
  it.each(['x86_64', 's390x', 'm68k'] as const)('agrees on %s', (machine) => {
    const abi = ABI[machine];
    const fast = jit(schema, abi);
    const slow = interpreted(schema, abi);
    for (const value of values) {
      const input = encode(schema, value as never, { abi });
      expect(toHex(fast.encode(value as never))).toBe(toHex(input));
      expect(differences(fast, slow, input)).toEqual([]);
      for (const mutant of mutants(input)) expect(differences(fast, slow, mutant)).toEqual([]);
    }
    if (planOf(schema, abi).size !== undefined)
      for (const value of values) {
        const size = planOf(schema, abi).size ?? 0;
        const into = (engine: Compiled<Schema>): string => {
          const target = new Uint8Array(size + 2).fill(0xee);
          expect(engine.encodeInto(value as never, new DataView(target.buffer), 1)).toBe(size + 1);
          return toHex(target);
        };
        expect(into(fast)).toBe(into(slow));
        const many = (engine: Compiled<Schema>): string => {
          const target = new Uint8Array(2 * size + 2).fill(0xee);
          const end = engine.encodeArrayInto([value, value] as never, new DataView(target.buffer), 1);
          expect(end).toBe(2 * size + 1);
          return toHex(target);
        };
        const bytes = toHex(encode(schema, value as never, { abi }));
        expect(many(fast)).toBe(`ee${bytes}${bytes}ee`);
        expect(many(slow)).toBe(many(fast));
      }
  });

  it('does regular values without the careful reader and writer', () => {
    const { engine, falls } = counted(schema, ABI.x86_64);
    for (const value of values) {
      const input = encode(schema, value as never, { abi: ABI.x86_64 });
      const decoded = engine.decode(input);
      engine.decodeAt(new DataView(input.buffer, input.byteOffset, input.byteLength), 0);
      engine.encode(value as never);
      if (!hasUnions(decoded)) engine.encode(decoded as never);
      if (planOf(schema, ABI.x86_64).size === undefined || hasUnions(decoded)) continue;
      const target = new DataView(new ArrayBuffer(2 * input.length));
      engine.encodeInto(value as never, target, 0);
      engine.encodeArrayInto([value, value] as never, target, 0);
    }
    expect(falls.count).toBe(leftToCareful[name] ?? 0);
  });
});

/** Values of unions that gave `$raw` are written carefully. */
function hasUnions(value: unknown): boolean {
  return show(value).includes('$raw');
}
/** How many calls the careful writer gets of these: `$raw` of the tagged unions, twice. */
const leftToCareful: Record<string, number> = { tagged: 2 };

describe('values that are not regular', () => {
  const schema = struct('s', {
    a: u8,
    n: derived(u16, countOf('list')),
    b: asNumber(u64),
    c: u64,
    k: bits(u32, 20),
    name: chars(4),
    m: magic(u8, 7),
    list: array(struct('e', { x: u32 }), field('n')),
  });
  const good = { a: 1, b: 2, c: 3n, k: 4, name: 'ab', list: [{ x: 1 }, { x: 2 }] };
  const odd: Record<string, unknown> = {
    'a key too many': { ...good, other: 1 },
    'a key too many below': { ...good, list: [{ x: 1, y: 2 }] },
    'a field missing': { a: 1, b: 2, c: 3n, k: 4, list: [] },
    'a field missing and one too many': { b: 2, c: 3n, k: 4, name: 'ab', list: [], other: 1 },
    'an undefined field': { ...good, a: undefined },
    'an undefined key too many': { ...good, other: undefined },
    'a symbol key': { ...good, [Symbol('s')]: 1 },
    'another order of keys': { list: [], name: 'ab', k: 4, c: 3n, b: 2, a: 1 },
    'derived and magic given': { ...good, n: 99, m: 7 },
    'wrong magic': { ...good, m: 8 },
    'magic as a bigint': { ...good, m: 7n },
    'magic as text': { ...good, m: '7' },
    'a number for a bigint': { ...good, c: 3 },
    'a bigint for a number': { ...good, b: 3n },
    'a bigint for a small number': { ...good, a: 3n },
    'a bigint for bits': { ...good, k: 3n },
    'minus zero': { ...good, a: -0, b: -0, c: -0, k: -0 },
    'too large': { ...good, a: 256 },
    'too large for 64 bits': { ...good, c: 2n ** 64n },
    negative: { ...good, c: -1n },
    'a negative number': { ...good, b: -1 },
    'a fraction': { ...good, b: 1.5 },
    'a small fraction': { ...good, a: 1.5 },
    'not a number': { ...good, b: Number.NaN },
    infinite: { ...good, b: Number.POSITIVE_INFINITY },
    'not exact': { ...good, c: 2 ** 60 },
    'a bigint that is not exact': { ...good, b: 2n ** 60n },
    'too many bits': { ...good, k: 2 ** 20 },
    'a string for an integer': { ...good, a: '1' },
    'an object for an integer': { ...good, a: { valueOf: () => 1 } },
    'null for an integer': { ...good, a: null },
    'true for an integer': { ...good, a: true },
    'a long text': { ...good, name: 'abcde' },
    'a text that is not ASCII': { ...good, name: 'ä' },
    'a long text that is not ASCII': { ...good, name: 'äää' },
    'a lone surrogate': { ...good, name: '\udc80' },
    'a NUL in a text': { ...good, name: 'a\0b' },
    'a number for a text': { ...good, name: 5 },
    'an object for an array': { ...good, list: { length: 0 } },
    'bytes for an array': { ...good, list: new Uint8Array(2) },
    'a hole in an array': { ...good, list: Object.assign(new Array(2), { 1: { x: 1 } }) },
    'null in an array': { ...good, list: [null] },
    'an array for a struct': { ...good, list: [[1]] },
    'a class instance': Object.assign(new (class Made {})(), good),
    'without a prototype': Object.assign(Object.create(null), good),
    'inherited fields': Object.create(good),
    null: null,
    nothing: undefined,
    'a number': 5,
    'a text': 'abc',
    'an array': [good],
    bytes: new Uint8Array(3),
  };
  it.each(Object.entries(odd))('%s', (_, value) => {
    const fast = jit(schema, ABI.x86_64);
    const slow = interpreted(schema, ABI.x86_64);
    const one = outcome(() => toHex(slow.encode(value as never)));
    expect(outcome(() => toHex(fast.encode(value as never)))).toEqual(one);
    const many = [good, value, good] as never;
    const all = outcome(() => toHex(slow.encodeArray(many)));
    expect(outcome(() => toHex(fast.encodeArray(many)))).toEqual(all);
  });

  it('is told of arrays that are none', () => {
    const fast = jit(schema, ABI.x86_64);
    const slow = interpreted(schema, ABI.x86_64);
    for (const values of [undefined, null, 'abc', { length: 1 }])
      expect(outcome(() => fast.encodeArray(values as never))).toEqual(
        outcome(() => slow.encodeArray(values as never)),
      );
  });

  it('is told of offsets and counts that are none', () => {
    const pair = struct('pair', { a: u8, b: u8 }, { packed: true });
    const fast = jit(pair);
    const slow = interpreted(pair);
    const input = Uint8Array.of(1, 2, 3, 4, 5);
    const view = new DataView(input.buffer);
    for (const number of [-1, 0, 1.5, 2, 3, 4, 5, 6, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      const same = (run: (engine: typeof fast) => unknown) =>
        expect(outcome(() => run(fast))).toEqual(outcome(() => run(slow)));
      same((engine) => engine.decodeAt(view, number));
      same((engine) => engine.decodeArray(input, number));
      same((engine) => engine.decodeArray(input, 1, number));
      same((engine) => engine.encodeInto({ a: 1, b: 2 }, view, number));
      same((engine) => engine.encodeArrayInto([{ a: 1, b: 2 }], view, number));
    }
  });

  describe('written to a given place', () => {
    const inner = struct('e', { x: u32, y: i16 });
    const fixed = struct('s', {
      a: u8,
      b: asNumber(u64),
      c: u64,
      k: bits(u32, 20),
      name: chars(4),
      m: magic(u8, 7),
      list: array(inner, 2),
    });
    const list = [
      { x: 1, y: -1 },
      { x: 2, y: 3 },
    ];
    const size = planOf(fixed, ABI.x86_64).size ?? 0;
    const into = (engine: Compiled<typeof fixed>, value: unknown): unknown => {
      const target = new Uint8Array(4 * size).fill(0xee);
      const values = [{ ...good, list }, value, { ...good, list }] as never;
      return outcome(() => [
        engine.encodeArrayInto(values, new DataView(target.buffer), 2),
        toHex(target),
        engine.encodeInto(value as never, new DataView(target.buffer), 2),
        toHex(target),
      ]);
    };
    const given = Object.entries(odd).map(([name, value]): [string, unknown] => {
      const plain =
        typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
      return [name, plain && !name.includes('array') ? { ...value, list } : value];
    });
    it.each(given)('%s', (_, value) => {
      const slow = into(interpreted(fixed, ABI.x86_64), value);
      expect(into(jit(fixed, ABI.x86_64), value)).toEqual(slow);
    });

    it('does not look for keys that are no fields, however deep', () => {
      const { engine, falls } = counted(fixed, ABI.x86_64);
      const slow = interpreted(fixed, ABI.x86_64);
      const plain = { ...good, list };
      const extra = { ...good, other: 1, list: list.map((one) => ({ ...one, z: 1 })) };
      const bytes = toHex(slow.encode(plain));
      for (const one of [engine, slow]) {
        const target = new Uint8Array(2 * size);
        expect(one.encodeArrayInto([extra, plain], new DataView(target.buffer), 0)).toBe(2 * size);
        expect(toHex(target)).toBe(bytes + bytes);
        expect(one.encodeInto(extra, new DataView(target.buffer), size)).toBe(2 * size);
      }
      expect(falls.count).toBe(0);
      expect(outcome(() => engine.encodeArray([extra]))).toMatchObject({ code: 'value-unknown' });
      expect(outcome(() => engine.encode(extra))).toMatchObject({ code: 'value-unknown' });
    });

    it('keeps slack', () => {
      const padded = struct('s', { a: u8, b: u32 });
      const input = Uint8Array.of(1, 9, 9, 9, 2, 0, 0, 0);
      for (const engine of [jit(padded, ABI.x86_64), interpreted(padded, ABI.x86_64)]) {
        const target = new Uint8Array(16).fill(0xee);
        const values = [{ a: 3, b: 4 }, engine.decode(input)];
        engine.encodeArrayInto(values, new DataView(target.buffer), 0);
        expect(toHex(target)).toBe(`0300000004000000${toHex(input)}`);
      }
    });

    it('is for fixed sizes, arrays and room enough', () => {
      const view = new DataView(new ArrayBuffer(2 * size - 1));
      for (const engine of [jit(fixed, ABI.x86_64), interpreted(fixed, ABI.x86_64)]) {
        const value = { ...good, list };
        expect(outcome(() => engine.encodeArrayInto([value, value], view, 0))).toMatchObject({
          code: 'truncated',
        });
        expect(outcome(() => engine.encodeArrayInto({ length: 1 } as never, view, 0))).toMatchObject({
          code: 'value-type',
        });
        expect(engine.encodeArrayInto([], view, 5)).toBe(5);
      }
      for (const engine of [jit(schema, ABI.x86_64), interpreted(schema, ABI.x86_64)])
        expect(outcome(() => engine.encodeArrayInto([], view, 0))).toMatchObject({ code: 'size-not-fixed' });
    });

    it('reads what takes no bytes as well', () => {
      const empty = struct('empty', {});
      const view = new DataView(new ArrayBuffer(0));
      for (const engine of [jit(empty), interpreted(empty)]) {
        expect(engine.encodeArrayInto([{}, {}], view, 0)).toBe(0);
        expect(outcome(() => engine.encodeArrayInto([null as never], view, 0))).toMatchObject({
          code: 'value-type',
          path: '[0]',
        });
      }
    });
  });
});

it('takes parameters', () => {
  const schema = struct('s', { a: u8, ext: versioned('ext', field('version'), { 1: u8, 2: u16 }) });
  const { engine, falls } = counted(schema, ABI.x86_64);
  const slow = interpreted(schema, ABI.x86_64);
  expect(engine.decode(Uint8Array.of(1, 0, 2, 0), { params: { version: 2 } })).toEqual({ a: 1, ext: 2 });
  expect(engine.decode(Uint8Array.of(1, 0, 2, 0), { params: { version: 2n } })).toEqual({ a: 1, ext: 2 });
  expect(falls.count).toBe(0);
  for (const params of [undefined, {}, { version: 3 }, { version: 1.5 }])
    expect(outcome(() => engine.decode(Uint8Array.of(1, 2), params && { params }))).toEqual(
      outcome(() => slow.decode(Uint8Array.of(1, 2), params && { params })),
    );
});

it('leaves to the interpreter what it does not generate, each way apart', () => {
  const odd = foreign<number>({
    name: 'odd',
    size: 1,
    decode: (from, offset) => ({ value: from[offset] ?? 0, size: 1 }),
    encode: (value) => Uint8Array.of(value),
  });
  const withForeign = jit(struct('s', { a: u8, odd }));
  expect(withForeign.engine).toBe('interpreted');
  expect(withForeign.decode(Uint8Array.of(1, 2))).toEqual({ a: 1, odd: 2 });
  expect(withForeign.encode({ a: 1, odd: 2 })).toEqual(Uint8Array.of(1, 2));
  const summed = struct('s', {
    a: u8,
    sum: derived(
      u8,
      checksum('sum', (all) => all.reduce((sum, byte) => (sum + byte) & 0xff, 0)),
    ),
  });
  expect(jit(summed).encode({ a: 5 })).toEqual(Uint8Array.of(5, 5));
  expect(outcome(() => jit(summed).decode(Uint8Array.of(5, 6)))).toMatchObject({ code: 'derived-mismatch' });
});

it('keeps elements with slack beside regular ones', () => {
  const schema = struct('s', { a: u8, b: u32 });
  const { engine, falls } = counted(schema, ABI.x86_64);
  const input = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0);
  const values = engine.decodeArray(input, 3);
  expect(values).toEqual([
    { a: 1, b: 2 },
    { a: 3, b: 4 },
    { a: 5, b: 6 },
  ]);
  expect(falls.count).toBe(1);
  expect(toHex(engine.encodeArray(values))).toBe(toHex(input));
  expect(falls.count).toBe(2);
});

it('views and columns are those of the schema', () => {
  const schema = struct('s', { a: u8, b: u32, c: u64 });
  const engine = jit(schema, ABI.s390x);
  const input = engine.encodeArray([
    { a: 1, b: 2, c: 3n },
    { a: 4, b: 5, c: 6n },
  ]);
  expect(engine.view(input, 16).b).toBe(5);
  expect(engine.viewArray(input, 2).at(1).c).toBe(6n);
  expect(engine.columns(input, 2, 0, ['b'])).toEqual({ b: Uint32Array.of(2, 5) });
});

describe('generated modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carryover-generated-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const url = (path: string): string => new URL(`../../src/codec/${path}`, import.meta.url).href;

  let module: Record<string, Compiled<Schema>>;
  beforeAll(async () => {
    writeFileSync(
      join(folder, 'schemas.ts'),
      `import { array, chars, countOf, derived, field, struct, u16, u32, u64 } from '${url('index.ts')}';
       export const Record = struct('r', { a: u32, b: u64, name: chars(8) });
       export const List = struct('l', { n: derived(u16, countOf('all')), all: array(Record, field('n')) });`,
    );
    const schemas = await import(pathToFileURL(join(folder, 'schemas.ts')).href);
    const custom = support.makeABI({ endian: 'big', pointerSize: 8, pageSize: 65536 });
    const text = generateModule(
      [
        { schema: schemas.Record, abi: ABI.x86_64, name: 'record', from: './schemas.ts', export: 'Record' },
        { schema: schemas.List, abi: custom, name: 'list', from: './schemas.ts', export: 'List' },
      ],
      { support: url('generated-support.ts') },
    );
    writeFileSync(join(folder, 'compiled.mjs'), text);
    module = await import(pathToFileURL(join(folder, 'compiled.mjs')).href);
  });

  it('are what the jit makes', () => {
    const { record, list } = module;
    if (record === undefined || list === undefined) throw new Error('the module lacks an export');
    const value = { a: 1, b: 2n, name: 'abc' };
    expect(record.engine).toBe('generated');
    expect(record.decode(record.encode(value))).toEqual(value);
    expect(toHex(record.encode(value))).toBe(toHex(jit(record.schema, record.abi).encode(value as never)));
    expect(list.abi?.pageSize).toBe(65536);
    for (const input of mutants(list.encode({ all: [value, value] })))
      expect(differences(list, jit(list.schema, list.abi), input)).toEqual([]);
  });

  it('evaluate no text', () => {
    const text = readFileSync(join(folder, 'compiled.mjs'), 'utf8');
    expect(text).not.toMatch(/\beval\b|\bFunction\b|globalThis|\bimport\(/);
  });

  it('have names that are names', () => {
    const entry = { schema: u8, name: 'a;b', from: './x.js', export: 'X' };
    expect(() => generateModule([entry], { support: './s.js' })).toThrow('schema-invalid');
  });
});
