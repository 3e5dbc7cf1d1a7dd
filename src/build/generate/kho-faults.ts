/** One fault for each rule of the root, the map, vmalloc areas, linked blocks and scratch. */
import type { FDTNode } from '../../formats/fdt/index.js';
import { textProperty } from '../handover/builder.js';
import type { HandoverSpec } from '../handover/spec.js';
import type { BuiltDump } from './built-dump.js';
import type { Fault } from './handover-generator.js';

const BITMAPS = ['v1a', 'v1b'];
const RADIX = ['v2', 'v3', 'v4'];
const SIZED = ['v3', 'v4'];
const WITH_LUO = ['v1b', 'v2', 'v3', 'v4'];
const ALL = [...BITMAPS, ...RADIX];
/** Generations whose sessions can be in linked blocks. */
const BLOCKS = ['v4'];
/** Where memfds, and with them vmalloc areas, are. */
const AREAS = WITH_LUO;

const MAP = 'fdt.preserved-memory-map';
const PAGE = 4096;
const MEMFD = 'entries.LUO.sessions[0].files[0].memfd';
const SESSIONS = 'entries.LUO.sessions';

/** A region of three pages makes blocks of two orders, so that every generation can be told. */
const region: HandoverSpec = { memblock: { region: { size: 3 * PAGE } } };
const blob = (): HandoverSpec => ({ ...region, blobs: { x: { contents: 'x' } } });
const file = (): HandoverSpec => ({
  sessions: [{ name: 's', files: [{ token: 1, memfd: { contents: 'hello' } }] }],
});
const twoFiles = (): HandoverSpec => ({
  sessions: [
    {
      name: 's',
      files: [
        { token: 1, memfd: { contents: 'hello' } },
        { token: 2, memfd: { contents: 'world' } },
      ],
    },
  ],
});
const session = (): HandoverSpec => ({ sessions: [{ name: 's' }] });
const small = (): HandoverSpec => region;
const many = (count: number): HandoverSpec => ({
  sessions: Array.from({ length: count }, (_, i) => ({ name: `s${i}` })),
});
const scratch = (): HandoverSpec => ({
  scratch: [
    { addr: 0x40000000, size: 0x400000 },
    { addr: 0x50000000, size: 0x400000 },
  ],
  ...region,
});

const replaced = (root: FDTNode, name: string, change: (node: FDTNode) => FDTNode): FDTNode => ({
  ...root,
  children: root.children.map((node) => (node.name === name ? change(node) : node)),
});
const data = (generation: string): string => (generation.startsWith('v1') ? 'fdt' : 'preserved-data');
const memfd = (dump: BuiltDump): bigint => dump.at(MEMFD);
/** Where the descriptor of the array begins: the last 16 bytes. */
const descriptor = (dump: BuiltDump): bigint =>
  memfd(dump) + (dump.built.generations.memfd === 1 ? 24n : 32n);
const luoBlob = (dump: BuiltDump): bigint => dump.region('LUO');
/** Of the chunks of the small handover: one for each order, of which the table of sessions is one. */
const lastChunk = (generation: string): number => (generation === 'v1a' ? 1 : 2);

