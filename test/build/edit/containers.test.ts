/** Some bytes of memory changed in a dump of each container: those bytes differ, and none else. */
import { describe, expect, it } from 'vitest';
import {
  fileWrites,
  innerSource,
  OverlayImage,
  rewritten,
  rewrittenAs,
} from '../../../src/build/edit/index.js';
import { patched } from '../../../src/cli/patched-copy.js';
import { bytesSource, type Image, openImage } from '../../../src/memory/index.js';
import { crc32, unzipped } from '../../memory/fixtures.js';

const PLAIN = ['makedumpfile-elf.elf', 'vmcore.elf', 'big.lime', 'little.lime'];
const KDUMPS = [
  'arm.kdump',
  'i686.kdump',
  'makedumpfile-flat.elf',
  'makedumpfile-flat.kdump',
  'makedumpfile-lzo.kdump',
  'makedumpfile-raw.kdump',
  'makedumpfile-zero.kdump',
  'makedumpfile-zlib.kdump',
  'mixed.kdump',
  'ppc.kdump',
  's390x.kdump',
  'snappy.kdump',
  'zstd.kdump',
];

/** CRC-32 of each run of 4 KiB that is there. */
function pages(image: Image): Map<bigint, string> {
  const found = new Map<bigint, string>();
  for (const { address, bytes } of image.windows({ windowSize: 4096, zeros: true }))
    found.set(address, crc32(bytes));
  return found;
}
/** Changes three bytes of the first page that is there, and three of the last. */
function edited(image: Image): OverlayImage {
  const overlay = new OverlayImage(image);
  const all = [...pages(image).keys()];
  for (const address of [all[0], all[all.length - 1]]) {
    const bytes = overlay.readSome(address ?? 0n, 16).bytes;
    overlay.write(
      (address ?? 0n) + 5n,
      bytes.subarray(5, 8).map((byte) => byte ^ 0xff),
      'x',
    );
  }
  return overlay;
}

describe('changed memory', () => {
  for (const name of [...PLAIN, ...KDUMPS])
    it(`in ${name} is what differs`, () => {
      const file = unzipped(`memory/${name}`);
      const image = openImage(bytesSource(file));
      const overlay = edited(image);
      const inner = innerSource(image, bytesSource(file));
      const writes = fileWrites(overlay, overlay.changes(), inner);
      const after = patched(inner, writes);
      expect(pages(openImage(bytesSource(after)))).toEqual(pages(overlay));
      const plain = image.kind !== 'kdump';
      expect(after.length - inner.size).toBe(plain ? 0 : 2 * (image.pageSize ?? 0));
      for (const { offset, bytes, before } of writes) {
        expect(inner.read(offset, bytes.length)).toEqual(before);
        if (plain) expect(bytes).toHaveLength(3);
      }
    });
  it('in AVML comes out as LiME', () => {
    const image = openImage(bytesSource(unzipped('memory/compressed.avml')));
    const overlay = edited(image);
    expect(rewrittenAs(image)).toBe('lime');
    const after = openImage(bytesSource(new Uint8Array(Buffer.concat([...rewritten(overlay, 'lime')]))));
    expect(after.kind).toBe('lime');
    expect(pages(after)).toEqual(pages(overlay));
  });
  it('in a split kdump comes out as one', () => {
    const parts = [1, 2, 3].map((part) => bytesSource(unzipped(`memory/makedumpfile-split-${part}.kdump`)));
    const image = openImage(parts);
    const overlay = edited(image);
    expect(rewrittenAs(image)).toBe('kdump');
    const after = openImage(bytesSource(new Uint8Array(Buffer.concat([...rewritten(overlay, 'kdump')]))));
    expect(pages(after)).toEqual(pages(overlay));
  });
});
