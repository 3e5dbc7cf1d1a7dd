import { describe, expect, it } from 'vitest';
import {
  ABI,
  anonymous,
  array,
  be16,
  be32,
  bits,
  block,
  bytes,
  CarryoverError,
  chars,
  countedBy,
  countOf,
  decode,
  decodeAt,
  decodeLenient,
  derived,
  encode,
  field,
  foreign,
  fromHex,
  le16,
  type Memory,
  magic,
  optional,
  phys,
  pointer,
  reserved,
  rest,
  type Schema,
  sizeOf,
  sizeOfStruct,
  slackOf,
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

const abi = ABI.x86_64;
const packed = { packed: true } as const;

function hex(text: string): Uint8Array {
  const bytes = fromHex(text.replaceAll(' ', ''));
  if (bytes === undefined) throw new Error(`not hex: ${text}`);
  return bytes;
}
/** Decodes, encodes again, and expects the same bytes. */
function roundTrip(schema: Schema, text: string, options: object = {}): unknown {
  const input = hex(text);
  const value = decode(schema, input, { abi, ...options });
  expect(toHex(encode(schema, value as never, { abi, ...options }))).toBe(toHex(input));
  return value;
}
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CarryoverError) return error.code;
    throw error;
  }
  return 'none';
}

describe('lengths', () => {
  it('counts by a sibling, an outer struct, a parameter and a field of an anonymous struct', () => {
    const sibling = struct('s', { n: u8, items: array(be16, countedBy('n')) });
    expect(roundTrip(sibling, '02 00 0001 0002')).toEqual({ n: 2, items: [1, 2] });
    const outer = struct('s', { n: u8, in: struct('in', { x: u8, items: bytes(field('n')) }) });
    expect(roundTrip(outer, '02 07 aabb')).toEqual({ n: 2, in: { x: 7, items: hex('aabb') } });
    const parameter = struct('s', { items: array(u8, field('count')) });
    expect(roundTrip(parameter, '010203', { params: { count: 3 } })).toEqual({ items: [1, 2, 3] });
    const hoisted = struct('s', { _: anonymous(struct('a', { n: u8 })), items: array(u8, field('n')) });
    expect(roundTrip(hoisted, '02 0506')).toEqual({ n: 2, items: [5, 6] });
  });
  it('refers outward from an anonymous struct', () => {
    const arm = taggedUnion('u', field('tag'), { 1: 'a', 2: 'b' }, { a: u8, b: u8 });
    const schema = struct('s', { tag: u8, _: anonymous(struct('in', { x: u8, u: arm })) });
    expect(roundTrip(schema, '02 09 07')).toEqual({ tag: 2, x: 9, u: { b: 7 } });
  });
  it('refers through dots', () => {
    const schema = struct('s', {
      hdr: struct('hdr', { n: u8, v: magic(u8, 2) }),
      items: array(u8, field('hdr.n')),
      ext: versioned('ext', field('hdr.v'), { 2: struct('v2', { x: u8 }) }),
    });
    expect(roundTrip(schema, '01 02 05 06')).toEqual({ hdr: { n: 1, v: 2 }, items: [5], ext: { x: 6 } });
    // The magic number was left out, and still chooses the version.
    expect(toHex(encode(schema, { hdr: { n: 0 }, items: [], ext: { x: 1 } }, { abi }))).toBe('000201');
  });
  it('takes the rest, of the input or of a block', () => {
    expect(roundTrip(array(be16, rest), '0001 0002')).toEqual([1, 2]);
    const schema = struct('s', { b: block(array(u8, rest), 3), after: u8 });
    expect(roundTrip(schema, '010203 04')).toEqual({ b: [1, 2, 3], after: 4 });
  });
  it('ends a rest array with an error where an element is cut', () => {
    expect(codeOf(() => decode(array(be16, rest), hex('000102')))).toBe('truncated');
  });
  it('allocates nothing for a count that cannot be', () => {
    const schema = struct('s', { n: be32, items: array(u64, field('n')), s: chars(field('n')) }, packed);
    expect(codeOf(() => decode(schema, hex('ffffffff 00'), { abi }))).toBe('count-limit');
    const { problems, value } = decodeLenient(schema, hex('ffffffff 0000000000000001'), { abi });
    expect(problems.map((problem) => problem.code)).toEqual(['count-limit']);
    expect(value).toEqual({ n: 0xffffffff, items: [0x0100000000000000n] });
  });
  it('refuses a count that is negative or no integer', () => {
    const schema = array(u8, field('n'));
    expect(codeOf(() => decode(schema, hex('00'), { params: { n: -1 } }))).toBe('count-limit');
    expect(codeOf(() => decode(schema, hex('00'), { params: { n: 0.5 } }))).toBe('reference-missing');
    expect(codeOf(() => decode(schema, hex('00')))).toBe('reference-missing');
  });
  it('does not loop for elements that take no bytes', () => {
    const nothing = struct('nothing', {});
    expect(decode(array(nothing, 3), hex(''))).toEqual([{}, {}, {}]);
    expect(codeOf(() => decode(array(nothing, rest), hex('00')))).toBe('count-limit');
    const many = struct('s', { n: be32, items: array(nothing, field('n')) }, packed);
    expect(codeOf(() => decode(many, hex('ffffffff')))).toBe('count-limit');
    const lot = array(array(nothing, 60000), 60000);
    expect(codeOf(() => decode(lot, hex('')))).toBe('count-limit');
  });
  it('goes on within nested arrays after a shortened count', () => {
    const schema = struct('s', { n: u8, rows: array(array(u8, 2), field('n')) });
    const { value, problems } = decodeLenient(schema, hex('05 01020304'));
    expect(value).toEqual({
      n: 5,
      rows: [
        [1, 2],
        [3, 4],
      ],
    });
    expect(problems).toHaveLength(1);
  });
});

