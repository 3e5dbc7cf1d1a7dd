/** Fixtures of the release of the kernel before, and how often it kexeced. */
import { KEXEC_METADATA } from '../../formats/kexec-metadata/index.js';
import type { BuiltDump } from './built-dump.js';
import { type Boundary, type Fault, handoverGenerator } from './handover-generator.js';
import { randomAround } from './random-spec.js';
import type { Generator } from './types.js';

const ENTRY = 'entries.kexec-metadata';

const BOUNDARIES: readonly Boundary[] = [
  { name: 'default', covers: 'the first kexec of a kernel', spec: () => ({}) },
  {
    name: 'release-empty',
    covers: 'a release of no characters',
    spec: () => ({ metadata: { previous_release: '' } }),
  },
  {
    name: 'release-longest',
    covers: 'a release of 64 characters',
    spec: () => ({ metadata: { previous_release: `7.3.0-${'r'.repeat(58)}` } }),
  },
  {
    name: 'count-largest',
    covers: 'the kexec 2^32 - 1',
    spec: () => ({ metadata: { kexec_count: 2 ** 32 - 1 } }),
  },
  {
    name: 'count-same',
    covers: 'as many kexecs as live updates',
    spec: () => ({ liveupdate_num: 5, metadata: { kexec_count: 5 } }),
  },
  {
    name: 'linux-7.1',
    covers: 'what Linux 7.1 writes, the first that has it',
    spec: () => ({ kernel: '7.1' }),
  },
];

const blob = (dump: BuiltDump): bigint => dump.region('metadata');
const size = (dump: BuiltDump): bigint => dump.property('kexec-metadata', 'blob-size').value;

const FAULTS: readonly Fault[] = [
  {
    rule: 'kexec-metadata/size',
    on: ['v1'],
    spec: () => ({}),
    path: ENTRY,
    edit: (dump) => dump.u64(size(dump), 72),
  },
  {
    rule: 'kexec-metadata/size-other',
    on: ['v1'],
    spec: () => ({}),
    path: ENTRY,
    edit: (dump) => dump.u64(size(dump), 74),
  },
  {
    rule: 'kexec-metadata/version',
    on: ['v1'],
    spec: () => ({}),
    path: `${ENTRY}.version`,
    edit: (dump) => dump.u32(blob(dump), 2),
  },
  {
    rule: 'kexec-metadata/release',
    on: ['v1'],
    spec: () => ({}),
    path: `${ENTRY}.previous_release`,
    edit: (dump) => dump.bytes(blob(dump) + 4n, 'r'.repeat(65)),
  },
  {
    rule: 'kexec-metadata/count',
    on: ['v1'],
    spec: () => ({ liveupdate_num: 2, metadata: { kexec_count: 1 } }),
    path: `${ENTRY}.kexec_count`,
  },
];

export const metadataGenerator: Generator = handoverGenerator({
  format: 'kexec-metadata',
  generations: [{ name: 'v1', title: 'version, release, count' }],
  rules: Object.values(KEXEC_METADATA),
  base: () => ({ kernel: '7.3', sessions: [{ name: 'session' }] }),
  boundaries: BOUNDARIES,
  random: (_, __, choices) => ({
    ...randomAround(choices, true),
    liveupdate_num: 1,
    metadata: { kexec_count: choices.between(1, 2 ** 32 - 1), previous_release: choices.name(64) },
  }),
  faults: FAULTS,
  unbroken: {},
});
