import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { firstNonZero } from '../../src/codec/bytes.js';
import { ABI } from '../../src/codec/index.js';
import { type Handover, openHandover } from '../../src/formats/kho/index.js';
import {
  type Absence,
  bytesSource,
  type Image,
  type LazyContent,
  type MemoryContents,
  type MemorySegment,
  machineOfABI,
  type OpenOptions,
  openImage,
  segmentsOf,
  WRITABLE_CONTAINERS,
  type WritableContainer,
  type WriterOptions,
  writeKdump,
  writeMemory,
} from '../../src/memory/index.js';
import { absentAt, bytesAt, fixture, openFixture, unzipped } from './fixtures.js';

const text = (value: string) => new TextEncoder().encode(value);

function written<C extends WritableContainer>(
  container: C,
  memory: MemoryContents,
  options?: WriterOptions[C],
): Uint8Array {
  const { buffer, byteOffset, length } = Buffer.concat([...writeMemory(container, memory, options)]);
  return new Uint8Array(buffer, byteOffset, length);
}
function reopened<C extends WritableContainer>(
  container: C,
  memory: MemoryContents,
  options?: WriterOptions[C],
  open: OpenOptions = {},
): Image {
  const image = openImage(bytesSource(written(container, memory, options)), open);
  expect(image.problems).toEqual([]);
  return image;
}
const lazy = (bytes: Uint8Array): LazyContent => ({
  size: BigInt(bytes.length),
  read: (offset, out) => out.set(bytes.subarray(Number(offset), Number(offset) + out.length)),
});
const memoryOf = (
  segments: readonly MemorySegment[],
  more: Partial<MemoryContents> = {},
): MemoryContents => ({
  machine: machineOfABI(ABI.x86_64),
  segments,
  ...more,
});

const MACHINES = {
  x86_64: ABI.x86_64,
  aarch64: ABI.aarch64,
  s390x: ABI.s390x,
  powerpc64: ABI.powerpc64,
  i386: ABI.i386,
  arm: ABI.arm,
  powerpc: ABI.powerpc,
} as const;