describe('blocks', () => {
  const page = struct('s', { content: block(struct('c', { n: u8, d: bytes(field('n')) }), 'page'), z: u8 });
  it('takes a page and keeps what is left of it', () => {
    const input = new Uint8Array(4097);
    input.set([2, 0xaa, 0xbb, 0, 9]);
    input[4096] = 7;
    const value = decode(page, input, { abi });
    expect(value).toEqual({ content: { n: 2, d: hex('aabb') }, z: 7 });
    expect(encode(page, value, { abi })).toEqual(input);
    expect(encode(page, value, { abi: ABI.powerpc64 })).toHaveLength(65537);
  });
  it('does not let the content leave the block', () => {
    const schema = struct('s', { b: block(struct('c', { n: u8, d: bytes(field('n')) }), 4), after: u32 });
    expect(codeOf(() => decode(schema, hex('04 010203 00000000'), { abi }))).toBe('count-limit');
  });
  it('has blocks directly in blocks, and keeps what each of them leaves', () => {
    const schema = struct('s', { n: u8, b: block(block(chars(2), 3), field('n')) });
    expect(roundTrip(schema, '05 6100 07 0809')).toEqual({ n: 5, b: 'a' });
  });
  it('stands at the root', () => {
    expect(roundTrip(block(struct('c', { x: u8 }), 4), '01 000203')).toEqual({ x: 1 });
  });
});

