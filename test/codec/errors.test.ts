import { Parser } from 'binary-parser';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  array,
  asNumber,
  be32,
  bits,
  block,
  byField,
  byMagic,
  bytes,
  CarryoverError,
  CHECK_CODES,
  CODES,
  type Code,
  chars,
  checkBytes,
  countOf,
  decode,
  decodeLenient,
  derived,
  encode,
  enumeration,
  field,
  flags,
  foreign,
  fromHex,
  le32,
  magic,
  negotiate,
  negotiated,
  parsePath,
  pathText,
  pointer,
  reserved,
  rest,
  type Schema,
  setSlack,
  sizeOfStruct,
  struct,
  taggedUnion,
  u8,
  u16,
  u32,
  u64,
  union,
  versioned,
} from '../../src/codec/index.js';
import { sizeof as sizeOfType } from '../../src/codec/size.js';
import { toBinaryParser } from '../../src/interop/binary-parser.js';

const abi = ABI.x86_64;
const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array();

const Header = negotiated(struct('migrate_header', { magic: u64, voidp_size: be32, flags: u32 }), {
  endian: byMagic('magic', 0xb1bb1d1b0bb1d1b0n),
  pointerSize: byField('voidp_size', [4, 8]),
});
const Stream = struct('stream', {
  header: Header,
  count: u32,
  flows: array(struct('flow', { port: u16, q: u32 }), field('count')),
});
const Record = struct('record', { len: u8, name: chars(field('len')) }, { packed: true });
const Records = struct(
  'records',
  { hdr: struct('hdr', { n: be32 }, { packed: true }), list: array(Record, field('hdr.n')) },
  { packed: true },
);

