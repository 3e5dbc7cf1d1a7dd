import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ABI, encode, struct, u16, u32 } from '../../src/codec/index.js';
import {
  bytesSource,
  type CoreSegment,
  codecMemory,
  demand,
  type ElfCore,
  elfCore,
  openImage,
} from '../../src/memory/index.js';
import { absentAt, bytesAt } from './fixtures.js';

const text = (value: string) => new TextEncoder().encode(value);
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const open = (
  core: Partial<ElfCore> & { segments: readonly CoreSegment[] },
  change?: (bytes: Uint8Array) => void,
) => {
  const bytes = elfCore({ endian: 'little', bits: 64, elfMachine: 62, align: 16, ...core });
  change?.(bytes);
  return openImage(bytesSource(bytes));
};
/** Where program header `index` of a core that elfCore wrote is. */
const phdr = (index: number) => 64 + 56 * index;
const put64 = (bytes: Uint8Array, at: number, value: bigint) =>
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(at, value, true);

describe.each([
  ['little', 64, 62, ABI.x86_64],
  ['big', 64, 22, ABI.s390x],
  ['little', 32, 40, ABI.arm],
  ['big', 32, 20, ABI.powerpc],
] as const)('%s-endian, %i bits', (endian, bits, elfMachine, abi) => {
  const core: ElfCore = {
    endian,
    bits,
    elfMachine,
    notes: [
      { name: 'CORE', type: 1, content: filled(5, 9) },
      {
        name: 'VMCOREINFO',
        type: 0,
        content: text('OSRELEASE=6.1\nPAGESIZE=16384\nNUMBER(phys_base)=-452984832\n'),
      },
    ],
    segments: [
      { address: 0x8000n, bytes: filled(100, 1), virtual: 0xc0008000n },
      { address: 0x1000n, bytes: filled(256, 2) },
    ],
  };
  it('is written and read', () => {
    const image = openImage(bytesSource(elfCore(core)));
    expect(image.problems).toEqual([]);
    expect(image.machine).toMatchObject({
      endian,
      bits,
      elfMachine,
      abi: { name: expect.stringContaining(abi.name) },
    });
    expect(image.machine.abi?.pageSize).toBe(16384);
    expect(image.pageSize).toBe(16384);
    expect(image.vmcoreinfo()?.number('phys_base')).toBe(-452984832n);
    expect(image.notes().map(({ name, type, content }) => [name, type, content.length])).toEqual([
      ['CORE', 1, 5],
      ['VMCOREINFO', 0, 58],
    ]);
    expect([...image.regions()]).toEqual([
      { address: 0x1000n, size: 256n, state: 'data' },
      { address: 0x8000n, size: 100n, state: 'data' },
    ]);
    expect(bytesAt(image, 0x8000n, 100)).toEqual(filled(100, 1));
    expect(image.toPhysical(0xc0008010n)).toBe(0x8010n);
    expect(image.toPhysical(0xc0009000n)).toBeUndefined();
    expect(image.end).toBe(0x8064n);
  });
  it.skipIf(!existsSync('/usr/bin/readelf'))('is what readelf reads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'carryover-'));
    try {
      writeFileSync(join(folder, 'core'), elfCore(core));
      const out = execFileSync('readelf', ['-h', '-l', '-n', '-W', join(folder, 'core')], {
        encoding: 'utf8',
      });
      expect(out).toMatch(/Type:\s+CORE/);
      expect(out).toMatch(/NOTE\s+0x/);
      expect(
        out.match(/^ {2}LOAD .*$/gm)?.map((line) => line.trim().split(/\s+/).slice(2, 6).map(Number)),
      ).toEqual([
        [0xc0008000, 0x8000, 100, 100],
        [0, 0x1000, 256, 256],
      ]);
      expect(out).toMatch(/VMCOREINFO\s+0x0000003a/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it('reads more segments than e_phnum can count, from section header 0', () => {
  const segments = Array.from({ length: 70_000 }, (_, i) => ({
    address: BigInt(i) * 0x2000n,
    bytes: Uint8Array.of(i & 255, i >> 8),
  }));
  const image = open({ segments, align: 2 });
  expect(bytesAt(image, 69_999n * 0x2000n, 2)).toEqual(Uint8Array.of(69_999 & 255, (69_999 >> 8) & 255));
  expect([...image.regions()]).toHaveLength(70_000);
});

it('reads headers where QEMU puts them: sections first, and an e_ehsize of 8', () => {
  const content = filled(64, 7);
  const bytes = new Uint8Array(64 + 2 * 64 + 56 + content.length);
  const u = { le16: (v: number) => [v & 255, v >> 8] };
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set([...u.le16(4), ...u.le16(62), 1, 0, 0, 0], 16);
  // Bytes 32 to 63 as QEMU 7.2 wrote them, but for the number of program headers.
  bytes.set(
    [0xc0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 56, 0, 1, 0, 64, 0, 2, 0, 1, 0],
    32,
  );
  const at = 0xc0;
  bytes.set([1], at);
  put64(bytes, at + 8, BigInt(at + 56));
  put64(bytes, at + 24, 0x5000n);
  put64(bytes, at + 32, 64n);
  put64(bytes, at + 40, 64n);
  bytes.set(content, at + 56);
  expect(bytesAt(openImage(bytesSource(bytes)), 0x5000n, 64)).toEqual(content);
});

describe('segments that overlap', () => {
  it('are one memory; the first in the table is read, and it is no problem as long as they agree', () => {
    const image = open({
      segments: [
        { address: 0x1100n, bytes: filled(0x100, 5), virtual: 0xffffffff81000000n },
        { address: 0x1000n, bytes: filled(0x1000, 5), virtual: 0xffff888000001000n },
      ],
    });
    expect(image.problems).toEqual([]);
    expect([...image.regions()]).toEqual([{ address: 0x1000n, size: 0x1000n, state: 'data' }]);
    expect(image.toPhysical(0xffffffff81000010n)).toBe(0x1110n);
    expect(image.toPhysical(0xffff888000001110n)).toBe(0x1110n);
  });
  it('that differ are told', () => {
    const image = open({
      segments: [
        { address: 0x1100n, bytes: filled(0x100, 6) },
        { address: 0x1000n, bytes: filled(0x1000, 5) },
      ],
    });
    expect(image.problems.map((problem) => [problem.code, problem.reason])).toEqual([
      ['memory-overlap', 'segment 1 and segment 0 differ at 0x1100'],
    ]);
    expect(bytesAt(image, 0x10ffn, 0x102)).toEqual(Uint8Array.of(5, ...filled(0x100, 6), 5));
  });
  it('may share bytes of the file, as QEMU writes aliases', () => {
    const image = open(
      {
        segments: [
          { address: 0x1000n, bytes: filled(0x100, 1), virtual: 0x7000n },
          { address: 0x1080n, bytes: filled(0x80, 2), virtual: 0x9000n },
        ],
      },
      (bytes) => {
        const view = new DataView(bytes.buffer);
        view.setBigUint64(phdr(1) + 8, view.getBigUint64(phdr(0) + 8, true) + 0x80n, true);
      },
    );
    expect(image.problems).toEqual([]);
    expect(bytesAt(image, 0x1000n, 0x100)).toEqual(filled(0x100, 1));
    expect(image.toPhysical(0x9001n)).toBe(0x1081n);
  });
  it('give data before zeros, whatever their order', () => {
    const image = open({
      segments: [
        { address: 0x1000n, bytes: filled(16, 1), size: 0x1000n },
        { address: 0x1800n, bytes: filled(16, 2) },
      ],
    });
    expect(bytesAt(image, 0x17ffn, 18)).toEqual(Uint8Array.of(0, ...filled(16, 2), 0));
  });
});

describe('memory without bytes in the file', () => {
  it('is zero by ELF, and costs nothing however large it is', () => {
    const image = open({ segments: [{ address: 0x1000n, bytes: filled(16, 1), size: 1n << 62n }] });
    expect(bytesAt(image, 0x100fn, 3)).toEqual(Uint8Array.of(1, 0, 0));
    expect(image.at(0x2000n)).toMatchObject({ state: 'zero', because: 'segment-tail' });
    expect(Array.from(image.windows(), ({ address, bytes }) => [address, bytes.length])).toEqual([
      [0x1000n, 16],
    ]);
    const [first] = image.windows({ zeros: true });
    expect([first?.address, first?.bytes.length]).toEqual([0x1000n, 16]);
    expect(() => image.read(0x1000n, 2 ** 40)).toThrowError(/\[memory-limit\]/);
  });
  it('was left out where the notes are those of a kernel', () => {
    const notes = [{ name: 'VMCOREINFO', type: 0, content: text('OSRELEASE=6.1\n') }];
    const image = open({ notes, segments: [{ address: 0x1000n, bytes: filled(16, 1), size: 0x1000n }] });
    expect(absentAt(image, 0x1010n)).toBe('excluded');
  });
  it('was left out where QEMU gives it no offset', () => {
    const image = open({ segments: [{ address: 0x1000n, bytes: filled(0, 1), size: 0x1000n }] }, (bytes) =>
      put64(bytes, phdr(0) + 8, 2n ** 64n - 1n),
    );
    expect(absentAt(image, 0x1000n)).toBe('excluded');
    expect([...image.regions()]).toEqual([]);
  });
  it('is truncated where the file ends before it', () => {
    const bytes = elfCore({
      endian: 'little',
      bits: 64,
      elfMachine: 62,
      segments: [{ address: 0x1000n, bytes: filled(0x1000, 3) }],
    });
    const image = openImage(bytesSource(bytes.subarray(0, bytes.length - 0x800)));
    expect(image.problems.map(({ code }) => code)).toEqual(['memory-cut-short']);
    expect(bytesAt(image, 0x1000n, 0x800)).toEqual(filled(0x800, 3));
    const { holes, bytes: some } = image.readSome(0x17f0n, 0x20);
    expect(holes).toEqual([
      {
        address: 0x1800n,
        length: 16,
        absence: {
          absent: 'file-truncated',
          address: 0x1800n,
          length: 0x800n,
          detail: 'segment 0 ends beyond the file',
        },
      },
    ]);
    expect(some).toEqual(Uint8Array.of(...filled(16, 3), ...filled(16, 0)));
  });
});

describe('addresses', () => {
  it('may reach the top of 64 bits, and are cut there', () => {
    const top = 2n ** 64n;
    const image = open({ segments: [{ address: top - 16n, bytes: filled(16, 1) }] });
    expect(bytesAt(image, top - 16n, 16)).toEqual(filled(16, 1));
    expect(image.end).toBe(top);
    expect(absentAt(image, top)).toBe('past-end');
    expect(absentAt(image, -1n)).toBe('past-end');
    const wrapped = open({ segments: [{ address: top - 32n, bytes: filled(32, 1) }] }, (bytes) =>
      put64(bytes, phdr(0) + 24, top - 16n),
    );
    expect(wrapped.problems.map(({ code }) => code)).toEqual(['memory-damaged']);
    expect(bytesAt(wrapped, top - 16n, 16)).toEqual(filled(16, 1));
  });
  it('of all ones are none', () => {
    const image = open(
      {
        segments: [
          { address: 0n, bytes: filled(16, 1) },
          { address: 0x1000n, bytes: filled(16, 2) },
        ],
      },
      (bytes) => put64(bytes, phdr(0) + 24, 2n ** 64n - 1n),
    );
    expect([...image.regions()]).toEqual([{ address: 0x1000n, size: 16n, state: 'data' }]);
  });
  it('that are all zero are those of a process, unless a kernel says otherwise', () => {
    const segments = [0n, 0n].map((address, i) => ({ address, bytes: filled(16, i) }));
    expect(open({ segments }).problems.map(({ code }) => code)).toEqual(['memory-no-addresses']);
    const notes = [{ name: 'VMCOREINFO', type: 0, content: text('OSRELEASE=6.1\n') }];
    expect(bytesAt(open({ segments, notes }), 0n, 16)).toEqual(filled(16, 0));
  });
  it('are followed by the codec, physical and virtual', () => {
    const Pair = struct('pair', { a: u32, b: u16 });
    const bytes = encode(Pair, { a: 7, b: 8 }, { abi: ABI.x86_64 });
    const image = open({ segments: [{ address: 0x1000n, bytes, virtual: 0xffff888000001000n }] });
    const memory = codecMemory(image);
    expect(memory.read('phys', 0x1000n, 8)).toEqual(bytes);
    expect(memory.read('virt', 0xffff888000001000n, 8)).toEqual(bytes);
    expect(memory.read('virt', 0x1000n, 8)).toBeUndefined();
    expect(memory.read('phys', 0x1004n, 8)).toBeUndefined();
    expect(() => demand(image, 0x2000n, 8)).toThrowError(/no memory at 0x2000: .* \[memory-absent\]/);
  });
});

it('takes a 64-bit core of an "i386" for an x86_64 that QEMU met outside of long mode', () => {
  const image = open({ elfMachine: 3, segments: [{ address: 0n, bytes: filled(8, 0) }] });
  expect(image.machine).toMatchObject({ name: 'x86_64', abi: ABI.x86_64 });
});

it('looks through memory window by window, across segments that touch, not across holes', () => {
  const image = open({
    segments: [
      { address: 0x1000n, bytes: filled(0x1800, 1) },
      { address: 0x2800n, bytes: filled(0x800, 2) },
      { address: 0x8000n, bytes: filled(0x10, 3) },
    ],
  });
  const windows = Array.from(image.windows({ windowSize: 0x1000 }), ({ address, bytes }) => [
    address,
    bytes.length,
    bytes.at(-1),
  ]);
  expect(windows).toEqual([
    [0x1000n, 0x1000, 1],
    [0x2000n, 0x1000, 2],
    [0x8000n, 0x10, 3],
  ]);
  expect(
    [...image.windows({ windowSize: 0x1000, from: 0x2900n, to: 0x8008n })].map(({ address, bytes }) => [
      address,
      bytes.length,
    ]),
  ).toEqual([
    [0x2900n, 0x700],
    [0x8000n, 8],
  ]);
});

it('refuses to write what cannot be read', () => {
  const write = (core: Partial<ElfCore>) => () =>
    elfCore({ endian: 'little', bits: 32, elfMachine: 40, segments: [], ...core });
  expect(write({ segments: [{ address: 1n << 32n, bytes: filled(1, 0) }] })).toThrowError(/\[memory-write\]/);
  expect(write({ segments: [{ address: 0n, bytes: filled(2, 0), size: 1n }] })).toThrowError(
    /segments\[0\].*\[memory-write\]/,
  );
});
