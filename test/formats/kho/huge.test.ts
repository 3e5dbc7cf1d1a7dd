import { expect, it } from 'vitest';
import { openHandover } from '../../../src/formats/kho/index.js';
import { hugeMemfd } from './huge.js';
import { memfdOf } from './support.js';

it('a memfd of a million folios is one run', () => {
  const handover = openHandover(hugeMemfd(1 << 20), { khoFdt: 0x10000n });
  expect(handover.findings).toEqual([]);
  expect([...memfdOf(handover, 'huge', 1n).folios]).toEqual([
    { index: 0n, pfn: 1n << 28n, order: 0, count: 1 << 20, flags: 3 },
  ]);
});

it('a scattered one has a run for each piece of memory', () => {
  const handover = openHandover(hugeMemfd(1 << 20, 64, 3), { khoFdt: 0x10000n });
  expect(handover.findings).toEqual([]);
  const { folios } = memfdOf(handover, 'huge', 1n);
  expect(folios.length).toBe((1 << 20) / 64);
  expect(folios.at(1)).toEqual({ index: 64n, pfn: (1n << 28n) + 67n, order: 0, count: 64, flags: 3 });
});