describe('law: what is written is read again', () => {
  /** Runs in units, some of which touch; with content or without, kept or lazy, sparse or noisy. */
  const segmentsArb = (unit: number) =>
    fc
      .array(
        fc.record({
          gap: fc.integer({ min: 0, max: 3 }),
          units: fc.integer({ min: 1, max: 5 }),
          stored: fc.integer({ min: 0, max: 5 * unit }),
          fill: fc.constantFrom<'noise' | 'zero' | 'text' | 'last'>('noise', 'zero', 'text', 'last'),
          lazy: fc.boolean(),
          seed: fc.integer(),
        }),
        { maxLength: 12 },
      )
      .chain((parts) =>
        fc
          .shuffledSubarray(
            parts.map((_, i) => i),
            { minLength: parts.length },
          )
          .map((order) => ({ parts, order })),
      )
      .map(({ parts, order }) => {
        let at = 0;
        const segments = parts.map(({ gap, units, stored, fill, lazy: isLazy, seed }) => {
          at += gap * unit;
          const size = units * unit;
          const bytes = new Uint8Array(Math.min(stored, size));
          let x = seed;
          if (fill === 'last') bytes.fill(7, -1);
          else if (fill !== 'zero')
            for (let i = 0; i < bytes.length; i++) {
              x = (Math.imul(x, 1103515245) + 12345) | 0;
              bytes[i] = fill === 'text' ? 97 + (i % 11) : x >>> 16;
            }
          const segment: MemorySegment = {
            address: 0x10000n + BigInt(at),
            size: BigInt(size),
            ...(bytes.length === 0 ? {} : { content: isLazy ? lazy(bytes) : bytes }),
          };
          at += size;
          return { segment, bytes };
        });
        return { segments: order.flatMap((i) => segments[i] ?? []), end: at };
      });

  /** What memory should be: bytes, and which of them are there. */
  function model(parts: readonly { segment: MemorySegment; bytes: Uint8Array }[], size: number) {
    const bytes = new Uint8Array(size);
    const there = new Uint8Array(size);
    for (const { segment, bytes: content } of parts) {
      const at = Number(segment.address);
      bytes.set(content, at);
      there.fill(1, at, at + Number(segment.size));
    }
    return { bytes, there };
  }
  function expectSame(image: Image, { bytes, there }: ReturnType<typeof model>) {
    const found = image.readSome(0n, bytes.length);
    expect(Buffer.compare(found.bytes, bytes)).toBe(0);
    const present = new Uint8Array(bytes.length).fill(1);
    for (const hole of found.holes) present.fill(0, Number(hole.address), Number(hole.address) + hole.length);
    expect(Buffer.compare(present, there)).toBe(0);
  }
  const notesArb = fc.constantFrom<Partial<MemoryContents>>(
    {},
    { notes: [{ name: 'CORE', type: 1, content: new Uint8Array(336).fill(3) }] },
    { vmcoreinfo: 'OSRELEASE=7.2.13\nPAGESIZE=4096\nNUMBER(phys_base)=-452984832\n' },
    {
      notes: [
        { name: 'QEMU', type: 0, content: Uint8Array.of(1, 2, 3) },
        { name: 'VMCOREINFO', type: 0, content: text('OSRELEASE=6.1\n') },
      ],
    },
  );

  // The kdump of an i386 or arm machine tells its layout by where VMCOREINFO is: all of these, with and without.
  describe.each(Object.entries(MACHINES))('%s', (name, abi) => {
    test.prop(
      [segmentsArb(4096), notesArb, fc.constantFrom('zlib' as const, 'snappy' as const, 'none' as const)],
      {
        numRuns: 12,
      },
    )('pages, in every container', ({ segments, end }, more, compression) => {
      const memory: MemoryContents = {
        machine: machineOfABI(abi),
        pageSize: 4096,
        segments: segments.map(({ segment }) => segment),
        ...more,
      };
      const expected = model(segments, 0x10000 + end + 4096);
      const info = more.vmcoreinfo ?? (more.notes?.length === 2 ? 'OSRELEASE=6.1\n' : undefined);
      for (const container of ['elf', 'kdump', 'lime'] as const) {
        if (container === 'lime' && segments.length === 0) continue;
        const image = reopened<WritableContainer>(
          container,
          memory,
          container === 'kdump' ? { compression } : {},
        );
        expectSame(image, expected);
        expect(image.machine.endian).toBe(abi.endian);
        if (container === 'lime') continue;
        expect(image.vmcoreinfo()?.text).toBe(info);
        expect(image.machine.abi?.name.split(/,| with /)[0]).toBe(name);
        expect(
          image.notes().filter((note) => note.name !== 'CARRYOVER' && note.name !== 'VMCOREINFO'),
        ).toEqual((more.notes ?? []).filter((note) => note.name !== 'VMCOREINFO'));
        // Once more, through the image.
        for (const next of ['elf', 'kdump', 'lime'] as const)
          if (segments.length > 0)
            expectSame(reopened(next, { ...segmentsOf(image), pageSize: 4096 }), expected);
      }
    });
  });

  test.prop([segmentsArb(16384), fc.constantFrom(4096, 16384)], { numRuns: 10 })(
    'kdumps of pages of 4 and 16 KiB',
    ({ segments, end }, pageSize) => {
      const memory = memoryOf(
        segments.map(({ segment }) => segment),
        { pageSize },
      );
      const image = reopened('kdump', memory);
      expect(image.pageSize).toBe(pageSize);
      expectSame(image, model(segments, 0x10000 + end + pageSize));
    },
  );
  test.prop([segmentsArb(65536)], { numRuns: 5 })('kdumps of pages of 64 KiB', ({ segments, end }) => {
    const memory = { machine: machineOfABI(ABI.powerpc64), segments: segments.map(({ segment }) => segment) };
    const image = reopened('kdump', memory);
    expect(image.pageSize).toBe(65536);
    expectSame(image, model(segments, 0x10000 + end + 65536));
  });

  test.prop([segmentsArb(13), segmentsArb(1000)], { numRuns: 25 })(
    'bytes that are no pages: exactly in ELF cores and LiME, as whole pages in kdumps',
    (odd, large) => {
      for (const { segments, end } of [odd, large]) {
        if (segments.length === 0) continue;
        const memory = memoryOf(segments.map(({ segment }) => segment));
        const size = Math.ceil((0x10000 + end) / 4096) * 4096 + 4096;
        const exact = model(segments, size);
        expectSame(reopened('elf', memory), exact);
        const stored = reopened('elf', memory, { storeZeros: true, align: 16 });
        expectSame(stored, exact);
        expect([...stored.regions()].every(({ state }) => state === 'data')).toBe(true);
        expectSame(reopened('lime', memory), exact);
        // A page is there if any byte of it is.
        for (let at = 0; at < size; at += 4096)
          if (firstNonZero(exact.there, at, at + 4096) >= 0) exact.there.fill(1, at, at + 4096);
        expectSame(reopened('kdump', memory), exact);
      }
    },
  );

  test.prop([segmentsArb(1000)], { numRuns: 15 })(
    'raw memory, where what is absent is zero',
    ({ segments, end }) => {
      const memory = memoryOf(segments.map(({ segment }) => segment));
      const { bytes } = model(segments, 0x10000 + end);
      const last = segments.reduce(
        (most, { segment }) => Math.max(most, Number(segment.address + segment.size)),
        0,
      );
      expect(Buffer.compare(written('raw', memory, { base: 0n }), bytes.subarray(0, last))).toBe(0);
      const first = segments.reduce((least, { segment }) => Math.min(least, Number(segment.address)), last);
      expect(Buffer.compare(written('raw', memory), bytes.subarray(first, last))).toBe(0);
    },
  );
});