describe('optional and versioned', () => {
  const schema = struct(
    's',
    {
      state: u8,
      zero: optional(u8, { ref: 'state', is: 'equal', value: 0 }),
      other: optional(be16, { ref: 'state', is: 'different', value: 0 }),
      two: optional(chars(2), { ref: 'state', is: 'at-least', value: 2 }),
      bit: optional(u8, { ref: 'state', is: 'any-bit', value: 4 }),
    },
    packed,
  );
  it('reads what the condition asks for', () => {
    expect(roundTrip(schema, '00 09')).toEqual({ state: 0, zero: 9 });
    expect(roundTrip(schema, '01 0001')).toEqual({ state: 1, other: 1 });
    expect(roundTrip(schema, '04 0001 6100 08')).toEqual({ state: 4, other: 1, two: 'a', bit: 8 });
  });
  it('has versions of one size and of several', () => {
    const same = versioned('v', field('version'), {
      1: struct('a', { x: u16 }),
      2: struct('b', { y: u8, z: u8 }),
    });
    const fixed = struct('s', { version: u16, body: same, after: u16 });
    expect(roundTrip(fixed, '0100 0500 0600')).toEqual({ version: 1, body: { x: 5 }, after: 6 });
    expect(roundTrip(fixed, '0200 0500 0600')).toEqual({ version: 2, body: { y: 5, z: 0 }, after: 6 });
    const several = struct(
      's',
      { version: u8, body: versioned('v', field('version'), { 1: u8, 2: be32, 3: chars(rest) }) },
      packed,
    );
    expect(roundTrip(several, '01 05')).toEqual({ version: 1, body: 5 });
    expect(roundTrip(several, '02 00000005')).toEqual({ version: 2, body: 5 });
    expect(roundTrip(several, '03 6162')).toEqual({ version: 3, body: 'ab' });
    expect(codeOf(() => decode(several, hex('09 00'), { abi }))).toBe('version-unknown');
  });
  it('takes the version from a parameter', () => {
    const root = versioned('v', field('version'), { 1: u8, 2: be16 });
    expect(roundTrip(root, '0102', { params: { version: 2 } })).toBe(258);
    expect(codeOf(() => decode(root, hex('01')))).toBe('reference-missing');
  });
});

describe('unions', () => {
  const arms = { a: be16, b: struct('b', { x: u8, y: u8 }) };
  const tagged = struct(
    's',
    { tag: u8, u: taggedUnion('u', field('tag'), { 1: 'a', 2: 'b' }, arms) },
    packed,
  );
  it('has the member that the tag tells, or the raw bytes', () => {
    expect(roundTrip(tagged, '01 0005')).toEqual({ tag: 1, u: { a: 5 } });
    expect(roundTrip(tagged, '02 0005')).toEqual({ tag: 2, u: { b: { x: 0, y: 5 } } });
    expect(roundTrip(tagged, '03 0005')).toEqual({ tag: 3, u: { $raw: hex('0005') } });
  });
  it('keeps the raw bytes of an anonymous one', () => {
    const schema = struct('s', {
      tag: u8,
      _: anonymous(taggedUnion('u', field('tag'), { 1: 'a' }, { a: u8, b: u16 }, packed)),
    });
    expect(roundTrip(schema, '01 0500')).toEqual({ tag: 1, a: 5 });
    expect(roundTrip(schema, '01 0507')).toEqual({ tag: 1, a: 5 });
    expect(roundTrip(schema, '09 0507')).toEqual({ tag: 9, $raw: hex('0507') });
  });
  it('finds the tag through a pointer where there is memory', () => {
    const Domain = struct('domain', { other: u32, type: u32 });
    for (const make of [pointer, phys] as const) {
      const schema = struct('s', {
        at: make(() => Domain),
        u: taggedUnion('u', field('at.type'), { 7: 'a' }, { a: u32, b: u64 }),
      });
      const space = make === pointer ? 'virt' : 'phys';
      const memory: Memory = {
        read: (where, address, length) =>
          where === space && address === 0x1000n && length === 8 ? hex('00000000 07000000') : undefined,
      };
      const input = hex('0010000000000000 0500000000000000');
      expect(decode(schema, input, { abi, memory })).toEqual({ at: 0x1000n, u: { a: 5 } });
      expect(decode(schema, input, { abi })).toEqual({ at: 0x1000n, u: { $raw: hex('0500000000000000') } });
      expect(toHex(encode(schema, decode(schema, input, { abi, memory }), { abi }))).toBe(toHex(input));
    }
  });
  it('keeps what no member tells, also padding inside of versioned members', () => {
    const inner = struct('in', { a: u8, b: u32 });
    const schema = struct('s', {
      v: u32,
      u: union('u', { small: u8, any: versioned('any', field('v'), { 1: inner, 2: u64 }) }),
    });
    roundTrip(schema, '01000000 00000000 05 aabbcc 01000000');
    const plain = struct('s', { u: union('u', { a: u8, b: inner }), c: u8 });
    roundTrip(plain, '05 aabbcc 01000000 07 ffffff');
  });
  it('has blocks of variable content as members', () => {
    const list = struct('list', { n: u8, d: bytes(field('n')) });
    const schema = struct('s', { u: union('u', { list: block(list, 6) }) });
    expect(roundTrip(schema, '02 aabb 000005')).toEqual({ u: { list: { n: 2, d: hex('aabb') } } });
    expect(toHex(encode(schema, { u: { list: { n: 1, d: hex('ff') } } }, { abi }))).toBe('01ff00000000');
  });
});

