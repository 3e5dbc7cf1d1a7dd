/** One fault for each rule of memfds. */
import type { HandoverSpec, MemfdSpec } from '../handover/spec.js';
import type { BuiltDump } from './built-dump.js';
import type { Fault } from './handover-generator.js';

const ALL = ['v1', 'v2'];
const PAGE = 4096;
const FILE = 'entries.LUO.sessions[0].files[0]';
const MEMFD = `${FILE}.memfd`;
const FOLIOS = `${MEMFD}.folios`;

/** memfd-v1 goes with Linux 6.19 and 7.0. */
export function memfdBase(generation: string): HandoverSpec {
  return { kernel: generation === 'v1' ? '7.0' : '7.3' };
}

const one = (memfd: MemfdSpec): HandoverSpec => ({
  sessions: [{ name: 'session', files: [{ token: 1, memfd }] }],
});
const twoPages = (): HandoverSpec => one({ contents: [{ fill: 'offsets', size: 2 * PAGE }] });
const at = (dump: BuiltDump): bigint => dump.at(MEMFD);
const array = (dump: BuiltDump): bigint => dump.at(`${FOLIOS}.array[0]`);
/** memfd-v2 has seals and flags before the number of folios. */
const nrFolios = (dump: BuiltDump): bigint => at(dump) + (dump.built.generations.memfd === 1 ? 16n : 24n);

export const MEMFD_FAULTS: readonly Fault[] = [
  {
    rule: 'memfd/data',
    on: ALL,
    spec: twoPages,
    path: MEMFD,
    edit: (dump) => dump.u64(dump.at(FILE) + 48n, 0),
  },
  {
    rule: 'memfd/flags',
    on: ['v2'],
    spec: twoPages,
    path: `${MEMFD}.flags`,
    edit: (dump) => dump.u32(at(dump) + 20n, 1),
  },
  {
    rule: 'memfd/seals',
    on: ['v2'],
    spec: twoPages,
    path: `${MEMFD}.seals`,
    edit: (dump) => dump.u32(at(dump) + 16n, 0x40),
  },
  {
    rule: 'memfd/size',
    on: ALL,
    spec: twoPages,
    path: `${MEMFD}.size`,
    edit: (dump) => dump.u64(at(dump) + 8n, 2n ** 63n),
  },
  {
    rule: 'memfd/pos',
    on: ALL,
    spec: twoPages,
    path: `${MEMFD}.pos`,
    edit: (dump) => dump.u64(at(dump), 2n ** 63n),
  },
  {
    rule: 'memfd/folio-count',
    on: ALL,
    spec: twoPages,
    path: `${MEMFD}.nr_folios`,
    edit: (dump) => dump.u64(nrFolios(dump), 3),
    companions: [['memfd/folio-none', FOLIOS]],
    notAlone:
      'each folio beyond the pages of the file is empty, or lies behind the end, or where another one is',
  },
  {
    rule: 'memfd/array',
    on: ALL,
    spec: () => one({ size: 2 ** 30, folios: [{}] }),
    path: FOLIOS,
    edit: (dump) => dump.u64(nrFolios(dump), 257),
    companions: [['memfd/folio-none', FOLIOS]],
    notAlone: 'the rest of a page of the array is empty entries',
  },
  {
    rule: 'memfd/empty',
    on: ALL,
    spec: () => one({ size: 2 * PAGE, folios: [{}] }),
    path: MEMFD,
    edit: (dump) => {
      dump.u64(nrFolios(dump), 0);
      dump.bytes(array(dump), new Uint8Array(16));
    },
  },
  {
    rule: 'memfd/folio-unpreserved',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => dump.preserve(dump.region(`sessions[0].files[0].memfd.contents`), 0, false),
  },
  {
    rule: 'memfd/folio-flags',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => dump.u16(array(dump) + 6n, (dump.read(array(dump) + 6n, 1)[0] ?? 0) | 0x70),
  },
  {
    rule: 'memfd/folio-index',
    on: ALL,
    spec: () => one({ size: 4 * PAGE, folios: [{ order: 1 }] }),
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump) + 8n, 1),
  },
  {
    rule: 'memfd/folio-large',
    on: ALL,
    spec: () => one({ size: 2 ** 11 * PAGE, folios: [{ order: 11 }] }),
    path: FOLIOS,
  },
  {
    rule: 'memfd/folio-order',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => {
      dump.u64(array(dump) + 8n, 1);
      dump.u64(array(dump) + 24n, 0);
    },
  },
  {
    rule: 'memfd/folio-twice',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump) + 24n, 0),
  },
  {
    rule: 'memfd/folio-beyond',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump) + 24n, 2),
  },
  {
    rule: 'memfd/folio-none',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => dump.bytes(array(dump) + 16n, new Uint8Array(16)),
  },
  {
    rule: 'memfd/tail',
    on: ALL,
    spec: twoPages,
    path: FOLIOS,
    edit: (dump) => dump.u64(nrFolios(dump), 1),
  },
];