/** Ways to raise each code, through the public API. The texts are in goldens/errors.txt. */
const cases: Record<Code, readonly (() => unknown)[]> = {
  'schema-invalid': [
    () => decode(struct('s', { d: bytes(field('n')), n: u8 }), hex('00'), { abi }),
    () => decode(struct('s', { a: bits(u8, 9) }), hex('0000'), { abi }),
    () => decode(block(u32, 2), hex('0000'), { abi }),
  ],
  'abi-required': [() => decode(struct('s', { at: pointer() }), hex('00'))],
  truncated: [
    () => decode(struct('s', { a: u32, b: u64 }), hex('01000000 00000000 0102'), { abi }),
    () => decode(Records, hex('00000002 02 6162')),
    () =>
      decode(
        struct('s', {
          page: block(
            struct(
              'in',
              { n: u8, list: array(struct('e', { v: be32 }, { packed: true }), rest) },
              { packed: true },
            ),
            6,
          ),
        }),
        hex('00 00000001 02'),
        { abi },
      ),
    () => decode(array(be32, 3), hex('00000000 0000')),
    () => decode(struct('s', { a: bits(u32, 7), b: bits(u32, 7) }, { packed: true }), hex('00'), { abi }),
    () => decode(struct('s', { a: u8, b: u32 }), hex('01 00'), { abi }),
    () => decode(u8, hex('')),
    () => negotiate(Stream, hex('b1bb1d1b')),
  ],
  'trailing-bytes': [() => decode(be32, hex('00000001 aabb'))],
  'magic-mismatch': [
    () => decode(struct('s', { a: u32, m: magic(u32, 0xcafe) }), hex('00000000 fe0a0000'), { abi }),
    () => decode(struct('s', { m: magic(chars(4), 'LUO') }, { packed: true }), hex('4b484f00')),
    () => encode(struct('s', { m: magic(u8, 0xaa) }), { m: 1 }),
  ],
  'unsafe-integer': [() => decode(struct('s', { pfn: asNumber(u64) }), hex('ffffffffffff2000'), { abi })],
  'count-limit': [
    () => decode(Stream, hex('b1bb1d1b0bb1d1b0 00000008 00000000 00010000 00000000')),
    () => decode(Records, hex('ffffffff 00')),
    () => decode(struct('s', { n: u8, d: bytes(field('n')) }), hex('05 0102')),
    () => decode(array(u8, field('n')), hex('00'), { params: { n: -1 } }),
    () => decode(array(struct('nothing', {}), rest), hex('00')),
  ],
  'size-not-fixed': [() => sizeOfType(struct('s', { n: u8, d: bytes(field('n')) }))],
  'count-mismatch': [
    () => encode(array(u8, 3), [1, 2]),
    () => encode(struct('s', { n: u8, d: array(u8, field('n')) }), { n: 1, d: [1, 2] }),
    () => encode(struct('s', { n: u8, d: bytes(field('n')) }), { n: 3, d: hex('0102') }),
  ],
  'derived-mismatch': [
    () => decode(struct('s', { n: derived(u8, countOf('d')), d: array(u8, rest) }), hex('03 0102')),
    () =>
      decode(struct('table', { size: derived(u32, sizeOfStruct), x: u32 }), hex('0c000000 00000000'), {
        abi,
      }),
    () => decode(Header, hex('b1bb1d1b0bb1d1b0 00000008 00000000'), { abi }),
  ],
  'version-unknown': [
    () =>
      decode(
        struct('s', {
          hdr: struct('hdr', { version: u8 }),
          body: versioned('body', field('hdr.version'), { 1: u8, 2: u8, 3: u8 }),
        }),
        hex('07 00'),
      ),
    () => encode(struct('s', { v: u8, body: versioned('body', field('v'), { 1: u8 }) }), { v: 2, body: 0 }),
  ],
  'reference-missing': [
    () => decode(array(u8, field('count')), hex('00')),
    () =>
      decode(
        struct('s', { list: pointer(() => struct('t', { n: u32 })), d: bytes(field('list.n')) }),
        hex('0010000000000000 00'),
        { abi },
      ),
    () => decode(versioned('body', field('version'), { 1: u8 }), hex('00')),
    () => encode(array(u8, field('count')), [1]),
  ],
  'value-missing': [
    () => encode(struct('s', { a: struct('in', { x: u8, y: u8 }) }), { a: { x: 1 } } as never),
  ],
  'value-unknown': [
    () => encode(struct('s', { a: struct('in', { x: u8 }) }), { a: { x: 1, z: 2 } } as never),
  ],
  'value-type': [
    () => encode(struct('s', { a: array(u8, 2) }), { a: [1, 'x'] } as never),
    () => encode(u8, 1.5),
    () => encode(bytes(2), '00' as never),
  ],
  'value-range': [
    () => encode(struct('s', { a: u8 }), { a: 256 }),
    () => encode(struct('s', { a: bits(u8, 3) }), { a: 8 }, { abi }),
    () => encode(u64, 2 ** 53, { abi }),
    () => encode(chars(2), 'abc'),
    () => encode(block(chars(rest), 2), 'abc'),
    () =>
      encode(
        struct('s', { n: u32, t: chars(field('n')) }, { packed: true }),
        { n: 0xffffffff, t: '' },
        { abi },
      ),
  ],
  'union-member': [
    () =>
      encode(struct('s', { t: u8, u: taggedUnion('u', field('t'), { 1: 'a', 2: 'b' }, { a: u8, b: u8 }) }), {
        t: 1,
        u: { b: 1 },
      }),
    () => encode(union('u', { a: u8, b: u8 }), {}),
  ],
  'union-conflict': [() => encode(union('u', { a: u8, b: be32 }, { packed: true }), { a: 1, b: 0x02000000 })],
  'not-canonical': [() => decode(chars(5), hex('6162 00 63 00'))],
  'slack-mismatch': [
    () => {
      const value = { a: 1 };
      setSlack(value, { gone: hex('00') });
      return encode(struct('s', { a: u8 }), value);
    },
    () => {
      const value = { a: 1, b: 2 };
      setSlack(value, { '+1': hex('01') });
      return encode(struct('s', { a: u8, b: u32 }), value, { abi });
    },
  ],
  'negotiation-failed': [
    () => decode(Stream, hex('00bb1d1b0bb1d1b0 00000008 00000000 00000000 00000000')),
    () => decode(Stream, hex('b0d1b10b1b1dbbb1 00000007 00000000 00000000 00000000')),
  ],
  'foreign-failed': [
    () =>
      decode(
        struct('s', {
          n: u8,
          x: foreign({
            name: 'Pascal',
            size: undefined,
            decode: () => {
              throw new RangeError('Offset is outside the bounds of the DataView');
            },
            encode: () => new Uint8Array(),
          }),
        }),
        hex('00'),
      ),
  ],
  'interop-unsupported': [
    () =>
      toBinaryParser(
        struct('s', { list: pointer(() => struct('t', { n: u32 })), d: bytes(field('list.n')) }),
        {
          Parser: Parser as never,
          abi,
        },
      ),
  ],
  'path-unknown': [() => parsePath('flows[x].side')],
};