describe('text', () => {
  it('keeps what follows the NUL in fixed, counted and rest arrays', () => {
    expect(roundTrip(struct('s', { t: chars(6), x: u8 }), '616200636400 07')).toEqual({ t: 'ab', x: 7 });
    const counted = struct('s', { n: u8, t: chars(field('n')), x: u8 });
    expect(roundTrip(counted, '04 61000000 07')).toEqual({ n: 4, t: 'a', x: 7 });
    expect(roundTrip(counted, '04 61000062 07')).toEqual({ n: 4, t: 'a', x: 7 });
    expect(roundTrip(counted, '02 6162 07')).toEqual({ n: 2, t: 'ab', x: 7 });
    expect(roundTrip(struct('s', { t: chars(rest) }), '61 00 00')).toEqual({ t: 'a' });
    const counts = struct('s', { n: derived(u8, countOf('t')), t: chars(field('n')) });
    expect(roundTrip(counts, '04 61000062')).toEqual({ n: 4, t: 'a' });
  });
  it('has UTF-8 as characters and other bytes as lone surrogates', () => {
    expect(roundTrip(struct('s', { t: chars(8) }), 'c3bc e28a95 ff c3 00')).toEqual({ t: 'ü⊕\udcff\udcc3' });
    // Overlong forms, surrogates and what is beyond U+10FFFF are not UTF-8.
    for (const bad of ['c080', 'eda080', 'f4908080', 'f08080af'])
      expect(roundTrip(struct('s', { t: chars(bad.length / 2) }), bad)).toEqual({
        t: (bad.match(/../g) ?? [])
          .map((byte) => String.fromCharCode(0xdc00 + Number.parseInt(byte, 16)))
          .join(''),
      });
  });
  it('refuses at the root what a string has no place for', () => {
    expect(roundTrip(chars(3), '616200')).toBe('ab');
    expect(codeOf(() => decode(chars(4), hex('61620063')))).toBe('not-canonical');
  });
});