describe('real captures', () => {
  const captures: readonly (readonly [string, () => Image])[] = [
    ...['kho-v4-luo-v5-x86_64.elf', 'kho-v4-luo-v5-x86_64.kdump', 'kho-v4-luo-v5-arm64-64k.elf'].map(
      (name) => [name, () => openImage(bytesSource(fixture(`kho/${name}.gz`)))] as const,
    ),
    ...[
      'kho-v1a-512B-bitmaps-meta',
      'kho-v1b-luo-v1-noflb-memfd-v1-meta',
      'kho-v3-luo-v1-flb-memfd-v2-meta',
    ].map((name) => [name, () => openFixture(`kho/kho-older/${name}.elf`)] as const),
  ];
  const json = (value: unknown) =>
    JSON.stringify(value, (_, each) =>
      typeof each === 'bigint'
        ? String(each)
        : each instanceof Uint8Array
          ? Buffer.from(each).toString('hex')
          : each,
    );

  it.each(captures)('%s decodes to the same handover from every container', (name, open) => {
    const image = open();
    const pageSize = name.includes('64k') ? 65536 : 4096;
    const memory = { ...segmentsOf(image), pageSize };
    const expected = openHandover(image);
    expect(expected.value.fdt.compatible).toMatch(/^kho-v/);
    const bare = ({ findings }: Handover) => json(findings.map(({ message: _, ...finding }) => finding));
    for (const container of ['elf', 'kdump', 'lime'] as const) {
      const again = reopened(container, memory);
      const handover = openHandover(again);
      expect(json(handover.value)).toBe(json(expected.value));
      expect(handover.generation?.name).toBe(expected.generation?.name);
      // Messages say how a container tells that memory is absent. LiME does not say what is zero because nobody
      // stored it, which is a finding of its own.
      if (container !== 'lime') expect(bare(handover)).toBe(bare(expected));
      expect(covered(again)).toEqual(covered(image));
    }
    // Raw memory does not say what is absent. Firmware below 4 GiB would make it a large file.
    const base = memory.segments[0]?.address ?? 0n;
    const range = { address: base, size: 1n << 29n };
    const abi = image.machine.abi ?? ABI.x86_64;
    const raw = reopened('raw', segmentsOf(image, { ranges: [range] }), {}, { raw: { base, abi } });
    for (const { address, bytes } of image.windows({ to: base + range.size }))
      expect(Buffer.compare(bytesAt(raw, address, bytes.length), bytes)).toBe(0);
    expect(openHandover(raw).value.fdt).toEqual(expected.value.fdt);
  });
  /** The memory that is there. */
  function covered(image: Image): string[] {
    const out: [bigint, bigint][] = [];
    for (const { address, size } of segmentsOf(image).segments) {
      const last = out[out.length - 1];
      if (last?.[1] === address) last[1] = address + size;
      else out.push([address, address + size]);
    }
    return out.map(([from, to]) => `${from.toString(16)}-${to.toString(16)}`);
  }

  it('keeps the notes, and zeros as zeros that take no room', () => {
    const kdump = openImage(bytesSource(fixture('kho/kho-v4-luo-v5-x86_64.kdump.gz')));
    const core = written('elf', segmentsOf(kdump));
    // 256 MiB of memory, most of it zero.
    expect(core.length).toBeLessThan(4 << 20);
    const image = openImage(bytesSource(core));
    expect(segmentsOf(image).notes).toEqual(kdump.notes());
    expect(image.at(0x8000000n).state).toBe('zero');
    expect(Buffer.compare(written('kdump', segmentsOf(image)), written('kdump', segmentsOf(kdump)))).toBe(0);
  });

  it('keeps what the memory of kernels with VMCOREINFO has in zeros, too', () => {
    const image = openFixture('memory/makedumpfile-zero.kdump');
    const core = reopened('elf', segmentsOf(image));
    expect(core.at(0x2001000n)).toEqual({ state: 'zero', length: 4096n, because: 'segment-tail' });
    expect(core.notes().map(({ name }) => name)).toEqual(['CORE', 'VMCOREINFO', 'CARRYOVER']);
    expect(core.vmcoreinfo()?.release).toBe('7.2.13');
    // The mark is of the container, not of the memory.
    expect(segmentsOf(core).notes?.map(({ name }) => name)).toEqual(['CORE', 'VMCOREINFO']);
    const kdump = reopened('kdump', segmentsOf(core));
    expect(kdump.notes().map(({ name }) => name)).toEqual(['CORE', 'VMCOREINFO']);
    expect(bytesAt(kdump, 0x2000000n, 0x6000)).toEqual(bytesAt(image, 0x2000000n, 0x6000));
  });
});

