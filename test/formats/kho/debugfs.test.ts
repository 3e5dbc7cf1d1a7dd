import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDebugfs, openHandover } from '../../../src/formats/kho/index.js';
import { fixture, fixturePath, openFixture } from '../../memory/fixtures.js';

function filesOf(folder: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const root = fixturePath(folder);
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      files.set(path.slice(root.length + 1), new Uint8Array(readFileSync(path)));
    }
  return files;
}

describe('a kernel after the kexec', () => {
  const debugfs = openDebugfs(filesOf('kho/kho-debugfs'));
  it('shows all that it was given, but not the LUO', () => {
    expect(debugfs.in?.fdt).toMatchObject({ compatible: 'kho-v4', partial: false });
    expect(Object.keys(debugfs.in?.fdt?.nodes ?? {})).toEqual([
      'memblock',
      'LUO',
      'kho_test',
      'kexec-metadata',
    ]);
    expect(debugfs.in?.entries.memblock).toMatchObject({
      compatible: 'memblock-v1',
      pstore: { size: 8192n },
    });
    expect(debugfs.in?.entries['kexec-metadata']).toMatchObject({ version: 1, kexec_count: 1 });
  });
  it('shows scratch areas, as text', () => {
    expect(debugfs.out?.scratch?.length).toBe(3);
    expect(debugfs.out?.scratch?.every(({ addr }) => addr % 4096n === 0n)).toBe(true);
  });
  it('has a LUO of the first kernel without its sessions', () => {
    expect(debugfs.out?.entries.LUO).toMatchObject({
      compatible: 'luo-v5',
      liveupdate_num: 1n,
      sessions: [],
    });
    expect(debugfs.findings.map(({ rule }) => rule)).toContain('debugfs/luo-early');
  });
});

it('does not trust a LUO that was freed', () => {
  const files = filesOf('kho/kho-debugfs');
  files.set(
    'in/sub_fdts/LUO',
    Uint8Array.from({ length: 32 }, (_, i) => 0x48 + i),
  );
  const debugfs = openDebugfs(files);
  expect(debugfs.in?.entries.LUO).toMatchObject({ stale: true, unknown: true });
  expect(debugfs.findings.map(({ rule }) => rule)).toContain('debugfs/luo-stale');
});

describe('a root whose file was cut off', () => {
  const files = filesOf('kho/kho-older/debugfs-v3-luo-v1');
  const debugfs = openDebugfs(files);
  it('is read as far as it goes, with the names that are missing', () => {
    expect(debugfs.out?.fdt).toMatchObject({ compatible: 'kho-v3', partial: true });
    expect(Object.keys(debugfs.out?.fdt?.nodes ?? {}).length).toBeGreaterThan(0);
    for (const node of Object.values(debugfs.out?.fdt?.nodes ?? {}))
      expect(node.address === undefined || node.address % 4096n === 0n).toBe(true);
    expect(debugfs.findings.map(({ rule }) => rule)).toContain('debugfs/fdt-truncated');
  });
  it('has the other files, under flattened names', () => {
    expect(debugfs.out?.entries.LUO).toMatchObject({ compatible: 'luo-v1', liveupdate_num: 1n });
    expect(debugfs.out?.scratch).toEqual([
      { addr: expect.any(BigInt), size: 0x3400000n },
      { addr: expect.any(BigInt), size: 0n },
      { addr: expect.any(BigInt), size: 0x9c00000n },
    ]);
  });
});

it('takes kho_data of x86 for what it is', () => {
  const data = fixture('kho/x86-setup-data-kho.bin');
  // That file is from another run of the guest: the root is where it says there.
  const root = new DataView(data.buffer, data.byteOffset).getBigUint64(0, true);
  const image = openFixture('kho/kho-v4-luo-v5-x86_64.elf');
  if (root === 0x4bd000n) {
    expect(openHandover(image, { khoData: data }).because.join('\n')).toContain('kho_data says');
  } else expect(() => openHandover(image, { khoData: data })).toThrow('kho-no-root');
  const moved = data.slice();
  new DataView(moved.buffer).setBigUint64(0, 0x4bd000n, true);
  const handover = openHandover(image, { khoData: moved });
  expect(handover.value.page_size).toBe(4096);
  expect(handover.because.join('\n')).toContain('kho_data says that the root is at 0x4bd000');
});

it('takes anything without throwing', () => {
  for (const bytes of [
    new Uint8Array(),
    new Uint8Array(3),
    new Uint8Array(500).fill(0xff),
    Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed),
  ])
    for (const path of [
      'out/fdt',
      'in/fdt',
      'in/sub_fdts/LUO',
      'out/sub_fdts/memblock',
      'out/sub_fdts/kho_test',
      'out/scratch_phys',
      'else',
    ])
      expect(() => openDebugfs(new Map([[path, bytes]]))).not.toThrow();
});
