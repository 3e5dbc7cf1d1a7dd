import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  ABI,
  aligned,
  anonymous,
  array,
  asNumber,
  be,
  bits,
  block,
  bytes,
  type CarryoverError,
  chars,
  countedBy,
  decode,
  decodeAt,
  encode,
  field,
  foreign,
  fromHex,
  i64,
  isCarryoverError,
  long,
  magic,
  optional,
  packed,
  phys,
  planOf,
  pointer,
  reserved,
  type Schema,
  sizeIn,
  sizeof,
  slackOf,
  struct,
  taggedUnion,
  toHex,
  toObject,
  u8,
  u16,
  u32,
  u64,
  union,
  versioned,
  view,
  viewArray,
} from '../../src/codec/index.js';
import { goldenStructs, schemaOf } from './gcc.js';

const abi = ABI.x86_64;

function errorOf(run: () => unknown): CarryoverError {
  try {
    run();
  } catch (error) {
    if (isCarryoverError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** What a view shows, by reading every getter of it, and of the views in it. */
function shown(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)].map(shown);
  const out: Record<string, unknown> = {};
  const view = value as Record<string, unknown>;
  const getters = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(value));
  for (const [key, { enumerable }] of Object.entries(getters))
    if (enumerable && view[key] !== undefined) out[key] = shown(view[key]);
  return out;
}

describe.each(['systematic', 'random'] as const)('views of the %s structs of GCC', (file) => {
  it('show what decode gives, aligned and not', () => {
    let structs = 0;
    for (const golden of goldenStructs(file)) {
      const schema = schemaOf(golden.type, golden.name);
      for (const expected of golden.golden) {
        const raw = fromHex(expected.bytes) ?? new Uint8Array();
        const offset = structs % 2 === 0 ? 0 : 3;
        const input = new Uint8Array(raw.length + offset);
        input.set(raw, offset);
        for (const name of expected.abis) {
          const value = decodeAt(schema, input, offset, { abi: ABI[name] }).value;
          const seen = view(schema, input, { abi: ABI[name], offset });
          const of = `${golden.name} on ${name}`;
          expect(shown(seen), of).toEqual(value);
          expect(toObject(seen), of).toEqual(value);
          expect(sizeof(schema, ABI[name]), of).toBe(raw.length);
          structs++;
        }
      }
    }
    expect(structs).toBeGreaterThan(1000);
  });
});

