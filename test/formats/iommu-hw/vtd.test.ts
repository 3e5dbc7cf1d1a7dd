import { describe, expect, test } from 'vitest';
import { ABI, decode, encode, fromHex, sizeof } from '../../../src/codec/index.js';
import {
  checkBitmap,
  checkDevice,
  type DeviceClaim,
  VtdContextEntry,
  VtdPasidDirEntry,
  VtdPasidEntry,
  VtdRootEntry,
  VtdScalableContextEntry,
  VtdScalableRootEntry,
  vtdDevice,
  vtdUnit,
} from '../../../src/formats/iommu/hw/index.js';
import { inferFormat } from '../../../src/formats/pgtable/index.js';
import { Memory, ROOT, rules } from './support.js';

const abi = ABI.x86_64;
/** Spaces between words are for the reader. */
const bytesOf = (text: string) => {
  const bytes = fromHex(text.replaceAll(' ', ''));
  if (bytes === undefined) throw new Error('this is no hex');
  return bytes;
};
const ID = { bus: 0x3a, devfn: 0x08 };
const CONTEXTS = 0x10_1000n;
const DIRECTORY = 0x10_2000n;
const LEAF = 0x10_3000n;
const TOP = 0x10_5000n;

/** Bus 3a, device 1: second stage, four levels, domain id 0x42. */
const legacy = () =>
  new Memory()
    .put(ROOT + 0x3a0n, CONTEXTS | 1n, 0n)
    .put(CONTEXTS + 0x80n, TOP | 1n, 0x4202n)
    .put(TOP, 0n);
/** The same in scalable mode: a directory of 512 entries, PASID 0 with the second stage. */
const scalable = (pasid: readonly bigint[] = [TOP | 0x89n, 0x42n, 0n]) =>
  new Memory()
    .put(ROOT + 0x3a0n, CONTEXTS | 1n, 0n)
    .put(CONTEXTS + 0x100n, DIRECTORY | 0x409n, 0n, 0n, 0n)
    .put(DIRECTORY, LEAF | 1n)
    .put(LEAF, ...pasid)
    .put(TOP, 0n);
const CLAIM: DeviceClaim = {
  id: ID,
  attachmentId: 0x42n,
  pasidTable: 0n,
  maxPasid: 0n,
  domain: { topTable: TOP, topLevel: 3n, signExtend: false },
};
const SCALABLE: DeviceClaim = { ...CLAIM, pasidTable: DIRECTORY, maxPasid: 32768n };

/** Reads, checks, and says which rules were broken. */
function checked(memory: Memory, claim: DeviceClaim, bitmap?: readonly bigint[]): string[] {
  const walk = memory.walk();
  const unit = vtdUnit(
    walk,
    ROOT,
    'hw',
    claim.pasidTable === undefined ? undefined : claim.pasidTable !== 0n,
  );
  if (unit === undefined) return rules(walk);
  const { pasidTable, maxPasid } = claim;
  const device = vtdDevice(walk, unit, claim.id, 'device', {
    ...(pasidTable === undefined ? {} : { pasidTable }),
    ...(maxPasid === undefined ? {} : { maxPasid }),
  });
  checkDevice(walk, claim, device, unit, 'device');
  if (bitmap !== undefined) checkBitmap(walk, unit, bitmap, 'hw');
  return rules(walk);
}

