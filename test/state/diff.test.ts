/** Two states compared: what differs is told once, and where things lie is not a difference. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCarryoverError, phys, struct, u32 } from '../../src/codec/index.js';
import type { FlbDecoder } from '../../src/formats/kho/index.js';
import type { Image } from '../../src/memory/index.js';
import {
  convert,
  type Diff,
  type Diffable,
  type DiffOptions,
  diff,
  diffDocument,
  type HandoverState,
  open,
  openBlob,
  openCopy,
  openDump,
  parseEdit,
  valueToJSON,
} from '../../src/state/index.js';
import { build, type SessionSpec, type Spec } from '../formats/kho/builder.js';
import { hugeMemfd } from '../formats/kho/huge.js';
import { addressOf, copyOf, read } from '../formats/kho/patch.js';
import { CAPTURES, type Capture } from '../formats/kho/support.js';
import { fixture, openFixture } from '../memory/fixtures.js';

const opened = new Map<Capture, HandoverState>();
function capture(name: Capture): HandoverState {
  const state = opened.get(name) ?? openDump(openFixture(CAPTURES[name]));
  opened.set(name, state);
  return state;
}
function handovers(a: HandoverState, b: HandoverState, options?: DiffOptions): Diff {
  return diff({ kind: 'handover', state: a }, { kind: 'handover', state: b }, options);
}
function images(a: Image, b: Image, options?: DiffOptions): Diff {
  return handovers(openDump(a), openDump(b), options);
}
/** Kind and path of each difference, without what cannot be compared. */
function told({ differences }: Diff): string[] {
  return differences.flatMap(({ kind, path }) => (kind === 'not-comparable' ? [] : [`${kind} ${path}`]));
}
function notCompared({ differences }: Diff): string[] {
  return differences.flatMap(({ kind, path }) => (kind === 'not-comparable' ? [path] : []));
}
function stream(bytes: Uint8Array): Diffable {
  return { kind: 'bytes', state: open(bytes) };
}
function streams(a: Uint8Array, b: Uint8Array, options?: DiffOptions): Diff {
  return diff(stream(a), stream(b), options);
}

const SESSIONS: readonly SessionSpec[] = [
  {
    name: 'vm-one',
    files: [
      {
        token: 1n,
        size: 3 * 4096,
        folios: [
          { index: 0, order: 0, fill: 'first' },
          { index: 1, order: 0, fill: 'second' },
        ],
      },
      { token: 0x1002n, size: 0, folios: [] },
    ],
  },
  { name: 'vm-two', files: [{ token: 1n, size: 4096, folios: [{ index: 0, order: 0, fill: 'other' }] }] },
];
const SPEC: Spec = {
  pageSize: 4096,
  kho: 'v4',
  luo: 'v5',
  memfd: 2,
  sessions: SESSIONS,
  flbs: [{ name: 'liveupdate-test-flb-v0', data: 0xfeedf00dcafebee0n, count: 3 }],
};
const place = (places: ReadonlyMap<string, number>, name: string): number => {
  const at = places.get(name);
  if (at === undefined) throw new Error(`nothing is at ${name}`);
  return at;
};
/** The session of a name with other files. */
const withFiles = (name: string, files: SessionSpec['files']): Spec => ({
  ...SPEC,
  sessions: SESSIONS.map((session) => (session.name === name ? { ...session, files } : session)),
});

