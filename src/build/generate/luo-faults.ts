/** One fault for each rule of sessions, files and FLBs. */
import { type HandoverSpec, LUO_BUILDS } from '../handover/spec.js';
import type { BuiltDump } from './built-dump.js';
import type { Fault } from './handover-generator.js';

const ALL = LUO_BUILDS;
const TREES = ['v1-6.19', 'v1'];
const STRUCTS = ['v3', 'v4', 'v5'];
const WITH_FLBS = ['v1', 'v2', 'v3', 'v4', 'v5'];
const TABLES = ['v1-6.19', 'v1', 'v2', 'v3'];
const FILE_TABLES = [...TABLES, 'v4'];

const LUO = 'entries.LUO';
const SESSIONS = `${LUO}.sessions`;
const PAGE = 4096;

/** The kernel of a generation, or a root that goes with it where no kernel was released. */
export function luoBase(generation: string): HandoverSpec {
  if (generation === 'v1-6.19') return { kernel: '6.19' };
  if (generation === 'v1') return { kernel: '7.0' };
  if (generation === 'v5') return { kernel: '7.3' };
  return { kho: 'v4', luo: LUO_BUILDS.find((name) => name === generation) ?? 'v4' };
}

const files = (): HandoverSpec => ({
  sessions: [
    {
      name: 'vm-alpha',
      files: [
        { token: 1, memfd: { contents: 'hello' } },
        { token: 2, memfd: { contents: 'world' } },
      ],
    },
    { name: 'vm-beta' },
  ],
});
const flbs = (): HandoverSpec => ({
  ...files(),
  flbs: [
    { name: 'x-one', data: 1 },
    { name: 'x-two', data: 2 },
  ],
});

const session = (dump: BuiltDump, index: number): bigint => dump.at(`${SESSIONS}[${index}]`);
const file = (dump: BuiltDump, index: number): bigint => dump.at(`${SESSIONS}[0].files[${index}]`);

/** Where a word of the LUO is: in the struct, in the one that the tree of luo-v2 leads to, or in the tree. */
function word(
  dump: BuiltDump,
  generation: string,
  offset: number,
  node: readonly string[],
  name: string,
): bigint {
  if (STRUCTS.includes(generation)) return dump.region('LUO') + BigInt(8 + offset);
  if (generation === 'v2') return dump.region('LUO.luo_ser') + BigInt(offset);
  return dump.propertyIn(dump.region('LUO'), node, name).value;
}
const number = (dump: BuiltDump, generation: string): bigint =>
  word(dump, generation, 0, [], 'liveupdate-number');
const flbsAt = (dump: BuiltDump, generation: string): bigint =>
  word(dump, generation, 16, ['luo-flb'], 'luo-flb-header');

