/** Fixtures of sessions, their files, and file-lifecycle-bound data. */
import { LUO, LUO_GENERATIONS } from '../../formats/luo/index.js';
import { BUILD_REGISTRY } from '../handover/registry.js';
import type { FileSpec, FlbSpec, HandoverSpec, SessionSpec } from '../handover/spec.js';
import { LUO_BUILDS } from '../handover/spec.js';
import { type Boundary, type Choices, handoverGenerator } from './handover-generator.js';
import { LUO_FAULTS, luoBase } from './luo-faults.js';
import type { GeneratedMachine } from './machines.js';
import { randomAround, randomFlbs, randomSessions } from './random-spec.js';
import { shortest } from './shortest.js';
import type { Generator } from './types.js';

const TOP = 2n ** 64n - 1n;

/** Sessions and files are in linked blocks, or in tables of 16 and of 2 pages. */
const sessionsInBlocks = (generation: string): boolean => generation === 'v4' || generation === 'v5';
const filesInBlocks = (generation: string): boolean => generation === 'v5';
const hasFlbs = (generation: string): boolean => generation !== 'v1-6.19';

const sessions = (count: number): readonly SessionSpec[] =>
  Array.from({ length: count }, (_, i) => ({ name: `session-${i}` }));
const files = (count: number): readonly FileSpec[] =>
  Array.from({ length: count }, (_, i) => ({ token: i, memfd: {} }));
const withFiles = (count: number): HandoverSpec => ({ sessions: [{ name: 'session', files: files(count) }] });
const flbs = (count: number): HandoverSpec => ({
  ...withFiles(1),
  flbs: Array.from({ length: count }, (_, i): FlbSpec => ({ name: `x-flb-${i}`, data: i })),
});