describe('captures', () => {
  for (const name of Object.keys(CAPTURES) as Capture[])
    it(`${name} against itself: no difference, whatever is compared`, () => {
      const plain = handovers(capture(name), capture(name));
      expect([told(plain), plain.equal, plain.context]).toEqual([[], true, []]);
      const all = handovers(capture(name), capture(name), { addresses: true, bytes: true });
      expect([told(all), all.equal, all.bytes?.differences]).toEqual([[], true, []]);
    });

  it('of one machine in two containers: no difference in what both hold', () => {
    const found = handovers(capture('v4'), capture('kdump'), { addresses: true, bytes: true });
    expect([told(found), found.equal]).toEqual([[], true]);
    // The ELF core has the first 52 MiB only.
    expect(found.notComparable).toBeGreaterThan(0);
    expect(notCompared(found)).toContain('entries.memblock.tracebuf.content');
  });

  it('of two machines: what has a name is told by it', () => {
    const found = handovers(capture('v4'), capture('arm64'));
    expect(found.equal).toBe(false);
    expect(found.context.map(({ what, path }) => `${what} ${path}`)).toContain('machine page_size');
    const all = told(found);
    expect(all).toContain('removed entries.LUO.sessions["vm-alpha"]');
    expect(all).toContain('added entries.memblock.alpha');
    expect(all.filter((text) => text.includes('address'))).toEqual([]);
  });

  it('of two generations: a line for the generation, and its fields with it', () => {
    const found = handovers(capture('v1b'), capture('v3'));
    const memfd = found.context.find(({ a }) => a === 'memfd-v1');
    expect(memfd).toMatchObject({ b: 'memfd-v2', count: 106, onlyA: [] });
    expect(memfd?.onlyB).toEqual([
      'entries.LUO.sessions[].files[].memfd.seals',
      'entries.LUO.sessions[].files[].memfd.flags',
    ]);
    expect(told(found).filter((text) => text.includes('seals'))).toEqual([]);
  });

  const alpha = 'entries.LUO.sessions[0]';
  it('with one letter of a session’s name changed: exactly that', () => {
    const memory = copyOf('v4');
    memory.bytes(addressOf(handoverOf('v4'), alpha), 'X');
    const found = handovers(capture('v4'), openDump(memory.image(62)));
    expect(told(found)).toEqual(['changed entries.LUO.sessions["vm-alpha"].name']);
    expect(found.differences.find(({ kind }) => kind === 'changed')).toMatchObject({
      a: 'vm-alpha',
      b: 'Xm-alpha',
      pathA: `${alpha}.name`,
      pathB: `${alpha}.name`,
    });
  });

  it('with one token changed: exactly that', () => {
    const memory = copyOf('v4');
    const at = addressOf(handoverOf('v4'), `${alpha}.files[0]`) + 56;
    memory.u64(at, read(memory, at, 8) ^ 0x100n);
    const found = handovers(capture('v4'), openDump(memory.image(62)));
    expect(told(found)).toEqual([
      expect.stringMatching(/^changed entries\.LUO\.sessions\["vm-alpha"\]\.files\[0x[0-9a-f]+\]\.token$/),
    ]);
  });

  it('with the page frame of one folio changed: exactly that file, by its content or its address', () => {
    const { memory, places } = build(SPEC);
    const before = memory.image(62);
    const array = place(places, 'array 1');
    // The last file with token 1 is that of vm-two: its only folio becomes the page of its own descriptor.
    const page = BigInt(place(places, 'memfd 1') / 4096);
    memory.u64(array, (read(memory, array, 8) & ~0xfffffffffffffn) | page);
    const two = 'changed entries.LUO.sessions["vm-two"].files[0x1]';
    const meant = images(before, memory.image(62));
    expect([told(meant), notCompared(meant)]).toEqual([[`${two}.content`], []]);
    const all = images(before, memory.image(62), { addresses: true });
    expect(told(all)).toEqual([`${two}.memfd.folios.address`, `${two}.content`]);
  });
});

function handoverOf(name: Capture) {
  const { memory } = capture(name);
  if (memory === undefined) throw new Error(`${name} has no memory`);
  return memory.handover;
}

