import { fc, test } from '@fast-check/vitest';
import { compress } from 'snappyjs';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/codec/index.js';
import { snappyLength } from '../../src/memory/decompress.js';
import { type Algorithm, DECOMPRESSORS } from '../../src/memory/index.js';
import { lzo1x } from '../../src/memory/lzo.js';
import { crc32, unzipped } from './fixtures.js';

interface Stream {
  readonly algorithm: Algorithm;
  readonly size: number;
  readonly crc: string;
  readonly stream: string;
}
const text = new TextDecoder().decode(unzipped('memory/streams.json'));
const STREAMS = (JSON.parse(text) as Stream[]).map((stream) => ({
  ...stream,
  bytes: fromHex(stream.stream) ?? new Uint8Array(0),
}));

describe('streams of the reference libraries', () => {
  it.each(['zlib', 'lzo', 'snappy', 'zstd'] as const)('%s', (algorithm) => {
    const mine = STREAMS.filter((stream) => stream.algorithm === algorithm);
    expect(mine).toHaveLength(21);
    for (const { bytes, size, crc } of mine) {
      const out = DECOMPRESSORS[algorithm](bytes, size);
      expect(out && crc32(out)).toBe(crc);
      // Of another size it is not the page that was meant.
      expect(DECOMPRESSORS[algorithm](bytes, size - 1)).toBeUndefined();
      expect(DECOMPRESSORS[algorithm](bytes, size + 1)).toBeUndefined();
    }
  });
  it.each(['zlib', 'lzo', 'snappy', 'zstd'] as const)(
    '%s, damaged, gives bytes of the right size or none',
    (algorithm) => {
      let refused = 0;
      for (const { bytes, size } of STREAMS.filter((s) => s.algorithm === algorithm && s.size === 4096)) {
        for (let at = 0; at < Math.min(bytes.length, 150); at++) {
          for (const mask of [1, 0x80, 0xff]) {
            const changed = bytes.slice();
            changed[at] = (changed[at] ?? 0) ^ mask;
            const out = DECOMPRESSORS[algorithm](changed, size);
            if (out === undefined) refused++;
            else expect(out).toHaveLength(size);
          }
          const cut = DECOMPRESSORS[algorithm](bytes.slice(0, at), size);
          if (cut !== undefined) expect(cut).toHaveLength(size);
        }
      }
      expect(refused).toBeGreaterThan(100);
    },
  );
});

test.prop([fc.uint8Array({ maxLength: 200 })])('any bytes at all end', (bytes) => {
  for (const algorithm of ['zlib', 'lzo', 'snappy', 'zstd'] as const) {
    const out = DECOMPRESSORS[algorithm](bytes, 256);
    if (out !== undefined) expect(out).toHaveLength(256);
  }
});

describe('what would cost more than a page', () => {
  it('a snappy literal of 2^32 bytes, which sends the library in circles, is refused before', () => {
    const hostile = Uint8Array.of(0x80, 0x20, 0xfc, 0xf6, 0xff, 0xff, 0xff, 1, 2, 3);
    expect(snappyLength(hostile)).toBeUndefined();
    expect(DECOMPRESSORS.snappy(hostile, 4096)).toBeUndefined();
  });
  it('a snappy length of 2^32 - 1', () => {
    expect(snappyLength(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0))).toBeUndefined();
    expect(snappyLength(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f))).toBeUndefined();
    expect(snappyLength(new Uint8Array(compress(new Uint8Array(1000))))).toBe(1000);
  });
  it('a zstd frame that asks for a window of gigabytes, or holds more than the page', () => {
    const window = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 1, 0, 0);
    expect(DECOMPRESSORS.zstd(window, 4096)).toBeUndefined();
    // Blocks of one byte repeated 128 KiB times, a hundred of them, in a frame that does not tell its size.
    const blocks = Array.from({ length: 100 }, (_, i) => [
      0x02 | (i === 99 ? 1 : 0),
      0x00,
      0x10,
      0x61,
    ]).flat();
    const bomb = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38, ...blocks);
    expect(DECOMPRESSORS.zstd(bomb, 4096)).toBeUndefined();
  });
  it('an LZO length that goes on for ever', () => {
    expect(lzo1x(new Uint8Array(1 << 16), new Uint8Array(4096))).toBeUndefined();
  });
});