function raise(run: () => unknown): CarryoverError {
  try {
    run();
  } catch (error) {
    if (error instanceof CarryoverError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('errors', () => {
  it('has a case and an explanation for every code', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(CODES).sort());
    for (const [code, { title, text }] of Object.entries({ ...CODES, ...CHECK_CODES })) {
      expect(title, code).toMatch(/^[A-Z].*[^.]$/);
      expect(text, code).toMatch(/^[A-Z].{40,}\.$/s);
    }
  });
  it.each(Object.entries(cases))('raises %s', (code, runs) => {
    for (const run of runs) expect(raise(run).code).toBe(code);
  });
  it('has the texts of the goldens', async () => {
    const texts = Object.entries(cases).flatMap(([code, runs]) =>
      runs.map((run, i) => `--- ${code} ${i + 1}\n${raise(run).message}\n`),
    );
    await expect(texts.join('\n')).toMatchFileSnapshot('goldens/errors.txt');
  });
  it('names the place of every error found in bytes', () => {
    const inBytes: Code[] = [
      'truncated',
      'trailing-bytes',
      'unsafe-integer',
      'count-limit',
      'derived-mismatch',
      'negotiation-failed',
      'foreign-failed',
    ];
    for (const code of inBytes)
      for (const run of cases[code]) {
        const error = raise(run);
        expect(error.offset, error.message).toBeTypeOf('number');
        expect(error.excerpt, error.message).toBeTypeOf('string');
      }
  });
  it('gives the bit of bit-fields', () => {
    const schema = struct('s', { a: bits(u32, 7), b: bits(u32, 7) }, { packed: true });
    expect(raise(() => decode(schema, hex('00'), { abi }))).toMatchObject({ offset: 0, bit: 7 });
    const probed = negotiated(struct('h', { m: u32, a: bits(u8, 4), p: bits(u8, 4) }), {
      endian: byMagic('m', 1),
      pointerSize: byField('p', [4, 8]),
    });
    expect(raise(() => decode(probed, hex('01000000 42000000'), { abi }))).toMatchObject({
      path: ['p'],
      offset: 4,
      bit: 4,
    });
  });
  it('tells the chain of references that led there', () => {
    const error = raise(() => decode(Records, hex('00000002 02 6162 03 6364')));
    expect(error.because).toEqual(['hdr.n at offset 0x0 is 2', 'list[1].len at offset 0x7 is 3']);
    expect(error.toJSON()).toMatchObject({
      code: 'count-limit',
      path: 'list[1].name',
      because: error.because,
    });
    const cause = raise(cases['foreign-failed'][0] ?? (() => undefined)).cause;
    expect(cause).toBeInstanceOf(RangeError);
  });
  it('puts the caret under the bytes that are meant', () => {
    const excerpt =
      raise(() =>
        decode(struct('s', { a: bytes(18), m: magic(le32, 1) }, { packed: true }), new Uint8Array(40), {
          abi,
        }),
      ).excerpt ?? '';
    expect(excerpt.split('\n')).toEqual([
      '  00000000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '  00000010  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '                  ^^ ^^ ^^ ^^',
      '  00000020  00 00 00 00 00 00 00 00 ∎',
    ]);
  });
  it('has paths as text both ways', () => {
    const path = ['luo', 'sessions', 3, 'files', 0, 'token'];
    expect(pathText(path)).toBe('luo.sessions[3].files[0].token');
    expect(parsePath(pathText(path))).toEqual(path);
    expect(parsePath('')).toEqual([]);
  });
});

/** Every check code, too, is raised. */
const checks: Record<keyof typeof CHECK_CODES, { schema: Schema; bytes: string }> = {
  'reserved-not-zero': { schema: struct('s', { r: reserved(be32) }, { packed: true }), bytes: '00000100' },
  'padding-not-zero': { schema: struct('s', { a: u8, b: u16 }), bytes: '01 ff 0000' },
  'tail-not-zero': { schema: struct('s', { t: chars(8) }), bytes: '6162 00 00 63 000000' },
  'enum-unknown': { schema: struct('s', { e: enumeration('pif', u8, { NONE: 0 }) }), bytes: '05' },
  'flags-unknown': {
    schema: struct('s', { f: bits(flags('f', u8, { SACK: 2, WSCALE: 4 }), 4) }),
    bytes: '0e',
  },
};
describe('checks', () => {
  it('has the texts of the goldens', async () => {
    const lines = Object.entries(checks).map(([code, { schema, bytes }]) => {
      const problems = checkBytes(schema, hex(bytes), { abi });
      expect(problems.map((problem) => problem.code)).toEqual([code]);
      return problems
        .map(
          ({ severity, code, path, offset, bit, message }) =>
            `${severity} ${code} ${pathText(path)} at ${offset}${bit === undefined ? '' : `, bit ${bit}`}: ${message}`,
        )
        .join('\n');
    });
    expect(Object.keys(checks).sort()).toEqual(Object.keys(CHECK_CODES).sort());
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('goldens/checks.txt');
  });
  it('says what lenient decoding says', () => {
    const schema = struct('s', { m: magic(le32, 1), n: le32 }, { packed: true });
    const bytes = hex('02000000 0300');
    expect(checkBytes(schema, bytes).map((p) => [p.severity, p.code, p.offset])).toEqual([
      ['error', 'magic-mismatch', 0],
      ['error', 'truncated', 4],
    ]);
    expect(decodeLenient(schema, bytes).problems).toHaveLength(2);
  });
});