describe('what is built', () => {
  it('differs by nothing from what is built elsewhere in memory', () => {
    const found = images(build(SPEC).image, build({ ...SPEC, sessions: [...SESSIONS].reverse() }).image);
    expect([told(found), notCompared(found), found.equal]).toEqual([[], [], true]);
    const moved = images(build(SPEC).image, build({ ...SPEC, sessions: [...SESSIONS].reverse() }).image, {
      addresses: true,
    });
    expect(moved.equal).toBe(false);
  });

  const older: Partial<Spec>[] = [
    { kho: 'v1a', luo: 'v1', memfd: 1 },
    { kho: 'v1b', luo: 'v1', memfd: 1 },
    { kho: 'v2', luo: 'v1' },
    { kho: 'v3', luo: 'v2' },
    { kho: 'v3', luo: 'v3' },
    { kho: 'v4', luo: 'v4' },
  ];
  for (const parts of older)
    it(`means the same as ${parts.kho} and luo-${parts.luo} have it`, () => {
      const found = images(build({ ...SPEC, ...parts }).image, build(SPEC).image);
      expect([told(found), found.equal]).toEqual([[], true]);
      expect(found.context.length).toBeGreaterThan(0);
    });

  it('means the same on a machine with larger pages; holes are zeros', () => {
    const small = build(
      withFiles('vm-two', [{ token: 1n, size: 65536, folios: [{ index: 0, order: 0, fill: 'x' }] }]),
    );
    const large = build({
      ...withFiles('vm-two', [{ token: 1n, size: 65536, folios: [{ index: 0, order: 0, fill: 'x' }] }]),
      pageSize: 65536,
    });
    const found = images(small.image, large.image);
    const two = 'entries.LUO.sessions["vm-two"]';
    expect([...told(found), ...notCompared(found)].filter((text) => text.includes(two))).toEqual([]);
    expect(found.context.map(({ path }) => path)).toContain('page_size');
  });

  it('tells changed content with its place', () => {
    const { memory, image, places } = build(SPEC);
    const array = place(places, 'array 1');
    const folio = Number(read(memory, array, 8) & 0xfffffffffffffn) * 4096;
    memory.bytes(folio + 1024, 'changed');
    const found = images(image, memory.image(62));
    expect(told(found)).toEqual(['changed entries.LUO.sessions["vm-two"].files[0x1].content']);
    expect(found.differences[0]).toMatchObject({ bytes: 512n, spans: [{ offset: 1024n, length: 512n }] });
    const bytes = images(image, memory.image(62), { bytes: true }).bytes;
    expect(bytes?.differences).toMatchObject([{ at: BigInt(folio), length: 4096n }]);
  });

  it('says that what a dump lacks cannot be compared', () => {
    const lacking = withFiles('vm-two', [
      { token: 1n, size: 4096, folios: [{ index: 0, order: 0, fill: '' }] },
    ]);
    const found = images(build(SPEC).image, build(lacking).image);
    expect([told(found), found.equal]).toEqual([[], true]);
    expect(found.differences).toMatchObject([
      {
        kind: 'not-comparable',
        path: 'entries.LUO.sessions["vm-two"].files[0x1].content',
        bytes: 4096n,
        because: expect.stringContaining('absent in B'),
      },
    ]);
  });

  it('tells position, size, seals, sessions and files that are gone', () => {
    const [file] = SESSIONS[1]?.files ?? [];
    if (file === undefined) throw new Error('there is no file');
    const two = 'entries.LUO.sessions["vm-two"]';
    const changed = (files: SessionSpec['files']): string[] =>
      told(images(build(SPEC).image, build(withFiles('vm-two', files)).image));
    expect(changed([{ ...file, pos: 7 }])).toEqual([`changed ${two}.files[0x1].memfd.pos`]);
    expect(changed([{ ...file, size: 4095 }])).toEqual([`changed ${two}.files[0x1].memfd.size`]);
    expect(changed([{ ...file, seals: 3 }])).toEqual([`changed ${two}.files[0x1].memfd.seals`]);
    expect(changed([])).toEqual([`removed ${two}.files[0x1]`]);
    expect(changed([file, { ...file, token: 9n }])).toEqual([`added ${two}.files[0x9]`]);
    expect(changed([{ ...file, folios: [{ index: 0, order: 0, fill: 'other', flags: 2 }] }])).toEqual([
      `changed ${two}.files[0x1].memfd.folios.flags`,
    ]);
    const one = { ...SPEC, sessions: SESSIONS.slice(0, 1) };
    expect(told(images(build(SPEC).image, build(one).image))).toEqual([`removed ${two}`]);
  });

  it('compares blobs that nobody knows by their bytes', () => {
    const withBlob = (text: string, name = 'mystery') =>
      build({ ...SPEC, nodes: [{ name, bytes: new Uint8Array(Buffer.from(text)) }] }).image;
    const at = 'entries.mystery';
    expect(told(images(withBlob('\x01\x02\x03'), withBlob('\x01\x02\x03')))).toEqual([]);
    expect(told(images(withBlob('\x01\x02\x03'), withBlob('\x01\x07\x03')))).toEqual([
      `changed ${at}.content`,
    ]);
    expect(told(images(withBlob('\x01\x02\x03'), build(SPEC).image))).toEqual([`removed ${at}`]);
  });

  it('cannot compare the word of a handler that nobody knows, but that of the test FLBs', () => {
    const foreign = (data: bigint): Spec => ({
      ...SPEC,
      flbs: [{ name: 'somebody-v1', data, count: 1 }],
    });
    const found = images(build(foreign(1n)).image, build(foreign(2n)).image);
    expect([told(found), notCompared(found)]).toEqual([[], ['entries.LUO.flbs["somebody-v1"].data']]);
    const test: Spec = { ...SPEC, flbs: [{ name: 'liveupdate-test-flb-v0', data: 5n, count: 3 }] };
    expect(told(images(build(SPEC).image, build(test).image))).toEqual([
      'changed entries.LUO.flbs["liveupdate-test-flb-v0"].data',
    ]);
  });

  it('compares values of any decoder: pointers left out, lists by the key that is declared', () => {
    const Device = struct('device', { bdf: u32, table: phys(), vector: u32 }, { packed: true });
    const decoder = (key: string | undefined): FlbDecoder => ({
      name: 'devices',
      key: 'devices',
      ...(key === undefined ? {} : { meaning: { fields: { list: { key } } } }),
      decode: (data, walk, path) => ({
        list: [0, 1].map((i) =>
          walk.decode(Device, data + BigInt(16 * i), 16, `${path}.devices.list[${i}]`, 'a device'),
        ),
      }),
    });
    const dump = (devices: readonly (readonly [number, number, number])[], key?: string): HandoverState => {
      const page = 0x200000;
      const { memory } = build({ ...SPEC, flbs: [{ name: 'devices', data: BigInt(page), count: 1 }] });
      memory.touch(page, 4096);
      for (const [i, [bdf, table, vector]] of devices.entries()) {
        memory.u32(page + 16 * i, bdf);
        memory.u64(page + 16 * i + 4, table);
        memory.u32(page + 16 * i + 12, vector);
      }
      return openDump(memory.image(62), { registry: { flbs: [decoder(key)] } });
    };
    const list = 'entries.LUO.flbs["devices"].devices.list';
    const [one, other] = [
      [0x100, 0x1000, 1],
      [0x200, 0x2000, 2],
    ] as const;
    const moved = [0x200, 0x7000, 2] as const;
    expect(told(handovers(dump([one, other]), dump([one, moved])))).toEqual([]);
    expect(told(handovers(dump([one, other]), dump([one, moved]), { addresses: true }))).toContain(
      `changed ${list}[1].table`,
    );
    expect(told(handovers(dump([one, other], 'bdf'), dump([moved, one], 'bdf')))).toEqual([]);
    expect(told(handovers(dump([one, other]), dump([moved, one]))).length).toBeGreaterThan(0);
    expect(told(handovers(dump([one, other], 'bdf'), dump([[0x200, 0x7000, 3], one], 'bdf')))).toEqual([
      `changed ${list}[512].vector`,
    ]);
    // Whether it leads anywhere is not a matter of where.
    expect(told(handovers(dump([one, other]), dump([one, [0x200, 0, 2]])))).toEqual([
      `changed ${list}[1].table`,
    ]);
  });

  it('takes seconds for two memfds of 256 GiB', () => {
    const folios = 2 ** 26;
    const [a, b] = [hugeMemfd(folios), hugeMemfd(folios, 2 ** 16, 1)];
    const found = images(a, b);
    expect([told(found), notCompared(found)]).toEqual([
      [],
      ['entries.LUO.sessions["huge"].files[0x1].content'],
    ]);
    expect(found.differences[0]?.bytes).toBe(BigInt(folios) * 4096n);
  }, 60_000);
});