describe('a view', () => {
  const Header = struct('header', { version: u16, count: asNumber(u64) }, { packed: true });
  const Record = struct(
    'record',
    {
      hdr: Header,
      flags: u32,
      token: u64,
      name: chars(8),
      mac: bytes(6),
      dev: pointer(),
      next: phys(),
      items: array(u16, 3),
      low: bits(u8, 3),
      high: bits(u8, 5),
      pad: reserved(u16),
    },
    { packed: true },
  );
  const value = {
    hdr: { version: 2, count: 7 },
    flags: 0x80000001,
    token: 0xffff_ffff_ffff_fff0n,
    name: 'eth0',
    mac: Uint8Array.of(1, 2, 3, 4, 5, 6),
    dev: 0xffff_8880_0000_1000n,
    next: 0x1000n,
    items: [1, 2, 3],
    low: 5,
    high: 17,
  };

  it.each([ABI.x86_64, ABI.s390x])('reads each kind of field in place on $name', (machine) => {
    const input = encode(Record, value, { abi: machine });
    const seen = view(Record, input, { abi: machine });
    expect(seen.hdr.version).toBe(2);
    expect(seen.hdr.count).toBe(7);
    expect(seen.items.at(2)).toBe(3);
    expect([...seen.items]).toEqual([1, 2, 3]);
    expect(seen.items.toArray()).toEqual([1, 2, 3]);
    expect(shown(seen)).toEqual(value);
    // Bytes are a window, not a copy.
    seen.mac[0] = 99;
    expect(view(Record, input, { abi: machine }).mac[0]).toBe(99);
    expectTypeOf(seen.hdr.count).toEqualTypeOf<number>();
    expectTypeOf(seen.dev).toEqualTypeOf<bigint>();
    expectTypeOf(seen.items.at(0)).toEqualTypeOf<number>();
    expectTypeOf(seen).not.toHaveProperty('pad');
  });

  it.each([ABI.x86_64, ABI.s390x])('is set in place on $name', (machine) => {
    const input = encode(Record, value, { abi: machine });
    const seen = view(Record, input, { abi: machine });
    seen.hdr.version = 3;
    seen.hdr.count = Number.MAX_SAFE_INTEGER;
    seen.flags = 5;
    seen.token = 1n;
    seen.dev = 0x10n;
    seen.low = 2;
    seen.high = 30;
    expect(decode(Record, input, { abi: machine })).toEqual({
      ...value,
      hdr: { version: 3, count: Number.MAX_SAFE_INTEGER },
      flags: 5,
      token: 1n,
      dev: 0x10n,
      low: 2,
      high: 30,
    });
  });

  it('refuses to be set to what does not fit, and changes nothing then', () => {
    const input = encode(Record, value, { abi });
    const before = toHex(input);
    const seen = view(Record, input, { abi });
    const refused = (set: () => void) => {
      const { code, path } = errorOf(set);
      return [code, path.join('.')];
    };
    expect(
      refused(() => {
        seen.hdr.version = 65536;
      }),
    ).toEqual(['value-range', 'hdr.version']);
    expect(
      refused(() => {
        seen.hdr.count = 2 ** 53;
      }),
    ).toEqual(['value-range', 'hdr.count']);
    expect(
      refused(() => {
        seen.token = -1n;
      }),
    ).toEqual(['value-range', 'token']);
    expect(
      refused(() => {
        seen.low = 8;
      }),
    ).toEqual(['value-range', 'low']);
    expect(
      refused(() => {
        seen.flags = 0.5;
      }),
    ).toEqual(['value-type', 'flags']);
    expect(toHex(input)).toBe(before);
  });

  it('takes numbers for bigints and bigints for numbers when set, as encode does', () => {
    const input = encode(Record, value, { abi });
    const seen = view(Record, input, { abi }) as unknown as globalThis.Record<string, unknown>;
    seen.token = 9;
    seen.flags = 8n;
    seen.high = 7n;
    expect(decode(Record, input, { abi })).toMatchObject({ token: 9n, flags: 8, high: 7, low: 5 });
  });

  it('tells where a number is not exact', () => {
    const input = new Uint8Array(sizeof(Record, abi)).fill(0xff);
    const error = errorOf(() => view(Record, input, { abi }).hdr.count);
    expect([error.code, error.path, error.offset]).toEqual(['unsafe-integer', ['hdr', 'count'], 2]);
  });

  it('is refused at every length that is too short', () => {
    const input = encode(Record, value, { abi });
    for (let length = 0; length < input.length; length++)
      expect(errorOf(() => view(Record, input.subarray(0, length), { abi })).code).toBe('truncated');
    for (const offset of [1, 1000, -1, 0.5, Number.NaN])
      expect(errorOf(() => view(Record, input, { abi, offset })).code).toBe('truncated');
  });

  it('gives decode’s object, with its slack', () => {
    const P = struct('p', { a: u8, b: u32 });
    const S = struct('s', { p: P, list: array(P, 2) });
    const input = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
    const seen = view(S, input, { abi });
    for (const part of [toObject(seen), toObject(seen.p), toObject(seen.list)])
      expect(toHex(encodePart(part))).toBe(toHex(encodePart(structuredPart(part))));
    expect(toHex(encode(S, toObject(seen) as never, { abi }))).toBe(toHex(input));
    expect(toHex(encode(P, toObject(seen.list.at(1)) as never, { abi }))).toBe(toHex(input.subarray(16)));

    function encodePart(part: unknown): Uint8Array {
      const type = Array.isArray(part) ? array(P, 2) : Object.hasOwn(part as object, 'p') ? S : P;
      return encode(type as Schema, part as never, { abi });
    }
    /** What decode gives for the same bytes. */
    function structuredPart(part: unknown): unknown {
      if (Array.isArray(part)) return decode(array(P, 2), input.subarray(8), { abi });
      return Object.hasOwn(part as object, 'p')
        ? decode(S, input, { abi })
        : decode(P, input.subarray(0, 8), { abi });
    }
  });

  it('lets C names be what they like', () => {
    const S = struct('s', { constructor: u8, data: u8, at: u8, up: u8, key: u8, length: u8, toString: u8 });
    expect(shown(view(S, Uint8Array.of(1, 2, 3, 4, 5, 6, 7)))).toEqual(
      decode(S, Uint8Array.of(1, 2, 3, 4, 5, 6, 7)),
    );
  });
});

