import { describe, expect, it } from 'vitest';
import { fileContents, handoverJSON, valueJSON } from '../../../src/formats/kho/index.js';
import { contentOf, luoOf, memfdOf, openCapture, rulesOf, sessionOf, textAt } from './support.js';

const GOLDEN = 0x9e3779b97f4a7c15n;

/** What the programs in the guests of all captures of the x86_64 machine had preserved. */
function checkGuest(name: 'v4' | 'kdump' | 'v1b' | 'v3', emptyToken: bigint): void {
  const handover = openCapture(name);
  const alpha = sessionOf(handover, 'vm-alpha');
  expect(alpha.files.map(({ token }) => token)).toEqual([0x1001n, 0xdeadbeefcafef00dn, 3n, emptyToken]);
  const beta = sessionOf(handover, 'vm-beta');
  expect(beta.files.map(({ token }) => token)).toEqual([
    (1n << 64n) - 1n,
    ...Array.from({ length: 100 }, (_, i) => BigInt(5000 + i)),
  ]);
  expect(sessionOf(handover, 'empty-session').files).toEqual([]);

  expect(memfdOf(handover, 'vm-alpha', 0x1001n)).toMatchObject({ pos: 5n, size: 4096n, nr_folios: 1n });
  expect(memfdOf(handover, 'vm-alpha', 0xdeadbeefcafef00dn)).toMatchObject({ size: 262144n, nr_folios: 64n });
  expect(memfdOf(handover, 'vm-alpha', 3n)).toMatchObject({ size: 65536n, nr_folios: 16n });
  expect(memfdOf(handover, 'vm-alpha', emptyToken)).toMatchObject({ size: 0n, nr_folios: 0n });
  expect(memfdOf(handover, 'vm-beta', (1n << 64n) - 1n)).toMatchObject({ size: 12288000n, nr_folios: 3000n });
  for (let i = 0; i < 100; i++)
    expect(memfdOf(handover, 'vm-beta', BigInt(5000 + i)).size).toBe(BigInt(4096 * (1 + (i % 3))));
  if (name !== 'v1b') {
    expect(memfdOf(handover, 'vm-alpha', 0x1001n).seals).toBe(1);
    expect(memfdOf(handover, 'vm-alpha', 0xdeadbeefcafef00dn).seals).toBe(6);
    expect(memfdOf(handover, 'vm-beta', (1n << 64n) - 1n).seals).toBe(0x11);
  }
  expect(handover.value.entries.memblock).toMatchObject({
    tracebuf: { size: 65536n },
    pstore: { size: 8192n },
  });
}