describe('entries, from bytes written by hand', () => {
  test('sizes', () => {
    expect(
      [
        VtdRootEntry,
        VtdScalableRootEntry,
        VtdContextEntry,
        VtdScalableContextEntry,
        VtdPasidDirEntry,
        VtdPasidEntry,
      ].map((schema) => sizeof(schema, abi)),
    ).toEqual([16, 16, 16, 32, 8, 64]);
  });
  test('root entries', () => {
    const bytes = bytesOf('0100000400000000 01f0efcdab890000');
    expect(decode(VtdScalableRootEntry, bytes, { abi })).toEqual({
      lower_present: 1,
      lower_context_table: 0x4000,
      upper_present: 1,
      upper_context_table: 0x89abcdeff,
    });
    expect(decode(VtdRootEntry, bytesOf('0100000400000000 0000000000000000'), { abi })).toEqual({
      present: 1,
      context_table: 0x4000,
    });
  });
  test('context entry of legacy mode', () => {
    // FPD; with device IOTLB; root 0x123456789000; three levels; avail 5; domain id 0xbeef.
    const bytes = bytesOf('0790785634120000 29efbe0000000000');
    expect(decode(VtdContextEntry, bytes, { abi })).toEqual({
      present: 1,
      fpd: 1,
      tt: 1,
      sspt: 0x123456789,
      aw: 1,
      avail: 5,
      did: 0xbeef,
    });
  });
  test('context entry of scalable mode', () => {
    // DTE, PASIDE, PRE; PDTS 5; directory 0xabcde000; RID_PASID 0x12345.
    const bytes = bytesOf('1deacdab00000000 4523010000000000 0000000000000000 0000000000000000');
    expect(decode(VtdScalableContextEntry, bytes, { abi })).toEqual({
      present: 1,
      fpd: 0,
      dte: 1,
      pasid_enable: 1,
      pre: 1,
      pdts: 5,
      pasid_dir: 0xabcde,
      rid_pasid: 0x12345,
      rid_priv: 0,
    });
  });
  test('PASID directory and table entries', () => {
    expect(decode(VtdPasidDirEntry, bytesOf('03b0000000000080'), { abi })).toEqual({
      present: 1,
      fpd: 1,
      pasid_table: 0x800000000000b,
    });
    // First stage with five levels, AW 2 (not read), id 0x1234; PWSNP, PGSNP; SRE, WPE, EAFE; root 0x7000.
    const bytes = bytesOf(
      `4900000000000000 3412800100000000 9570000000000000 ${'0000000000000000'.repeat(5)}`,
    );
    expect(decode(VtdPasidEntry, bytes, { abi })).toEqual({
      present: 1,
      fpd: 0,
      aw: 2,
      pgtt: 1,
      ssade: 0,
      sspt: 0,
      did: 0x1234,
      pwsnp: 1,
      pgsnp: 1,
      sre: 1,
      fspm: 1,
      wpe: 1,
      eafe: 1,
      fspt: 7,
    });
    expect(encode(VtdPasidEntry, decode(VtdPasidEntry, bytes, { abi }), { abi })).toEqual(bytes);
  });
});

