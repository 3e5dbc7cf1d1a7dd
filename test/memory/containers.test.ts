import { fc, test } from '@fast-check/vitest';
import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { be, decode, encode, i64 } from '../../src/codec/index.js';
import { FileBitmap } from '../../src/memory/bitmap.js';
import { MakedumpfileHeader, unflatten } from '../../src/memory/flattened.js';
import {
  bytesSource,
  LIMITS,
  MEMORY_CODES,
  openImage,
  type Source,
  sliceSource,
  windowed,
} from '../../src/memory/index.js';
import { absentAt, bytesAt, unzipped } from './fixtures.js';

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('flattened streams', () => {
  const head = () => {
    const page = new Uint8Array(4096);
    page.set(encode(MakedumpfileHeader, {}));
    return page;
  };
  const chunk = (offset: bigint, bytes: Uint8Array, size = BigInt(bytes.length)) =>
    concat(encode(be(i64), offset), encode(be(i64), size), bytes);
  const END = filled(16, 0xff);

  test.prop([
    fc.array(
      fc.record({
        at: fc.nat(60),
        size: fc.integer({ min: 1, max: 30 }),
        value: fc.integer({ min: 1, max: 255 }),
      }),
      {
        maxLength: 12,
      },
    ),
    fc.nat(100),
    fc.nat(100),
  ])(
    'are what writing the chunks one after the other gives, the last one winning',
    (chunks, from, length) => {
      const file = new Uint8Array(100);
      let size = 0;
      for (const { at, size: count, value } of chunks) {
        file.fill(value, at, at + count);
        size = Math.max(size, at + count);
      }
      const stream = concat(
        head(),
        ...chunks.map(({ at, size: n, value }) => chunk(BigInt(at), filled(n, value))),
        END,
      );
      const { source, problems } = unflatten(bytesSource(stream), LIMITS);
      expect(problems).toEqual([]);
      expect(source.size).toBe(size);
      expect(source.read(from, length)).toEqual(
        file.subarray(Math.min(from, size), Math.min(size, from + length)),
      );
    },
  );

  it.each([
    ['no end mark', chunk(0n, filled(4, 1)), /without its end mark after 1 chunks/],
    [
      'a negative size',
      concat(chunk(0n, filled(4, 1)), chunk(8n, filled(0, 0), -5n)),
      /impossible place or size/,
    ],
    [
      'a negative offset',
      concat(chunk(0n, filled(4, 1)), chunk(-2n, filled(4, 1))),
      /impossible place or size/,
    ],
    [
      'an offset of 2^62',
      concat(chunk(0n, filled(4, 1)), chunk(2n ** 62n, filled(4, 1))),
      /impossible place or size/,
    ],
    ['a chunk that is cut off', chunk(0n, filled(4, 1), 100n), /ends within a chunk/],
  ])('with %s give what came before', (_, body, message) => {
    const { source, problems } = unflatten(bytesSource(concat(head(), body)), LIMITS);
    expect(problems.map(({ code }) => code)).toEqual(['memory-damaged']);
    expect(problems[0]?.message).toMatch(message);
    expect(source.read(0, 100)).toEqual(filled(4, 1));
  });
  it('of another version are refused', () => {
    const page = head();
    page[31] = 2;
    expect(() => unflatten(bytesSource(page), LIMITS)).toThrowError(/version.*\[memory-header\]/);
  });
  it('of too many chunks are refused', () => {
    const stream = concat(head(), ...Array.from({ length: 5 }, () => chunk(0n, filled(1, 1))), END);
    expect(() => unflatten(bytesSource(stream), { ...LIMITS, chunks: 4 })).toThrowError(/\[memory-limit\]/);
  });
});

describe('LiME', () => {
  const bytes = unzipped('memory/little.lime');
  const second = 32 + 0x6000;
  it('a range that was not written to its end is cut where the next header is', () => {
    // 0x1234 bytes of the first range are missing.
    const short = concat(bytes.subarray(0, second - 0x1234), bytes.subarray(second));
    const image = openImage(bytesSource(short));
    expect(image.problems.map(({ code }) => code)).toEqual(['memory-damaged']);
    expect(image.problems[0]?.message).toContain('no header follows range 0 where it should');
    expect(absentAt(image, 0x2006000n - 0x1235n)).toBeUndefined();
    expect(absentAt(image, 0x2006000n - 0x1234n)).toBe('not-in-dump');
    const whole = openImage(bytesSource(bytes));
    expect(bytesAt(image, 0x2080000n, 0x2000)).toEqual(bytesAt(whole, 0x2080000n, 0x2000));
    expect(bytesAt(image, 0x3000000n, 0x4000)).toEqual(bytesAt(whole, 0x3000000n, 0x4000));
  });
  it('that is cut off says which range', () => {
    const image = openImage(bytesSource(bytes.subarray(0, bytes.length - 16)));
    expect(image.problems.map(({ reason }) => reason)).toEqual(['range 2 ends beyond the file']);
    expect(absentAt(image, 0x3003fefn)).toBeUndefined();
    expect(absentAt(image, 0x3003ff0n)).toBe('file-truncated');
  });
  it('that covers all of 64 bits allocates nothing for it', () => {
    const changed = bytes.slice();
    new DataView(changed.buffer).setBigUint64(8, 0n, true);
    new DataView(changed.buffer).setBigUint64(16, 2n ** 64n - 1n, true);
    const image = openImage(bytesSource(changed));
    expect(image.end).toBe(2n ** 64n);
    expect(absentAt(image, 2n ** 40n)).toBe('file-truncated');
  });
  it('compressed as a whole by zlib is unpacked', () => {
    const packed = zlibSync(bytes);
    // What LiME writes: a window of 11 bits, and a header checksum that fits.
    packed[0] = 0x38;
    packed[1] = 31 - ((0x38 << 8) % 31);
    const image = openImage(bytesSource(packed));
    expect(image.layers).toEqual(['zlib', 'lime']);
    expect(image.problems).toEqual([]);
    expect([...image.regions()]).toEqual([...openImage(bytesSource(bytes)).regions()]);
  });
});

