import { describe, expect, it } from 'vitest';
import { ABI, encode, sizeof, toHex } from '../../../src/codec/index.js';
import {
  GUEST_MEMFD,
  GuestMemfdLuoFolioSer,
  GuestMemfdLuoSer,
  type GuestMemfdValue,
} from '../../../src/formats/guest-memfd/index.js';
import { fileContents } from '../../../src/formats/kho/index.js';
import { contentOf, luoOf, rulesOf, textAt } from '../kho/support.js';
import { fileValue, joined, Machine, words } from '../machine.js';

interface Folio {
  readonly index: number;
  readonly fill?: string;
  readonly flags?: number;
  /** Page frame, instead of a folio of its own. */
  readonly pfn?: number;
  readonly order?: number;
}
interface Spec {
  readonly size?: number | bigint;
  readonly flags?: number;
  readonly token?: number;
  readonly nr?: number;
  readonly folios?: readonly Folio[];
  readonly tail?: true;
  readonly vm?: Uint8Array;
}
const SOUND: readonly Folio[] = [
  { index: 0, fill: 'zero' },
  { index: 1, fill: 'one' },
  { index: 3, fill: 'three' },
];

/** A VM with the token 1 and its guest_memfd with the token 2. */
function guest(
  {
    size = 4 * 4096,
    flags = 3,
    token = 1,
    folios = SOUND,
    nr = folios.length,
    tail,
    vm = words([8, 0]),
  }: Spec = {},
  on = new Machine(),
): Machine {
  on.file('kvm_vm_luo_v1', vm, 1n);
  const entries = folios.map(({ index, fill = '', flags: bits = 1, pfn, order = 0 }) => {
    const at = pfn ?? on.block(order) / on.pageSize;
    if (pfn === undefined) on.write(at * on.pageSize, fill);
    return words([8, (BigInt(bits) << 52n) | BigInt(at)], [8, index]);
  });
  const array = joined(...entries, new Uint8Array(tail ? 16 : 0).fill(1));
  on.file(
    'guest_memfd_luo_v1',
    joined(words([8, size], [8, flags], [8, nr], [8, token]), on.area(array)),
    2n,
  );
  return on;
}

it('sizes and golden bytes', () => {
  for (const abi of Object.values(ABI)) {
    expect(sizeof(GuestMemfdLuoSer, abi)).toBe(48);
    expect(sizeof(GuestMemfdLuoFolioSer, abi)).toBe(16);
  }
  const folio = { pfn: 0x12345, flags: 1, index: 7n };
  expect(toHex(encode(GuestMemfdLuoFolioSer, folio, { abi: ABI.x86_64 }))).toBe(
    '4523010000001000' + '0700000000000000',
  );
  expect(toHex(encode(GuestMemfdLuoFolioSer, folio, { abi: ABI.s390x }))).toBe(
    '0000000012345001' + '0000000000000007',
  );
});

describe('a guest_memfd', () => {
  it.each([4096, 16384, 65536])('with pages of %i bytes', (pageSize) => {
    const on = guest({ size: 4 * pageSize }, new Machine(pageSize));
    const handover = on.open();
    expect(rulesOf(handover)).toEqual([]);
    const value = fileValue<GuestMemfdValue>(handover, 'guest_memfd', 1);
    expect(value).toMatchObject({ size: BigInt(4 * pageSize), nr_folios: 3n, vm_token: 1n });
    expect([...value.folios].map(({ index, count }) => [Number(index), count])).toEqual([
      [0, 2],
      [3, 1],
    ]);
    const { bytes } = contentOf(handover, 's0', 2n);
    expect(bytes.length).toBe(4 * pageSize);
    expect([0, 1, 2, 3].map((i) => textAt(bytes, i * pageSize))).toEqual(['zero', 'one', '', 'three']);
  });
  it('what was never written reads as zeros', () => {
    const on = guest({ folios: [{ index: 0, fill: 'old', flags: 0 }] });
    const { bytes, stale } = contentOf(on.open(), 's0', 2n);
    expect(textAt(bytes, 0)).toBe('');
    expect(stale).toBe(4096);
  });
  it('without folios', () => {
    expect(rulesOf(guest({ folios: [] }).open())).toEqual([]);
  });
  it('of thousands of pages', () => {
    const folios = Array.from({ length: 1000 }, (_, index) => ({ index }));
    const handover = guest({ size: 1000 * 4096, folios }).open();
    expect(rulesOf(handover)).toEqual([]);
    expect(fileValue<GuestMemfdValue>(handover, 'guest_memfd', 1).folios.length).toBe(1);
  });
});

it.each<[keyof typeof GUEST_MEMFD, Spec]>([
  ['size', { size: 0, folios: [] }],
  ['size', { size: 4 * 4096 + 1 }],
  ['size', { size: 1n << 63n }],
  ['flags', { flags: 7 }],
  ['private', { flags: 1 }],
  ['private', { vm: words([8, 4]) }],
  ['folio-count', { size: 2 * 4096, folios: [{ index: 0 }, { index: 1 }, { index: 0, pfn: 0 }] }],
  ['array', { size: 1000 * 4096, nr: 300, folios: Array.from({ length: 256 }, (_, index) => ({ index })) }],
  ['folio-unpreserved', { folios: [{ index: 0, pfn: 0x7000 }] }],
  ['folio-flags', { folios: [{ index: 0, flags: 3 }] }],
  ['folio-large', { folios: [{ index: 0, order: 1 }] }],
  ['folio-order', { folios: [{ index: 1 }, { index: 0 }] }],
  ['folio-twice', { folios: [{ index: 1 }, { index: 1 }] }],
  ['folio-beyond', { folios: [{ index: 4 }] }],
  ['folio-none', { folios: [{ index: 0 }, { index: 1, pfn: 0 }] }],
  ['tail', { tail: true }],
  ['vm-none', { token: 0 }],
  ['vm-token', { token: 9 }],
  ['vm-token', { token: 2 }],
])('%s of %o', (rule, spec) => {
  const rules = rulesOf(guest(spec).open());
  // More folios than pages means that some are behind the end, or that an entry is empty.
  const also = rule === 'folio-count' ? [GUEST_MEMFD['folio-none'].name] : [];
  expect(rules).toEqual([GUEST_MEMFD[rule].name, ...also].sort());
});

it('any flip of a bit is decoded or found', () => {
  for (let bit = 0; bit < 56 * 8; bit++) {
    const on = new Machine();
    on.file('kvm_vm_luo_v1', words([8, 0]), 1n);
    const folio = words([8, (1n << 52n) | BigInt(on.block() / 4096)], [8, 0]);
    const bytes = joined(words([8, 4096], [8, 3], [8, 1], [8, 1]), on.area(folio), new Uint8Array(8));
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    on.file('guest_memfd_luo_v1', bytes, 2n);
    const handover = on.open();
    if (luoOf(handover).sessions[0]?.files[1]?.guest_memfd === undefined) continue;
    let end = 0n;
    for (const { offset, length } of fileContents(handover, 's0', 2n)) {
      expect(offset).toBe(end);
      end = offset + length;
    }
    expect(end).toBe(fileValue<GuestMemfdValue>(handover, 'guest_memfd', 1).size);
  }
});
