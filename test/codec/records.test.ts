import { describe, expect, it } from 'vitest';
import {
  ABI,
  array,
  asNumber,
  be,
  bits,
  bytes,
  type CarryoverError,
  chars,
  decode,
  decodeArray,
  encode,
  encodeArray,
  encodedSize,
  field,
  fromHex,
  i8,
  isCarryoverError,
  magic,
  reserved,
  type Schema,
  setSlack,
  sizeof,
  slackOf,
  struct,
  toHex,
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

/** All slack that is kept beside a value and what is in it. */
function slackIn(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  const below = Object.entries(value).map(([key, inner]) => [key, slackIn(inner)] as const);
  return { own: slackOf(value), below: Object.fromEntries(below.filter(([, slack]) => slack !== undefined)) };
}

/** Enough records for a batch, and so many that it takes more than one block. */
const COUNT = 270;

describe.each(['systematic', 'random'] as const)('records of the %s structs of GCC', (file) => {
  it('are what decode gives for each, slack included, and encode back to the same bytes', () => {
    let compared = 0;
    for (const [index, golden] of goldenStructs(file).entries()) {
      if (index % 7 !== 0) continue;
      const schema = schemaOf(golden.type, golden.name);
      for (const expected of golden.golden) {
        const raw = fromHex(expected.bytes) ?? new Uint8Array();
        if (raw.length === 0) continue;
        const inverse = raw.map((byte) => ~byte);
        const input = new Uint8Array(20 * raw.length + 3);
        // Mostly canonical ones; the inverse has all of its padding filled.
        for (let i = 0; i < 20; i++) input.set(i === 4 || i === 19 ? inverse : raw, 3 + i * raw.length);
        const [name] = expected.abis;
        if (name === undefined) continue;
        const abi = ABI[name];
        const found = decodeArray(schema, input, { abi, offset: 3 });
        const each = decode(array(schema, 20), input.subarray(3), { abi });
        const of = `${golden.name} on ${name}`;
        expect(found, of).toEqual(each);
        expect(found.map(slackIn), of).toEqual(each.map(slackIn));
        expect(toHex(encodeArray(schema, found as never, { abi })), of).toBe(toHex(input.subarray(3)));
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
  });
});

describe('records', () => {
  const abi = ABI.x86_64;
  const Hdr = struct('hdr', { tag: magic(be(u32), 0x4c554f31), n: asNumber(u64) });
  const Rec = struct('rec', {
    hdr: Hdr,
    a: u8,
    b: u32,
    name: chars(6),
    raw: bytes(3),
    lo: bits(u64, 52),
    hi: bits(u64, 12),
    pad: reserved(u64),
    c: u64,
    d: i8,
  });
  const value = (i: number) => ({
    hdr: { tag: 0x4c554f31, n: i },
    a: i & 0xff,
    b: i * 7,
    name: i % 3 === 0 ? 'héé' : `r${i}`,
    raw: Uint8Array.of(i & 0xff, 1, 2),
    lo: 2 ** 40 + i,
    hi: i & 0xfff,
    c: BigInt(i) << 40n,
    d: 1 - (i & 0x7f),
  });
  const values = Array.from({ length: COUNT }, (_, i) => value(i));
  const size = sizeof(Rec, abi);
  const input = encodeArray(Rec, values, { abi });

  it('are plain objects, with the fields in the order of their declaration', () => {
    const found = decodeArray(Rec, input, { abi });
    expect(found).toEqual(values);
    for (const record of found) {
      expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
      expect(Object.keys(record)).toEqual(Object.keys(value(0)));
      expect(Object.keys(record.hdr)).toEqual(['tag', 'n']);
    }
    // Nothing is shared between them, not even bytes with the input.
    expect(new Set(found.map((record) => record.hdr)).size).toBe(COUNT);
    found[1]?.raw.fill(0);
    expect(decodeArray(Rec, input, { abi })[1]?.raw).toEqual(Uint8Array.of(1, 1, 2));
  });

  it.each([ABI.x86_64, ABI.i386, ABI.s390x, ABI.m68k])(
    'are the same one by one and at once on $name',
    (machine) => {
      const at = encodeArray(Rec, values, { abi: machine });
      const one = values.map((record) => toHex(encode(Rec, record, { abi: machine }))).join('');
      expect(toHex(at)).toBe(one);
      expect(decodeArray(Rec, at, { abi: machine })).toEqual(values);
      const moved = new Uint8Array(at.length + 5);
      moved.set(at, 5);
      expect(decodeArray(Rec, moved, { abi: machine, offset: 5, count: 40 })).toEqual(values.slice(0, 40));
      expect(decode(array(Rec, 'rest'), at, { abi: machine })).toEqual(values);
    },
  );

  it('keep what is not canonical where it is, and nowhere else', () => {
    const dirty = input.slice();
    // Padding after `hdr.tag`, the reserved field, and a byte after a text’s NUL.
    dirty[30 * size + 4] = 1;
    dirty[31 * size + 48] = 0xee;
    dirty[259 * size + 24 + 5] = 9;
    const found = decodeArray(Rec, dirty, { abi });
    expect(found).toEqual(decode(array(Rec, COUNT), dirty, { abi }));
    const kept = found.flatMap((record, i) =>
      slackOf(record) === undefined && slackOf(record.hdr) === undefined ? [] : [i],
    );
    expect(kept).toEqual([30, 31, 259]);
    expect(toHex(encodeArray(Rec, found, { abi }))).toBe(toHex(dirty));
    expect(toHex(encodeArray(Rec, found, { abi, canonical: true }))).not.toBe(toHex(dirty));
  });

  it('tell the first error with the index, as decode does', () => {
    const wrongs: [string, number, (bytes: Uint8Array, at: number) => void][] = [
      ['magic-mismatch', 0, (bytes, at) => bytes.fill(0, at, at + 1)],
      ['unsafe-integer', 8, (bytes, at) => bytes.fill(0xff, at + 8, at + 16)],
    ];
    for (const [code, offset, spoil] of wrongs) {
      const bad = input.slice();
      spoil(bad, 265 * size);
      spoil(bad, 261 * size);
      const error = errorOf(() => decodeArray(Rec, bad, { abi }));
      const wanted = errorOf(() => decode(array(Rec, COUNT), bad, { abi }));
      expect([error.code, error.path[0], error.offset]).toEqual([code, 261, 261 * size + offset]);
      expect(error.message).toBe(wanted.message);
    }
  });

  it('refuse values that do not fit, with their index', () => {
    const cases: [string, unknown][] = [
      ['value-range', { b: -1 }],
      ['value-range', { b: 2 ** 32 }],
      ['value-type', { b: 0.5 }],
      ['value-type', { b: 'x' }],
      ['value-range', { c: 1n << 64n }],
      ['value-range', { c: -1n }],
      ['value-range', { d: 128 }],
      ['value-range', { hi: 4096 }],
      ['value-range', { name: 'too long' }],
      ['value-range', { name: 'a\0b' }],
      ['value-type', { raw: [1, 2, 3] }],
      ['value-range', { raw: new Uint8Array(4) }],
      ['value-missing', { a: undefined }],
      ['value-unknown', { extra: 1 }],
      ['magic-mismatch', { hdr: { tag: 1, n: 0 } }],
      ['value-range', { hdr: { tag: 0x4c554f31, n: 2 ** 53 } }],
      ['value-type', { hdr: 5 }],
    ];
    for (const [code, change] of cases) {
      const wrong = [...values];
      wrong[261] = { ...value(261), ...(change as object) };
      const error = errorOf(() => encodeArray(Rec, wrong, { abi }));
      expect([error.code, error.path[0]], JSON.stringify(Object.keys(change as object))).toEqual([code, 261]);
    }
    const none = [...values] as unknown[];
    none[3] = null;
    expect(errorOf(() => encodeArray(Rec, none as never, { abi }))).toMatchObject({
      code: 'value-type',
      path: [3],
    });
    expect(errorOf(() => encodeArray(Rec, 5 as never, { abi })).code).toBe('value-type');
  });

  it('take what encode takes: left out magic numbers, bigints for numbers, objects of classes', () => {
    const odd = [...values] as unknown[];
    odd[0] = { ...value(0), hdr: { n: 0 } };
    odd[1] = { ...value(1), b: 7n, c: 1 };
    odd[2] = Object.assign(new (class Thing {})(), value(2));
    odd[3] = { ...value(3), lo: 9n };
    const wanted = odd.map((one) => toHex(encode(Rec, one as never, { abi }))).join('');
    expect(toHex(encodeArray(Rec, odd as never, { abi }))).toBe(wanted);
    // Inherited values are not the object’s own.
    odd[4] = Object.create(value(4));
    expect(errorOf(() => encodeArray(Rec, odd as never, { abi })).code).toBe('value-missing');
  });

  it('put slack back that was set by hand, for one record and for the array', () => {
    const P = struct('p', { a: u8, b: u16 });
    const many = Array.from({ length: 20 }, (_, i) => ({ a: i, b: i }));
    setSlack(many[3] as object, { '+1': Uint8Array.of(7) });
    expect(encodeArray(P, many, { abi })[3 * 4 + 1]).toBe(7);
    const names = array(chars(4), 2);
    const texts = ['a', 'b'];
    setSlack(texts, { 0: Uint8Array.of(1, 2) });
    expect(toHex(encodeArray(chars(4), texts))).toBe(toHex(encode(names, texts)));
  });

  it('of a wide type are complete, in order and of one kind', () => {
    for (const width of [1, 7, 8, 9, 16, 17, 24, 40, 130]) {
      const keys = Array.from({ length: width }, (_, i) => `f${i}`);
      const Wide = struct('wide', Object.fromEntries(keys.map((key, i) => [key, i % 3 === 0 ? u64 : u32])));
      const many = Array.from({ length: 20 }, (_, i) =>
        Object.fromEntries(keys.map((key, j) => [key, j % 3 === 0 ? BigInt(i * j) : i + j])),
      );
      const bytes = encodeArray(Wide, many as never, { abi });
      const found = decodeArray(Wide, bytes, { abi });
      expect(found).toEqual(many);
      for (const record of found) expect(Object.keys(record)).toEqual(keys);
    }
  });

  it('of many types at once are not mixed up', () => {
    const types = Array.from({ length: 30 }, (_, t) =>
      struct(`t${t}`, { [`a${t}`]: u32, [`b${t}`]: u64, inner: struct('i', { [`c${t}`]: u16 }) }),
    );
    for (let round = 0; round < 3; round++)
      for (const [t, type] of types.entries()) {
        const many = Array.from({ length: 20 }, (_, i) => ({
          [`a${t}`]: i,
          [`b${t}`]: BigInt(t),
          inner: { [`c${t}`]: i },
        }));
        const bytes = encodeArray(type as Schema, many as never, { abi });
        expect(decodeArray(type as Schema, bytes, { abi })).toEqual(many);
      }
  });

  it('are not read beyond the input, however many are asked for', () => {
    for (const count of [COUNT + 1, 2 ** 40, Number.MAX_SAFE_INTEGER])
      expect(errorOf(() => decodeArray(Rec, input, { abi, count }))).toMatchObject({
        code: 'truncated',
        path: [COUNT],
        offset: COUNT * size,
      });
    for (let cut = 1; cut < size; cut++) {
      const short = input.subarray(0, input.length - cut);
      expect(errorOf(() => decodeArray(Rec, short, { abi })).code).toBe('trailing-bytes');
      expect(errorOf(() => decodeArray(Rec, short, { abi, count: COUNT })).path).toEqual([COUNT - 1]);
      expect(errorOf(() => decode(array(Rec, COUNT), short, { abi })).code).toBe('truncated');
    }
    expect(decodeArray(Rec, input, { abi, count: 0 })).toEqual([]);
    for (const count of [-1, 1.5, Number.NaN])
      expect(errorOf(() => decodeArray(Rec, input, { abi, count })).code).toBe('count-limit');
  });

  it('of no fixed size are read one after the other', () => {
    const V = struct('v', { n: u8, list: array(u16, field('n')) }, { packed: true });
    const many = Array.from({ length: 30 }, (_, i) => ({
      n: i % 4,
      list: Array.from({ length: i % 4 }, (_, j) => j),
    }));
    const bytes = encodeArray(V, many, { abi });
    expect(decodeArray(V, bytes, { abi })).toEqual(many);
    expect(decodeArray(V, bytes, { abi, count: 5 })).toEqual(many.slice(0, 5));
    expect(encodedSize(array(V, 30), many, { abi })).toBe(bytes.length);
    for (const count of [-1, Number.NaN])
      expect(errorOf(() => decodeArray(V, bytes, { abi, count })).code).toBe('count-limit');
    expect(errorOf(() => decodeArray(V, bytes, { abi, count: 2 ** 40 })).code).toBe('truncated');
  });
});
