import { describe, expect, it } from 'vitest';
import { ABI, decode, encode, sizeof, toHex } from '../../../src/codec/index.js';
import {
  IOMMUFD,
  IOMMUFD_IOCTLS,
  IOMMUFD_TYPE,
  IommufdHwptSer,
  IommufdHwptSerB,
  IommufdSer,
  IommufdSerB,
  IommufdSerR1,
  type IommufdValue,
} from '../../../src/formats/iommufd/index.js';
import { rulesOf } from '../kho/support.js';
import { fileValue, joined, Machine, words } from '../machine.js';

type Hwpt = readonly [token: number | bigint, domain: number, reclaimed?: number];
const WRITERS = {
  B: (hwpts: readonly Hwpt[], nr = hwpts.length) =>
    joined(
      words([4, nr]),
      ...hwpts.map(([token, domain, reclaimed = 0]) => words([4, token], [8, domain], [1, reclaimed])),
    ),
  C: (hwpts: readonly Hwpt[], nr = hwpts.length) =>
    joined(
      words([8, nr]),
      ...hwpts.map(([token, domain, reclaimed = 0]) =>
        words([8, domain], [8, token], [1, reclaimed], [7, 0]),
      ),
    ),
} as const;

/** A machine with a page of domains whose owner is the IOMMU, which is not there: its page stays without one. */
function withDomains(): { readonly on: Machine; readonly domain: (i: number) => number } {
  const on = new Machine();
  const page = on.block();
  return { on, domain: (i) => page + 16 + 33 * i };
}
const rulesBut = (on: Machine, forced?: string): string[] =>
  rulesOf(on.open(forced === undefined ? {} : { forced: { iommufd: forced } })).filter(
    (rule) => rule !== 'kho/opaque',
  );

describe('structs', () => {
  it('sizes', () => {
    for (const abi of Object.values(ABI)) {
      expect(sizeof(IommufdHwptSerB, abi)).toBe(13);
      expect(sizeof(IommufdHwptSer, abi)).toBe(24);
      expect(sizeof(IommufdSerR1, abi)).toBe(abi.pointerSize);
    }
  });
  it('golden bytes', () => {
    const hwpt = { token: 0x77, domain_data: 0x1000010n, reclaimed: 1 };
    const b = encode(IommufdSerB, { nr_hwpts: 1, hwpts: [hwpt] }, { abi: ABI.x86_64 });
    expect(toHex(b.subarray(0, 17))).toBe('01000000' + '77000000' + '1000000100000000' + '01');
    const c = '0100000000000000' + '1000000100000000' + '7700000000000000' + '0100000000000000';
    expect(decode(IommufdSer, Buffer.from(c, 'hex'), { abi: ABI.x86_64 })).toEqual({
      nr_hwpts: 1n,
      hwpts: [{ ...hwpt, token: 0x77n }],
    });
    expect(toHex(encode(IommufdHwptSerB, hwpt, { abi: ABI.s390x }))).toBe(
      '00000077' + '0000000001000010' + '01',
    );
  });
  it.each(IOMMUFD_IOCTLS)('$name has $size bytes', ({ schema, size, number }) => {
    for (const abi of [ABI.x86_64, ABI.i386, ABI.aarch64, ABI.arm]) expect(sizeof(schema, abi)).toBe(size);
    if (number !== undefined) expect(number >> 8).toBe(IOMMUFD_TYPE);
  });
  it('numbers of the facts', () => {
    expect(IOMMUFD_IOCTLS.find(({ name }) => name === 'IOMMU_HWPT_LU_SET_PRESERVE')?.number).toBe(0x3b95);
  });
});

describe.each(['B', 'C'] as const)('%s', (profile) => {
  it.each([1, 2, 3, 100, 160])('%i page tables are recognised, and sound', (count) => {
    const { on, domain } = withDomains();
    const many = Array.from(
      { length: count },
      (_, i): Hwpt => [i + 1, domain(i % 100) + Math.floor(i / 100)],
    );
    on.file('iommufd-v1', WRITERS[profile](many));
    expect(rulesBut(on)).toEqual([]);
    const value = fileValue<IommufdValue>(on.open(), 'iommufd');
    expect(value.profile).toBe(profile);
    expect(value.nr_hwpts).toBe(BigInt(count));
    expect(value.hwpts.map(({ token }) => token)).toEqual(many.map(([token]) => BigInt(token)));
  });
  it.each<[keyof typeof IOMMUFD, (domain: (i: number) => number) => Uint8Array]>([
    ['count', (d) => WRITERS[profile]([[1, d(0)]], 1000)],
    [
      'token-duplicate',
      (d) =>
        WRITERS[profile]([
          [1, d(0)],
          [1, d(1)],
        ]),
    ],
    [
      'domain-duplicate',
      (d) =>
        WRITERS[profile]([
          [1, d(0)],
          [2, d(0)],
        ]),
    ],
    [
      'domain',
      (d) =>
        WRITERS[profile]([
          [1, d(0)],
          [2, 0],
        ]),
    ],
    [
      'domain',
      (d) =>
        WRITERS[profile]([
          [1, d(0)],
          [2, d(0) - 16],
        ]),
    ],
    [
      'domain',
      (d) =>
        WRITERS[profile]([
          [1, d(0)],
          [2, 0x7000010],
        ]),
    ],
    ['reclaimed', (d) => WRITERS[profile]([[1, d(0), 1]])],
  ])('%s', (rule, write) => {
    const { on, domain } = withDomains();
    on.file('iommufd-v1', write(domain));
    expect(rulesBut(on, profile)).toEqual([IOMMUFD[rule].name]);
  });
  it('any flip of a bit is decoded or found', () => {
    for (let bit = 0; bit < 64 * 8; bit++) {
      const { on, domain } = withDomains();
      const bytes = joined(
        WRITERS[profile]([
          [1, domain(0)],
          [2, domain(1)],
        ]),
        new Uint8Array(16),
      );
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      on.file('iommufd-v1', bytes);
      expect(() => on.open()).not.toThrow();
    }
  });
});

it('padding', () => {
  const { on, domain } = withDomains();
  const bytes = WRITERS.C([[1, domain(0)]]);
  bytes[8 + 20] = 1;
  on.file('iommufd-v1', bytes);
  expect(rulesBut(on, 'C')).toEqual([IOMMUFD.padding.name]);
});
it('tokens of 64 bits are read where there are some', () => {
  const { on, domain } = withDomains();
  on.file('iommufd-v1', WRITERS.C([[0x1_0000_0001n, domain(0)]]));
  expect(fileValue<IommufdValue>(on.open(), 'iommufd').hwpts).toEqual([
    { token: 0x1_0000_0001n, domain_data: BigInt(domain(0)), reclaimed: 0 },
  ]);
});

describe('the RFC', () => {
  it('left a folio', () => {
    const on = new Machine();
    const folio = on.block();
    on.file('iommufd-v1', words([8, folio]));
    expect(rulesOf(on.open())).toEqual([]);
    expect(fileValue<IommufdValue>(on.open(), 'iommufd')).toMatchObject({
      profile: 'R1',
      folio: BigInt(folio),
    });
  });
  it('or nothing, as an iommufd without page tables', () => {
    const on = new Machine();
    on.file('iommufd-v1', new Uint8Array(8));
    expect(rulesOf(on.open())).toEqual([]);
    expect(fileValue<IommufdValue>(on.open(), 'iommufd').hwpts).toEqual([]);
  });
});