describe('slack', () => {
  it('keeps padding, reserved fields and bits, and gives it away at the object', () => {
    const schema = struct('s', {
      a: u8,
      b: u32,
      r: reserved(u16),
      f: bits(u16, 3),
      z: reserved(bits(u16, 4)),
    });
    const text = '01 aabbcc 02000000 0100 fdff';
    const value = roundTrip(schema, text) as { a: number };
    expect(value).toEqual({ a: 1, b: 2, f: 5 });
    expect(Object.keys(slackOf(value) ?? {})).toEqual(['+1', 'r', 'z', '+10.7']);
    expect(toHex(encode(schema, value as never, { abi, canonical: true }))).toBe('010000000200000000000500');
  });
  it('keeps padding that is only found at run time', () => {
    const schema = struct('s', {
      n: u8,
      t: bytes(field('n')),
      after: u32,
      o: optional(u64, { ref: 'n', is: 'equal', value: 1 }),
    });
    expect(roundTrip(schema, '01 aa bbcc 05000000 0600000000000000')).toMatchObject({ after: 5, o: 6n });
    const late = struct('s', { n: u8, o: optional(u32, { ref: 'n', is: 'equal', value: 1 }), q: u64 });
    roundTrip(late, '01 aabbcc 05000000 0700000000000000');
  });
  it('keeps it in anonymous structs of variable size, beside that of the outer one', () => {
    const inner = struct('in', { a: u8, w: u32, d: bytes(field('n')), e: u16 });
    const schema = struct('s', { n: u8, x: u32, _: anonymous(inner), y: u8, more: bytes(field('a')) });
    const text = '01 c1c2c3 01000000  02 d1d2d3 02000000 ee d4 0300  04 0506';
    expect(roundTrip(schema, text)).toEqual({
      n: 1,
      x: 1,
      a: 2,
      w: 2,
      d: hex('ee'),
      e: 3,
      y: 4,
      more: hex('0506'),
    });
  });
  it('keeps it in arrays, at the root and nested deeply', () => {
    const pair = struct('p', { a: u8, b: u16 });
    roundTrip(array(pair, 2), '01 ff 0200 03 ee 0400');
    roundTrip(array(chars(3), 2), '610062 610000');
    let deep: Schema = pair;
    for (let i = 0; i < 200; i++) deep = struct(`d${i}`, { in: deep });
    roundTrip(deep, '01 ff 0200');
  });
});

describe('derived fields', () => {
  it('is checked: counts, sizes and checksums', () => {
    const sum = (bytes: Uint8Array): number => bytes.reduce((all, byte) => (all + byte) & 0xff, 0);
    const schema = struct(
      's',
      {
        n: derived(u8, countOf('items')),
        len: derived(u8, sizeOf('items')),
        total: derived(u8, sizeOfStruct),
        crc: derived(u8, { rule: 'checksum', name: 'sum', compute: sum }),
        items: array(be16, field('n')),
      },
      packed,
    );
    expect(roundTrip(schema, '02 04 08 11 0001 0002')).toMatchObject({ n: 2, items: [1, 2] });
    for (const bad of ['02 05 08 12 0001 0002', '02 04 09 12 0001 0002', '02 04 08 12 0001 0002'])
      expect(codeOf(() => decode(schema, hex(bad), { abi }))).toBe('derived-mismatch');
    expect(toHex(encode(schema, { items: [1, 2] }, { abi }))).toBe('0204081100010002');
  });
  it('is checked in anonymous structs of variable size and where it is optional', () => {
    const inner = struct('in', { n: derived(u8, countOf('d')), d: bytes(field('n')) });
    const schema = struct('s', {
      x: u8,
      _: anonymous(inner),
      len: optional(derived(u8, sizeOf('d')), { ref: 'x', is: 'equal', value: 1 }),
    });
    expect(roundTrip(schema, '01 02 aabb 02')).toEqual({ x: 1, n: 2, d: hex('aabb'), len: 2 });
    expect(codeOf(() => decode(schema, hex('01 02 aabb 03')))).toBe('derived-mismatch');
  });
  it('may be the length that it measures', () => {
    const schema = struct('s', { len: derived(u8, sizeOf('d')), d: block(array(be16, rest), field('len')) });
    expect(toHex(encode(schema, { d: [1, 2] }, { abi }))).toBe('04' + '00' + '00010002');
    expect(roundTrip(schema, '04 00 0001 0002')).toEqual({ len: 4, d: [1, 2] });
  });
});