it('memory that a filter leaves out of a core of ours afterwards is not taken for zeros', () => {
  const bytes = written(
    'elf',
    memoryOf([{ address: 0n, size: 0x4000n, content: new Uint8Array(0x2000).fill(1) }], {
      vmcoreinfo: 'OSRELEASE=7\n',
    }),
  );
  expect(openImage(bytesSource(bytes)).at(0x3000n).state).toBe('zero');
  // As makedumpfile -E does: the second page is no longer in the file, all else stays.
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(64 + 56 + 32, 0x1000n, true);
  const filtered = openImage(bytesSource(bytes));
  expect(bytesAt(filtered, 0n, 0x1000)).toEqual(new Uint8Array(0x1000).fill(1));
  expect(absentAt(filtered, 0x1000n)).toBe('excluded');
  expect(absentAt(filtered, 0x3000n)).toBe('excluded');
});

describe('segmentsOf', () => {
  const noise = Uint8Array.from({ length: 0x3000 }, (_, i) => (i * 7919) >> 3);
  const image = () =>
    reopened(
      'elf',
      memoryOf([
        { address: 0x1000n, size: 0x5000n, content: noise },
        { address: 0x9000n, size: 0x1000n },
      ]),
    );
  const list = (memory: MemoryContents) =>
    memory.segments.map(({ address, size, content }) => [
      address,
      size,
      content === undefined ? 0n : (content as LazyContent).size,
    ]);

  it('has data, zeros behind it, and zeros alone', () => {
    expect(list(segmentsOf(image()))).toEqual([
      [0x1000n, 0x5000n, 0x3000n],
      [0x9000n, 0x1000n, 0n],
    ]);
  });
  it('is cut to ranges in any order', () => {
    const ranges = [
      { address: 0x5800n, size: 0x3900n },
      { address: 0x1800n, size: 0x100n },
      { address: 0x3f00n, size: 0x200n },
      { address: 0x1900n, size: 0x10n },
      { address: 0x1850n, size: 0x10n },
      { address: 0xf000n, size: 0x10n },
    ];
    const memory = segmentsOf(image(), { ranges });
    expect(list(memory)).toEqual([
      [0x1800n, 0x110n, 0x110n],
      [0x3f00n, 0x200n, 0x100n],
      [0x5800n, 0x800n, 0n],
      [0x9000n, 0x100n, 0n],
    ]);
    const cut = reopened('elf', memory);
    expect(bytesAt(cut, 0x1800n, 0x110)).toEqual(noise.subarray(0x800, 0x910));
    expect(absentAt(cut, 0x1910n)).toBe('not-in-dump');
  });
  it('reads nothing before it is written', () => {
    let read = 0;
    const bytes = written(
      'elf',
      memoryOf([{ address: 0n, size: 1n << 24n, content: new Uint8Array(1 << 24).fill(1) }]),
    );
    const source = bytesSource(bytes);
    const opened = openImage({
      ...source,
      read(offset, length) {
        const part = source.read(offset, length);
        read += part.length;
        return part;
      },
    });
    const memory = segmentsOf(opened);
    expect(read).toBeLessThan(1 << 17);
    expect(written('raw', memory).length).toBe(1 << 24);
    expect(read).toBeGreaterThan(1 << 24);
  });

  it('does not write zeros for pages that are damaged: an error, or left out', () => {
    const bytes = written(
      'kdump',
      memoryOf([{ address: 0n, size: 0x3000n, content: new Uint8Array(0x3000).fill(9) }]),
    );
    const good = openImage(bytesSource(bytes));
    const place = good.at(0x1000n);
    if (place.state !== 'data') throw new Error('the page is compressed');
    bytes.fill(0xff, place.fileOffset, place.fileOffset + 8);
    const damaged = openImage(bytesSource(bytes));
    expect(() => written('elf', segmentsOf(damaged))).toThrowError(
      /0x1000 cannot be read.*\[memory-absent\]/,
    );
    const checked = reopened('elf', segmentsOf(damaged, { checked: true }));
    expect(bytesAt(checked, 0n, 0x1000)).toEqual(new Uint8Array(0x1000).fill(9));
    expect(bytesAt(checked, 0x2000n, 0x1000)).toEqual(new Uint8Array(0x1000).fill(9));
    expect(absentAt(checked, 0x1000n)).toBe('not-in-dump');
  });
});

