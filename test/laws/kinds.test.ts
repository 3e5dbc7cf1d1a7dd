/** One schema or more for each kind there is, written as formats write them. */
import { describe, expect, it } from 'vitest';
import {
  aligned,
  anonymous,
  array,
  asNumber,
  be32,
  be64,
  bits,
  block,
  byField,
  byMagic,
  bytes,
  chars,
  checksum,
  countedBy,
  countOf,
  derived,
  enumeration,
  field,
  flags,
  foreign,
  hex,
  i32,
  i64,
  le16,
  magic,
  negotiated,
  optional,
  type Params,
  packed,
  phys,
  pointer,
  reserved,
  rest,
  type Schema,
  sizeOf,
  sizeOfStruct,
  struct,
  taggedUnion,
  time_t,
  u8,
  u16,
  u32,
  u64,
  ulong,
  union,
  unnamed,
  versioned,
} from '../../src/codec/index.js';
import { allLaws } from '../../src/testing/index.js';
import { runs, SEED } from './seed.js';

const Type = enumeration('type', u32, { FILE: 1, MEMFD: 2, IOMMU: 0x40 });
const Access = flags('access', u8, { READ: 1, WRITE: 2, EXEC: 4 });
const Header = struct('header', { version: be32, count: u16, type: Type, access: Access });
const Inner = struct('inner', { a: u8, b: u64, c: u16 });
const twoBytes = foreign<number>({
  name: 'two bytes',
  size: 2,
  decode: (input, offset) => ({ value: (input[offset] ?? 0) * 256 + (input[offset + 1] ?? 0), size: 2 }),
  encode: (value) => Uint8Array.of(value >> 8, value & 0xff),
});

