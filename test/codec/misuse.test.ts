/** Calls that are wrong by themselves: each is told by an error of ours, with a place, and at once. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  ABI,
  aligned,
  annotate,
  anonymous,
  array,
  asNumber,
  bits,
  block,
  byMagic,
  bytes,
  canonical,
  chars,
  checkBytes,
  checkValue,
  columns,
  countOf,
  decode,
  decodeArray,
  decodeAt,
  decodeLenient,
  derived,
  encode,
  field,
  foreign,
  fromHex,
  fromJSON,
  type InputOf,
  isCarryoverError,
  type Memory,
  magic,
  negotiate,
  negotiated,
  optional,
  packed,
  phys,
  planOf,
  reserved,
  type Schema,
  sizeIn,
  struct,
  taggedUnion,
  toHex,
  toJSON,
  toObject,
  u8,
  u16,
  u32,
  u64,
  type ValueOf,
  versioned,
  view,
} from '../../src/codec/index.js';
import { jit } from '../../src/codec/jit.js';

const abi = ABI.x86_64;
const wrong = (value: unknown) => value as never;
const hex = (digits: string) => fromHex(digits.replace(/\s/g, '')) ?? new Uint8Array();

function errorOf(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (isCarryoverError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const NOTHING = [undefined, null, 5, 'text', {}, [], Symbol('s'), () => 1];

describe('what are no bytes', () => {
  const P = struct('p', { a: u8, b: u32 });
  it.each(NOTHING.map((given) => [given]))('is refused: %j', (given) => {
    for (const run of [
      () => decode(P, wrong(given), { abi }),
      () => decodeLenient(P, wrong(given), { abi }),
      () => decodeArray(P, wrong(given), { abi }),
      () => columns(P, wrong(given), { abi }),
      () => view(P, wrong(given), { abi }),
      () => annotate(P, wrong(given), { abi }),
      () => jit(P, abi).decode(wrong(given)),
    ])
      expect(errorOf(run)).toMatchObject({ code: 'value-type', reason: 'these are not bytes' });
  });
  it('is also a buffer that was transferred', () => {
    const buffer = new ArrayBuffer(8);
    const gone = [buffer, new Uint8Array(buffer), new DataView(buffer)];
    structuredClone(buffer, { transfer: [buffer] });
    for (const given of gone)
      expect(errorOf(() => decode(u64, given, { abi }))).toMatchObject({
        code: 'value-type',
        found: 'a buffer that is detached',
      });
  });
  it('is not what is shared, resizable or a part of a buffer', () => {
    const shared = new SharedArrayBuffer(8);
    new Uint8Array(shared).set(hex('61 00 ff 00 02 00 00 00'));
    const T = struct('t', { a: chars(4), b: u32 });
    for (const given of [shared, new Uint8Array(shared), new DataView(shared), Buffer.from(shared)]) {
      expect(decode(T, given, { abi })).toEqual({ a: 'a', b: 2 });
      expect(toHex(canonical(T, given, { abi }).bytes)).toBe('6100000002000000');
    }
  });
});

describe('what is no schema or ABI', () => {
  it.each(NOTHING.map((given) => [given]))('is refused: %j', (given) => {
    for (const run of [
      () => decode(wrong(given), new Uint8Array(8), { abi }),
      () => encode(wrong(given), wrong(1), { abi }),
      () => jit(wrong(given), abi),
      () => struct('s', { a: wrong(given) }),
      () => planOf(array(wrong(given), 2), abi),
      () => planOf(struct('s', { a: bits(wrong(given), 3) }), abi),
      () => optional(u8, wrong(given)),
      () => versioned('v', wrong(given), { 1: u8 }),
      () => derived(u8, wrong(given)),
    ])
      expect(errorOf(run).code).toBe('schema-invalid');
    for (const make of [(length: never) => array(u8, length), (size: never) => block(u8, size)])
      if (given !== 5) expect(errorOf(() => make(wrong(given))).code).toBe('schema-invalid');
    if (given !== undefined)
      expect(errorOf(() => decode(u32, new Uint8Array(4), { abi: wrong(given) })).code).toBe('abi-required');
  });
  it('names the field', () => {
    expect(errorOf(() => struct('s', { a: u8, late: wrong(undefined) })).path).toEqual(['s', 'late']);
    const byHand = { ...struct('s', { a: u8 }), fields: { a: { kind: 'nope' } } };
    expect(errorOf(() => planOf(wrong(byHand), abi))).toMatchObject({ path: ['a'], found: 'the kind nope' });
  });
});

describe('sizes and places beyond all bounds', () => {
  it('nest so deep, and not deeper', () => {
    const nest = (depth: number, wrap: (inner: Schema) => Schema): Schema => {
      let schema: Schema = struct('s', { x: u8 });
      for (let i = 0; i < depth; i++) schema = wrap(schema);
      return schema;
    };
    const wraps: ((inner: Schema) => Schema)[] = [
      (inner) => struct('s', { a: inner }),
      (inner) => struct('s', { a: anonymous(wrong(inner)) }),
      (inner) => array(inner, 1),
      (inner) => block(inner, 1),
      (inner) => aligned(inner, 1),
    ];
    for (const wrap of wraps) {
      const schema = nest(200, wrap);
      const value = decode(schema, hex('07'), { abi });
      expect(toHex(encode(schema, wrong(value), { abi }))).toBe('07');
      expect(fromJSON(schema, toJSON(schema, value, { abi }), { abi })).toEqual(value);
      expect(jit(schema, abi).decode(hex('07'))).toEqual(value);
      for (const depth of [1000, 5000])
        expect(errorOf(() => decode(nest(depth, wrap), hex('07'), { abi })).code).toBe('schema-invalid');
    }
  });
  it('are not allocated', () => {
    for (const size of [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER / 8 - 1].map(Math.floor)) {
      const schema = struct('s', { a: array(u64, size) });
      expect(errorOf(() => encode(schema, { a: [] }, { abi })).code).toMatch(
        /^value-range$|^count-mismatch$/,
      );
      expect(errorOf(() => decode(schema, new Uint8Array(16), { abi })).code).toBe('truncated');
    }
  });
  it('are no offsets', () => {
    const header = negotiated(struct('h', { m: u32 }), { endian: byMagic('m', 5) });
    for (const offset of [-1, 0.5, Number.NaN, 2 ** 60]) {
      expect(errorOf(() => negotiate(header, new Uint8Array(16), offset)).code).toBe('truncated');
      expect(errorOf(() => decodeAt(header, new Uint8Array(16), offset)).code).toBe('truncated');
    }
  });
});

describe('problems without end', () => {
  it('are listed so far, and counted', () => {
    const schema = array(struct('m', { m: magic(u8, 1) }), 'rest');
    const input = new Uint8Array(200_000);
    const { problems, unlisted, value } = decodeLenient(schema, input);
    expect([problems.length, unlisted]).toEqual([10_000, 190_000]);
    expect(value).toHaveLength(200_000);
    const checked = checkBytes(schema, input);
    expect(checked).toHaveLength(10_001);
    expect(checked.some(({ message }) => message === '190000 further problems are not listed')).toBe(true);
    expect(checkValue(array(u8, 20_000), Array(20_000).fill(300))).toHaveLength(10_000);
    expect(errorOf(() => canonical(schema, input)).code).toBe('magic-mismatch');
    // What ended the decode is told all the same.
    const cut = decodeLenient(array(struct('m', { m: magic(u8, 1) }), 20_000), input.subarray(0, 15_000));
    expect(cut.problems[cut.problems.length - 1]?.code).toBe('truncated');
  });
});

describe('pointers in a circle', () => {
  it('are laid out, and followed one step', () => {
    const A: Schema = struct('a', {
      t: u32,
      b: phys(() => B),
      u: taggedUnion('u', field('b.t'), { 1: 'x' }, { x: u32, y: u16 }),
    });
    const B: Schema = struct('b', {
      t: u32,
      a: phys(() => A),
      u: taggedUnion('u', field('a.t'), { 1: 'x' }, { x: u32, y: u16 }),
    });
    const memory: Memory = {
      read: (_, address, length) => {
        const target = new Uint8Array(length);
        target[0] = address === 0x1000n ? 1 : 2;
        return target;
      },
    };
    const input = hex('07000000 00000000 0010000000000000 09000000 00000000');
    expect(decode(A, input, { abi, memory })).toEqual({ t: 7, b: 0x1000n, u: { x: 9 } });
    expect(decode(A, input, { abi })).toMatchObject({ u: { $raw: hex('09000000') } });
    expect(decode(B, input, { abi, memory })).toMatchObject({ a: 0x1000n, u: { x: 9 } });
  });
});

describe('foreign types', () => {
  const Inner = struct('in', { q: u8, list: array(u8, 2), m: magic(u8, 7) });
  const made = (type: Partial<Parameters<typeof foreign<unknown>>[0]>) =>
    struct('s', {
      a: u8,
      f: foreign<unknown>({
        name: 'x',
        size: undefined,
        decode: (input, offset) => decodeAt(Inner, input, offset),
        encode: (value) => encode(Inner, wrong(value)),
        ...type,
      }),
      z: u8,
    });
  it('keep the code, path and offset of errors of their own', () => {
    expect(errorOf(() => decode(made({}), hex('00 01 0203 08 09')))).toMatchObject({
      code: 'magic-mismatch',
      path: ['f', 'm'],
      offset: 4,
      expected: '0x07',
    });
    expect(errorOf(() => sizeIn(made({}), hex('00 01 02')))).toMatchObject({ path: ['f', 'list'] });
    expect(errorOf(() => encode(made({}), { a: 1, f: { q: 1, list: [1, 300] }, z: 1 }))).toMatchObject({
      code: 'value-range',
      path: ['f', 'list', 1],
    });
    expect(checkValue(made({}), { a: 1, f: 5, z: 300 }).map(({ path }) => path)).toEqual([['f'], ['z']]);
  });
  it('go on where they can be read leniently', () => {
    const lenient = made({
      decodeLenient: (input, offset) => decodeLenient(Inner, input.subarray(offset, offset + 4)),
    });
    const { value, problems } = decodeLenient(lenient, hex('00 01 0203 08 09'));
    expect(value).toEqual({ a: 0, f: { q: 1, list: [2, 3], m: 8 }, z: 9 });
    expect(problems.map(({ code, path }) => [code, path.join('.')])).toEqual([['magic-mismatch', 'f.m']]);
  });
  it('are not believed what cannot be', () => {
    for (const result of [undefined, {}, { value: 1, size: -1 }, { value: 1, size: 0.5 }]) {
      const type = made({ decode: () => wrong(result), decodeLenient: () => wrong(result) });
      expect(errorOf(() => decode(type, hex('0102')))).toMatchObject({ code: 'foreign-failed', path: ['f'] });
      expect(decodeLenient(type, hex('0102')).problems.map(({ code }) => code)).toEqual(['foreign-failed']);
      expect(errorOf(() => view(type, hex('0102')).f).code).toBe('foreign-failed');
    }
    expect(errorOf(() => encode(made({ encode: () => wrong('text') }), { a: 1, f: 1, z: 1 }))).toMatchObject({
      code: 'foreign-failed',
      path: ['f'],
    });
  });
});

describe('wrappers', () => {
  it('do not hide a negotiated header', () => {
    const header = negotiated(struct('h', { m: u32, n: u16 }), { endian: byMagic('m', 0x11223344) });
    for (const first of [aligned(header, 8), block(header, 16)]) {
      const schema = struct('s', { h: first, z: u32 });
      const input = encode(schema, wrong({ h: { n: 2 }, z: 5 }), { abi: ABI.s390x });
      expect(decode(schema, input)).toEqual({ h: { m: 0x11223344, n: 2 }, z: 5 });
    }
  });
  it('do not change what a field is to its struct', () => {
    const schema = struct('s', {
      n: aligned(derived(u8, countOf('d')), 2),
      r: aligned(reserved(u8), 2),
      h: aligned(anonymous(struct('h', { x: u8 })), 2),
      o: packed(optional(u16, { ref: 'n', is: 'equal', value: 9 })),
      d: bytes(field('n')),
    });
    expectTypeOf<ValueOf<typeof schema>>().toEqualTypeOf<{
      n: number;
      x: number;
      o?: number | undefined;
      d: Uint8Array;
    }>();
    expectTypeOf<{ x: 1; d: Uint8Array }>().toExtend<InputOf<typeof schema>>();
    const value = { x: 1, d: hex('aabb') };
    expect(decode(schema, encode(schema, value, { abi }), { abi })).toEqual({ n: 2, ...value });
  });
  it('are the object of the view as a whole, with what a block leaves', () => {
    const schema = block(struct('s', { a: u8, b: asNumber(u64) }), 20);
    const input = Uint8Array.from({ length: 20 }, (_, i) => i).fill(0, 8, 16);
    const built = toObject(view(schema, input, { abi }));
    expect(toHex(encode(schema, wrong(built), { abi }))).toBe(toHex(input));
  });
});
