import { describe, expect, it } from 'vitest';
import {
  ABI,
  be32,
  bits,
  byField,
  byMagic,
  byOrder,
  decodeAt,
  encode,
  interpreted,
  isCarryoverError,
  negotiate,
  negotiated,
  negotiating,
  pointer,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../../src/codec/index.js';
import { jit, jitNegotiating } from '../../src/codec/jit.js';

const MAGIC = 0xb1bb1d1b0bb1d1b0n;
const Header = negotiated(
  struct('header', { magic: u64, voidp_size: be32, p: pointer(), n: u32 }, { packed: true }),
  { endian: byMagic('magic', MAGIC), pointerSize: byField('voidp_size', [4, 8]) },
);
const MACHINES = [ABI.x86_64, ABI.i386, ABI.s390x, ABI.powerpc];
const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    if (isCarryoverError(error)) return error.code;
    throw error;
  }
  return undefined;
};
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

describe.each([
  ['interpreted', interpreted],
  ['generated', jit],
] as const)('%s engines', (_, compile) => {
  it('are those of the ABI that negotiation finds, made once for each', () => {
    let made = 0;
    const headers = negotiating(Header, (schema: typeof Header, abi) => {
      made++;
      return compile(schema, abi);
    });
    for (let turn = 0; turn < 3; turn++)
      for (const abi of MACHINES) {
        const bytes = encode(Header, { p: 5n, n: turn }, { abi });
        const stream = new Uint8Array(bytes.length + 3);
        stream.set(bytes, 3);
        const engine = headers.at(viewOf(stream), 3);
        expect(engine.abi).toEqual(negotiate(Header, bytes).abi);
        expect(engine.decodeAt(viewOf(stream), 3)).toMatchObject({ magic: MAGIC, p: 5n, n: turn });
      }
    expect(made).toBe(MACHINES.length);
  });

  it('fail as negotiation does, whatever was seen before', () => {
    const headers = negotiating(Header, compile);
    const bytes = encode(Header, { p: 5n, n: 1 }, { abi: ABI.x86_64 });
    headers.at(viewOf(bytes), 0);
    // Each byte that a probe reads counts.
    for (const at of [0, 3, 4, 7, 8, 11]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      expect(codeOf(() => headers.at(viewOf(changed), 0))).toBe('negotiation-failed');
    }
    expect(codeOf(() => headers.at(viewOf(bytes.subarray(0, 11)), 0))).toBe('truncated');
    for (const offset of [-1, 1.5, bytes.length + 1, Number.NaN])
      expect(codeOf(() => headers.at(viewOf(bytes), offset))).toBe('truncated');
  });
});

describe('probes', () => {
  it('of a byte compare no more than that byte', () => {
    const Ident = negotiated(struct('ident', { data: u8, other: u8, n: u16, m: u32 }), {
      endian: byOrder('data', 1, 2),
    });
    let made = 0;
    const headers = negotiating(Ident, (schema: typeof Ident, abi) => {
      made++;
      return interpreted(schema, abi);
    });
    for (let other = 0; other < 50; other++)
      for (const abi of [ABI.x86_64, ABI.s390x]) {
        const view = viewOf(encode(Ident, { other, n: other, m: 7 }, { abi }));
        expect(headers.at(view, 0).decodeAt(view, 0)).toMatchObject({ other, n: other, m: 7 });
      }
    expect(made).toBe(2);
  });

  it('of bits and at the very end negotiate each time, with the same result', () => {
    const Bits = negotiated(struct('bits', { order: bits(u8, 4), rest: bits(u8, 4), n: u16 }), {
      endian: byMagic('order', 5),
    });
    const Last = negotiated(struct('last', { n: u16, data: u8 }, { packed: true }), {
      endian: byOrder('data', 1, 2),
    });
    const bitsHeaders = negotiating(Bits, interpreted);
    const lastHeaders = negotiating(Last, interpreted);
    for (const abi of [ABI.x86_64, ABI.s390x, ABI.x86_64]) {
      const one = viewOf(encode(Bits, { rest: 3, n: 0x102 }, { abi }));
      expect(bitsHeaders.at(one, 0).decodeAt(one, 0)).toMatchObject({ rest: 3, n: 0x102 });
      const two = viewOf(encode(Last, { n: 0x102 }, { abi }));
      expect(lastHeaders.at(two, 0).decodeAt(two, 0)).toMatchObject({ n: 0x102 });
    }
  });

  it('have to be there', () => {
    expect(codeOf(() => negotiating(struct('s', { a: u8 }), interpreted))).toBe('schema-invalid');
  });
});

describe('a generated decoder for headers from any machine', () => {
  it('decodes each as its own machine wrote it, in any order and at any offset', () => {
    const decode = jitNegotiating(Header);
    for (let turn = 0; turn < 3; turn++)
      for (const abi of MACHINES) {
        const bytes = encode(Header, { p: 5n, n: turn }, { abi });
        const stream = new Uint8Array(bytes.length + 8);
        stream.set(bytes, 5);
        expect(decode(viewOf(stream), 5)).toEqual(decodeAt(Header, stream, 5).value);
      }
  });
  it('fails as negotiation and decoding do', () => {
    const decode = jitNegotiating(Header);
    const bytes = encode(Header, { p: 5n, n: 1 }, { abi: ABI.i386 });
    decode(viewOf(bytes), 0);
    for (let i = 0; i < 12; i++) {
      const broken = bytes.slice();
      broken[i] = 0x55;
      expect(codeOf(() => decode(viewOf(broken), 0))).toBe(codeOf(() => decodeAt(Header, broken, 0)));
    }
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(() => decode(viewOf(bytes.slice(0, length)), 0))).toBe('truncated');
    for (const offset of [-1, 0.5, 1e9, Number.NaN])
      expect(codeOf(() => decode(viewOf(bytes), offset))).toBe(codeOf(() => decodeAt(Header, bytes, offset)));
    expect(codeOf(() => jitNegotiating(struct('s', { a: u8 })))).toBe('schema-invalid');
  });
});
