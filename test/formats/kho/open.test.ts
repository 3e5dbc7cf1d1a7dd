/** How the root, the generation and the page size are found, and what can be said by options. */
import { describe, expect, it } from 'vitest';
import { ABI, decode, struct, u32 } from '../../../src/codec/index.js';
import { type FileHandler, openHandover, type SubtreeDecoder } from '../../../src/formats/kho/index.js';
import { build, fdt, Memory, native, text } from './builder.js';
import { copyOf, open } from './patch.js';
import { luoOf, openCapture, rulesOf } from './support.js';

describe('the root', () => {
  it('is not there', () => {
    const memory = new Memory();
    memory.bytes(0x10000, 'nothing of the kind');
    expect(() => openHandover(memory.image(62))).toThrow('kho-no-root');
    expect(() => openHandover(memory.image(62), { khoFdt: 0x10000n })).toThrow('kho-no-root');
    expect(() => openHandover(memory.image(62), { khoFdt: 0x900000n })).toThrow('is not in the dump');
  });

  it('is the one whose map is sound, where a kernel has that of the one before too', () => {
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 4096, sessions: [{ name: 's', files: [] }] });
    const older = 0x4000000;
    built.memory.bytes(
      older,
      fdt({
        name: '',
        properties: [
          ['preserved-memory-map', native(0x5000000)],
          ['compatible', text('kho-v4')],
        ],
        children: [],
      }),
    );
    const handover = openHandover(built.memory.image(62));
    expect(handover.value.fdt.address).toBe(BigInt(built.root));
    expect(rulesOf(handover)).toEqual(['kho/root-others']);
    expect(openHandover(built.memory.image(62), { khoFdt: BigInt(older) }).value.fdt.address).toBe(
      BigInt(older),
    );
  });

  it('is named by /chosen of a device tree, with scratch', () => {
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 65536, sessions: [] });
    const big = (...words: readonly number[]): Uint8Array => {
      const out = new Uint8Array(words.length * 8);
      for (const [i, word] of words.entries()) new DataView(out.buffer).setBigUint64(8 * i, BigInt(word));
      return out;
    };
    const scratch = 0x9000000;
    built.memory.u64(scratch, 0x40000000);
    built.memory.u64(scratch + 8, 0x20000000);
    built.memory.u64(scratch + 16, 0x40000000);
    built.memory.bytes(
      0x8000000,
      fdt({
        name: '',
        properties: [['compatible', text('linux,dummy-virt')]],
        children: [
          {
            name: 'chosen',
            properties: [
              ['linux,kho-fdt', big(built.root, 65536)],
              ['linux,kho-scratch', big(scratch, 32)],
            ],
            children: [],
          },
        ],
      }),
    );
    const handover = openHandover(built.memory.image(183));
    expect(handover.value.fdt.address).toBe(BigInt(built.root));
    expect(handover.value.scratch).toEqual([
      { addr: 0x40000000n, size: 0x20000000n },
      { addr: 0x40000000n, size: 0n },
    ]);
    expect(handover.findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
  });

  it('is told by x86’s setup_data, with the page size and scratch', () => {
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 4096, sessions: [] });
    const { memory } = built;
    // A seed for random numbers, then the node of KHO.
    memory.u64(0x3000000, 0x3000100);
    memory.u32(0x3000008, 9);
    memory.u64(0x3000100, 0);
    memory.u32(0x3000108, 10);
    memory.u32(0x300010c, 32);
    memory.u64(0x3000110, built.root);
    memory.u64(0x3000118, 4096);
    memory.u64(0x3000120, 0x3010000);
    memory.u64(0x3000128, 16);
    memory.u64(0x3010000, 0x100000);
    memory.u64(0x3010008, 0x100000);
    // Without being told where the list begins, the node is found by what is in it.
    const looked = openHandover(memory.image(62));
    expect(looked.value.scratch).toEqual([{ addr: 0x100000n, size: 0x100000n }]);
    expect(looked.because.join('\n')).toContain('scratch is what the setup_data node at 0x3000100 says');
    expect(openHandover(memory.image(62), { khoFdt: BigInt(built.root) }).value.scratch).toBeUndefined();
    const handover = openHandover(memory.image(62), { setupData: 0x3000000n });
    expect(handover.value.scratch).toEqual([{ addr: 0x100000n, size: 0x100000n }]);
    expect(handover.because.join('\n')).toContain('of type 10');
    memory.u64(0x3000000, 0x3000000);
    expect(openHandover(memory.image(62), { setupData: 0x3000000n }).value.scratch).toBeUndefined();
  });
});