export const LUO_FAULTS: readonly Fault[] = [
  {
    rule: 'luo/size',
    on: STRUCTS,
    spec: files,
    path: LUO,
    edit: (dump) => dump.u64(dump.property('LUO', 'blob-size').value, 24),
  },
  {
    rule: 'luo/size-other',
    on: STRUCTS,
    spec: files,
    path: LUO,
    edit: (dump) => dump.u64(dump.property('LUO', 'blob-size').value, 33),
  },
  {
    rule: 'luo/compatible',
    on: ['v1', 'v5'],
    spec: files,
    path: (generation) => (generation === 'v1' ? `${SESSIONS}` : `${LUO}.compatible`),
    edit: (dump, generation) =>
      generation === 'v1'
        ? dump.bytes(
            dump.propertyIn(dump.region('LUO'), ['luo-session'], 'compatible').value,
            'luo-session-v9',
          )
        : dump.bytes(dump.region('LUO'), 'luo-v9'),
  },
  {
    rule: 'luo/freed',
    on: STRUCTS,
    spec: files,
    path: LUO,
    edit: (dump) => {
      dump.bytes(dump.map, new Uint8Array(PAGE));
      dump.bytes(dump.region('LUO'), new Uint8Array(32).fill(0x90));
    },
    companions: [['kho/map-stale', 'fdt.preserved-memory-map']],
    notAlone:
      'a LUO without its string only counts as freed where the map is gone as well; else it is no LUO',
  },
  {
    rule: 'luo/composite',
    on: ['v5'],
    spec: files,
    path: `${LUO}.compatible`,
    edit: (dump) => {
      const blob = dump.region('LUO');
      dump.bytes(blob + 16n, dump.read(blob + 8n, 24).slice());
      dump.bytes(blob, 'luo-v5;block-v1\0');
      dump.u64(dump.property('LUO', 'blob-size').value, 40);
    },
  },
  {
    rule: 'luo/generation',
    on: ['v1', 'v5'],
    spec: (generation) => ({
      ...files(),
      // luo-v1 ended with kho-v3, and luo-v5 began with kho-v4.
      ...(generation === 'v1'
        ? { kernel: '7.2', kho: 'v4', luo: 'v1', memfd: 'v2' }
        : { kernel: '7.1', kho: 'v3', luo: 'v5', memfd: 'v2' }),
    }),
    path: `${LUO}.compatible`,
  },
  {
    rule: 'luo/property',
    on: [...TREES, 'v2'],
    spec: files,
    path: LUO,
    edit: (dump, generation) =>
      dump.be32(
        dump.propertyIn(dump.region('LUO'), [], generation === 'v2' ? 'luo-abi-header' : 'liveupdate-number')
          .len,
        7,
      ),
  },
  {
    rule: 'luo/number-zero',
    on: ALL,
    spec: files,
    path: `${LUO}.liveupdate_num`,
    edit: (dump, generation) => dump.u64(number(dump, generation), 0),
  },
  { rule: 'luo/flb-node', on: ['v1-6.19'], spec: files, path: `${LUO}.flbs` },
  {
    rule: 'luo/flb-none',
    on: ['v2', ...STRUCTS],
    spec: files,
    path: `${LUO}.flbs`,
    edit: (dump, generation) => dump.u64(flbsAt(dump, generation), 0),
  },
  { rule: 'luo/not-serialized', on: ['v2', ...STRUCTS], spec: () => ({ sessions: [] }), path: SESSIONS },
  {
    rule: 'luo/pointer-unaligned',
    on: ['v2', ...STRUCTS],
    spec: flbs,
    path: `${LUO}.flbs`,
    edit: (dump, generation) => {
      const moved = dump.copy(dump.region('flbs'), 8);
      dump.preserve(moved - 8n, 1);
      dump.u64(flbsAt(dump, generation), moved);
    },
  },
  {
    rule: 'luo/not-preserved',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs`,
    edit: (dump) => dump.preserve(dump.region('flbs'), 0, false),
  },
  {
    rule: 'luo/session-count',
    on: TABLES,
    spec: files,
    path: SESSIONS,
    edit: (dump) => dump.u64(dump.region('sessions'), 820),
  },
  {
    rule: 'luo/session-name',
    on: ALL,
    spec: files,
    path: `${SESSIONS}[0].name`,
    edit: (dump) => dump.bytes(session(dump, 0), 'n'.repeat(64)),
  },
  {
    rule: 'luo/session-name-odd',
    on: ALL,
    spec: files,
    path: `${SESSIONS}[0].name`,
    edit: (dump) => dump.bytes(session(dump, 0) + 60n, 'x'),
  },
  {
    rule: 'luo/session-duplicate',
    on: ALL,
    spec: files,
    path: `${SESSIONS}[1].name`,
    edit: (dump) => dump.bytes(session(dump, 1), 'vm-alpha'),
  },
  {
    rule: 'luo/file-set',
    on: ALL,
    spec: files,
    path: `${SESSIONS}[1].files`,
    edit: (dump) => dump.u64(session(dump, 1) + 72n, 1),
  },
  {
    rule: 'luo/file-count',
    on: FILE_TABLES,
    spec: files,
    path: `${SESSIONS}[0].files`,
    edit: (dump) => dump.u64(session(dump, 0) + 72n, 129),
  },
  {
    rule: 'luo/file-sum',
    on: ['v5'],
    spec: files,
    path: `${SESSIONS}[0].files`,
    edit: (dump) => dump.u64(session(dump, 0) + 72n, 3),
  },
  {
    rule: 'luo/handler-name',
    on: ALL,
    spec: () => ({
      sessions: [{ name: 'vm-alpha', files: [{ token: 1, compatible: 'x'.repeat(47) }] }],
    }),
    path: `${SESSIONS}[0].files[0].compatible`,
    edit: (dump) => dump.bytes(file(dump, 0) + 47n, 'x'),
    companions: [['luo/handler-unknown', `${SESSIONS}[0].files[0].compatible`]],
    notAlone: 'no handler has a string that does not end, so it is always one that is not known',
  },
  {
    rule: 'luo/handler-unknown',
    on: ALL,
    spec: () => ({ sessions: [{ name: 'vm-alpha', files: [{ token: 1, compatible: 'x-v1' }] }] }),
    path: `${SESSIONS}[0].files[0].compatible`,
  },
  {
    rule: 'luo/handler-generation',
    on: ALL,
    spec: (generation) => ({
      sessions: [
        {
          name: 'vm-alpha',
          files: [{ token: 1, compatible: generation.startsWith('v1') ? 'memfd-v2' : 'memfd-v1', memfd: {} }],
        },
      ],
    }),
    path: `${SESSIONS}[0].files[0].compatible`,
  },
  {
    rule: 'luo/token-duplicate',
    on: ALL,
    spec: files,
    path: `${SESSIONS}[0].files[1].token`,
    edit: (dump) => dump.u64(file(dump, 1) + 56n, 1),
  },
  {
    rule: 'luo/tail',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs`,
    edit: (dump) => dump.u64(dump.region('flbs') + BigInt(PAGE - 8), 1),
  },
  {
    rule: 'luo/flb-pages',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs`,
    edit: (dump) => dump.u64(dump.region('flbs'), 2),
  },
  {
    rule: 'luo/flb-count',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs`,
    edit: (dump) => dump.u64(dump.region('flbs') + 8n, 64),
  },
  {
    rule: 'luo/flb-name',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs[0].name`,
    edit: (dump) => dump.bytes(dump.region('flbs') + 16n, 'n'.repeat(48)),
  },
  {
    rule: 'luo/flb-duplicate',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs[1].name`,
    edit: (dump) => dump.bytes(dump.region('flbs') + 16n + 64n, 'x-one'),
  },
  {
    rule: 'luo/flb-files',
    on: WITH_FLBS,
    spec: flbs,
    path: `${LUO}.flbs[0].count`,
    edit: (dump) => dump.u64(dump.region('flbs') + 16n + 56n, 3),
  },
];