describe('a sound unit', () => {
  test('in legacy mode', () => {
    const walk = legacy().walk();
    const unit = vtdUnit(walk, ROOT, 'hw', false);
    expect(unit).toMatchObject({ mode: 'legacy', complete: true });
    expect(unit?.because).toEqual([
      'No device behind the unit has a PASID table.',
      '1 context entry looks like one of legacy mode, 0 like ones of scalable mode.',
    ]);
    expect(unit?.contexts).toHaveLength(1);
    if (unit === undefined) return;
    const device = vtdDevice(walk, unit, ID, 'device');
    expect(device.translation).toMatchObject({
      kind: 'second-stage',
      format: 'vtdss',
      table: TOP,
      level: 3,
      id: 0x42,
      address: CONTEXTS + 0x80n,
    });
    expect(device.pasids).toBeUndefined();
    checkDevice(walk, CLAIM, device, unit, 'device');
    // One table serves both halves of the bus, whether both bits are set or one.
    checkBitmap(walk, unit, [0n, 1n << 52n], 'hw');
    checkBitmap(walk, unit, [0n, 3n << 52n], 'hw');
    expect(rules(walk)).toEqual([]);
    expect([...walk.claims.conflicts()]).toEqual([]);
    const format = inferFormat(walk.image, {
      table: TOP,
      level: 3,
      vasz: 48,
      signExtend: false,
      ...(device.translation === undefined ? {} : { translations: [device.translation] }),
    });
    expect(format).toMatchObject({ format: 'vtdss', confidence: 1 });
  });

  test('in scalable mode, with the second stage and with the first', () => {
    const walk = scalable().walk();
    const unit = vtdUnit(walk, ROOT, 'hw', true);
    if (unit === undefined) throw new Error('there is no unit');
    expect(unit.because).toEqual(['A device behind the unit has a PASID table, which is of scalable mode.']);
    const device = vtdDevice(walk, unit, ID, 'device');
    expect(device.pasids).toMatchObject({ directory: DIRECTORY, maxPasid: 32768, complete: true });
    expect(device.pasids?.leaves).toEqual([{ index: 0, table: LEAF, present: true }]);
    expect(device.pasids?.entries.map(({ pasid, address }) => [pasid, address])).toEqual([[0, LEAF]]);
    expect(checked(scalable(), SCALABLE, [0n, 1n << 52n])).toEqual([]);
    // First stage with five levels; AW is not read.
    const first = scalable([0x45n, 0x42n, TOP | 0x84n]);
    expect(
      checked(first, { ...SCALABLE, domain: { topTable: TOP, topLevel: 4n, signExtend: true } }),
    ).toEqual([]);
  });

  test('without being told, the mode is found in the entries', () => {
    const mode = (memory: Memory) => vtdUnit(memory.walk(), ROOT, 'hw')?.mode;
    expect(mode(legacy())).toBe('legacy');
    expect(mode(scalable())).toBe('scalable');
    expect(
      mode(
        scalable()
          .put(ROOT + 0x3a8n, 0x10_4001n)
          .put(0x10_4000n, 0n),
      ),
    ).toBe('scalable');
    expect(mode(new Memory().put(ROOT, 0n))).toBe('legacy');
  });

  test('devices from 0x10 on are in the upper table', () => {
    const memory = scalable()
      .put(ROOT + 0x3a8n, 0x10_4001n)
      .put(0x10_4000n + 0x1fn * 32n, DIRECTORY | 0x409n, 0n, 0n, 0n);
    const id = { bus: 0x3a, devfn: 0x9f };
    expect(checked(memory, { ...SCALABLE, id }, [0n, 3n << 52n])).toEqual([]);
  });
});

