/** Faults of captures: what is patched, and the rules that it breaks. */
import type { Handover } from '../../../src/formats/kho/index.js';
import type { Memory } from './builder.js';
import { read } from './patch.js';
import type { Capture } from './support.js';

export interface Fault {
  /** The rules that fire beside those of the capture itself. */
  readonly rules: readonly string[];
  readonly on: Capture;
  readonly patch: (memory: Memory, at: (path: string) => number, handover: Handover) => void;
}

/** Where a property of the root is, by looking for its name's token. */
function property(
  handover: Handover,
  node: string | undefined,
  name: string,
): { len: number; value: number } {
  const { fdt, address } = handover.root;
  const owner = node === undefined ? fdt.root : fdt.root.children.find((child) => child.name === node);
  const found = owner?.properties.find((candidate) => candidate.name === name);
  if (found?.offset === undefined) throw new Error(`there is no ${name}`);
  return { len: Number(address) + found.offset + 4, value: Number(address) + found.offset + 12 };
}

const MAP = 'fdt.preserved-memory-map';
const SESSIONS = 'entries.LUO.sessions';
const BIG = `${SESSIONS}[1].files[0].memfd`;

export const FAULTS: Readonly<Record<string, Fault>> = {
  'an unknown root': {
    on: 'v4',
    rules: ['kho/root-compatible'],
    patch: (m, _, h) => m.bytes(property(h, undefined, 'compatible').value, 'kho-v9'),
  },
  'a map of 0': {
    on: 'v3',
    rules: ['kho/root-unfinished'],
    patch: (m, _, h) => m.u64(property(h, undefined, 'preserved-memory-map').value, 0),
  },
  'a map of 4 bytes': {
    on: 'v3',
    rules: ['kho/root-map'],
    patch: (m, _, h) =>
      m.bytes(property(h, undefined, 'preserved-memory-map').len, new Uint8Array([0, 0, 0, 7])),
  },
  'a node without an address': {
    on: 'v3',
    rules: ['kho/node-data', 'kho/opaque'],
    patch: (m, _, h) => m.bytes(property(h, 'memblock', 'preserved-data').len, new Uint8Array([0, 0, 0, 7])),
  },
  'a node without a size': {
    on: 'v3',
    rules: ['kho/node-size'],
    patch: (m, _, h) => m.bytes(property(h, 'memblock', 'blob-size').len, new Uint8Array([0, 0, 0, 7])),
  },
  'an empty blob': {
    on: 'v3',
    rules: ['kho/blob-empty', 'kho/opaque'],
    patch: (m, _, h) => m.u64(property(h, 'memblock', 'blob-size').value, 0),
  },
  'a blob that is smaller than its tree': {
    on: 'v3',
    rules: ['kho/blob-cut', 'kho/blob-invalid', 'memblock/compatible', 'memblock/region'],
    patch: (m, _, h) => m.u64(property(h, 'memblock', 'blob-size').value, 200),
  },
  'a blob elsewhere': {
    on: 'v3',
    rules: ['kho/blob-not-preserved', 'kho/memory-absent', 'kho/opaque'],
    patch: (m, _, h) => m.u64(property(h, 'memblock', 'preserved-data').value, 0x7c0000),
  },
  'a pointer of the tree off its page': {
    on: 'v3',
    rules: ['kho/node-unaligned'],
    patch: (m, at) => m.u64(at(`${MAP}.nodes[0]`), Number(read(m, at(`${MAP}.nodes[0]`), 8)) + 8),
  },
  'a tree that leads back': {
    on: 'v3',
    rules: ['kho/node-shared'],
    patch: (m, at) => m.u64(at(`${MAP}.nodes[0]`) + 8 * 2 + 8, at(`${MAP}.nodes[0]`)),
  },
  'a slot of the root beyond all keys': {
    on: 'v3',
    rules: ['kho/root-index'],
    patch: (m, at) => m.u64(at(`${MAP}.nodes[0]`) + 8 * 100, 0x4b1000),
  },
  'a chunk that leads back': {
    on: 'v1a',
    rules: ['kho/chunk-cycle'],
    patch: (m, at) => m.u64(at(`${MAP}.chunks[6]`), at(`${MAP}.chunks[0]`)),
  },
  'too many bitmaps in a chunk': {
    on: 'v1a',
    rules: ['kho/chunk-count'],
    patch: (m, at) => m.u32(at(`${MAP}.chunks[6]`) + 12, 256),
  },
  'a chunk of an impossible order': {
    on: 'v1a',
    rules: ['kho/chunk-order'],
    patch: (m, at) => m.u32(at(`${MAP}.chunks[6]`) + 8, 50),
  },
  'a chunk of blocks of 2 GiB': {
    on: 'v1a',
    rules: ['kho/chunk-order-int', 'kho-test/folio-not-preserved'],
    patch: (m, at) => m.u32(at(`${MAP}.chunks[6]`) + 8, 19),
  },
  'chunks whose orders descend': {
    on: 'v1a',
    rules: ['kho/bitmap-start', 'kho/blob-not-preserved', 'kho/chunk-descending', 'memblock/not-preserved'],
    patch: (m, at) => m.u32(at(`${MAP}.chunks[0]`) + 8, 3),
  },
  'something behind the bitmaps': {
    on: 'v1a',
    rules: ['kho/chunk-tail'],
    patch: (m, at) => m.u64(at(`${MAP}.chunks[6]`) + 4088, 1),
  },
  'a bitmap that starts in its middle': {
    on: 'v1b',
    rules: ['kho/bitmap-start', 'kho-test/folio-not-preserved', 'kho/preserved-twice'],
    patch: (m, at) => m.u64(at(`${MAP}.chunks[6]`) + 16, 0x1000),
  },
  'a bitmap off its page': {
    on: 'v1b',
    rules: ['kho/bitmap-unaligned', 'kho-test/folio-not-preserved'],
    patch: (m, at) => m.u64(at(`${MAP}.chunks[6]`) + 24, Number(read(m, at(`${MAP}.chunks[6]`) + 24, 8)) + 8),
  },
  'memory that is preserved twice': {
    on: 'v1a',
    rules: ['kho/preserved-twice'],
    patch: (m, at) => {
      // The bitmap of order 1 gets the bit of a block of order 0.
      const first = Number(read(m, at(`${MAP}.chunks[0]`) + 24, 8));
      const second = Number(read(m, at(`${MAP}.chunks[1]`) + 24, 8));
      for (let bit = 0; bit < 4096; bit++)
        if ((read(m, first + (bit >> 3), 1) >> BigInt(bit & 7)) & 1n) m.bit(second, bit >> 1);
    },
  },
  'a LUO of another version': {
    on: 'v4',
    rules: ['luo/compatible'],
    patch: (m, at) => m.bytes(at('entries.LUO'), 'luo-v6'),
  },
  'a LUO of another time than the root': {
    on: 'v3',
    rules: ['luo/generation'],
    patch: (m, _, h) => m.bytes(property(h, undefined, 'compatible').value, 'kho-v4'),
  },
  'no live update': {
    on: 'v4',
    rules: ['luo/number-zero'],
    patch: (m, at) => m.u64(at('entries.LUO') + 8, 0),
  },
  'no page of FLBs': {
    on: 'v4',
    rules: ['luo/flb-none'],
    patch: (m, at) => m.u64(at('entries.LUO') + 24, 0),
  },
  'sessions that are not written yet': {
    on: 'v4',
    rules: ['luo/not-serialized'],
    patch: (m, at) => m.u64(at('entries.LUO') + 16, 0),
  },
  'a block without entries': {
    on: 'v4',
    rules: ['kho/block-count'],
    patch: (m, at) => m.u64(at(`${SESSIONS}.blocks[0]`) + 8, 0),
  },
  'a block with too many entries': {
    on: 'v4',
    rules: ['kho/block-count'],
    patch: (m, at) => m.u64(at(`${SESSIONS}.blocks[0]`) + 8, 52),
  },
  'blocks that lead back': {
    on: 'v4',
    rules: ['kho/block-cycle'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[1].files.blocks[1]`), at(`${SESSIONS}[1].files.blocks[0]`)),
  },
  'a block that is not full': {
    on: 'v4',
    rules: ['kho/block-not-full', 'luo/file-sum'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[1].files.blocks[0]`) + 8, 62),
  },
  'a session without a name': {
    on: 'v4',
    rules: ['luo/session-name'],
    patch: (m, at) => m.bytes(at(`${SESSIONS}[0]`), new Uint8Array(64)),
  },
  'a name without an end': {
    on: 'v4',
    rules: ['luo/session-name'],
    patch: (m, at) => m.bytes(at(`${SESSIONS}[0]`), 'x'.repeat(64)),
  },
  'something behind a name': {
    on: 'v4',
    rules: ['luo/session-name-odd'],
    patch: (m, at) => m.bytes(at(`${SESSIONS}[0]`) + 60, 'x'),
  },
  'two sessions of one name': {
    on: 'v4',
    rules: ['luo/session-duplicate'],
    patch: (m, at) => m.bytes(at(`${SESSIONS}[1]`), 'vm-alpha\0'),
  },
  'files without a list': {
    on: 'v4',
    rules: ['luo/file-set'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[2]`) + 72, 1),
  },
  'another number of files': {
    on: 'v4',
    rules: ['luo/file-sum'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[0]`) + 72, 5),
  },
  'more files than fit': {
    on: 'v3',
    rules: ['luo/file-count'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[1]`) + 72, 129),
  },
  'more sessions than fit': {
    on: 'v3',
    rules: ['luo/session-count'],
    patch: (m, at) => m.u64(at(SESSIONS), 820),
  },
  'two files of one token': {
    on: 'v4',
    rules: ['luo/token-duplicate'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[0].files[2]`) + 56, 0x1001),
  },
  'a handler without an end': {
    on: 'v4',
    rules: ['luo/handler-name', 'luo/handler-unknown'],
    patch: (m, at) => m.bytes(at(`${SESSIONS}[0].files[3]`), 'x'.repeat(48)),
  },
  'a handler of another time': {
    on: 'v4',
    rules: ['luo/handler-generation', 'memfd/array', 'memfd/empty', 'memfd/folio-count'],
    patch: (m, at) => m.bytes(at(`${SESSIONS}[0].files[3]`), 'memfd-v1'),
  },
  'FLBs of two pages': {
    on: 'v4',
    rules: ['luo/flb-pages'],
    patch: (m, at) => m.u64(at('entries.LUO.flbs'), 2),
  },
  'more FLBs than fit': {
    on: 'v4',
    rules: ['luo/flb-count'],
    patch: (m, at) => m.u64(at('entries.LUO.flbs') + 8, 64),
  },
  'something behind the FLBs': {
    on: 'v4',
    rules: ['luo/tail'],
    patch: (m, at) => m.u64(at('entries.LUO.flbs') + 8, 2),
  },
  'two FLBs of one name': {
    on: 'v4',
    rules: ['luo/flb-duplicate'],
    patch: (m, at) => m.bytes(at('entries.LUO.flbs[1]'), 'liveupdate-test-flb-v0'),
  },
  'an FLB that counts other files': {
    on: 'v4',
    rules: ['luo/flb-files'],
    patch: (m, at) => m.u64(at('entries.LUO.flbs[1]') + 56, 104),
  },
  'a memfd without data': {
    on: 'v4',
    rules: ['memfd/data'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[0].files[3]`) + 48, 0),
  },
  'an unknown seal': {
    on: 'v4',
    rules: ['memfd/seals'],
    patch: (m, at) => m.u32(at(BIG) + 16, 0x40),
  },
  'a reserved word': {
    on: 'v4',
    rules: ['memfd/flags'],
    patch: (m, at) => m.u32(at(BIG) + 20, 1),
  },
  'more folios than pages': {
    on: 'v4',
    rules: ['memfd/folio-beyond', 'memfd/folio-count'],
    patch: (m, at) => m.u64(at(BIG) + 8, 2999 * 4096),
  },
  'a size beyond that of any file': {
    on: 'v4',
    rules: ['memfd/size'],
    patch: (m, at) => m.u64(at(BIG) + 8, 1n << 63n),
  },
  'a position beyond that of any file': {
    on: 'v4',
    rules: ['memfd/pos'],
    patch: (m, at) => m.u64(at(BIG), 1n << 63n),
  },
  'a file with bytes and no folio': {
    on: 'v4',
    rules: ['memfd/empty'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[0].files[3].memfd`) + 8, 4096),
  },
  'fewer folios than the array has': {
    on: 'v4',
    rules: ['memfd/tail'],
    patch: (m, at) => m.u64(at(BIG) + 24, 2990),
  },
  'an array that is too short': {
    on: 'v4',
    rules: ['memfd/array', 'memfd/folio-count', 'memfd/folio-none'],
    patch: (m, at) => m.u64(at(BIG) + 24, 3073),
  },
  'a file of no bytes with folios': {
    on: 'v4',
    rules: ['memfd/empty', 'memfd/folio-beyond', 'memfd/folio-count'],
    patch: (m, at) => m.u64(at(BIG) + 8, 0),
  },
  'a folio that is not preserved': {
    on: 'v4',
    rules: ['memfd/folio-unpreserved'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[0].files[0].memfd.folios.array[0]`), (3n << 52n) | 0x4n),
  },
  'unknown flags of a folio': {
    on: 'v4',
    rules: ['memfd/folio-flags'],
    patch: (m, at) => m.u16(at(`${SESSIONS}[0].files[0].memfd.folios.array[0]`) + 6, 0x0070),
  },
  'folios out of order': {
    on: 'v4',
    rules: ['memfd/folio-order'],
    patch: (m, at) => {
      const array = at(`${SESSIONS}[0].files[1].memfd.folios.array[0]`);
      m.u64(array + 8, 5);
      m.u64(array + 5 * 16 + 8, 0);
    },
  },
  'two folios at one place': {
    on: 'v4',
    rules: ['memfd/folio-twice'],
    patch: (m, at) => m.u64(at(`${SESSIONS}[0].files[1].memfd.folios.array[0]`) + 16 + 8, 0),
  },
  'a folio with two owners': {
    on: 'v4',
    rules: ['kho/shared'],
    patch: (m, at) => {
      const array = at(`${SESSIONS}[0].files[1].memfd.folios.array[0]`);
      m.u64(at(`${SESSIONS}[0].files[0].memfd.folios.array[0]`), read(m, array, 8));
    },
  },
  'an area with unknown flags': {
    on: 'v4',
    rules: ['kho/vmalloc-flags'],
    patch: (m, at) => m.u16(at(BIG) + 32 + 12, 5),
  },
  'an area of another size': {
    on: 'v4',
    rules: ['kho/vmalloc-total'],
    patch: (m, at) => m.u32(at(BIG) + 32 + 8, 13),
  },
  'an area of an odd number of pages': {
    on: 'v4',
    rules: ['kho/vmalloc-entry', 'kho/vmalloc-order', 'kho/vmalloc-total', 'kho/shared', 'memfd/folio-twice'],
    patch: (m, at) => m.u16(at(BIG) + 32 + 14, 3),
  },
  'an area that leads back': {
    on: 'v4',
    rules: ['kho/vmalloc-cycle'],
    patch: (m, at) => m.u64(at(`${BIG}.folios.chunks[0]`), at(`${BIG}.folios.chunks[0]`)),
  },
  'an area with a gap': {
    on: 'v4',
    rules: ['kho/vmalloc-gap'],
    patch: (m, at) => m.u64(at(`${BIG}.folios.chunks[0]`) + 8 * 100, 0x1000),
  },
  'a region elsewhere': {
    on: 'v3',
    rules: ['kho/opaque', 'memblock/not-preserved'],
    patch: (m, _, h) => {
      // The bytes of `start` follow the name of the region's compatible string.
      const [node] = h.root.nodes;
      const address = Number(node?.data ?? 0n);
      for (let at = address; at < address + 298; at += 4)
        if (read(m, at, 8) === 0x1f972000n) m.u64(at, 0x1f872000);
    },
  },
  'another version of the metadata': {
    on: 'v3',
    rules: ['kexec-metadata/version'],
    patch: (m, at) => m.u32(at('entries.kexec-metadata'), 2),
  },
  'a release without an end': {
    on: 'v3',
    rules: ['kexec-metadata/release'],
    patch: (m, at) => m.bytes(at('entries.kexec-metadata') + 4, 'x'.repeat(65)),
  },
  'fewer kexecs than live updates': {
    on: 'v4',
    rules: ['kexec-metadata/count'],
    patch: (m, at) => m.u64(at('entries.LUO') + 8, 7),
  },
};

/** What follows from a fault and is not the fault. */
export const FOLLOWS = new Set([
  'kho/opaque',
  'kho/memory-absent',
  'kho/page-zero',
  'memfd/tail',
  'kho/block-tail',
  'luo/tail',
]);