describe('a view of unions', () => {
  it('shows every member, those of anonymous ones in the enclosing struct', () => {
    const S = struct('s', {
      kind: u8,
      _: anonymous(
        union('u', { word: packed(be(u16)), _: anonymous(struct('halves', { high: u8, low: u8 })) }),
      ),
      named: union('n', { raw: bytes(2), pair: struct('pair', { x: u8, y: u8 }) }),
    });
    const input = Uint8Array.of(1, 2, 3, 4, 5);
    const seen = view(S, input);
    expect([seen.word, seen.high, seen.low, seen.named.pair.y]).toEqual([0x203, 2, 3, 5]);
    expect(shown(seen)).toEqual(decode(S, input));
    seen.low = 9;
    expect(seen.word).toBe(0x209);
  });

  it('shows the member that the tag tells, or the bytes', () => {
    const S = struct('s', {
      type: u8,
      u: taggedUnion('u', field('type'), { 1: 'a', 2: 'b' }, { a: u8, b: struct('b', { x: u8, y: u8 }) }),
    });
    const seen = (type: number) => view(S, Uint8Array.of(type, 7, 8));
    expect([seen(1).u.a, seen(1).u.b, seen(1).u.$raw]).toEqual([7, undefined, undefined]);
    expect([seen(2).u.a, seen(2).u.b?.y, seen(2).u.$raw]).toEqual([undefined, 8, undefined]);
    expect([seen(3).u.a, seen(3).u.b, seen(3).u.$raw]).toEqual([undefined, undefined, Uint8Array.of(7, 8)]);
    for (const type of [1, 2, 3]) expect(shown(seen(type))).toEqual(decode(S, Uint8Array.of(type, 7, 8)));
    // The union alone does not know its tag, but toObject of it does.
    expect(toObject(seen(2).u)).toEqual({ b: { x: 7, y: 8 } });
    const changed = seen(2);
    changed.type = 1;
    expect(changed.u.a).toBe(7);
  });

  it('finds a tag in an outer struct, from an anonymous union and through an array', () => {
    const S = struct('outer', {
      type: u8,
      list: array(
        struct('inner', {
          _: anonymous(taggedUnion('t', field('type'), { 1: 'a', 2: 'b' }, { a: u8, b: i8pair })),
        }),
        2,
      ),
    });
    for (const type of [1, 2, 3]) {
      const input = Uint8Array.of(type, 1, 2, 3, 4);
      expect(shown(view(S, input))).toEqual(decode(S, input));
      expect(toObject(view(S, input).list.at(1))).toEqual(decode(S, input).list[1]);
    }
  });
});
const i8pair = struct('pair', { x: u8, y: u8 });