describe('each rule, broken on its own', () => {
  const cases: [string, Memory, DeviceClaim, string][] = [
    ['context', legacy(), { ...CLAIM, id: { bus: 0x3a, devfn: 9 } }, 'context'],
    ['context, not present', legacy().put(CONTEXTS + 0x80n, TOP, 0x4202n), CLAIM, 'context'],
    ['context table unpreserved', legacy().unpreserve(CONTEXTS), CLAIM, 'context-table'],
    ['top table', legacy(), { ...CLAIM, domain: { topTable: 0x5000n, topLevel: 3n } }, 'top-table'],
    ['top table, scalable', scalable([LEAF | 0x89n, 0x42n, 0n]), SCALABLE, 'top-table'],
    ['levels', legacy(), { ...CLAIM, domain: { topTable: TOP, topLevel: 4n } }, 'levels'],
    [
      'levels of the first stage',
      scalable([0x45n, 0x42n, TOP | 0x80n]),
      { ...SCALABLE, domain: { topTable: TOP, topLevel: 4n } },
      'levels',
    ],
    ['did', legacy(), { ...CLAIM, attachmentId: 0x43n }, 'did'],
    ['did, scalable', scalable(), { ...SCALABLE, attachmentId: 0x43n }, 'did'],
    ['pass-through', legacy().put(CONTEXTS + 0x80n, TOP | 9n), CLAIM, 'translation-type'],
    ['pass-through, scalable', scalable([0x101n, 0x42n, 0n]), SCALABLE, 'translation-type'],
    ['reserved PGTT', scalable([0x181n, 0x42n, 0n]), SCALABLE, 'translation-type'],
    [
      'sign extension',
      scalable(),
      { ...SCALABLE, domain: { topTable: TOP, topLevel: 3n, signExtend: true } },
      'translation-type',
    ],
    ['PASID table', scalable(), { ...SCALABLE, pasidTable: 0x9000n }, 'pasid-table'],
    ['max_pasid', scalable(), { ...SCALABLE, maxPasid: 65536n }, 'pasid-size'],
    ['PASID 0', scalable([0n]), SCALABLE, 'pasid-entry'],
    ['PASID leaf at 0', scalable().put(DIRECTORY + 8n, 1n), SCALABLE, 'pasid-leaf'],
    ['reserved bits of a root entry', legacy().put(ROOT + 0x3a0n, CONTEXTS | 3n), CLAIM, 'reserved'],
    ['reserved bits of a context', legacy().put(CONTEXTS + 0x88n, 0x4282n), CLAIM, 'reserved'],
    ['reserved bits of a context, scalable', scalable().put(CONTEXTS + 0x118n, 1n), SCALABLE, 'reserved'],
    ['reserved bits of a PASID entry', scalable([TOP | 0x8a9n, 0x42n, 0n]), SCALABLE, 'reserved'],
    ['PASID leaf unpreserved', scalable().unpreserve(LEAF), SCALABLE, 'pasid-leaf'],
  ];
  test.each(cases)('%s', (_, memory, claim, rule) => {
    expect(checked(memory, claim)).toEqual([rule]);
  });
  test('context_tables_bitmap', () => {
    expect(checked(legacy(), CLAIM, [])).toEqual(['bitmap']);
    expect(checked(legacy(), CLAIM, [1n, 1n << 52n])).toEqual(['bitmap']);
    expect(checked(scalable(), SCALABLE, [0n, 3n << 52n])).toEqual(['bitmap']);
  });
  test('root table', () => {
    for (const at of [0n, 0x1010n, 1n << 60n]) {
      const walk = legacy().walk();
      expect(vtdUnit(walk, at, 'hw')).toBeUndefined();
      expect(rules(walk)).toEqual(['root-table']);
    }
  });
  test('a context table that the dump has not', () => {
    const walk = legacy().put(ROOT, 0x7000_0001n).walk();
    const unit = vtdUnit(walk, ROOT, 'hw', false);
    expect(unit?.complete).toBe(false);
    expect(rules(walk)).toEqual(['context-table', 'kho/memory-absent']);
    // Whether the device has a context cannot be told then.
    if (unit !== undefined)
      checkDevice(walk, CLAIM, vtdDevice(walk, unit, { bus: 0, devfn: 0 }, 'device'), unit, 'device');
    expect(rules(walk)).toHaveLength(2);
  });
});

test('every bit of all tables may flip, in both modes', () => {
  for (const [make, claim] of [
    [legacy, CLAIM],
    [scalable, SCALABLE],
  ] as const) {
    for (const at of [
      ROOT + 0x3a0n,
      ROOT + 0x3a8n,
      CONTEXTS + 0x80n,
      CONTEXTS + 0x88n,
      CONTEXTS + 0x100n,
      DIRECTORY,
      LEAF,
      LEAF + 8n,
      LEAF + 16n,
    ])
      for (let bit = 0n; bit < 64n; bit++) {
        const memory = make();
        const answer = memory.walk().image.read(at, 8);
        const word = answer instanceof Uint8Array ? new DataView(answer.buffer).getBigUint64(0, true) : 0n;
        expect(() => checked(memory.put(at, word ^ (1n << bit)), claim, [0n, 1n << 52n])).not.toThrow();
      }
  }
});

test('tables by the million that lead to each other are not all read', () => {
  // Every entry of every page leads to another page: as root, as context table, as directory, as leaf.
  const memory = new Memory();
  const pages = 64n;
  for (let page = 0n; page < pages; page++)
    for (let at = 0n; at < 4096n; at += 8n)
      memory.put(ROOT + page * 4096n + at, (ROOT + ((page + at / 8n) % pages) * 4096n) | 0xe01n);
  const walk = memory.walk();
  for (let page = 0n; page < pages; page++) {
    const unit = vtdUnit(walk, ROOT + page * 4096n, 'hw', true);
    if (unit !== undefined)
      for (let devfn = 0; devfn < 16; devfn++) vtdDevice(walk, unit, { bus: Number(page), devfn }, 'device');
  }
  expect(walk.findings.list().some(({ rule }) => rule === 'iommu-hw/limit')).toBe(true);
});
