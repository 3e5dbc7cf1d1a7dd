/** Reduced dumps say the same as whole ones. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildHandover, contentsOfBuilt, reduce } from '../../src/build/index.js';
import { type Handover, openHandover } from '../../src/formats/kho/index.js';
import { bytesSource, type Image, openImage, writeMemory } from '../../src/memory/index.js';
import { diff, openDump } from '../../src/state/index.js';

const FIXTURES = new URL('../../fixtures/kho/', import.meta.url);
const OLDER = readdirSync(new URL('kho-older/', FIXTURES)).filter((name) => name.endsWith('.gz'));
const CAPTURES = [
  'kho-v4-luo-v5-x86_64.elf.gz',
  'kho-v4-luo-v5-x86_64.kdump.gz',
  'kho-v4-luo-v5-arm64-64k.elf.gz',
  ...OLDER.map((name) => `kho-older/${name}`),
];

function capture(name: string): Image {
  return openImage(bytesSource(new Uint8Array(gunzipSync(readFileSync(new URL(name, FIXTURES))))));
}
function written(
  container: 'elf' | 'kdump' | 'lime',
  handover: Handover,
  contents?: 'zero' | 'drop' | 'pattern',
): Image {
  const memory = reduce(handover, contents === undefined ? {} : { contents });
  return openImage(bytesSource(new Uint8Array(Buffer.concat([...writeMemory(container, memory)]))));
}
/** What follows from contents: a checksum over them fits or not. */
function said({ value, findings }: Handover) {
  return { value, rules: findings.map(({ rule }) => rule).filter((rule) => rule !== 'kho-test/checksum') };
}

describe.each(CAPTURES)('%s', (name) => {
  const handover = openHandover(capture(name));
  it.each(['elf', 'kdump', 'lime'] as const)('keeps all that is reached in %s', (container) => {
    const small = written(container, handover);
    const { equal, differences } = diff(
      { kind: 'handover', state: openDump(capture(name)) },
      { kind: 'handover', state: openDump(small) },
      { addresses: true, bytes: true },
    );
    expect(differences.filter(({ kind }) => kind !== 'not-comparable')).toEqual([]);
    expect(equal).toBe(true);
  });
  it.each(['zero', 'pattern', 'drop'] as const)('says the same where contents are %s', (contents) => {
    const small = openHandover(written('elf', handover, contents));
    expect(said(small).rules).toEqual(said(handover).rules);
    expect(small.value.entries.LUO).toEqual(handover.value.entries.LUO);
    expect(small.value.preserved.pages).toEqual(handover.value.preserved.pages);
  });
});

describe('a built image among other memory', () => {
  const built = buildHandover({
    scratch: [{ addr: 0x40000000, size: 0x400000 }],
    sessions: [{ name: 'vm', files: [{ token: 1, memfd: { contents: [{ fill: 'random', size: 40000 }] } }] }],
  });
  const memory = contentsOfBuilt(built);
  const other = { address: 0x100000n, size: 1n << 20n, content: new Uint8Array(1 << 20).fill(0x5a) };
  const image = openImage(
    bytesSource(
      new Uint8Array(
        Buffer.concat([...writeMemory('elf', { ...memory, segments: [other, ...memory.segments] })]),
      ),
    ),
  );
  const present = (dump: Image): bigint => [...dump.regions()].reduce((sum, { size }) => sum + size, 0n);

  it('loses what nothing leads to, and keeps what tells of scratch', () => {
    const small = written('elf', openHandover(image));
    expect(present(image) - present(small)).toBeGreaterThanOrEqual(1n << 20n);
    expect(openHandover(small).value.scratch).toEqual(openHandover(image).value.scratch);
  });
  it('has zeros or a pattern for contents, and nothing else changes', () => {
    const handover = openHandover(image);
    const LUO = handover.value.entries.LUO;
    const pfn =
      built.regions.find(({ label }) => label.startsWith('sessions[0].files[0].memfd.contents'))?.address ??
      0n;
    expect(written('elf', handover, 'zero').read(pfn, 8)).toEqual(new Uint8Array(8));
    const word = written('elf', handover, 'pattern').read(pfn, 8);
    expect(word instanceof Uint8Array && Buffer.from(word).readBigUInt64LE()).toBe(pfn);
    expect(written('elf', handover, 'drop').read(pfn, 8)).not.toBeInstanceOf(Uint8Array);
    for (const contents of ['zero', 'pattern', 'drop'] as const)
      expect(openHandover(written('elf', handover, contents)).value.entries.LUO).toEqual(LUO);
  });
});