/** How many sessions fit into a block, or into the table. */
function sessionRoom(generation: string, { pageSize }: GeneratedMachine): number {
  return sessionsInBlocks(generation)
    ? Math.floor((pageSize - 16) / 80)
    : Math.floor((16 * pageSize - 8) / 80);
}
function fileRoom(generation: string, { pageSize }: GeneratedMachine): number {
  return filesInBlocks(generation) ? Math.floor((pageSize - 16) / 64) : Math.floor((2 * pageSize) / 64);
}
const flbRoom = ({ pageSize }: GeneratedMachine): number => Math.floor((pageSize - 16) / 64);
/** Of files there are thousands where pages are larger, with a page each. */
const isSmall = (_: string, { pageSize }: GeneratedMachine): boolean => pageSize === 4096;

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'no session', spec: () => ({ sessions: [] }) },
  { name: 'sessions-1', covers: 'one session without files', spec: () => ({ sessions: sessions(1) }) },
  {
    name: 'sessions-full',
    covers: 'as many sessions as fit into a block (51 in 4 KiB), or into the table (819)',
    spec: (generation, machine) => ({ sessions: sessions(sessionRoom(generation, machine)) }),
  },
  {
    name: 'sessions-full-and-one',
    covers: 'one session more than fits into a block',
    on: sessionsInBlocks,
    spec: (generation, machine) => ({ sessions: sessions(sessionRoom(generation, machine) + 1) }),
  },
  {
    name: 'sessions-two-full',
    covers: 'two full blocks of sessions',
    on: sessionsInBlocks,
    spec: (generation, machine) => ({ sessions: sessions(2 * sessionRoom(generation, machine)) }),
  },
  { name: 'files-1', covers: 'one file', spec: () => withFiles(1) },
  {
    name: 'files-full',
    covers: 'as many files as fit into a block (63 in 4 KiB), or into the table (128)',
    on: isSmall,
    spec: (generation, machine) => withFiles(fileRoom(generation, machine)),
  },
  {
    name: 'files-full-and-one',
    covers: 'one file more than fits into a block',
    on: (generation, machine) => filesInBlocks(generation) && isSmall(generation, machine),
    spec: (generation, machine) => withFiles(fileRoom(generation, machine) + 1),
  },
  {
    name: 'files-two-full',
    covers: 'two full blocks of files',
    on: (generation, machine) => filesInBlocks(generation) && isSmall(generation, machine),
    spec: (generation, machine) => withFiles(2 * fileRoom(generation, machine)),
  },
  {
    name: 'session-name-shortest',
    covers: 'a session whose name has one character',
    spec: () => ({ sessions: [{ name: 'x' }] }),
  },
  {
    name: 'session-name-longest',
    covers: 'two sessions whose names have 63 characters, and differ in the last',
    spec: () => ({ sessions: [{ name: `${'n'.repeat(62)}1` }, { name: `${'n'.repeat(62)}2` }] }),
  },
  {
    name: 'tokens',
    covers: 'the tokens 0, 1, 2^32 - 1, 2^32, 2^63 and 2^64 - 1',
    spec: () => ({
      sessions: [
        {
          name: 'session',
          files: [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, TOP].map((token) => ({ token, memfd: {} })),
        },
      ],
    }),
  },
  {
    name: 'tokens-same',
    covers: 'one token in two sessions, which is no fault',
    spec: () => ({
      sessions: [
        { name: 'one', files: [{ token: 7, memfd: {} }] },
        { name: 'two', files: [{ token: 7, memfd: {} }] },
      ],
    }),
  },
  {
    name: 'number-largest',
    covers: 'the live update 2^64 - 1',
    spec: () => ({ liveupdate_num: TOP, metadata: false, sessions: sessions(1) }),
  },
  { name: 'flbs-1', covers: 'one FLB', on: hasFlbs, spec: () => flbs(1) },
  {
    name: 'flbs-full',
    covers: 'as many FLBs as fit into their page, 63 in 4 KiB',
    on: hasFlbs,
    spec: (_, machine) => flbs(flbRoom(machine)),
  },
  {
    name: 'flb-name-longest',
    covers: 'an FLB whose name has 47 characters',
    on: hasFlbs,
    spec: () => ({ ...withFiles(1), flbs: [{ name: `x-${'n'.repeat(45)}`, data: 1 }] }),
  },
  {
    name: 'flb-extremes',
    covers: 'FLBs with the data 0 and 2^64 - 1, of one file and of all three',
    on: hasFlbs,
    spec: () => ({
      ...withFiles(3),
      flbs: [
        { name: 'x-zero', data: 0, count: 1 },
        { name: 'x-top', data: TOP, count: 3 },
      ],
    }),
  },
  {
    name: 'flb-test',
    covers: "the three FLBs of the kernel's live-update test",
    on: hasFlbs,
    spec: () => ({
      ...withFiles(1),
      flbs: [0n, 1n, 2n].map((i) => ({
        name: `liveupdate-test-flb-v${i}`,
        data: 0xfeedf00dcafebee0n + i,
      })),
    }),
  },
  ...BUILD_REGISTRY.flbs.map(
    ({ key, field }): Boundary => ({
      name: `flb-${key}`,
      covers: `an FLB ${key} that says no more than it has to`,
      on: hasFlbs,
      spec: () => ({ ...withFiles(1), flbs: [{ [key]: shortest(field.shape) }] }),
    }),
  ),
];

function randomSpec(generation: string, machine: GeneratedMachine, choices: Choices): HandoverSpec {
  const all = randomSessions(choices, machine, generation.startsWith('v1') ? 1 : 2);
  // A session more than there is by chance: most of what can differ is in sessions.
  const named = all.length > 0 ? all : [{ name: choices.name(20) }];
  return {
    ...randomAround(choices, !generation.startsWith('v1')),
    sessions: named,
    ...(hasFlbs(generation) ? { flbs: randomFlbs(choices, named) } : {}),
  };
}

const TITLES = new Map<string, string>(LUO_GENERATIONS.map(({ name, title }) => [name, title]));

export const luoGenerator: Generator = handoverGenerator({
  format: 'luo',
  generations: LUO_BUILDS.map((name) => ({
    name,
    title: TITLES.get(name) ?? 'luo-v1 of Linux 6.19, without a node of FLBs',
  })),
  rules: Object.values(LUO),
  base: luoBase,
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: LUO_FAULTS,
  unbroken: {},
});
