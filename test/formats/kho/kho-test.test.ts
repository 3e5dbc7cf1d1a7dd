/** The checksum of the kernel's own test: where the folios are in the dump, they have to add up to it. */
import { describe, expect, it } from 'vitest';
import { openHandover } from '../../../src/formats/kho/index.js';
import type { KhoTestValue } from '../../../src/formats/kho-test/index.js';
import { build, fdt, native, text } from './builder.js';
import { openCapture, rulesOf } from './support.js';

/** Two folios, of one page and of two; the memory of the second one may be left out. */
function opened(csum: number, fill: string, missing = false): ReturnType<typeof openHandover> {
  const list = [
    [0x400, 0],
    [0x402, 1],
  ] as const;
  const built = build({
    kho: 'v1a',
    pageSize: 4096,
    blocks: list,
    nodes: [
      {
        name: 'kho_test',
        bytes: fdt({
          name: '',
          properties: [
            ['compatible', text('kho-test-v1')],
            ['magic', native(0x4b484f21, 4)],
          ],
          children: [
            {
              name: 'data',
              properties: [
                ['nr_folios', native(2, 4)],
                // As many bytes as a descriptor of an area; its second word is no page count.
                ['folios_info', new Uint8Array([...native(0x400000), ...native(0x402001)])],
                ['csum', native(csum, 4)],
              ],
              children: [],
            },
          ],
        }),
      },
    ],
  });
  built.memory.bytes(0x400000, fill.repeat(4096 / fill.length));
  if (!missing) built.memory.bytes(0x402000, fill.repeat(8192 / fill.length));
  return openHandover(built.memory.image(62), { generation: 'v1a' });
}
const testOf = ({ value }: ReturnType<typeof openHandover>): KhoTestValue =>
  value.entries.kho_test as KhoTestValue;

// Of 12288 bytes "ab" the little-endian words are 6144 times 0x6261.
const SUM = 6144 * 0x6261;

describe('csum', () => {
  it('may be folded in any way', () => {
    // 0x9391800 and its two halves added up.
    expect(SUM.toString(16)).toBe('9391800');
    for (const csum of [SUM, 0x1800 + 0x939, 0x2139 + 0xffff]) {
      const handover = opened(csum, 'ab');
      expect(rulesOf(handover).filter((rule) => rule.startsWith('kho-test/'))).toEqual([]);
      expect(testOf(handover)).toMatchObject({ nr_folios: 2, csum_fits: true });
    }
  });
  it('is wrong where the folios are not what they were', () => {
    expect(rulesOf(opened(SUM + 1, 'ab'))).toContain('kho-test/checksum');
    const handover = opened(SUM, 'ac');
    expect(rulesOf(handover)).toContain('kho-test/checksum');
    expect(testOf(handover).csum_fits).toBe(false);
    const { message } = handover.findings.find(({ rule }) => rule === 'kho-test/checksum') ?? {};
    expect(message).toContain('csum is 0x9391800; the 2 folios add up to 0x');
  });
  it('is not judged where the dump lacks folios', () => {
    const handover = opened(1, 'ab', true);
    expect(rulesOf(handover)).not.toContain('kho-test/checksum');
    expect(testOf(handover)).not.toHaveProperty('csum_fits');
    for (const name of ['v4', 'kdump', 'v1a', 'v3'] as const)
      expect(testOf(openCapture(name))).not.toHaveProperty('csum_fits');
  });
  it('may be 0 or all ones for the same bytes', () => {
    // 6144 words of 0xffff add up to 0xffff, which is 0 in this arithmetic.
    for (const csum of [0, 0xffff, 0xffffffff]) expect(testOf(opened(csum, '\xff\xff')).csum_fits).toBe(true);
  });
});