describe('64 GiB', () => {
  const size = 64n << 30n;
  const pattern: LazyContent = {
    size,
    read(offset, out) {
      const first = Number((offset / 8n) & 0xffffffn);
      const words = new Float64Array(out.buffer, out.byteOffset, out.length / 8);
      for (let i = 0; i < words.length; i++) words[i] = first + i + 1;
    },
  };
  /** The first bytes that are written, and how much room that took. */
  function start(pieces: Iterable<Uint8Array>, bytes: number): { got: Uint8Array; room: number } {
    globalThis.gc?.();
    const before = process.memoryUsage();
    const parts: Uint8Array[] = [];
    let got = 0;
    for (const piece of pieces) {
      parts.push(piece);
      got += piece.length;
      if (got >= bytes) break;
    }
    const after = process.memoryUsage();
    const room = after.rss - before.rss;
    return { got: new Uint8Array(Buffer.concat(parts)), room };
  }
  const at = 1n << 32n;

  it.each(WRITABLE_CONTAINERS)(
    'of a pattern begin to be written into %s without taking that memory',
    (container) => {
      const memory = memoryOf([{ address: at, size, content: pattern }]);
      // A kdump begins with bitmaps of 4.25 MiB and descriptors, for which 16 million pages are looked at; a few here.
      const few = 9 << 19;
      const { got, room } = start(
        writeMemory<WritableContainer>(
          container,
          memory,
          container === 'kdump' ? { compression: 'none' } : {},
        ),
        few,
      );
      expect(got.length).toBeGreaterThanOrEqual(few);
      expect(room).toBeLessThan(512 << 20);
      if (container === 'kdump') return;
      const from = { elf: 4096, lime: 32, raw: 0 }[container];
      const words = new Float64Array(got.slice(from, from + 4096).buffer);
      expect([...words.subarray(0, 3)]).toEqual([1, 2, 3]);
    },
  );
  it.each(['kdump', 'lime', 'raw'] as const)('of zeros begin to be written into %s', (container) => {
    const { got, room } = start(writeMemory(container, memoryOf([{ address: at, size }])), 32 << 20);
    expect(got.length).toBeGreaterThanOrEqual(32 << 20);
    expect(room).toBeLessThan(512 << 20);
  });
  it('of zeros are an ELF core of 4 KiB', () => {
    const image = reopened('elf', memoryOf([{ address: at, size }], { vmcoreinfo: 'OSRELEASE=7\n' }));
    expect([...image.regions()]).toEqual([{ address: at, size, state: 'zero' }]);
  });
});