describe('copies of debugfs and blobs', () => {
  const files = (root: string, names: readonly string[]): ReadonlyMap<string, Uint8Array> =>
    new Map(names.map((name) => [name, fixture(`${root}/${name}`)]));
  const v3 = files('kho/kho-older/debugfs-v3-luo-v1/boot1', [
    'out_fdt',
    'out_sub_fdts_LUO',
    'out_sub_fdts_memblock',
    'out_sub_fdts_kho_test',
    'out_sub_fdts_kexec-metadata',
  ]);

  it('are compared with the dump of their machine as far as they go', () => {
    const found = handovers(openCopy(v3, undefined), capture('v3'));
    expect([told(found), found.equal]).toEqual([[], true]);
    expect(found.notes).toEqual(['of A, a copy of debugfs, out/ is compared: what its kernel prepares']);
    expect(notCompared(found)).toContain('entries.LUO.sessions');
  });

  it('tell one byte of a blob', () => {
    const bytes = fixture('kho/kho-debugfs/out/sub_fdts/kexec-metadata');
    const other = bytes.slice();
    other[69] = 9;
    const blob = (each: Uint8Array) => openBlob(each, 'sub_fdts/kexec-metadata', undefined);
    expect(told(handovers(blob(bytes), blob(bytes)))).toEqual([]);
    expect(told(handovers(blob(bytes), blob(other)))).toEqual(['changed entries.kexec-metadata.kexec_count']);
  });

  it('have no pages', () => {
    expect(code(() => handovers(openCopy(v3, undefined), capture('v3'), { bytes: true }))).toBe(
      'input-no-memory',
    );
  });

  it('are not compared with what is something else', () => {
    const dump: Diffable = { kind: 'handover', state: capture('v3') };
    const passt = stream(fixture('passt/v2-outbound-est.bin'));
    const tree: Diffable = { kind: 'bytes', state: open(fixture('fdt/kho-v4-root.dtb')) };
    const blob = (name: string, part: string): Diffable => ({
      kind: 'handover',
      state: openBlob(fixture(name), part, undefined),
    });
    expect(code(() => diff(dump, passt))).toBe('diff-kinds');
    expect(code(() => diff(tree, passt))).toBe('diff-kinds');
    expect(
      code(() =>
        diff(
          blob('fdt/kho-v4-memblock.dtb', 'sub_fdts/memblock'),
          blob('fdt/kho-v4-kho_test.dtb', 'sub_fdts/kho_test'),
        ),
      ),
    ).toBe('diff-kinds');
  });
});

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isCarryoverError(error)) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

