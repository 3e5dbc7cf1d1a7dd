import { describe, expect, test } from 'vitest';
import { ABI, sizeof } from '../../../src/codec/index.js';
import {
  Cd,
  checkDevice,
  type DeviceClaim,
  SmmuL1CdDesc,
  SmmuL1StreamDesc,
  Ste,
  smmuDevice,
  smmuUnit,
} from '../../../src/formats/iommu/hw/index.js';
import { Memory, ROOT, rules } from './support.js';

const STES = 0x10_4000n;
const CDS = 0x10_1000n;
const CD_LEAF = 0x10_2000n;
const TOP = 0x10_3000n;
/** Two levels, split 8, 16 bits. */
const TWO_LEVEL = (1n << 16n) | (8n << 6n) | 16n;
const STREAM = 0x308;
const STE = STES + 8n * 64n;

/** Stream 0x308 is the ninth of the second level for bus 3, whose 256 entries take 16 KiB. */
const unitOf = (...ste: readonly bigint[]) => {
  const memory = new Memory()
    .put(ROOT + 8n * 3n, STES | 9n)
    .put(CDS, 0n)
    .put(CD_LEAF, 0n)
    .put(TOP, 0n)
    .put(STE, ...ste);
  for (let page = 1n; page < 4n; page++) memory.put(STES + page * 4096n, 0n);
  return memory;
};
/** 4 KiB pages, 40 bits, start level 1: three levels; AArch64, VMID 5. */
const stage2 = () => unitOf(0xdn, 0n, 5n | (24n << 32n) | (1n << 38n) | (1n << 51n), TOP);
/** Linear context descriptors, one of them: 48 bits, 4 KiB pages, AArch64, valid, ASID 9. */
const stage1 = () =>
  unitOf(0xbn | CDS, 0n, 0n, 0n).put(CDS, 16n | (1n << 31n) | (1n << 41n) | (9n << 48n), TOP);
const CLAIM: DeviceClaim = {
  id: { bus: 3, devfn: 8 },
  attachmentId: undefined,
  pasidTable: undefined,
  maxPasid: undefined,
  domain: { topTable: TOP, topLevel: 2n },
};

function opened(memory: Memory, config = TWO_LEVEL) {
  const walk = memory.walk();
  const unit = smmuUnit(walk, ROOT, config, 'hw');
  const device = unit && smmuDevice(walk, unit, STREAM, 'device');
  return { walk, unit, device };
}
function checked(memory: Memory, claim: DeviceClaim): string[] {
  const { walk, unit, device } = opened(memory);
  if (unit !== undefined && device !== undefined) checkDevice(walk, claim, device, unit, 'device');
  return rules(walk);
}

test('sizes', () => {
  expect([Ste, Cd, SmmuL1StreamDesc, SmmuL1CdDesc].map((schema) => sizeof(schema, ABI.aarch64))).toEqual([
    64, 64, 8, 8,
  ]);
});

describe('a stream', () => {
  test('of stage 2', () => {
    const { unit, device, walk } = opened(stage2());
    expect(unit).toMatchObject({ twoLevel: true, split: 8, streams: 65536, complete: true });
    expect(unit?.tables).toEqual([{ firstStream: 0x300, table: STES, entries: 256, present: true }]);
    expect(unit?.streamsValid.map(({ stream, address }) => [stream, address])).toEqual([[STREAM, STE]]);
    expect(device?.translation).toMatchObject({
      kind: 'second-stage',
      format: 'armv8-s2',
      granule: 4096,
      table: TOP,
      level: 2,
      id: 5,
    });
    expect(rules(walk)).toEqual([]);
    expect(checked(stage2(), CLAIM)).toEqual([]);
  });
  test('of stage 1', () => {
    const { device } = opened(stage1());
    expect(device?.translation).toMatchObject({
      kind: 'first-stage',
      format: 'armv8-s1',
      table: TOP,
      level: 3,
      id: 9,
      address: CDS,
    });
    expect(checked(stage1(), { ...CLAIM, domain: { topTable: TOP, topLevel: 3n } })).toEqual([]);
  });
  test('of stage 1 with two levels of context descriptors and 64 KiB pages', () => {
    // S1FMT 1, 2^8 descriptors; the leaf: T0SZ 16, TG0 1.
    const memory = unitOf((8n << 59n) | 0x1bn | CDS, 0n, 0n, 0n)
      .put(CDS, CD_LEAF | 1n)
      .put(CD_LEAF, 16n | (1n << 6n) | (1n << 31n) | (1n << 41n), TOP);
    expect(opened(memory).device?.translation).toMatchObject({
      format: 'armv8-s1',
      granule: 65536,
      level: 2,
      address: CD_LEAF,
    });
  });
  test('in a table of one level', () => {
    const memory = new Memory().put(ROOT + 64n * 8n, 0xdn, 0n, 1n << 51n, TOP).put(TOP, 0n);
    const walk = memory.walk();
    const unit = smmuUnit(walk, ROOT, 6n, 'hw');
    expect(unit).toMatchObject({ twoLevel: false, streams: 64, complete: true });
    expect(unit?.streamsValid.map(({ stream }) => stream)).toEqual([8]);
  });
});

describe('each rule, broken on its own', () => {
  test.each<[string, Memory, DeviceClaim, string]>([
    ['no entry', stage2().put(STE, 0xcn), CLAIM, 'context'],
    ['bypass', stage2().put(STE, 0x9n), CLAIM, 'translation-type'],
    ['abort', stage2().put(STE, 0x1n), CLAIM, 'translation-type'],
    ['another table', stage2(), { ...CLAIM, domain: { topTable: 0x9000n, topLevel: 2n } }, 'top-table'],
    ['other levels', stage2(), { ...CLAIM, domain: { topTable: TOP, topLevel: 3n } }, 'levels'],
    ['a stream table that is not preserved', stage2().unpreserve(ROOT), CLAIM, 'root-table'],
    ['a second level that is not preserved', stage2().unpreserve(STES), CLAIM, 'context-table'],
    [
      'context descriptors that are not preserved',
      stage1().unpreserve(CDS),
      { ...CLAIM, domain: undefined },
      'pasid-leaf',
    ],
  ])('%s', (_, memory, claim, rule) => {
    expect(checked(memory, claim)).toEqual([rule]);
  });
  test('a stream table that cannot be', () => {
    for (const [base, config] of [
      [0n, TWO_LEVEL],
      [ROOT, 3n << 16n],
      [ROOT, 60n],
    ] as const) {
      const walk = stage2().walk();
      expect(smmuUnit(walk, base, config, 'hw')).toBeUndefined();
      expect(rules(walk)).toEqual(['root-table']);
    }
  });
});

test('every bit may flip', () => {
  for (const make of [stage1, stage2])
    for (const at of [ROOT + 24n, STE, STE + 8n, STE + 16n, STE + 24n, CDS, CDS + 8n])
      for (let bit = 0n; bit < 64n; bit++) {
        const memory = make();
        const answer = memory.walk().image.read(at, 8);
        const word = answer instanceof Uint8Array ? new DataView(answer.buffer).getBigUint64(0, true) : 0n;
        expect(() => checked(memory.put(at, word ^ (1n << bit)), CLAIM)).not.toThrow();
      }
  for (let bit = 0n; bit < 64n; bit++)
    expect(() => smmuUnit(stage1().walk(), ROOT, TWO_LEVEL ^ (1n << bit), 'hw')).not.toThrow();
});