describe('many segments', () => {
  it.each(['elf', 'kdump', 'lime'] as const)('150,000 of them into %s', (container) => {
    const page = new Uint8Array(16).fill(5);
    const segments = Array.from({ length: 150_000 }, (_, i) => ({
      address: BigInt(i) * 0x2000n,
      size: container === 'lime' ? 0x20n : 0x1000n,
      ...(i % 1000 === 0 ? { content: page } : {}),
    }));
    const image = openImage(bytesSource(written<WritableContainer>(container, memoryOf(segments), {})));
    expect(image.problems).toEqual([]);
    // In ELF cores, what is stored and the zeros behind it are a region each.
    expect([...image.regions()].length).toBe(container === 'elf' ? 150_150 : 150_000);
    expect(bytesAt(image, 149_000n * 0x2000n, 16)).toEqual(page);
    expect(absentAt(image, 149_000n * 0x2000n + 0x1000n)).toBe('not-in-dump');
  });
});

describe('kdumps', () => {
  const page = (value: number) => new Uint8Array(4096).fill(value);
  it('says release, processors, phys_base and where VMCOREINFO is', () => {
    const bytes = written(
      'kdump',
      memoryOf([{ address: 0n, size: 0x1000n, content: page(1) }], {
        notes: [
          { name: 'CORE', type: 1, content: new Uint8Array(336) },
          { name: 'CORE', type: 1, content: new Uint8Array(336) },
        ],
        vmcoreinfo: 'OSRELEASE=7.2.13\nNUMBER(phys_base)=-452984832\n',
      }),
    );
    const view = new DataView(bytes.buffer);
    const at = (from: number, length: number) =>
      Buffer.from(bytes.subarray(from, from + length)).toString('latin1');
    expect(at(0, 8)).toBe('KDUMP   ');
    expect(view.getInt32(8, true)).toBe(6);
    expect(at(12 + 2 * 65, 9)).toBe('7.2.13\0\0\0');
    expect(at(12 + 4 * 65, 7)).toBe('x86_64\0');
    expect([424, 428, 432, 436, 440, 460].map((offset) => view.getUint32(offset, true))).toEqual([
      1, 4096, 1, 2, 1, 2,
    ]);
    expect(view.getBigInt64(4096, true)).toBe(-452984832n);
    const info = Number(view.getBigUint64(4096 + 32, true));
    expect(at(info, Number(view.getBigUint64(4096 + 40, true)))).toMatch(/^OSRELEASE=7.*832\n$/s);
  });
  it('compresses twice what is too much to be kept, to the same bytes', () => {
    // 72 MiB that do not become smaller.
    let reads = 0n;
    const content: LazyContent = {
      size: 72n << 20n,
      read(offset, out) {
        reads += BigInt(out.length);
        const words = new Int32Array(out.buffer, out.byteOffset, out.length / 4);
        for (let i = 0, x = Number(offset & 0xffffffffn) | 1; i < words.length; i++) {
          x ^= x << 13;
          x ^= x >>> 17;
          x ^= x << 5;
          words[i] = x;
        }
      },
    };
    const bytes = written('kdump', memoryOf([{ address: 0n, size: content.size, content }]), {
      compression: 'snappy',
    });
    expect(reads).toBe(2n * content.size);
    const image = openImage(bytesSource(bytes));
    const expected = new Uint8Array(1 << 20);
    content.read(71n << 20n, expected);
    expect(Buffer.compare(bytesAt(image, 71n << 20n, 1 << 20), expected)).toBe(0);
    let looks = 0;
    const changing: LazyContent = {
      size: content.size,
      read(offset, out) {
        content.read(offset, out);
        if (looks++ >= 72) out.fill(0, 0, 4096);
      },
    };
    expect(() =>
      written('kdump', memoryOf([{ address: 0n, size: content.size, content: changing }]), {
        compression: 'none',
      }),
    ).toThrowError(/changed while it was written \[memory-write\]/);
  });
  it('takes compressors of the host', () => {
    let calls = 0;
    const lzo = (bytes: Uint8Array) => {
      calls++;
      return bytes;
    };
    const memory = memoryOf([{ address: 0n, size: 0x2000n, content: page(1) }]);
    const image = reopened('kdump', memory, { compression: 'lzo', compressors: { lzo } });
    expect(calls).toBe(1);
    // What it gave was not smaller.
    expect(image.at(0n)).toMatchObject({ state: 'data', stored: 'plain' });
    expect(() => writeKdump(memory, { compression: 'zstd' })).toThrowError(/no compressor for zstd/);
  });
  it('shares one page among all that are zero', () => {
    const bytes = written(
      'kdump',
      memoryOf([{ address: 0n, size: 0x400000n, content: new Uint8Array(0x200000) }]),
    );
    // Headers, bitmaps, 1024 descriptors, one page.
    expect(bytes.length).toBe(4 * 4096 + 24 * 1024 + 4096);
    expect(openImage(bytesSource(bytes)).at(0x1000n)).toMatchObject({ state: 'zero', because: 'zero-page' });
  });
});