describe('AVML', () => {
  const bytes = unzipped('memory/compressed.avml');
  it('a frame with a wrong checksum is undecodable, and only that', () => {
    const changed = bytes.slice();
    changed[32 + 10 + 4] = (changed[32 + 10 + 4] ?? 0) ^ 1;
    const image = openImage(bytesSource(changed));
    expect(absentAt(image, 0x2000000n)).toBe('undecodable');
    expect(absentAt(image, 0x2001fffn)).toBe('undecodable');
    expect(absentAt(image, 0x2002000n)).toBeUndefined();
  });
  it('that is cut off gives what came before', () => {
    const image = openImage(bytesSource(bytes.subarray(0, bytes.length - 500)));
    expect(image.problems.map(({ code }) => code)).toEqual(['memory-damaged']);
    expect(absentAt(image, 0x2080000n)).toBeUndefined();
  });
});

it('raw memory is where one says that it is', () => {
  const image = openImage(bytesSource(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)), {
    raw: { base: 0x1000n, pageSize: 4096 },
  });
  expect(image.layers).toEqual(['raw']);
  expect(bytesAt(image, 0x1001n, 3)).toEqual(Uint8Array.of(0x45, 0x4c, 0x46));
  expect(image.pageSize).toBe(4096);
  expect(absentAt(image, 0xfffn)).toBe('not-in-dump');
  expect(absentAt(image, 0x1004n)).toBe('past-end');
  expect(() => openImage(bytesSource(filled(2, 0)), { raw: { base: 2n ** 64n - 1n } })).toThrowError(
    /\[memory-header\]/,
  );
});

describe('sources', () => {
  test.prop([fc.nat(100), fc.nat(100), fc.array(fc.tuple(fc.nat(120), fc.nat(60)), { maxLength: 20 })])(
    'windows and slices read the same bytes as the source',
    (start, length, reads) => {
      const all = Uint8Array.from({ length: 100 }, (_, i) => i);
      const part = all.subarray(start, start + length);
      const source = windowed(sliceSource(bytesSource(all), start, length), { windowSize: 8, windows: 3 });
      expect(source.size).toBe(part.length);
      for (const [at, count] of reads)
        expect([...source.read(at, count)]).toEqual([
          ...part.subarray(Math.min(at, part.length), at + count),
        ]);
    },
  );
  it('windows keep no more than they should, and read each window once while it is kept', () => {
    const reads: number[] = [];
    const counting: Source = {
      size: 1024,
      read(offset, length) {
        reads.push(offset);
        return filled(length, 1);
      },
    };
    const source = windowed(counting, { windowSize: 16, windows: 2 });
    for (const at of [0, 3, 16, 1, 32, 2, 17]) source.read(at, 1);
    expect(reads).toEqual([0, 16, 32, 16]);
  });
});

test.prop([fc.uint8Array({ maxLength: 1100 }), fc.integer({ min: 0, max: 9000 }), fc.nat(9000)])(
  'bitmaps count and find bits, those beyond the file as zeros',
  (bytes, bits, from) => {
    const bitmap = new FileBitmap(bytesSource(bytes), 0, bits);
    const isSet = (bit: number) => bit < bits && ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    let rank = 0;
    for (let bit = 0; bit < Math.min(from, bits); bit++) rank += isSet(bit) ? 1 : 0;
    expect(bitmap.rank(Math.min(from, bits))).toBe(rank);
    expect(bitmap.has(from)).toBe(isSet(from) === 1);
    for (const set of [true, false]) {
      let next = Math.min(from, bits);
      while (next < bits && (isSet(next) === 1) !== set) next++;
      if (from < bits) expect(bitmap.next(from, set)).toBe(next);
    }
  },
);

it('explains each of its codes', () => {
  for (const [code, { title, text }] of Object.entries(MEMORY_CODES)) {
    expect(code).toMatch(/^memory-[a-z-]+$/);
    expect(title.length).toBeGreaterThan(10);
    expect(text.length).toBeGreaterThan(title.length);
  }
  expect(() => decode(MakedumpfileHeader, new Uint8Array(32))).toThrowError(/signature/);
});