describe('streams of passt', () => {
  const two = fixture('passt/v2-two-flows-v4-v6.bin');

  it('against themselves: no difference', () => {
    for (const name of [
      'v1-inbound-closewait',
      'v2-inbound-sndq46080',
      'v2-two-flows-v4-v6',
      'v2-zero-flows',
    ]) {
      const bytes = fixture(`passt/${name}.bin`);
      const found = streams(bytes, bytes.slice(), { bytes: true, addresses: true });
      expect([name, told(found), found.context, found.equal]).toEqual([name, [], [], true]);
    }
  });

  it('of two versions mean the same, but for what only one of them has', () => {
    const v1 = fixture('passt/v1-inbound-est-rcvq22.bin');
    const { bytes } = convert(open(v1), {
      to: 'passt@v2',
      edits: ['flows[*].ext.timestamp=0', 'header.version=2', 'header.compat_version=2'].map(parseEdit),
    });
    const found = streams(v1, bytes);
    expect([told(found), found.equal]).toEqual([[], true]);
    expect(found.context[0]).toMatchObject({
      what: 'generation',
      a: 'passt@v1',
      b: 'passt@v2',
      onlyA: [],
      onlyB: ['flows[].ext.timestamp'],
    });
  });

  it('tell flows by their endpoints, in whatever order', () => {
    // Two records of 112 bytes from 62 on, then two of 52 without queues.
    const swapped = two.slice();
    swapped.set(two.subarray(174, 286), 62);
    swapped.set(two.subarray(62, 174), 174);
    const queues = two.length === 286 + 2 * 52;
    if (queues) {
      swapped.set(two.subarray(338, 390), 286);
      swapped.set(two.subarray(286, 338), 338);
      expect(told(streams(two, swapped))).toEqual([]);
    } else expect(told(streams(two, swapped)).length).toBeGreaterThan(0);
    const one = fixture('passt/v2-outbound-est.bin');
    expect(told(streams(one, fixture('passt/v2-zero-flows.bin')))).toEqual([
      expect.stringMatching(/^removed flows\[\d+\.\d+\.\d+\.\d+:\d+ > /),
    ]);
  });

  it('tell a changed endpoint as that, not as another flow', () => {
    const other = two.slice();
    other[66] = 0xab;
    expect(told(streams(two, other))).toEqual([
      expect.stringMatching(/^changed flows\[[^\]].*\]\.side\[0\]\.oaddr$/),
    ]);
  });

  it('have bytes behind them', () => {
    const longer = new Uint8Array(two.length + 3);
    longer.set(two);
    expect(told(streams(two, longer))).toEqual(['added ["bytes after it"]']);
  });

  it('differ if and only if their values do', () => {
    const state = open(two);
    const before = JSON.stringify(valueToJSON(state));
    fc.assert(
      // The header says the generation, which is no difference.
      fc.property(
        fc.integer({ min: 16, max: two.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        (at, byte) => {
          const mutant = two.slice();
          mutant[at] = byte;
          const other = open(mutant, { as: 'passt@v2' });
          const found = diff({ kind: 'bytes', state }, { kind: 'bytes', state: other });
          expect(found.equal).toBe(JSON.stringify(valueToJSON(other)) === before);
          const bytes = diff(
            { kind: 'bytes', state },
            { kind: 'bytes', state: other },
            { bytes: true },
          ).bytes;
          expect(bytes?.differences.length).toBe(two[at] === byte ? 0 : 1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('say by bytes what lies there', () => {
    const other = two.slice();
    other[62] = 3;
    expect(streams(two, other, { bytes: true }).bytes?.differences).toMatchObject([
      { at: 62n, length: 1n, what: 'flows[0].pif[0]' },
    ]);
  });
});

describe('device trees', () => {
  it('are told by nodes and properties', () => {
    const read = (name: string) => open(fixture(`fdt/${name}.dtb`), { as: 'fdt' });
    const found = diff(
      { kind: 'bytes', state: read('kho-v4-memblock') },
      { kind: 'bytes', state: read('kho-v4-kho_test') },
    );
    expect(told(found)).toEqual([
      'changed root.properties["compatible"].value',
      'added root.properties["magic"]',
      'removed root.nodes["tracebuf"]',
      'removed root.nodes["pstore"]',
      'added root.nodes["data"]',
    ]);
  });
});

describe('the document', () => {
  it('has a stable shape', () => {
    const a = stream(fixture('passt/v2-outbound-est.bin'));
    const bytes = fixture('passt/v2-outbound-est.bin').slice();
    bytes[62 + 78] = 0x7f;
    const b = stream(bytes);
    expect(diffDocument(diff(a, b), a, b, ['a.bin', 'b.bin'])).toMatchObject({
      a: { file: 'a.bin', format: 'passt', generation: 'v2' },
      b: { file: 'b.bin', format: 'passt', generation: 'v2' },
      equal: false,
      differences: [{ kind: 'changed', pathA: expect.stringMatching(/^flows\[0\]\./) }],
      context: [],
      notes: [],
    });
  });
});
