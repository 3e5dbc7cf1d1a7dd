import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  ABI,
  array,
  asBigInt,
  asNumber,
  type BigIntColumn,
  be,
  bits,
  type CarryoverError,
  chars,
  columns,
  decodeAt,
  encodeArray,
  field,
  fromHex,
  i8,
  i16,
  i32,
  i64,
  isCarryoverError,
  le,
  long,
  type NumberColumn,
  planOf,
  pointer,
  type Schema,
  sizeof,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../../src/codec/index.js';
import { goldenStructs, schemaOf } from './gcc.js';

function errorOf(run: () => unknown): CarryoverError {
  try {
    run();
  } catch (error) {
    if (isCarryoverError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The integers of a decoded struct by path, as columns name them. */
function leaves(schema: Schema, value: unknown, path: string, out: Map<string, number | bigint>) {
  const type = schema.kind === 'attributed' ? schema.type : schema;
  if (typeof value === 'number' || typeof value === 'bigint') out.set(path, value);
  else if (type.kind === 'struct')
    for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
      const field = type.fields[key];
      if (field !== undefined) leaves(field, inner, path === '' ? key : `${path}.${key}`, out);
    }
  return out;
}

describe.each(['systematic', 'random'] as const)('columns of the %s structs of GCC', (file) => {
  it('hold what decode gives, aligned and not', () => {
    let cells = 0;
    for (const [index, golden] of goldenStructs(file).entries()) {
      const schema = schemaOf(golden.type, golden.name);
      for (const expected of golden.golden) {
        const raw = fromHex(expected.bytes) ?? new Uint8Array();
        if (schema.kind !== 'struct' || raw.length === 0) continue;
        // Three records: the golden one, its complement, and the golden one again.
        const offset = index % 2 === 0 ? 0 : 3;
        const input = new Uint8Array(3 * raw.length + offset);
        for (let i = 0; i < 3; i++)
          input.set(i === 1 ? raw.map((byte) => ~byte) : raw, offset + i * raw.length);
        for (const name of expected.abis) {
          const abi = ABI[name];
          const found = columns(schema, input, { abi, offset, count: 3 }) as Record<
            string,
            ArrayLike<unknown>
          >;
          for (let i = 0; i < 3; i++) {
            const { value } = decodeAt(schema, input, offset + i * raw.length, { abi });
            for (const [path, wanted] of leaves(schema, value, '', new Map())) {
              if (found[path]?.[i] !== wanted)
                expect(found[path]?.[i], `${golden.name} on ${name}: [${i}].${path}`).toBe(wanted);
              cells++;
            }
          }
        }
      }
    }
    expect(cells).toBeGreaterThan(10_000);
  });
});

describe('columns', () => {
  const Hdr = struct('hdr', { count: u16, id: u64 }, { packed: true });
  const Rec = struct(
    'rec',
    {
      a: u8,
      b: i8,
      c: u16,
      d: i16,
      e: u32,
      f: i32,
      g: u64,
      h: i64,
      n: asNumber(u64),
      s: asNumber(i64),
      be: be(u32),
      le: le(u64),
      w: asBigInt(u16),
      l: long,
      p: pointer(),
      lo: bits(u64, 52),
      hi: bits(u64, 12),
      x: bits(u32, 3),
      y: bits(i32, 17),
      z: bits(u64, 60),
      hdr: Hdr,
      name: chars(3),
      list: array(u8, 2),
    },
    { packed: true },
  );
  const value = (i: number) => ({
    a: i & 0xff,
    b: 1 - (i & 0x7f),
    c: i & 0xffff,
    d: 1 - i,
    e: 0xffffffff - i,
    f: 1 - i * 1000,
    g: 0xffff_ffff_ffff_ffffn - BigInt(i),
    h: -(1n << 62n) + BigInt(i),
    n: Number.MAX_SAFE_INTEGER - i,
    s: -Number.MAX_SAFE_INTEGER + i,
    be: i * 3,
    le: BigInt(i) << 33n,
    w: BigInt(i & 0xff),
    l: -BigInt(i),
    p: BigInt(i) * 16n,
    lo: 2 ** 51 + i,
    hi: i & 0xfff,
    x: i & 7,
    y: 1 - (i & 0xffff),
    z: (1n << 59n) + BigInt(i),
    hdr: { count: i & 0xffff, id: BigInt(i) },
    name: 'ab',
    list: [1, 2],
  });
  const count = 1300;
  const values = Array.from({ length: count }, (_, i) => value(i));

  it.each([ABI.x86_64, ABI.i386, ABI.s390x, ABI.mips])('read every shape of integer on $name', (abi) => {
    const input = encodeArray(Rec, values, { abi });
    for (const offset of [0, 1, 4]) {
      const moved = new Uint8Array(input.length + offset);
      moved.set(input, offset);
      const found = columns(Rec, moved, { abi, offset });
      for (const key of Object.keys(found) as (keyof typeof found)[]) {
        const [first, second] = key.split('.') as [keyof ReturnType<typeof value>, 'count' | 'id'];
        const wanted = values.map((one) => (second === undefined ? one[first] : one.hdr[second]));
        expect(Array.from<unknown>(found[key]), `${key} at ${offset}`).toEqual(wanted);
      }
      expect(Object.keys(found)).toEqual([
        ...Object.keys(value(0)).filter((key) => !['hdr', 'name', 'list'].includes(key)),
        'hdr.count',
        'hdr.id',
      ]);
    }
  });

  it('choose the typed array by width, sign and kind of value', () => {
    const found = columns(Rec, encodeArray(Rec, values, { abi: ABI.x86_64 }), { abi: ABI.x86_64 });
    const types = Object.fromEntries(
      Object.entries(found).map(([key, column]) => [key, column.constructor.name]),
    );
    expect(types).toMatchObject({ a: 'Uint8Array', b: 'Int8Array', c: 'Uint16Array', d: 'Int16Array' });
    expect(types).toMatchObject({
      e: 'Uint32Array',
      f: 'Int32Array',
      g: 'BigUint64Array',
      h: 'BigInt64Array',
    });
    expect(types).toMatchObject({
      n: 'Float64Array',
      w: 'BigUint64Array',
      lo: 'Float64Array',
      hi: 'Uint16Array',
    });
    expect(types).toMatchObject({ x: 'Uint8Array', y: 'Int32Array', z: 'BigUint64Array' });
    expectTypeOf(found.a).toEqualTypeOf<NumberColumn>();
    expectTypeOf(found.g).toEqualTypeOf<BigIntColumn>();
    expectTypeOf(found['hdr.id']).toEqualTypeOf<BigIntColumn>();
    expectTypeOf(found).not.toHaveProperty('name');
  });

  it('read some fields only, into arrays that are there', () => {
    const abi = ABI.x86_64;
    const input = encodeArray(Rec, values, { abi });
    const into = { g: new BigUint64Array(count + 5), e: new Uint32Array(count) };
    const found = columns(Rec, input, { abi, fields: ['g', 'e', 'hdr.count'], into });
    expect(Object.keys(found)).toEqual(['g', 'e', 'hdr.count']);
    expect(found.g).toBe(into.g);
    expect(into.e[700]).toBe(0xffffffff - 700);
    expect(into.g[count]).toBe(0n);
    expectTypeOf(found).not.toHaveProperty('a');
    for (const wrong of [{ e: new Uint32Array(count - 1) }, { e: new Int32Array(count) }, { e: [] as never }])
      expect(errorOf(() => columns(Rec, input, { abi, into: wrong }))).toMatchObject({
        code: 'value-type',
        path: ['e'],
      });
    expect(errorOf(() => columns(Rec, input, { abi, fields: ['name' as 'a'] })).code).toBe('path-unknown');
  });

  it('tell the first number that is not exact', () => {
    for (const abi of [ABI.x86_64, ABI.s390x]) {
      const size = sizeof(Rec, abi);
      for (const key of ['n', 's'] as const) {
        const bad = encodeArray(Rec, values, { abi });
        const plan = planOf(Rec, abi);
        const item =
          plan.kind === 'struct' ? plan.segments[0]?.items.find((one) => one.key === key) : undefined;
        const at = 1027 * size + (item?.offset ?? 0);
        const high = abi.endian === 'little' ? 6 : 1;
        bad[at + high] = 0x20;
        bad[at + (abi.endian === 'little' ? 7 : 0)] = 0;
        expect(errorOf(() => columns(Rec, bad, { abi }))).toMatchObject({
          code: 'unsafe-integer',
          path: [1027, key],
          offset: at,
        });
        // 2^53 - 1 is exact, 2^53 is not.
        const edge = encodeArray(Rec, [value(0)], { abi });
        expect(columns(Rec, edge, { abi }).n[0]).toBe(Number.MAX_SAFE_INTEGER);
      }
    }
    const One = struct('one', { n: asNumber(u64) });
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 53n, true);
    expect(errorOf(() => columns(One, bytes, { abi: ABI.x86_64 })).code).toBe('unsafe-integer');
  });

  it('refuse what is not there, before anything is allocated', () => {
    const abi = ABI.x86_64;
    const input = encodeArray(Rec, values.slice(0, 2), { abi });
    const size = sizeof(Rec, abi);
    for (const count of [3, 2 ** 45, Number.MAX_SAFE_INTEGER])
      expect(errorOf(() => columns(Rec, input, { abi, count }))).toMatchObject({
        code: 'truncated',
        path: [2],
        offset: 2 * size,
      });
    for (let length = 1; length < size; length++)
      expect(errorOf(() => columns(Rec, input.subarray(0, length), { abi, count: 1 })).code).toBe(
        'truncated',
      );
    expect(errorOf(() => columns(Rec, input.subarray(1), { abi })).code).toBe('trailing-bytes');
    expect(columns(Rec, input.subarray(0, 0), { abi }).a.length).toBe(0);
    const Variable = struct('v', { n: u8, list: array(u8, field('n')) });
    expect(errorOf(() => columns(Variable, input)).code).toBe('size-not-fixed');
  });
});