describe('a view of what has no fixed size', () => {
  const Entry = struct(
    'entry',
    { len: u8, name: chars(field('len')), size: be(u16), data: bytes(field('size')) },
    { packed: true },
  );
  const Doc = struct(
    'doc',
    {
      magic: magic(u8, 0x2a),
      version: u8,
      count: u8,
      extra: optional(u32, { ref: 'version', is: 'at-least', value: 2 }),
      entries: array(Entry, countedBy('count')),
      ext: versioned('ext', field('version'), {
        1: u8,
        2: struct('v2', { a: u8, n: u8, tail: array(u8, field('n')) }),
      }),
      page: block(struct('content', { n: u8, list: array(u16, field('n')) }, { packed: true }), 8),
      words: array(be(u16), 'rest'),
    },
    { packed: true },
  );
  const value = (version: 1 | 2) => ({
    magic: 0x2a,
    version,
    count: 2,
    ...(version === 2 ? { extra: 5 } : {}),
    entries: [
      { len: 3, name: 'ab', size: 2, data: Uint8Array.of(8, 9) },
      { len: 1, name: '', size: 0, data: new Uint8Array() },
    ],
    ext: version === 1 ? 77 : { a: 1, n: 2, tail: [3, 4] },
    page: { n: 2, list: [10, 11] },
    words: [1, 2, 3],
  });

  it.each([1, 2] as const)('finds everything in version %i', (version) => {
    for (const machine of [ABI.x86_64, ABI.s390x]) {
      const input = encode(Doc, value(version) as never, { abi: machine });
      const whole = decode(Doc, input, { abi: machine });
      // The last part first: positions are found on demand, whatever is asked for first.
      expect(view(Doc, input, { abi: machine }).words.at(2)).toBe(3);
      const seen = view(Doc, input, { abi: machine });
      expect(shown(seen)).toEqual(whole);
      expect(toObject(seen)).toEqual(whole);
      expect(toObject(seen.entries)).toEqual(whole.entries);
      expect(toObject(seen.entries.at(0))).toEqual(whole.entries[0]);
      expect(seen.entries.at(1).data).toEqual(new Uint8Array());
      expect(seen.extra).toBe(version === 2 ? 5 : undefined);
      expect(sizeIn(Doc, input, { abi: machine })).toBe(input.length);
    }
  });

  it('keeps tails of texts when objects are made of its parts', () => {
    const input = encode(Doc, value(1) as never, { abi });
    const at = view(Doc, input, { abi }).entries;
    const first = toObject(at.at(0)) as object;
    expect(slackOf(first)).toEqual(slackOf(decode(Doc, input, { abi }).entries[0] as object));
  });

  it('follows what is set', () => {
    const S = struct(
      's',
      { hdr: struct('h', { n: u8 }), a: array(u8, field('hdr.n')), b: u8 },
      { packed: true },
    );
    const seen = view(S, Uint8Array.of(2, 10, 11, 12, 13));
    expect([seen.a.length, seen.b]).toEqual([2, 12]);
    seen.hdr.n = 1;
    expect([seen.a.length, seen.b]).toEqual([1, 11]);
    seen.b = 99;
    expect(seen.a.length).toBe(1);
    expect(decodeAt(S, Uint8Array.of(1, 10, 99, 12, 13), 0).value.b).toBe(seen.b);
  });

  it('gives a value or an error for every truncation, as decode does', () => {
    const input = encode(Doc, value(2) as never, { abi });
    for (let length = 0; length < input.length; length++) {
      const cut = input.subarray(0, length);
      const read = () => shown(view(Doc, cut, { abi }));
      let whole: unknown;
      try {
        whole = decode(Doc, cut, { abi });
      } catch (error) {
        if (!isCarryoverError(error)) throw error;
        // What the type takes at least is checked when the view is made, before any count is looked at.
        const least = planOf(Doc, abi).minSize;
        expect(errorOf(read).code, `at ${length}`).toBe(length < least ? 'truncated' : error.code);
        continue;
      }
      expect(read()).toEqual(whole);
    }
  });

  it('gives a value or an error for hostile bytes, in bounded time', () => {
    let seed = 1;
    const next = () => {
      seed ^= seed << 13;
      seed ^= seed >>> 17;
      seed ^= seed << 5;
      return seed & 0xff;
    };
    const outcomes = { fine: 0, refused: 0 };
    for (let round = 0; round < 3000; round++) {
      const input = encode(Doc, value(round % 2 === 0 ? 1 : 2) as never, { abi });
      for (let i = 0; i < 3; i++) input[1 + (next() % (input.length - 1))] = next();
      let whole: unknown;
      let code: string | undefined;
      try {
        whole = decode(Doc, input, { abi });
      } catch (error) {
        if (!isCarryoverError(error)) throw error;
        ({ code } = error);
      }
      if (code === undefined) {
        expect(shown(view(Doc, input, { abi }))).toEqual(whole);
        outcomes.fine++;
      } else {
        expect(errorOf(() => shown(view(Doc, input, { abi }))).code).toBe(code);
        outcomes.refused++;
      }
    }
    expect(outcomes.fine).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(100);
  });

  it('refuses counts that cannot be, before it allocates anything', () => {
    const S = struct('s', {
      n: u64,
      list: array(struct('e', { n: u8, x: array(u8, field('n')) }), field('n')),
    });
    const input = new Uint8Array(16).fill(0xff);
    const error = errorOf(() => view(S, input, { abi }).list.length);
    expect([error.code, error.path, error.offset]).toEqual(['count-limit', ['list'], 8]);
    const Signed = struct('s', { n: i64, list: array(u8, field('n')) });
    expect(errorOf(() => view(Signed, input, { abi }).list).code).toBe('count-limit');
    const Nothing = struct('s', { n: u64, list: array(struct('empty', {}), field('n')) });
    expect(errorOf(() => view(Nothing, input, { abi }).list.length).code).toBe('count-limit');
    expect(errorOf(() => view(array(struct('empty', {}), 'rest'), input, { abi }))).toMatchObject({
      code: 'count-limit',
    });
  });

  it('asks for what a length needs', () => {
    const S = struct('s', { list: array(u8, field('elsewhere')), after: u8 });
    const input = Uint8Array.of(1, 2, 3);
    expect(errorOf(() => view(S, input).after).code).toBe('reference-missing');
    expect(view(S, input, { params: { elsewhere: 2 } }).after).toBe(3);
    const V = struct('v', { tag: u8, of: versioned('v', field('tag'), { 1: u8, 2: u16 }) });
    const error = errorOf(() => view(V, Uint8Array.of(9, 9, 9), { abi }).of);
    expect([error.code, error.path]).toEqual(['version-unknown', ['of']]);
  });

  it('reads a tag behind a pointer', () => {
    const Table = struct('table', { type: u32 });
    const S = struct('s', {
      table: phys(() => Table),
      u: taggedUnion('u', field('table.type'), { 1: 'a' }, { a: u32 }),
    });
    const input = new Uint8Array(16);
    input[1] = 0x10;
    input[8] = 7;
    const memory = {
      read: (_: 'phys' | 'virt', address: bigint) =>
        address === 0x1000n ? Uint8Array.of(1, 0, 0, 0) : undefined,
    };
    expect(view(S, input, { abi, memory }).u.a).toBe(7);
    expect(view(S, input, { abi }).u.a).toBeUndefined();
  });

  it('asks foreign types for their size', () => {
    const Pascal = foreign<string>({
      name: 'pascal',
      size: undefined,
      decode: (bytes, offset) => {
        const size = 1 + (bytes[offset] ?? 0);
        return { value: String.fromCharCode(...bytes.subarray(offset + 1, offset + size)), size };
      },
      encode: (value) => Uint8Array.of(value.length, ...[...value].map((char) => char.charCodeAt(0))),
    });
    const S = struct('s', { name: Pascal, after: u8 });
    const input = encode(S, { name: 'abc', after: 9 });
    const seen = view(S, input);
    expect([seen.after, seen.name]).toEqual([9, 'abc']);
    expect(errorOf(() => view(S, Uint8Array.of(200, 1)).after).code).toBe('truncated');
  });
});