describe('Linux 7.2', () => {
  it.each(['v4', 'kdump'] as const)('%s has what the guest preserved', (name) => {
    checkGuest(name, 4n);
    const handover = openCapture(name);
    expect(handover.generation?.name).toBe('v4');
    expect(handover.value.page_size).toBe(4096);
    expect(handover.value.fdt).toMatchObject({ address: 0x4bd000n, compatible: 'kho-v4', totalsize: 405 });
    expect(luoOf(handover)).toMatchObject({ compatible: 'luo-v5', liveupdate_num: 1n });
    expect(luoOf(handover).flbs).toMatchObject(
      [0n, 1n, 2n].map((i) => ({
        name: `liveupdate-test-flb-v${i}`,
        data: 0xfeedf00dcafebee0n + i,
        count: 105n,
      })),
    );
    expect(handover.value.entries['kexec-metadata']).toMatchObject({ version: 1, kexec_count: 1 });
    expect(handover.value.entries.kho_test).toMatchObject({ compatible: 'kho-test-v1', magic: 0x4b484f21 });
  });

  it('says nothing but that the folios of kho_test were cut out of the dump', () => {
    expect(rulesOf(openCapture('v4'))).toEqual(['kho/memory-absent', 'kho/opaque']);
    expect(rulesOf(openCapture('kdump'))).toEqual(['kho/opaque', 'kho/page-zero']);
  });

  it('gives the same value from both containers', () => {
    expect(valueJSON(openCapture('kdump').value)).toEqual(valueJSON(openCapture('v4').value));
  });

  it.each(['v4', 'kdump'] as const)(
    '%s gives back the content of the files, as far as it was kept',
    (name) => {
      const handover = openCapture(name);
      // The pages that were cut out are absent from one container, and pages of zeros in the other.
      const cut = openCapture('v4');
      const one = contentOf(handover, 'vm-alpha', 0x1001n);
      expect(one.bytes.length).toBe(4096);
      expect(textAt(one.bytes, 0)).toBe('alpha page zero');

      const sparse = contentOf(handover, 'vm-alpha', 0xdeadbeefcafef00dn);
      const kept = contentOf(cut, 'vm-alpha', 0xdeadbeefcafef00dn);
      expect(kept.absent).toBe(61 * 4096);
      for (let page = 0; page < 64; page++)
        expect(textAt(sparse.bytes, page * 4096)).toBe(
          page % 3 === 0 && kept.has(page * 4096) ? `sparse page ${page}` : '',
        );
      expect(contentOf(handover, 'vm-alpha', 4n).bytes.length).toBe(0);

      const big = contentOf(handover, 'vm-beta', 0);
      expect(big.bytes.length).toBe(12288000);
      const bigKept = contentOf(cut, 'vm-beta', (1n << 64n) - 1n);
      expect(bigKept.absent).toBe(2997 * 4096);
      const view = new DataView(big.bytes.buffer);
      for (let page = 0; page < 3000; page++)
        expect(view.getBigUint64(page * 4096, true)).toBe(
          bigKept.has(page * 4096) ? BigInt.asUintN(64, BigInt(page) * GOLDEN) : 0n,
        );
      let texts = 0;
      for (let i = 0; i < 100; i++) {
        const isKept = contentOf(cut, 'vm-beta', BigInt(5000 + i)).has(0);
        const { bytes } = contentOf(handover, 'vm-beta', BigInt(5000 + i));
        expect(textAt(bytes, 0)).toBe(isKept ? `m${i}` : '');
        if (isKept) texts++;
      }
      expect(texts).toBe(4);
    },
  );
});

