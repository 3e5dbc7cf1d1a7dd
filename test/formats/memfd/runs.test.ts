/** The tight loop over folios against the codec, which reads them one by one. */
import { describe, expect, it } from 'vitest';
import { ABI, array, decode, encode, sizeof } from '../../../src/codec/index.js';
import { PreservedMap } from '../../../src/formats/kho/index.js';
import {
  FolioReader,
  MemfdLuoFolioSer,
  MemfdLuoSerV1,
  MemfdLuoSerV2,
} from '../../../src/formats/memfd/index.js';

function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Folio {
  readonly pfn: number;
  readonly flags: number;
  readonly index: bigint;
}

/** Folios with runs up and down, gaps, holes and orders, and the map that preserves them. */
function folios(seed: number): { list: Folio[]; map: PreservedMap; order: (pfn: number) => number } {
  const next = numbers(seed);
  const list: Folio[] = [];
  const ranges: { start: number; count: number; order: number }[] = [];
  let pfn = 1 << 20;
  let index = 0n;
  for (let i = 0; i < 40; i++) {
    const order = next(3);
    const count = 1 + next(6);
    pfn = Math.ceil((pfn + 1 + next(50)) / 8) * 8;
    index = (index / 8n + 1n) * 8n;
    const pages = 2 ** order;
    const flags = 1 + next(3);
    const isDown = next(2) === 1;
    const isKnown = next(8) > 0 || order > 0;
    if (isKnown) ranges.push({ start: pfn, count, order });
    for (let j = 0; j < count; j++) {
      list.push({ pfn: pfn + (isDown ? count - 1 - j : j) * pages, flags, index });
      index += BigInt(pages);
    }
    if (next(10) === 0) list.push({ pfn: 0, flags: 0, index: 0n });
    pfn += count * pages;
  }
  const map = new PreservedMap(
    4096,
    Float64Array.from(ranges, ({ start }) => start),
    Float64Array.from(ranges, ({ count }) => count),
    Uint8Array.from(ranges, ({ order }) => order),
    true,
  );
  return { list, map, order: (at) => map.blockAt(at) ?? 0 };
}

describe.each(['x86_64', 's390x'] as const)('on %s', (name) => {
  const abi = ABI[name];
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('runs are the folios, list %i', (seed) => {
    const { list, map, order } = folios(seed);
    const schema = array(MemfdLuoFolioSer, list.length);
    const bytes = encode(schema, list, { abi });
    expect(decode(schema, bytes, { abi })).toEqual(list);
    const reader = new FolioReader(map, abi.endian === 'little', 2 ** 30);
    // In pieces, as pages come.
    for (let at = 0; at < bytes.length; at += 16 * 7) reader.push(bytes.subarray(at, at + 16 * 7));
    const expanded: (Folio & { order: number })[] = [];
    for (const run of reader.done())
      for (let i = 0; i < run.count; i++)
        expanded.push({
          pfn: Number(run.pfn) + i * 2 ** run.order * (run.step ?? 1),
          flags: run.flags,
          index: run.index + BigInt(i * 2 ** run.order),
          order: run.order,
        });
    const present = list.filter(({ pfn }) => pfn !== 0);
    expect(expanded).toEqual(present.map((folio) => ({ ...folio, order: order(folio.pfn) })));
    expect(reader.faults.none).toBe(list.length - present.length);
    expect(reader.faults.unpreserved).toBe(
      present.filter(({ pfn }) => map.blockAt(pfn) === undefined).length,
    );
    expect(reader.runs.length).toBeLessThan(list.length);
  });
});

it('has the layout that GCC gives it', () => {
  expect(sizeof(MemfdLuoSerV1, ABI.x86_64)).toBe(40);
  expect(sizeof(MemfdLuoSerV2, ABI.x86_64)).toBe(48);
  const bytes = Uint8Array.of(0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x31, 0x5a, 7, 0, 0, 0, 0, 0, 0, 0);
  expect(decode(MemfdLuoFolioSer, bytes, { abi: ABI.x86_64 })).toEqual({
    pfn: 0x123456789abcd,
    flags: 0x5a3,
    index: 7n,
  });
});