describe('viewArray', () => {
  const P = struct('p', { x: u8, at: aligned(u16, 4), big: asNumber(u64) });
  const count = 20;
  const input = new Uint8Array(3 + count * 16);
  for (let i = 0; i < count; i++) {
    input[3 + i * 16] = i;
    input[3 + i * 16 + 4] = 2 * i;
    input[3 + i * 16 + 8] = 3 * i;
  }

  it('views elements, by index, in turn, by field and as objects', () => {
    const seen = viewArray(P, input, { abi, offset: 3 });
    expect(seen.length).toBe(count);
    expect(seen.at(7).at).toBe(14);
    expect([...seen].map(({ x }) => x)).toEqual(Array.from({ length: count }, (_, i) => i));
    const big = seen.field('big');
    expect(Array.from({ length: count }, (_, i) => big(i))).toEqual(
      Array.from({ length: count }, (_, i) => 3 * i),
    );
    expect(seen.toArray()).toEqual(decode(array(P, count), input.subarray(3), { abi }));
    expect(toObject(seen)).toEqual(seen.toArray());
    expect(viewArray(P, input, { abi, offset: 3 + 16, count: 2 }).at(1).x).toBe(2);
    expectTypeOf(seen.toArray()).toEqualTypeOf<{ x: number; at: number; big: number }[]>();
  });

  it('stays within its elements', () => {
    const seen = viewArray(P, input, { abi, offset: 3, count: 4 });
    for (const index of [4, -1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(errorOf(() => seen.at(index))).toMatchObject({ code: 'path-unknown', path: [index] });
      expect(errorOf(() => seen.field('x')(index)).code).toBe('path-unknown');
    }
    expect(errorOf(() => seen.field('nope')).code).toBe('path-unknown');
  });

  it('checks the elements once, before anything else', () => {
    for (const count of [21, 2 ** 40, Number.MAX_SAFE_INTEGER])
      expect(errorOf(() => viewArray(P, input, { abi, offset: 3, count }))).toMatchObject({
        code: 'truncated',
        path: [20],
        offset: 3 + 20 * 16,
      });
    for (const count of [-1, 0.5, Number.NaN])
      expect(errorOf(() => viewArray(P, input, { abi, count })).code).toBe('count-limit');
    expect(errorOf(() => viewArray(P, input, { abi })).code).toBe('trailing-bytes');
    const Variable = struct('v', { n: u8, list: array(u8, field('n')) });
    expect(errorOf(() => viewArray(Variable, input)).code).toBe('size-not-fixed');
  });

  it('tells the index of a number that is not exact', () => {
    const dirty = input.slice();
    dirty.fill(0xff, 3 + 5 * 16 + 8, 3 + 6 * 16);
    const seen = viewArray(P, dirty, { abi, offset: 3 });
    for (const read of [() => seen.at(5).big, () => seen.field('big')(5), () => seen.toArray()])
      expect(errorOf(read)).toMatchObject({
        code: 'unsafe-integer',
        path: [5, 'big'],
        offset: 3 + 5 * 16 + 8,
      });
    expect(seen.at(4).big).toBe(12);
  });
});

it('sizeof tells what a plan has', () => {
  expect(sizeof(struct('s', { a: u8, b: u32 }), abi)).toBe(8);
  expect(sizeof(long, ABI.i386)).toBe(4);
  expect(errorOf(() => sizeof(array(u8, 'rest'))).code).toBe('size-not-fixed');
});