export const KHO_FAULTS: readonly Fault[] = [
  {
    rule: 'kho/root-invalid',
    on: ALL,
    spec: small,
    path: 'fdt',
    edit: (dump) => dump.be32(dump.built.root + 24n, 18),
  },
  {
    rule: 'kho/root-too-large',
    on: ALL,
    spec: small,
    path: 'fdt',
    edit: (dump) => dump.be32(dump.built.root + 4n, PAGE + 4),
  },
  {
    rule: 'kho/root-unfinished',
    on: ALL,
    spec: small,
    path: 'fdt.preserved-memory-map',
    edit: (dump) => dump.u64(dump.property(undefined, 'preserved-memory-map').value, 0),
  },
  {
    rule: 'kho/root-map',
    on: ALL,
    spec: small,
    path: 'fdt.preserved-memory-map',
    edit: (dump) => dump.be32(dump.property(undefined, 'preserved-memory-map').len, 7),
  },
  {
    rule: 'kho/root-compatible',
    on: ['v4'],
    spec: small,
    path: 'fdt.compatible',
    edit: (dump) => dump.bytes(dump.property(undefined, 'compatible').value, 'kho-v9'),
  },
  {
    rule: 'kho/root-composite',
    on: ['v4'],
    spec: small,
    path: 'fdt.compatible',
    edit: (dump) =>
      dump.retree(undefined, (root) => ({
        ...root,
        properties: root.properties.map((property) =>
          property.name === 'compatible' ? textProperty('compatible', 'kho-v4;radix-v1') : property,
        ),
      })),
  },
  {
    rule: 'kho/root-property',
    on: ALL,
    spec: small,
    path: 'fdt',
    edit: (dump) =>
      dump.retree(undefined, (root) => ({
        ...root,
        properties: [...root.properties, dump.native('odd', 1)],
      })),
  },
  {
    rule: 'kho/root-not-preserved',
    on: WITH_LUO,
    spec: small,
    path: 'fdt',
    edit: (dump) => dump.preserve(dump.built.root, 0, false),
  },
  {
    rule: 'kho/root-others',
    on: ALL,
    spec: small,
    path: 'fdt',
    edit: (dump) => {
      dump.copy(dump.built.root);
    },
  },
  {
    rule: 'kho/node-data',
    on: ALL,
    spec: blob,
    path: 'fdt.x',
    edit: (dump, generation) => dump.be32(dump.property('x', data(generation)).len, 7),
  },
  {
    rule: 'kho/node-size',
    on: SIZED,
    spec: blob,
    path: 'fdt.x',
    edit: (dump) => dump.be32(dump.property('x', 'blob-size').len, 7),
  },
  {
    rule: 'kho/node-duplicate',
    on: ALL,
    spec: () => ({ ...region, blobs: { x: { contents: 'x' }, y: { contents: 'y' } } }),
    path: 'fdt.x',
    edit: (dump) => dump.retree(undefined, (root) => replaced(root, 'y', (node) => ({ ...node, name: 'x' }))),
  },
  {
    rule: 'kho/node-property',
    on: ALL,
    spec: blob,
    path: 'fdt.x',
    edit: (dump) =>
      dump.retree(undefined, (root) =>
        replaced(root, 'x', (node) => ({ ...node, properties: [...node.properties, dump.native('odd', 1)] })),
      ),
  },
  {
    rule: 'kho/blob-empty',
    on: ALL,
    spec: blob,
    path: 'entries.x',
    edit: (dump, generation) =>
      dump.u64(dump.property('x', SIZED.includes(generation) ? 'blob-size' : data(generation)).value, 0),
  },
  {
    rule: 'kho/blob-too-large',
    on: SIZED,
    spec: () => ({
      ...region,
      blobs: { x: { contents: [{ fill: 'zeros', size: 2 ** 24 + 1 }] } },
    }),
    path: 'entries.x',
  },
  {
    rule: 'kho/blob-not-preserved',
    on: ALL,
    spec: blob,
    path: 'entries.x',
    edit: (dump) => dump.preserve(dump.region('blobs.x'), 0, false),
  },
  {
    rule: 'kho/blob-unaligned',
    on: SIZED,
    spec: () => ({
      ...region,
      blobs: { x: { contents: [{ fill: 'a5', size: 64 }] } },
    }),
    path: 'entries.x',
    edit: (dump) => {
      dump.u64(dump.property('x', 'preserved-data').value, dump.region('blobs.x') + 8n);
      dump.u64(dump.property('x', 'blob-size').value, 56);
    },
  },
  {
    rule: 'kho/blob-cut',
    on: SIZED,
    spec: small,
    path: 'entries.memblock',
    edit: (dump) => {
      const total = dump.region('memblock') + 4n;
      const { value } = dump.property('memblock', 'blob-size');
      dump.be32(total, Number(dump.word(value)) + 4);
    },
    companions: [['kho/blob-invalid', 'entries.memblock']],
    notAlone:
      'a tree whose header says that it is longer than what there is fails the whole check of it as well (fdt_check_full)',
  },
  {
    rule: 'kho/blob-invalid',
    on: ALL,
    spec: small,
    path: 'entries.memblock',
    edit: (dump) => dump.be32(dump.region('memblock'), 0),
  },
  {
    rule: 'kho/memory-absent',
    on: ALL,
    spec: blob,
    path: 'entries.x',
    edit: (dump) => dump.drop(dump.region('blobs.x')),
    containers: ['elf', 'kdump', 'lime'],
  },
  {
    rule: 'kho/page-zero',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios.chunks[0]`,
    edit: (dump) => dump.zeros(dump.at(`${MEMFD}.folios.chunks[0]`)),
    containers: ['elf'],
  },
  {
    rule: 'kho/map-stale',
    on: RADIX,
    spec: small,
    path: MAP,
    edit: (dump) => dump.bytes(dump.map, new Uint8Array(PAGE)),
  },
  {
    rule: 'kho/map-ambiguous',
    on: BITMAPS,
    // Where a bitmap of a page may begin as well, and before there was a LUO.
    spec: (generation) => ({
      kernel: generation === 'v1a' ? '6.17' : '6.18',
      memory: { base: 0x8000000 },
      memblock: { region: { size: PAGE } },
    }),
    path: MAP,
  },
  {
    rule: 'kho/chunk-unaligned',
    on: BITMAPS,
    spec: small,
    path: `${MAP}.chunks[0]`,
    edit: (dump) => dump.u64(dump.property(undefined, 'preserved-memory-map').value, dump.copy(dump.map, 8)),
  },
  {
    rule: 'kho/chunk-count',
    on: BITMAPS,
    spec: (generation) => {
      const cover = (generation === 'v1a' ? PAGE : PAGE * 8) * PAGE;
      return {
        memory: { base: cover },
        kho_test: {
          folios: Array.from({ length: 254 }, (_, i) => ({
            at: (i + 2) * cover,
            contents: [{ fill: 'zeros', size: PAGE }],
          })),
        },
      };
    },
    path: `${MAP}.chunks[0].hdr.num_elms`,
    edit: (dump) => dump.u32(dump.map + 12n, 256),
  },
  {
    rule: 'kho/chunk-order',
    on: BITMAPS,
    spec: small,
    path: (generation) => `${MAP}.chunks[${lastChunk(generation)}].hdr.order`,
    edit: (dump, generation) => dump.u32(dump.at(`${MAP}.chunks[${lastChunk(generation)}]`) + 8n, 50),
  },
  {
    rule: 'kho/chunk-order-int',
    on: BITMAPS,
    spec: () => ({ memblock: { region: { size: 3 * PAGE }, huge: { size: 2 ** 31, at: 2 ** 40 } } }),
    path: (generation) => `${MAP}.chunks[${lastChunk(generation) + 1}].hdr.order`,
  },
  {
    rule: 'kho/chunk-descending',
    on: BITMAPS,
    spec: small,
    path: `${MAP}.chunks[1].hdr.order`,
    edit: (dump) => {
      const first = dump.map;
      const second = dump.word(first);
      dump.u64(first, dump.word(second));
      dump.u64(second, first);
      dump.u64(dump.property(undefined, 'preserved-memory-map').value, second);
    },
  },
  {
    rule: 'kho/chunk-tail',
    on: BITMAPS,
    spec: small,
    path: `${MAP}.chunks[0]`,
    edit: (dump) => dump.u64(dump.map + BigInt(PAGE - 8), 1),
  },
  {
    rule: 'kho/chunk-cycle',
    on: BITMAPS,
    spec: small,
    path: (generation) => `${MAP}.chunks[${lastChunk(generation) + 1}]`,
    edit: (dump, generation) => dump.u64(dump.at(`${MAP}.chunks[${lastChunk(generation)}]`), dump.map),
  },
  {
    rule: 'kho/bitmap-unaligned',
    on: ['v1b'],
    spec: small,
    path: `${MAP}.chunks[0].bitmaps[0]`,
    edit: (dump) => dump.u64(dump.map + 24n, dump.copy(dump.word(dump.map + 24n), 8)),
  },
  {
    rule: 'kho/bitmap-start',
    on: BITMAPS,
    spec: small,
    path: `${MAP}.chunks[0].bitmaps[1]`,
    edit: (dump) => {
      dump.u32(dump.map + 12n, 2);
      dump.u64(dump.map + 32n, 0x1000);
      dump.u64(dump.map + 40n, dump.pages());
    },
  },
  {
    rule: 'kho/node-unaligned',
    on: RADIX,
    spec: small,
    path: MAP,
    edit: (dump) => dump.u64(freeSlot(dump), dump.pages(2) + 8n),
  },
  {
    rule: 'kho/node-shared',
    on: RADIX,
    spec: small,
    path: MAP,
    edit: (dump) => dump.u64(freeSlot(dump), dump.at(`${MAP}.leaves[0]`)),
  },
  {
    rule: 'kho/root-index',
    on: RADIX,
    spec: small,
    path: MAP,
    edit: (dump) => dump.u64(dump.map + 8n * 100n, dump.pages()),
  },
  { rule: 'kho/key-order', on: RADIX, spec: small, path: MAP, edit: (dump) => dump.key(1n << 7n) },
  {
    rule: 'kho/key-address',
    on: RADIX,
    spec: small,
    path: MAP,
    edit: (dump) => dump.key((1n << 52n) + (1n << 41n)),
  },
  {
    rule: 'kho/radix-depth',
    on: ['v2-first'],
    spec: () => ({ memblock: { region: { size: 3 * 16384 } } }),
    machine: { abi: 'aarch64', pageSize: 16384 },
    path: MAP,
  },
  {
    rule: 'kho/preserved-twice',
    on: RADIX,
    spec: () => ({
      memblock: { region: { size: 2 * PAGE, at: 0x8000000 } },
    }),
    path: 'preserved',
    edit: (dump) => dump.preserve(0x8001000n, 0),
  },
  {
    rule: 'kho/map-preserved',
    on: RADIX,
    spec: small,
    path: 'preserved',
    edit: (dump) => dump.preserve(dump.at(`${MAP}.leaves[0]`), 0),
  },
  {
    rule: 'kho/preserved-in-scratch',
    on: ALL,
    spec: scratch,
    path: 'scratch[0]',
    edit: (dump) => {
      dump.u64(dump.region('scratch'), dump.region('memblock.region'));
      dump.u64(dump.region('scratch') + 8n, PAGE);
    },
  },
  {
    rule: 'kho/scratch-overlap',
    on: ALL,
    spec: scratch,
    path: 'scratch[1]',
    edit: (dump) => dump.u64(dump.region('scratch') + 16n, 0x40200000),
  },
  {
    rule: 'kho/scratch-unaligned',
    on: ALL,
    spec: scratch,
    path: 'scratch[0]',
    edit: (dump) => dump.u64(dump.region('scratch'), 0x40000100),
  },
  {
    rule: 'kho/vmalloc-flags',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios.flags`,
    edit: (dump) => dump.u16(descriptor(dump) + 12n, 5),
  },
  {
    rule: 'kho/vmalloc-order',
    on: AREAS,
    spec: () => ({ sessions: [{ name: 's', files: [{ token: 1, memfd: {} }] }] }),
    path: `${MEMFD}.folios`,
    edit: (dump) => dump.u16(descriptor(dump) + 14n, 41),
  },
  {
    rule: 'kho/vmalloc-total',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios`,
    edit: (dump) => dump.u32(descriptor(dump) + 8n, 2),
  },
  {
    rule: 'kho/vmalloc-entry',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios`,
    edit: (dump) => dump.preserve(dump.at(`${MEMFD}.folios.array[0]`), 0, false),
  },
  {
    rule: 'kho/vmalloc-chunk',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios.chunks[0]`,
    edit: (dump) => dump.preserve(dump.at(`${MEMFD}.folios.chunks[0]`), 0, false),
  },
  {
    rule: 'kho/vmalloc-unaligned',
    on: RADIX,
    spec: file,
    path: `${MEMFD}.folios.chunks[0]`,
    edit: (dump) => {
      const moved = dump.copy(dump.at(`${MEMFD}.folios.chunks[0]`), 8);
      dump.preserve(moved - 8n, 0);
      dump.u64(descriptor(dump), moved);
    },
  },
  {
    rule: 'kho/vmalloc-chunks',
    on: RADIX,
    spec: file,
    path: `${MEMFD}.folios`,
    edit: (dump) => {
      const next = dump.pages();
      dump.preserve(next);
      dump.u64(dump.at(`${MEMFD}.folios.chunks[0]`), next);
    },
  },
  {
    rule: 'kho/vmalloc-gap',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios.chunks[0]`,
    edit: (dump) => dump.u64(dump.at(`${MEMFD}.folios.chunks[0]`) + 800n, 0x1000),
  },
  {
    rule: 'kho/vmalloc-cycle',
    on: AREAS,
    spec: file,
    path: `${MEMFD}.folios.chunks[1]`,
    edit: (dump) => {
      const chunk = dump.at(`${MEMFD}.folios.chunks[0]`);
      dump.u64(chunk, chunk);
    },
  },
  {
    rule: 'kho/vmalloc-empty',
    on: SIZED,
    spec: () => ({ ...region, kho_test: { folios: [] } }),
    path: 'entries.kho_test.folios_info',
    edit: (dump) => {
      const chunk = dump.pages();
      dump.preserve(chunk);
      dump.u64(dump.propertyIn(dump.region('kho_test'), ['data'], 'folios_info').value, chunk);
    },
  },
  {
    rule: 'kho/block-unaligned',
    on: BLOCKS,
    spec: session,
    path: `${SESSIONS}.blocks[0]`,
    edit: (dump) => {
      const moved = dump.copy(dump.region('sessions.blocks[0]'), 8);
      dump.preserve(moved - 8n, 1);
      dump.u64(luoBlob(dump) + 16n, moved);
    },
  },
  {
    rule: 'kho/block-not-preserved',
    on: BLOCKS,
    spec: session,
    path: `${SESSIONS}.blocks[0]`,
    edit: (dump) => dump.preserve(dump.region('sessions.blocks[0]'), 0, false),
  },
  {
    rule: 'kho/block-count',
    on: BLOCKS,
    spec: () => ({ ...region, sessions: [] }),
    path: `${SESSIONS}.blocks[0]`,
    edit: (dump) => {
      const block = dump.pages();
      dump.preserve(block);
      dump.u64(luoBlob(dump) + 16n, block);
    },
  },
  {
    rule: 'kho/block-cycle',
    on: BLOCKS,
    spec: () => many(51),
    path: `${SESSIONS}.blocks[1]`,
    edit: (dump) => dump.u64(dump.region('sessions.blocks[0]'), dump.region('sessions.blocks[0]')),
  },
  {
    rule: 'kho/block-not-full',
    on: BLOCKS,
    spec: () => many(52),
    path: `${SESSIONS}.blocks[0]`,
    edit: (dump) => {
      const block = dump.region('sessions.blocks[0]');
      dump.u64(block + 8n, 50);
      dump.bytes(block + 16n + 50n * 80n, new Uint8Array(80));
    },
  },
  {
    rule: 'kho/block-tail',
    on: BLOCKS,
    spec: session,
    path: `${SESSIONS}.blocks[0]`,
    edit: (dump) => dump.u64(dump.region('sessions.blocks[0]') + BigInt(PAGE - 8), 1),
  },
  {
    rule: 'kho/shared',
    on: AREAS,
    spec: twoFiles,
    path: 'entries.LUO.sessions[0].files[1].memfd',
    edit: (dump) =>
      dump.bytes(
        dump.at('entries.LUO.sessions[0].files[1].memfd.folios.array[0]'),
        dump.read(dump.at(`${MEMFD}.folios.array[0]`), 8).slice(),
      ),
  },
  {
    rule: 'kho/opaque',
    on: RADIX,
    spec: () => ({ ...region, preserved: [{ order: 2 }] }),
    path: 'preserved',
  },
  {
    rule: 'kho/limit',
    on: ['v4'],
    spec: small,
    path: 'preserved',
    // Every other page of 33 GiB: 4 Mi ranges and some more.
    edit: (dump) => {
      for (let i = 0n; i < 257n; i++) dump.fillLeaf((1n << 52n) + ((1024n + i) << 15n), 0xaa);
    },
  },
];

/** A slot of the lowest node of the tree that has none below it. */
function freeSlot(dump: BuiltDump): bigint {
  const nodes = dump.handover.objects.filter(({ path }) => path.startsWith(`${MAP}.nodes[`));
  const last = nodes[nodes.length - 1];
  if (last === undefined) throw new Error('the tree has no nodes');
  for (let slot = 511n; slot > 0n; slot--)
    if (dump.word(last.address + 8n * slot) === 0n) return last.address + 8n * slot;
  throw new Error('the node is full');
}