describe('setup_data that was not asked for', () => {
  const node = (memory: Memory, at: number, root: number, scratch: number, size = 16): void => {
    memory.u32(at + 8, 10);
    memory.u32(at + 12, 32);
    memory.u64(at + 16, root);
    memory.u64(at + 24, 4096);
    memory.u64(at + 32, scratch);
    memory.u64(at + 40, size);
  };
  const withScratch = (): ReturnType<typeof build> => {
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 4096, sessions: [] });
    built.memory.u64(0x3010000, 0x9000000);
    built.memory.u64(0x3010008, 0x100000);
    return built;
  };

  it('counts only if it names the root, and leads to areas', () => {
    const other = withScratch();
    node(other.memory, 0x3000100, other.root + 4096, 0x3010000);
    expect(openHandover(other.memory.image(62)).value.scratch).toBeUndefined();
    const code = withScratch();
    node(code.memory, 0x3000100, code.root, 0x3020000);
    code.memory.bytes(0x3020000, new Uint8Array(16).fill(0x90));
    const handover = openHandover(code.memory.image(62));
    expect(handover.value.scratch).toBeUndefined();
    expect(rulesOf(handover)).toEqual(['luo/not-serialized']);
    expect(handover.because.join('\n')).toContain('there is no list of scratch areas at 0x3020000');
  });

  it('is passed by for a later copy that is sound, at any multiple of 8', () => {
    const built = withScratch();
    node(built.memory, 0x3000000, built.root, 0x700000000);
    node(built.memory, 0x3000ff8, built.root, 0x3010000);
    expect(openHandover(built.memory.image(62)).value.scratch).toEqual([
      { addr: 0x9000000n, size: 0x100000n },
    ]);
    const odd = withScratch();
    node(odd.memory, 0x3000004, odd.root, 0x3010000);
    expect(openHandover(odd.memory.image(62)).value.scratch).toBeUndefined();
  });

  it('is what finds preserved memory in scratch', () => {
    const built = withScratch();
    node(built.memory, 0x3000100, built.root, 0x3010000);
    built.memory.u64(0x3010000, Math.floor(built.root / 0x100000) * 0x100000);
    expect(rulesOf(openHandover(built.memory.image(62)))).toContain('kho/preserved-in-scratch');
  });

  it('of an arm64 machine is none', () => {
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 65536, sessions: [] });
    built.memory.u64(0x8010000, 0x9000000);
    node(built.memory, 0x8000100, built.root, 0x8010000);
    expect(openHandover(built.memory.image(183)).value.scratch).toBeUndefined();
  });
});

describe('/chosen', () => {
  it('is read with the cells that the root of the tree says', () => {
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 65536, sessions: [] });
    const cells = (...words: readonly number[]): Uint8Array => {
      const out = new Uint8Array(words.length * 4);
      for (const [i, word] of words.entries()) new DataView(out.buffer).setUint32(4 * i, word);
      return out;
    };
    const scratch = 0x9000000;
    built.memory.u64(scratch, 0x40000000);
    built.memory.u64(scratch + 8, 0x20000000);
    const tree = (root: number): Uint8Array =>
      fdt({
        name: '',
        properties: [
          ['#address-cells', cells(2)],
          ['#size-cells', cells(1)],
        ],
        children: [
          {
            name: 'chosen',
            properties: [
              ['linux,kho-fdt', cells(0, root, 65536)],
              ['linux,kho-scratch', cells(0, scratch, 16)],
            ],
            children: [],
          },
        ],
      });
    // The tree of the kernel before names the root that it was given; the new one names this root.
    built.memory.bytes(0x7000000, tree(0x1230000));
    built.memory.bytes(0x8000000, tree(built.root));
    const handover = openHandover(built.memory.image(183));
    expect(handover.value.scratch).toEqual([{ addr: 0x40000000n, size: 0x20000000n }]);
    expect(handover.because.join('\n')).toContain('/chosen of the device tree at 0x8000000');
  });
});

