/** The array of folios is made when it is read: any part of it is the same as that part of the whole. */
import { describe, expect, it } from 'vitest';
import { type BuiltHandover, buildHandover, type FolioSpec } from '../../src/build/index.js';
import type { LazyContent } from '../../src/memory/index.js';

const folios: FolioSpec[] = [
  { index: 0, count: 3, flags: 3 },
  { index: 8, order: 3, count: 700, flags: 1 },
  { index: 8000, at: 0x12_3456_7000n, flags: 0xabc },
  { index: 8001, count: 300 },
];
const COUNT = 3 + 700 + 1 + 300;

function arrayOf(arch: 'x86_64' | 's390x'): { built: BuiltHandover; content: LazyContent } {
  const built = buildHandover({
    abi: arch,
    sessions: [{ name: 'vm', files: [{ token: 1, memfd: { size: 2 ** 26, folios } }] }],
  });
  const region = built.regions.find(({ label }) => label === 'sessions[0].files[0].memfd.folios');
  const content = region?.parts[0]?.content;
  if (content === undefined || content instanceof Uint8Array) throw new Error('the array is not lazy');
  return { built, content };
}

describe.each(['x86_64', 's390x'] as const)('on %s', (arch) => {
  it('has an entry for each folio, as compilers lay it out', () => {
    const { built, content } = arrayOf(arch);
    expect(content.size).toBe(BigInt(COUNT * 16));
    const bytes = new Uint8Array(COUNT * 16);
    content.read(0n, bytes);
    const view = new DataView(bytes.buffer);
    const little = arch === 'x86_64';
    const found = Array.from({ length: COUNT }, (_, i) => {
      const word = view.getBigUint64(16 * i, little);
      return {
        pfn: little ? BigInt.asUintN(52, word) : word >> 12n,
        flags: Number(little ? word >> 52n : word & 0xfffn),
        index: Number(view.getBigUint64(16 * i + 8, little)),
      };
    });
    const expected = folios.flatMap(({ index, order = 0, count = 1, flags = 3 }, run) => {
      const region = built.regions.find(({ label }) => label === `sessions[0].files[0].memfd.folios[${run}]`);
      return Array.from({ length: count }, (_, i) => ({
        pfn: BigInt((region?.pfn ?? 0) + i * 2 ** order),
        flags,
        index: Number(index) + i * 2 ** order,
      }));
    });
    expect(found).toEqual(expected);
  });

  it('gives any part, also one that begins or ends in the middle of a folio', () => {
    const { content } = arrayOf(arch);
    const whole = new Uint8Array(COUNT * 16);
    content.read(0n, whole);
    for (const [from, length] of [
      [0, 16],
      [48, 32],
      [40, 16],
      [1, 14],
      [5, 4096],
      [703 * 16, 17],
      [COUNT * 16 - 1, 1],
      [7, COUNT * 16 - 7],
    ] as const) {
      const part = new Uint8Array(length);
      content.read(BigInt(from), part);
      expect(part).toEqual(whole.subarray(from, from + length));
    }
  });
});