const schemas: Record<string, Schema | { schema: Schema; params: Params }> = {
  int: struct('ints', { a: u8, b: i64, c: asNumber(u64), d: ulong, e: le16, f: hex(i32), g: time_t }),
  enum: struct('enums', { type: Type, b: bits(Type, 7) }),
  flags: struct('flagged', { access: Access, b: bits(Access, 3) }),
  pointer: struct('pointers', { p: pointer(() => Inner), q: phys(() => Inner), r: phys(undefined, u32) }),
  bits: struct('fields', {
    a: bits(u32, 1),
    b: bits(i32, 31),
    c: bits(u64, 64),
    d: bits(i64, 54),
    e: bits(u64, 53),
  }),
  unnamed: struct('holes', {
    a: bits(u32, 3),
    _0: unnamed(u32, 4),
    b: bits(u32, 3),
    _1: unnamed(u32, 0),
    c: bits(u8, 2),
  }),
  chars: struct('texts', { name: chars(8), one: chars(1), none: chars(0), n: u8, more: chars(field('n')) }),
  'chars alone': chars(6),
  bytes: struct('raw', { a: bytes(3), n: be32, b: bytes(field('n')), c: bytes(rest) }),
  array: struct('arrays', {
    n: u16,
    a: array(Inner, 2),
    b: array(u32, countedBy('n')),
    c: array(chars(4), field('n')),
    d: array(u16, rest),
  }),
  'array alone': array(struct('pair', { a: u8, b: u32 }), 3),
  struct: struct('outer', {
    hdr: Header,
    list: array(struct('item', { n: u8, x: bytes(field('n')) }), field('hdr.count')),
  }),
  'packed struct': struct(
    'tight',
    { a: u8, inner: Inner, b: bits(u32, 3), c: aligned(u16, 4) },
    { packed: true, aligned: 2 },
  ),
  union: struct('overlaid', {
    u: union('u', { a: u32, b: struct('b', { x: u8, y: u16 }), c: chars(5), d: bits(u32, 9) }),
    end: u8,
  }),
  tagged: struct('told', {
    type: Type,
    u: taggedUnion('u', field('type'), { 1: 'file', 2: 'memfd' }, { file: chars(12), memfd: Inner }),
  }),
  'tagged by what is not there': struct('untold', {
    u: taggedUnion('u', field('kind'), { 1: 'a' }, { a: u32, b: u64 }),
  }),
  anonymous: struct('hoisting', {
    a: u8,
    _0: anonymous(struct('', { b: u64, _1: anonymous(union('', { c: u32, d: bytes(6) })) })),
    tag: u8,
    _2: anonymous(taggedUnion('', field('tag'), { 0: 'x', 1: 'y' }, { x: u16, y: Inner })),
    _3: anonymous(struct('', { n: u8, list: array(u16, field('n')) })),
    again: array(u8, field('n')),
  }),
  attributed: struct('attributed', {
    a: u8,
    b: aligned(u64, 16),
    c: packed(u32),
    d: aligned(bits(u32, 3), 8),
  }),
  reserved: struct('reserving', {
    a: u8,
    r: reserved(u64),
    b: bits(u32, 3),
    s: reserved(bits(u32, 5)),
    t: reserved(bytes(5)),
  }),
  magic: struct('magical', {
    m: magic(be64, 0xb1bb1d1b0bb1d1b0n),
    t: magic(chars(4), 'QEVM'),
    b: magic(bytes(2), Uint8Array.of(1, 2)),
  }),
  derived: struct('deriving', {
    size: derived(u32, sizeOfStruct),
    n: derived(u16, countOf('list')),
    bytes: derived(be32, sizeOf('list')),
    sum: derived(
      u8,
      checksum('sum', (all) => all.reduce((sum, byte) => (sum + byte) & 0xff, 0)),
    ),
    list: array(struct('entry', { n: derived(u8, countOf('text')), text: chars(field('n')) }), field('n')),
  }),
  optional: struct('perhaps', {
    state: u8,
    n: u32,
    a: optional(bytes(field('n')), { ref: 'state', is: 'different', value: 0 }),
    b: optional(u64, { ref: 'state', is: 'at-least', value: 3 }),
    c: optional(Inner, { ref: 'state', is: 'any-bit', value: 4 }),
    d: optional(derived(u16, countOf('e')), { ref: 'state', is: 'equal', value: 1 }),
    e: array(u8, field('n')),
  }),
  'counts of what may be absent': struct('absent', {
    state: u8,
    n: derived(u32, countOf('list')),
    list: optional(array(u16, field('n')), { ref: 'state', is: 'equal', value: 1 }),
  }),
  versioned: struct('growing', {
    version: u32,
    body: versioned('body', field('version'), {
      1: u32,
      2: Inner,
      3: struct('v3', { n: u8, x: bytes(field('n')) }),
    }),
  }),
  'versioned by a parameter': {
    schema: struct('told', { body: versioned('body', field('release'), { 1: u32, 2: Inner }) }),
    params: { release: 2 },
  },
  block: struct('pages', {
    n: u16,
    page: block(struct('session', { name: chars(9), files: array(Inner, field('n')) }), 'page'),
    size: u32,
    part: block(struct('tlv', { type: u8, data: array(u16, rest) }), field('size')),
    filled: block(array(be32, rest), 24),
    text: block(chars(rest), 7),
  }),
  negotiated: struct('stream', {
    hdr: negotiated(struct('hdr', { magic: u64, version: u32, voidp: u32, timet: u32 }), {
      endian: byMagic('magic', 0xb1bb1d1b0bb1d1b0n),
      pointerSize: byField('voidp', [4, 8]),
      timeSize: byField('timet', [4, 8]),
    }),
    p: pointer(),
    t: time_t,
  }),
  foreign: struct('mixed', { a: u8, two: twoBytes, list: array(twoBytes, 2) }),
};

describe.each(Object.keys(schemas))('%s', (name) => {
  const given = schemas[name];
  const { schema, params } =
    given !== undefined && 'schema' in given ? given : { schema: given, params: undefined };
  it('is there', () => expect(schema).toBeDefined());
  if (schema === undefined) return;
  for (const law of allLaws(name, schema, { runs: runs(40), seed: SEED, ...(params && { params }) }))
    it(law.name, law.run);
});