describe('generation and page size', () => {
  it('can be forced', () => {
    const handover = openCapture('v1b', { generation: 'v1a' });
    expect(handover.generation?.name).toBe('v1a');
    // What 6.16 and 6.17 make of it: all blocks behind bit 4095 are lost.
    expect(handover.value.preserved.ranges.blocks).toBeLessThan(3633);
    expect(openCapture('arm64', { pageSize: 65536 }).value.page_size).toBe(65536);
    expect(() => openCapture('v4', { generation: 'v7' })).toThrow('kho-generation');
    expect(() => openCapture('v4', { pageSize: 8192 })).toThrow('kho-page-size');
  });
  it('of kho-v1 may be a guess', () => {
    const built = build({
      kho: 'v1b',
      pageSize: 4096,
      nodes: [{ name: 'x', bytes: fdt({ name: '', properties: [], children: [] }) }],
    });
    const handover = openHandover(built.image);
    expect(rulesOf(handover)).toContain('kho/map-ambiguous');
    expect(handover.value.preserved.ranges.blocks).toBe(built.blocks.length);
  });
  it('of kho-v1 is told by the kernel’s own test where few bitmaps leave it open', () => {
    const sizes = (folios: number, bytes: number, pageSize = 4096, kho: 'v1a' | 'v1b' = 'v1b') => {
      const data = [
        ['nr_folios', native(folios, 4)],
        ['folios_info', new Uint8Array(bytes)],
      ] as const;
      const test = fdt({
        name: '',
        properties: [],
        children: [{ name: 'data', properties: data, children: [] }],
      });
      const handover = openHandover(
        build({ kho, pageSize, nodes: [{ name: 'kho_test', bytes: test }] }).image,
      );
      return [handover.generation?.name, rulesOf(handover).includes('kho/map-ambiguous')];
    };
    expect(sizes(3, 16)).toEqual(['v1b', false]);
    expect(sizes(3, 24)).toEqual(['v1a', false]);
    expect(sizes(2, 16)).toEqual(['v1a', true]);
    // Where the bitmaps lie says more: one of 512 bytes that does not begin a page.
    expect(sizes(3, 16, 4096, 'v1a')).toEqual(['v1a', false]);
  });
  it('with a wrong page size the map makes no sense, and that is said', () => {
    expect(rulesOf(openCapture('arm64', { pageSize: 4096 }))).toContain('kho/map-stale');
  });
});

it('a map that was overwritten is not taken for one', () => {
  const memory = copyOf('v4');
  const { root, objects } = openCapture('v4');
  for (const { path, address } of objects)
    if (/preserved-memory-map\.(nodes|leaves)/.test(path))
      memory.bytes(Number(address), new Uint8Array(4096));
  const handover = open(memory, 'v4', { khoFdt: root.address });
  expect(rulesOf(handover)).toContain('kho/map-stale');
  expect(luoOf(handover).sessions.length).toBe(luoOf(openCapture('v4')).sessions.length);
});

it('a kernel that has taken the handover over has freed the LUO’s struct too', () => {
  const memory = copyOf('v4');
  const { root, objects } = openCapture('v4');
  for (const { path, address, size } of objects)
    if (/preserved-memory-map\.(nodes|leaves)/.test(path) || path === 'entries.LUO')
      memory.bytes(Number(address), new Uint8Array(size).fill(path === 'entries.LUO' ? 0x90 : 0));
  const handover = open(memory, 'v4', { khoFdt: root.address });
  expect(rulesOf(handover)).toContain('luo/freed');
  expect(handover.value.entries.LUO).toMatchObject({ unknown: true, size: 32 });
  expect(handover.value.entries.memblock).toMatchObject({ pstore: { size: 8192n } });
});

describe('decoders of others', () => {
  const Counter = struct('counter', { magic: u32, value: u32 });
  const subtree: SubtreeDecoder = {
    name: 'counter',
    decode: ({ bytes }) => decode(Counter, bytes.subarray(0, 8), { abi: ABI.x86_64 }),
  };
  const handler: FileHandler = {
    compatible: 'nobody-v1',
    key: 'vfio',
    decode: (data) => ({ cookie: data }),
  };
  const bytes = new Uint8Array([1, 0, 0, 0, 42, 0, 0, 0]);
  const built = build({
    kho: 'v4',
    luo: 'v5',
    pageSize: 4096,
    sessions: [{ name: 's', files: [{ token: 1n, size: 0, folios: [], compatible: 'nobody-v1' }] }],
    nodes: [{ name: 'counter', bytes }],
    flbs: [{ name: 'an-flb', data: 0x1234n, count: 1 }],
  });
  it('are asked', () => {
    const handover = openHandover(built.image, {
      registry: {
        subtrees: [subtree],
        files: [handler],
        flbs: [{ name: 'an-flb', key: 'pci', decode: (data) => ({ at: data }) }],
      },
    });
    expect(handover.value.entries.counter).toEqual({ magic: 1, value: 42 });
    const luo = luoOf(handover);
    expect(luo.sessions[0]?.files[0]?.vfio).toEqual({ cookie: BigInt(built.places.get('memfd 1') ?? 0) });
    expect(luo.flbs[0]).toMatchObject({ name: 'an-flb', pci: { at: 0x1234n } });
  });
  it('are not needed to show what is there', () => {
    const handover = openHandover(built.image);
    expect(handover.value.entries.counter).toMatchObject({
      unknown: true,
      size: 8,
      looks: 'bytes',
      head: bytes,
    });
    expect(luoOf(handover).sessions[0]?.files[0]).toMatchObject({ compatible: 'nobody-v1', token: 1n });
    expect(rulesOf(handover)).toContain('luo/handler-unknown');
  });
});
