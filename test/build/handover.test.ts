/** Built handovers are what the decoder says was asked for, and sound. */
import { describe, expect, it } from 'vitest';
import { buildHandover, contentsOfBuilt, type HandoverSpec, KHO_BUILDS } from '../../src/build/index.js';
import { fileContents, openHandover } from '../../src/formats/kho/index.js';
import { bytesSource, openImage, writeMemory } from '../../src/memory/index.js';

function opened(spec: HandoverSpec) {
  const built = buildHandover(spec);
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(built))]);
  return openHandover(openImage(bytesSource(new Uint8Array(bytes))));
}

const FULL: HandoverSpec = {
  scratch: [{ addr: 0x40000000, size: 0x400000 }],
  liveupdate_num: 3,
  memblock: { pstore: { size: 65536, contents: 'oops' } },
  kho_test: { folios: [{}, { order: 1 }, { order: 3 }] },
  blobs: { mystery: { contents: [{ hex: 'deadbeef' }] } },
  preserved: [{ order: 4, count: 3 }],
};
const SESSIONS: HandoverSpec = {
  sessions: [
    {
      name: 'vm-alpha',
      files: [
        {
          token: 0x1001,
          memfd: { contents: [{ text: 'hello' }, { at: 1 << 20, fill: 'offsets', size: 70000 }] },
        },
        { token: 0x1002, memfd: { folio_order: 2, contents: [{ fill: 'random', size: 200000, seed: 4 }] } },
        { token: 0x1003, memfd: {} },
      ],
    },
    { name: 'empty' },
  ],
};

const MACHINES = [
  ['x86_64', 4096],
  ['aarch64', 16384],
  ['aarch64', 65536],
  ['s390x', 4096],
] as const;

describe.each(KHO_BUILDS)('kho %s', (kho) => {
  it.each(MACHINES)('on %s with pages of %i', (abi, page_size) => {
    const hasSessions = kho !== 'v1a';
    const spec: HandoverSpec = { kho, abi, page_size, ...FULL, ...(hasSessions ? SESSIONS : {}) };
    const handover = opened(spec);
    const isShort = kho === 'v2-first' && page_size === 16384;
    expect(handover.findings.map(({ rule }) => rule)).toEqual([
      ...(isShort ? ['kho/radix-depth'] : []),
      'kho/opaque',
    ]);
    expect(handover.generation?.name).toBe(kho.replace('-first', ''));
    expect(handover.value.page_size).toBe(page_size);
    if (hasSessions) {
      // The bytes of a piece are only valid until the next one.
      const parts = Array.from(fileContents(handover, 'vm-alpha', 0x1001n), (part) =>
        part.kind === 'data' ? Buffer.from(part.bytes).toString('latin1', 0, 5) : part.kind,
      );
      expect(parts[0]).toBe('hello');
      expect(parts).toContain('hole');
    }
    expect(handover.value.scratch).toEqual([{ addr: 0x40000000n, size: 0x400000n }]);
  });
});