describe('what else there is', () => {
  it('reads foreign types, and says so when they fail', () => {
    const pascal = foreign<string>({
      name: 'pascal',
      size: undefined,
      decode: (bytes, at) => {
        const size = bytes[at];
        if (size === undefined) throw new RangeError('nothing there');
        return { value: String.fromCharCode(...bytes.subarray(at + 1, at + 1 + size)), size: size + 1 };
      },
      encode: (value) => Uint8Array.from([value.length, ...[...value].map((char) => char.charCodeAt(0))]),
    });
    const schema = struct('s', { name: pascal, x: u8 });
    expect(roundTrip(schema, '02 6162 07')).toEqual({ name: 'ab', x: 7 });
    expect(codeOf(() => decode(schema, hex('')))).toBe('foreign-failed');
    expect(codeOf(() => decode(schema, hex('09 61')))).toBe('truncated');
  });
  it('decodes at an offset and says how much it took', () => {
    expect(decodeAt(be16, hex('ff 0102 ff'), 1)).toEqual({ value: 258, size: 2 });
    expect(codeOf(() => decodeAt(u8, hex('00'), -1))).toBe('truncated');
    expect(codeOf(() => decodeAt(u8, hex('00'), 0.5))).toBe('truncated');
    expect(codeOf(() => decodeAt(u8, hex('00'), 7))).toBe('truncated');
  });
  it('gives a lenient result with all that is wrong', () => {
    const schema = struct(
      's',
      { m: magic(le16, 0x55aa), n: derived(u8, countOf('d')), d: bytes(2), t: le16, z: le16 },
      packed,
    );
    const { value, problems, size } = decodeLenient(schema, hex('0000 03 aabb 01'));
    expect(problems.map(({ code, path, offset }) => [code, path.join('.'), offset])).toEqual([
      ['magic-mismatch', 'm', 0],
      ['truncated', 't', 5],
    ]);
    expect(value).toEqual({ m: 0, n: 3, d: hex('aabb') });
    expect(size).toBe(5);
    expect(decodeLenient(schema, hex('aa55 03 aabb 0100 0200')).problems.map((p) => p.code)).toEqual([
      'derived-mismatch',
    ]);
  });
  it('has no hole for an element that the input lacks', () => {
    expect(decodeLenient(array(le16, 3), hex('0100 02')).value).toEqual([1]);
    expect(decodeLenient(struct('s', { a: array(le16, rest) }, packed), hex('0100 02')).value).toEqual({
      a: [1],
    });
  });
  it('never gives a value for a truncated input', () => {
    const schema = struct('s', { n: u8, a: u32, d: bytes(field('n')), e: u32, b: block(chars(2), 4) });
    const whole = hex('01 000000 05000000 aa 000000 06000000 61000000');
    decode(schema, whole, { abi });
    for (let length = 0; length < whole.length; length++)
      expect(
        codeOf(() => decode(schema, whole.subarray(0, length), { abi })),
        `${length} bytes`,
      ).not.toBe('none');
  });
});

describe('declarations that cannot be', () => {
  const bad: [string, () => Schema][] = [
    ['a reference to a later field', () => struct('s', { d: bytes(field('n')), n: u8 })],
    ['one name twice', () => struct('s', { r: reserved(u8), _: anonymous(struct('in', { r: u8 })) })],
    [
      'two reserved fields of a name',
      () => struct('s', { r: reserved(u8), _: anonymous(struct('in', { r: reserved(u8) })) }),
    ],
    ['a derived member of a union', () => struct('s', { u: union('u', { n: derived(u8, sizeOfStruct) }) })],
    [
      'two anonymous unions told by tags',
      () => {
        const of = (a: string) => anonymous(taggedUnion(a, field('t'), {}, { [a]: u8 }));
        return struct('s', { t: u8, x: of('a'), y: of('b') });
      },
    ],
    ['a name that a path cannot hold', () => struct('s', { 'a.b': u8 })],
  ];
  it.each(bad)('%s', (_, make) => {
    expect(codeOf(() => decode(make(), hex('00'), { abi }))).toBe('schema-invalid');
  });
});