describe('Linux 7.2 on arm64 with 64 KiB pages', () => {
  it('is found to have 64 KiB pages', () => {
    const handover = openCapture('arm64');
    expect(handover.value.page_size).toBe(65536);
    expect(handover.value.preserved.ranges.blocks).toBe(346);
    const orders = [...handover.value.preserved.ranges].map(({ order }) => order);
    expect([Math.min(...orders), Math.max(...orders)]).toEqual([0, 11]);
    expect(handover.because.join('\n')).toContain('65536');
    expect(handover.findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
  });
  it('has 64 sessions, 72 files and 3 FLBs', () => {
    const luo = luoOf(openCapture('arm64'));
    expect(luo.sessions.length).toBe(64);
    expect(luo.sessions.reduce((sum, { files }) => sum + files.length, 0)).toBe(72);
    expect(luo.flbs.map(({ count }) => count)).toEqual([72n, 72n, 72n]);
  });
  it('says that the content is not in the dump', () => {
    const handover = openCapture('arm64');
    const [session] = luoOf(handover).sessions;
    const { bytes, absent } = contentOf(handover, session?.name ?? '', 0);
    expect(bytes.length).toBe(20580);
    expect(absent).toBe(20580);
  });
});

describe('older generations', () => {
  it('6.16: small bitmaps', () => {
    const handover = openCapture('v1a');
    expect(handover.generation?.name).toBe('v1a');
    expect(handover.value.preserved).toMatchObject({ pages: 150n, bytes: 614400n });
    expect([...handover.value.preserved.ranges].reduce((sum, { count }) => sum + count, 0)).toBe(15);
    expect(handover.value.entries.kho_test).toMatchObject({ nr_folios: 6, folios_info: 'inline' });
    expect(handover.findings).toEqual([]);
  });
  it('6.16 finalized, aborted and finalized again: the folios of the test are not in the map', () => {
    const handover = openCapture('broken');
    expect(handover.findings.map(({ rule, severity, path }) => ({ rule, severity, path }))).toEqual([
      { rule: 'kho-test/folio-not-preserved', severity: 'error', path: 'entries.kho_test.folios' },
    ]);
    expect(handover.findings[0]?.message).toContain('8 of 8 folios');
    expect(handover.findings[0]?.message).toContain('KHO restore failed');
  });
  it('6.19: bitmaps of a page, luo-v1 without FLBs, memfd-v1', () => {
    checkGuest('v1b', 0n);
    const handover = openCapture('v1b');
    expect(handover.generation?.name).toBe('v1b');
    expect(handover.value.preserved).toMatchObject({ bytes: 15503360n });
    expect(handover.value.preserved.ranges.blocks).toBe(3633);
    expect(luoOf(handover)).toMatchObject({
      compatible: 'luo-v1',
      liveupdate_num: 1n,
      flbs: [],
      flb_node: false,
    });
    expect(rulesOf(handover)).toEqual(['luo/flb-node']);
  });
  it('7.1: radix tree, luo-v1 with FLBs, memfd-v2', () => {
    checkGuest('v3', 0n);
    const handover = openCapture('v3');
    expect(handover.generation?.name).toBe('v3');
    expect(handover.value.preserved).toMatchObject({ bytes: 15511552n });
    expect(handover.value.preserved.ranges.blocks).toBe(3635);
    expect(luoOf(handover).flbs.map(({ count }) => count)).toEqual([106n, 106n, 106n]);
    expect(handover.value.entries['kexec-metadata']).toMatchObject({
      previous_release: '7.2.13-khov3-luov1',
      kexec_count: 1,
    });
    expect(handover.findings).toEqual([]);
  });
  it.each(['v1b', 'v3'] as const)('%s has the long name and the alphabet', (name) => {
    const handover = openCapture(name);
    const session = 'session-name-of-exactly-sixty-three-characters-0123456789-abcde';
    expect(memfdOf(handover, session, 0xddn)).toMatchObject({ pos: 10000n, size: 10000n });
    const { bytes, absent } = contentOf(handover, session, 0xddn);
    expect(absent).toBe(0);
    expect(bytes).toEqual(Uint8Array.from({ length: 10000 }, (_, i) => 0x61 + (i % 26)));
    const dirty = contentOf(handover, 'vm-alpha', 3n);
    expect(textAt(dirty.bytes, 3 * 4096)).toBe('dirty');
    expect(textAt(contentOf(handover, 'vm-alpha', 0x1001n).bytes, 0)).toBe('alpha page zero');
  });
  it('6.19 shows folios that are not up to date as holes', () => {
    const handover = openCapture('v1b');
    // 16 pages from fallocate, of which one was written.
    const { bytes, stale } = contentOf(handover, 'vm-alpha', 3n);
    expect(stale).toBe(15 * 4096);
    expect(bytes.subarray(0, 3 * 4096).every((byte) => byte === 0)).toBe(true);
  });
});

it('is plain JSON, with 64-bit integers as strings', () => {
  const json = JSON.parse(JSON.stringify(handoverJSON(openCapture('v4'))));
  expect(json).toMatchObject({
    format: 'kho',
    generation: 'v4',
    abi: 'x86_64',
    value: {
      fdt: { address: '0x4bd000', compatible: 'kho-v4' },
      page_size: 4096,
      preserved: { pages: '5683', bytes: '23277568' },
      entries: {
        LUO: { liveupdate_num: '1', sessions: expect.any(Array) },
        memblock: { pstore: { start: '0xffd8000', size: '8192' } },
      },
    },
  });
  expect(json.value.entries.LUO.sessions[0].files[0]).toMatchObject({
    compatible: 'memfd-v2',
    token: '0x1001',
    memfd: { pos: '5', folios: [{ index: '0', order: 0, count: 1, flags: 3 }] },
  });
});

it('has a place for every object it names', () => {
  const handover = openCapture('v4');
  const paths = new Set(handover.objects.map(({ path }) => path));
  for (const path of [
    'entries.LUO',
    'entries.LUO.sessions[0]',
    'entries.LUO.sessions[1].files[100].memfd',
    'entries.LUO.flbs[2]',
  ])
    expect(paths).toContain(path);
  expect(() => fileContents(handover, 'nobody', 0)).toThrow('kho-no-file');
});
