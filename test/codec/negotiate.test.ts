import { describe, expect, it } from 'vitest';
import {
  ABI,
  ABI_NAMES,
  abiOf,
  be32,
  bits,
  byField,
  byMagic,
  byOrder,
  decode,
  decodeAt,
  decodeLenient,
  encode,
  fromHex,
  isCarryoverError,
  long,
  negotiate,
  negotiated,
  pointer,
  struct,
  time_t,
  toHex,
  u8,
  u16,
  u32,
  u64,
  withParts,
} from '../../src/codec/index.js';

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array();
const MAGIC = 0xb1bb1d1b0bb1d1b0n;
const Header = negotiated(
  struct(
    'header',
    { magic: u64, voidp_size: be32, time_t_size: be32, p: pointer(), t: time_t, l: long },
    { packed: true },
  ),
  {
    endian: byMagic('magic', MAGIC),
    pointerSize: byField('voidp_size', [4, 8]),
    timeSize: byField('time_t_size', [4, 8]),
  },
);
const value = { p: 1n, t: -2n, l: 3n };
const errorOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (isCarryoverError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('negotiation', () => {
  it.each(ABI_NAMES)('finds what %s wrote, and writes it again without being told', (name) => {
    const abi = ABI[name];
    const bytes = encode(Header, value, { abi });
    const { abi: found, steps, candidates } = negotiate(Header, bytes);
    expect(found).toMatchObject({ endian: abi.endian, pointerSize: abi.pointerSize, timeSize: abi.timeSize });
    expect(candidates).toContain(name);
    expect(steps.map((step) => step.part)).toEqual(['endian', 'pointerSize', 'timeSize']);
    const decoded = decode(Header, bytes);
    expect(decoded).toMatchObject(value);
    expect(abiOf(decoded)).toBe(found);
    expect(toHex(encode(Header, decoded))).toBe(toHex(bytes));
  });
  it('finds sizes that no preset has together', () => {
    const abi = withParts(ABI.arm, { timeSize: 8 });
    const found = negotiate(Header, encode(Header, value, { abi })).abi;
    expect(found).toMatchObject({ endian: 'little', pointerSize: 4, timeSize: 8 });
  });
  it('says why', () => {
    expect(
      negotiate(Header, encode(Header, value, { abi: ABI.s390x })).steps.map((step) => step.because),
    ).toEqual([
      'big-endian, because magic reads 0xb1bb1d1b0bb1d1b0 in byte order',
      'pointers of 8 bytes, because voidp_size is 8',
      'time_t of 8 bytes, because time_t_size is 8',
    ]);
  });
  it('reads an order that is named, and sizes in bit-fields', () => {
    const ident = negotiated(
      struct('ident', { data: u8, a: bits(u8, 4), size: bits(u8, 4), x: u16 }, { packed: true }),
      {
        endian: byOrder('data', 1, 2),
        pointerSize: byField('size', [4, 8]),
      },
    );
    for (const abi of [ABI.x86_64, ABI.powerpc]) {
      const bytes = encode(ident, { a: 3, x: 0x0102 }, { abi });
      expect(toHex(bytes)).toBe(abi === ABI.x86_64 ? '01830201' : '02340102');
      expect(negotiate(ident, bytes).abi).toMatchObject({ endian: abi.endian, pointerSize: abi.pointerSize });
    }
  });
  it('decides for what follows the header, wherever that begins', () => {
    const stream = struct('stream', { header: Header, n: u32 });
    const bytes = encode(stream, { header: value, n: 5 }, { abi: ABI.mips });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeAt(stream, shifted, 3)).toMatchObject({ value: { n: 5 }, size: bytes.length });
  });
});

describe('failures', () => {
  const good = encode(Header, value, { abi: ABI.x86_64 });
  const patched = (at: number, byte: number): Uint8Array => good.map((was, i) => (i === at ? byte : was));
  it.each([
    ['magic', patched(0, 0), 0, 'expected 0xb1bb1d1b0bb1d1b0 in either byte order'],
    ['voidp_size', patched(11, 16), 8, 'expected one of 4, 8'],
    ['time_t_size', patched(15, 0), 12, 'expected one of 4, 8'],
  ])('at %s', (field, bytes, offset, text) => {
    const error = errorOf(() => decode(Header, bytes));
    expect(error).toMatchObject({ code: 'negotiation-failed', path: [field], offset });
    expect(error.message).toContain(text);
    expect(error.because).toHaveLength(['magic', 'voidp_size', 'time_t_size'].indexOf(field));
    const lenient = decodeLenient(Header, bytes);
    expect(lenient.problems.map((problem) => problem.code)).toEqual(['negotiation-failed']);
    expect(lenient.value).toBeUndefined();
  });
  it('where the input ends', () => {
    for (let length = 0; length < 16; length++)
      expect(errorOf(() => decode(Header, good.subarray(0, length)))).toMatchObject({ code: 'truncated' });
  });
  it('where an ABI is forced that the bytes contradict', () => {
    expect(errorOf(() => decode(Header, good, { abi: ABI.s390x }))).toMatchObject({
      code: 'derived-mismatch',
      path: ['magic'],
    });
    const { value: forced, problems } = decodeLenient(Header, good, { abi: ABI.s390x });
    expect(problems.map((problem) => problem.path)).toEqual([['magic']]);
    expect(forced).toMatchObject({ p: 1n << 56n });
  });
  it('where nothing is negotiated', () => {
    expect(errorOf(() => negotiate(u8, hex('00'))).code).toBe('schema-invalid');
    expect(errorOf(() => negotiated(struct('s', { a: u8 }), { endian: byMagic('b', 1) })).code).toBe(
      'schema-invalid',
    );
  });
  it('where there is no ABI to encode for', () => {
    expect(errorOf(() => encode(Header, value)).code).toBe('abi-required');
  });
});