describe('what cannot be written is an error memory-write', () => {
  const one: MemorySegment = { address: 0x1000n, size: 0x1000n };
  const cases: readonly (readonly [string, WritableContainer, MemoryContents, RegExp])[] = [
    ...WRITABLE_CONTAINERS.flatMap((container) => [
      [
        'overlapping segments',
        container,
        memoryOf([one, { address: 0x1fffn, size: 1n }]),
        /overlap at 0x1fff/,
      ] as const,
      [
        'more content than memory',
        container,
        memoryOf([{ ...one, content: new Uint8Array(4097) }]),
        /does not fit/,
      ] as const,
      [
        'a segment beyond 64 bits',
        container,
        memoryOf([{ address: (1n << 64n) - 1n, size: 2n }]),
        /does not fit/,
      ] as const,
      ['a negative address', container, memoryOf([{ address: -1n, size: 2n }]), /does not fit/] as const,
    ]),
    ['no pages', 'kdump', memoryOf([one], { pageSize: 1000 }), /how large its pages are/],
    ['huge pages', 'kdump', memoryOf([one], { pageSize: 1 << 17 }), /how large its pages are/],
    ['memory far up', 'kdump', memoryOf([{ address: 1n << 52n, size: 1n }]), /too far up/],
    ['memory far up', 'raw', memoryOf([one, { address: 1n << 52n, size: 1n }]), /larger than its limit/],
    ['nothing', 'lime', memoryOf([]), /without memory/],
    ['more than a file', 'lime', memoryOf([{ address: 0n, size: 1n << 60n }]), /larger than a file/],
    [
      'an address that stands for none',
      'elf',
      memoryOf([{ address: (1n << 64n) - 1n, size: 1n }]),
      /having none/,
    ],
    [
      'memory beyond 32 bits',
      'elf',
      { machine: machineOfABI(ABI.i386), segments: [{ address: 1n << 32n, size: 1n }] },
      /does not fit/,
    ],
    [
      'more content than a file',
      'elf',
      memoryOf([{ address: 0n, size: 1n << 60n, content: { size: 1n << 60n, read: () => undefined } }]),
      /larger than a 64-bit core/,
    ],
    ...(['elf', 'kdump', 'lime'] as const).map(
      (container) =>
        [
          'an unknown machine',
          container,
          {
            machine: {
              name: 'unknown',
              endian: undefined,
              bits: undefined,
              elfMachine: undefined,
              abi: undefined,
            },
            segments: [one],
          },
          /needs to know/,
        ] as const,
    ),
  ];
  it.each(cases)('%s in %s', (_, container, memory, message) => {
    expect(() => written(container, memory)).toThrowError(message);
    expect(() => written(container, memory)).toThrowError(/\[memory-write\]/);
  });
  it('memory below the base of a raw image', () => {
    expect(() => written('raw', memoryOf([one]), { base: 0x1001n })).toThrowError(
      /below the base.*\[memory-write\]/,
    );
    expect(written('raw', memoryOf([one]), { base: 0xfffn }).length).toBe(0x1001);
    expect(() => written('raw', memoryOf([one]), { limit: 4095n })).toThrowError(/limit/);
  });
});

