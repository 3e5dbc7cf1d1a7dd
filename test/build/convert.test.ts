/** States in the layouts of other kernels and machines: accepted there, and nothing lost without a word. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildImage, convertHandover, type HandoverSpec, specOf } from '../../src/build/index.js';
import {
  fileContents,
  type Handover,
  openHandover,
  RECEIVERS,
  receive,
} from '../../src/formats/kho/index.js';
import { bytesSource, openImage } from '../../src/memory/index.js';

const FIXTURES = new URL('../../fixtures/kho/', import.meta.url);
const CAPTURES = [
  'kho-v4-luo-v5-x86_64.elf.gz',
  'kho-v4-luo-v5-arm64-64k.elf.gz',
  ...readdirSync(new URL('kho-older/', FIXTURES))
    .filter((name) => name.endsWith('.gz'))
    .map((name) => `kho-older/${name}`),
];

function opened(bytes: Uint8Array): Handover {
  return openHandover(openImage(bytesSource(bytes)));
}
function converted(handover: Handover, target: Parameters<typeof convertHandover>[1]) {
  const { spec, dropped } = convertHandover(handover, target);
  return { handover: opened(buildImage(spec)), dropped };
}
/** The bytes of a file with its holes as zeros, and what is absent by offset and length. */
function bytesOf(handover: Handover, session: string, token: bigint): { data: Buffer; absent: string[] } {
  const parts: Uint8Array[] = [];
  const absent: string[] = [];
  for (const piece of fileContents(handover, session, token)) {
    parts.push(piece.kind === 'data' ? piece.bytes.slice() : new Uint8Array(Number(piece.length)));
    if (piece.kind === 'absent') absent.push(`${piece.offset}+${piece.length}`);
  }
  return { data: Buffer.concat(parts), absent };
}

/** Comparing a million numbers one by one takes seconds. */
function expectSame(a: ReturnType<typeof bytesOf>, b: ReturnType<typeof bytesOf>): void {
  expect(a.absent).toEqual(b.absent);
  expect(a.data.equals(b.data)).toBe(true);
}

describe.each(CAPTURES)('%s', (name) => {
  const handover = opened(new Uint8Array(gunzipSync(readFileSync(new URL(name, FIXTURES)))));
  it.each(RECEIVERS.map(({ release }) => release))(
    'is taken by Linux %s once it is converted for it',
    (kernel) => {
      const other = converted(handover, { kernel });
      expect(other.handover.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(receive(other.handover, kernel).outcome).toBe('accepted');
    },
  );
});

const SPEC: HandoverSpec = {
  kernel: '7.2',
  liveupdate_num: 4,
  sessions: [
    {
      name: 'vm',
      files: [
        {
          token: 1,
          memfd: {
            seals: 6,
            pos: 3,
            contents: [{ text: 'begin' }, { at: 1 << 20, fill: 'offsets', size: 200000 }],
          },
        },
        { token: 2, memfd: { folio_order: 4, contents: [{ fill: 'random', size: 300000, seed: 1 }] } },
        { token: 3, memfd: { contents: [{ size: 5000, absent: true }, { text: 'end' }] } },
      ],
    },
  ],
  flbs: [{ name: 'liveupdate-test-flb-v0', data: 0xfeedf00dcafebee0n }],
  memblock: { pstore: { size: 65536, contents: 'oops' } },
};

describe('what has no place is told', () => {
  const handover = opened(buildImage(SPEC));
  it('in a kernel without FLBs and seals', () => {
    expect(converted(handover, { kernel: '6.19' }).dropped).toEqual([
      '1 FLB: Linux 6.19 has none',
      'kexec-metadata: Linux 6.19 has none',
      'the seals of sessions[0].files[0]: memfd-v1 has no seals',
    ]);
  });
  it('in a kernel without sessions', () => {
    expect(converted(handover, { kernel: '6.17' }).dropped).toEqual([
      '1 session: Linux 6.17 has no LUO',
      '1 FLB: Linux 6.17 has none',
      'kexec-metadata: Linux 6.17 has none',
      'the number of live updates: Linux 6.17 has no LUO',
    ]);
  });
  it('where regions are not whole pages of the target', () => {
    const small = opened(
      buildImage({ memblock: { pstore: { size: 8192, contents: 'oops' }, log: { size: 65536 } } }),
    );
    expect(converted(small, { abi: 'aarch64', pageSize: 65536 }).dropped).toEqual([
      'the size of memblock.pstore, 8192 bytes: regions have whole pages, of 65536 bytes there',
    ]);
  });
  it('of folios of kho_test whose list the dump lacks', () => {
    const handover = opened(buildImage({ kho_test: { folios: [], nr_folios: 15, csum: 7 } }));
    const { kho_test } = specOf(handover).spec;
    expect(kho_test).toEqual({ folios: [], nr_folios: 15, csum: 7 });
    expect(converted(handover, { kernel: '6.18' }).dropped).not.toContainEqual(
      expect.stringContaining('kho_test'),
    );
    expect(converted(handover, { kernel: '6.16' }).dropped).toContain(
      'the number of folios of kho_test: the dump lacks their list, and 6.16 has it in the tree',
    );
  });
  it('of blobs, where the root says no sizes, and of VMs on another machine', () => {
    const other = opened(
      buildImage({
        ...SPEC,
        sessions: [{ name: 'vm', files: [{ token: 9, kvm_vm: { type: 1 } }] }],
        blobs: { mystery: { contents: [{ hex: 'beef' }] } },
      }),
    );
    expect(converted(other, { kernel: '7.0' }).dropped).toContain(
      'how long mystery is: kho-v1 says no size of a blob',
    );
    expect(convertHandover(other, { abi: 'aarch64' }).dropped).toEqual([
      'what the type of sessions[0].files[0].kvm_vm means: the number stays, and x86 and arm64 count types differently',
    ]);
  });
  it('nothing, where all has a place', () => {
    for (const target of [
      { kernel: '7.3' },
      { abi: 'aarch64' },
      { luo: 'v3' as const },
      { kho: 'v3' as const },
    ])
      expect(converted(handover, target).dropped).toEqual([]);
  });
});

describe('the contents are the same on every machine', () => {
  const handover = opened(buildImage(SPEC));
  it.each([
    ['aarch64', 4096],
    ['aarch64', 16384],
    ['aarch64', 65536],
    ['riscv64', 4096],
  ] as const)('on %s with pages of %i', (abi, pageSize) => {
    const other = converted(handover, { abi, pageSize });
    expect(other.handover.findings).toEqual([]);
    expect(other.handover.value.page_size).toBe(pageSize);
    for (const token of [1n, 2n])
      expectSame(bytesOf(other.handover, 'vm', token), bytesOf(handover, 'vm', token));
    // A page of which a part is absent is absent as a whole.
    const whole = bytesOf(other.handover, 'vm', 3n);
    expect(whole.data.length).toBe(5003);
    expect(whole.absent).toEqual(['0+5003']);
  });
});
