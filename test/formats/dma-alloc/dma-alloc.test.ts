import { describe, expect, it } from 'vitest';
import { ABI, encode, sizeof, toHex } from '../../../src/codec/index.js';
import {
  DMA_ALLOC,
  DmaAllocSerV1,
  DmaAllocSerV2,
  type DmaAllocValue,
  followDmaAlloc,
} from '../../../src/formats/dma-alloc/index.js';
import { joined, Machine, words } from '../machine.js';

/** What the handle leads to, and the rules that it breaks. */
function follow(
  on: Machine,
  handle: number,
  forced?: string,
): { value: DmaAllocValue | undefined; rules: string[] } {
  const handover = on.open(forced === undefined ? {} : { forced: { 'dma-alloc': forced } });
  const before = handover.walk.findings.list().length;
  const value = followDmaAlloc(handover.walk, BigInt(handle), 'handle');
  return {
    value,
    rules: handover.walk.findings
      .list()
      .slice(before)
      .map(({ rule }) => rule),
  };
}
const v1 = (page: number, size: number, decrypted = 0): Uint8Array =>
  words([8, page], [8, size], [8, 0], [1, decrypted], [7, 0]);
const v2 = (pages: readonly number[], { nr = pages.length, folio = 0, contiguous = 0 } = {}): Uint8Array =>
  joined(
    words([8, 0xfff0000], [8, nr], [1, folio], [1, contiguous]),
    ...pages.map((page) => words([8, page])),
  );

it('sizes and golden bytes', () => {
  for (const abi of Object.values(ABI)) {
    expect(sizeof(DmaAllocSerV1, abi)).toBe(32);
    expect(sizeof(DmaAllocSerV2, abi)).toBe(18);
  }
  const value = { iova: 0x1000n, nr_pages: 2n, is_folio: 1, is_contiguous: 0 };
  expect(toHex(encode(DmaAllocSerV2, value, { abi: ABI.x86_64 }))).toBe(
    '0010000000000000' + '0200000000000000' + '0100',
  );
});

describe('handles', () => {
  it('of one piece', () => {
    const on = new Machine();
    const page = on.block(2);
    const { value, rules } = follow(on, on.hold(v1(page, 16384)));
    expect(rules).toEqual([]);
    expect(value).toMatchObject({
      profile: 'v1',
      size: 16384n,
      pieces: [{ address: BigInt(page), length: 16384n }],
    });
  });
  it('of pages', () => {
    const on = new Machine();
    const pages = [on.block(), on.block(), on.block()];
    const { value, rules } = follow(on, on.hold(v2(pages)));
    expect(rules).toEqual([]);
    expect(value).toMatchObject({ profile: 'v2', iova: 0xfff0000n, size: 12288n });
    expect(value?.pieces.map(({ address }) => Number(address))).toEqual(pages);
  });
  it('of pages in one piece', () => {
    const on = new Machine();
    const page = on.block(2);
    const { value, rules } = follow(on, on.hold(v2([page], { nr: 4, contiguous: 1 })));
    expect(rules).toEqual([]);
    expect(value?.pieces).toEqual([{ address: BigInt(page), length: 16384n }]);
  });
});

it.each<[keyof typeof DMA_ALLOC, string, (on: Machine) => Uint8Array]>([
  ['page', 'v1', (on) => v1(on.block(0, false), 4096)],
  ['page', 'v1', (on) => v1(on.block(), 1 << 30)],
  ['page', 'v2', (on) => v2([on.block(), on.block(0, false)])],
  ['page', 'v2', (on) => v2([on.block(), on.block() + 8])],
  ['size', 'v1', (on) => v1(on.block(), 0)],
  ['size', 'v2', () => v2([])],
  ['count', 'v2', (on) => v2([on.block()], { nr: 100000 })],
  ['flag', 'v1', (on) => v1(on.block(), 4096, 2)],
  ['flag', 'v2', (on) => v2([on.block()], { folio: 2 })],
])('%s', (rule, profile, write) => {
  const on = new Machine();
  expect(follow(on, on.hold(write(on)), profile).rules).toEqual([DMA_ALLOC[rule].name]);
});

it('any flip of a bit is followed or found', () => {
  const on = new Machine();
  const one = v1(on.block(), 4096);
  const two = v2([on.block(), on.block()]);
  for (const bytes of [one, two])
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const each = new Machine();
      each.block();
      each.block();
      each.block();
      expect(() => follow(each, each.hold(flipped))).not.toThrow();
    }
});