it('no memory at all is a dump of nothing', () => {
  for (const container of ['elf', 'kdump'] as const) {
    const image = reopened(container, memoryOf([{ address: 5n, size: 0n }], { vmcoreinfo: 'OSRELEASE=7\n' }));
    expect([...image.regions()]).toEqual([]);
    expect(image.vmcoreinfo()?.release).toBe('7');
    expect(absentAt(image, 5n)).toBe('past-end');
  }
  expect(written('raw', memoryOf([])).length).toBe(0);
});

it('a split set and AVML become one file', () => {
  const split = openImage(
    [1, 2, 3].map((i) => bytesSource(unzipped(`memory/makedumpfile-split-${i}.kdump`))),
  );
  for (const image of [split, openFixture('memory/compressed.avml')]) {
    const memory = { ...segmentsOf(image), machine: machineOfABI(ABI.x86_64) };
    for (const container of ['elf', 'kdump', 'lime'] as const) {
      const again = reopened(container, memory);
      expect(bytesAt(again, 0x2000000n, 0x6000)).toEqual(bytesAt(image, 0x2000000n, 0x6000));
      const absence: Absence | Uint8Array = again.read(0x2006000n, 1);
      expect(absence).toMatchObject({ absent: 'not-in-dump' });
    }
  }
});
