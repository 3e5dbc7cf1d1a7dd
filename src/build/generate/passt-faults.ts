/** One fault for each rule of passt's streams. */
import { QUEUE_MAX } from '../../formats/passt/index.js';
import { RULES } from '../../formats/passt/rules.js';
import type { FlowSpec, PasstBuild, PasstSpec } from '../passt/spec.js';
import {
  caseOf,
  DRAFTS,
  INBOUND,
  inherentOf,
  MERGED,
  multiplied,
  OUTBOUND,
  passtFinding,
  type StreamPlan,
  UNRELEASED,
  variants,
} from './passt-case.js';
import { be32, patched, titleOf } from './stream.js';
import type { Violation } from './types.js';

export interface PasstFault {
  readonly rule: string;
  readonly on: readonly PasstBuild[];
  readonly plan: StreamPlan;
  /** The path of the finding. */
  readonly path: string;
  /** What comes with it, as rule and path, and why. */
  readonly companions?: readonly (readonly [rule: string, path: string])[];
  readonly notAlone?: string;
  readonly abi?: string;
  /** Whether a target still takes the stream, which it does if nothing is said. */
  readonly loads?: boolean;
  /** Whether the header is no longer that of its generation. */
  readonly unknown?: boolean;
}

/** Those of which several flows can be read by the one release that knows the version. */
const WHOLE = MERGED.filter((generation) => generation !== 'v1-cfb3740');
const WITH_TIMESTAMP: readonly PasstBuild[] = ['v1-cfb3740', 'v2', 'newer'];
/** Their MSS does not tell the byte order. */
const BY_PORTS: readonly PasstBuild[] = ['v1-28772ee', 'v1-cfb3740', 'v2', 'newer'];

const HEADER = 62;
const RECORD = 112;
const EXT = HEADER + RECORD;
const one = (given: Partial<FlowSpec>): StreamPlan => ({ spec: { flows: [{ ...INBOUND, ...given }] } });
const addressed = (addresses: PasstSpec['addresses']): StreamPlan => ({
  spec: { ...(addresses && { addresses }) },
});

/** A number of a record, or of an extended one, that is wrong by itself. */
function number(rule: string, path: string, given: Partial<FlowSpec>, on = MERGED): PasstFault {
  return { rule: `passt/${rule}`, on, plan: one(given), path: `flows[0].${path}` };
}

const NUMBERS: readonly PasstFault[] = [
  number('skip-marker', 'ext.tcpi_state', { tcpi_state: 'SKIP' }),
  number('pif-pair', 'pif', { pif: [2, 2] }),
  number('sides-swapped', 'pif', { pif: [2, 1] }),
  number('not-established', 'events', { events: 0 }),
  number('window-scale', 'ext.snd_ws', { snd_ws: 15 }),
  number('window-max', 'ext.max_window', { max_window: 1 }),
  number('window-wl1', 'ext.snd_wl1', { seq_rcv: 1000, rcv_wnd: 500, snd_wl1: 1501 }),
  number('window-wup', 'ext.rcv_wup', { seq_rcv: 1000, rcv_wup: 1001 }),
  number('address-family', 'side[0].oaddr', { guest: '[2001:db8::2]:22', seen: '[2001:db8::1]:40000' }),
  number('address-not-unicast', 'side[0].eaddr', { remote: '224.0.0.1:40000' }),
  number('port-zero', 'side[0].oport', { local: '192.0.2.2:0', guest: '192.0.2.2:22' }),
  number('retries', 'retries', { retries: 8 }),
  number('tap-window-scale', 'ws_from_tap', { ws_from_tap: 15 }),
  number('tap-mss', 'tap_mss', { tap_mss: 1461 }),
  number('sndbuf', 'sndbuf', { sndbuf: 2 ** 24 }),
  number('flags-unused', 'flags', { flags: 0x80 }),
  number('flags-syn-retried', 'flags', { flags: 0x40 }),
  number('mss', 'ext.mss', { mss: 0 }),
  number('timestamp-unused', 'ext.timestamp', { tcpi_options: 6, timestamp: 1 }, WITH_TIMESTAMP),
  number('timestamps-without-sack', 'ext.tcpi_options', { tcpi_options: 5 }),
  number('tcpi-state', 'ext.tcpi_state', { tcpi_state: 'TIME_WAIT' }),
  number('fin-pending', 'ext.tcpi_state', { tcpi_state: 'CLOSE_WAIT', events: 0x04 }),
  number('fin-acked-unsent', 'events', { events: 0x84 }),
  number('fin-sent-early', 'events', { events: 0x14 }),
  number('unacked-over-queue', 'seq_to_tap', { seq_ack_from_tap: 100, seq_to_tap: 103 }),
  number('acked-over-received', 'seq_ack_to_tap', { seq_from_tap: 5000, seq_ack_to_tap: 5001 }),
];

/** A stream of version 1 under a header of version 2, and the reverse: as few things wrong with it as can be. */
const AS_V2 = [0, 0, 0, 2, 0, 0, 0, 2];
const OTHER_RECORDS: readonly PasstFault[] = [
  {
    rule: 'passt/ext-of-other-version',
    on: ['v2'],
    // A machine of whose MSS the order is that of version 2.
    abi: 's390x',
    plan: {
      spec: {
        generation: 'v1',
        flows: [
          {
            ...INBOUND,
            seq_rcv: 0x08000000,
            rcv_wnd: 0x20000,
            // Read as scales, state and options.
            send_queue: [{ hex: '07070107' }, { text: '123456' }],
          },
        ],
      },
      edit: (stream) => patched(stream, 8, AS_V2),
    },
    path: 'flows[0].ext',
    companions: [['passt/truncated', 'flows[0].send_queue']],
    notAlone: 'records that are taken for longer ones end after the stream does',
    loads: false,
  },
  {
    rule: 'passt/ext-of-other-version',
    on: ['v1'],
    abi: 's390x',
    plan: {
      spec: {
        generation: 'v1-cfb3740',
        flows: [
          // rcv_wup is read as scales, state and options.
          { ...INBOUND, seq_rcv: 0x07070107, rcv_wup: 0x07070107, snd_wnd: 0x08000000 },
        ],
      },
    },
    path: 'flows[0].ext',
    companions: [['passt/trailing-bytes', '']],
    notAlone: 'records that are taken for shorter ones leave bytes at the end',
  },
];

const SHAPES: readonly PasstFault[] = [
  {
    rule: 'passt/truncated',
    on: WHOLE,
    plan: { ...one({ send_queue: 'abc' }), edit: (stream) => stream.slice(0, -1) },
    path: 'flows[0].send_queue',
    loads: false,
  },
  {
    rule: 'passt/magic',
    on: MERGED,
    plan: { ...one({}), edit: (stream) => patched(stream, 0, [0xb0]) },
    path: 'header.magic',
    loads: false,
  },
  {
    rule: 'passt/version-zero',
    on: ['v1', 'v2'],
    plan: { spec: { version: 0, flows: [INBOUND] } },
    path: 'header.version',
    loads: false,
  },
  {
    rule: 'passt/version-unsupported',
    on: ['v1', 'v2'],
    plan: { spec: { version: 3, compat_version: 3, flows: [INBOUND] } },
    path: 'header.compat_version',
    loads: false,
  },
  { rule: 'passt/newer-version', on: ['newer'], plan: one({}), path: 'header.version' },
  { rule: 'passt/v1-only', on: ['v1'], plan: one({}), path: 'header.version' },
  { rule: 'passt/never-released', on: UNRELEASED, plan: { spec: {} }, path: '' },
  {
    rule: 'passt/count-over-flow-max',
    // Of 21 MB. What holds of version 2 holds of what is read as that, and of version 1 the same.
    on: ['v2'],
    plan: { ...one({}), edit: (stream) => multiplied(stream, 131072) },
    path: 'flow_count',
    loads: false,
  },
  {
    rule: 'passt/open-files',
    on: WHOLE,
    plan: { ...one({}), edit: (stream) => multiplied(stream, 1025) },
    path: 'flow_count',
  },
  {
    rule: 'passt/queue-over-limit',
    on: WHOLE,
    plan: {
      // The queue is there: of one that is not the target would say nothing else, but the stream would be cut off too.
      ...one({}),
      edit: (stream) => {
        const all = new Uint8Array(stream.length + QUEUE_MAX + 1);
        all.set(stream);
        return patched(all, EXT + 8, be32(QUEUE_MAX + 1));
      },
    },
    path: 'flows[0].ext.sndq',
    loads: false,
  },
  {
    rule: 'passt/notsent-over-sndq',
    on: MERGED,
    plan: { ...one({ send_queue: 'abc' }), edit: (stream) => patched(stream, EXT + 12, be32(4)) },
    path: 'flows[0].ext.notsent',
    loads: false,
  },
  {
    rule: 'passt/trailing-bytes',
    on: [...WHOLE, 'placeholder'],
    plan: { spec: { trailing: 'x' } },
    path: '',
  },
  ...OTHER_RECORDS,
  {
    rule: 'passt/skip-with-queue',
    on: WHOLE,
    plan: {
      ...one({ send_queue: 'abc' }),
      // The state is the second of the two last bytes of the record.
      edit: (stream) => patched(stream, stream.length - 3 - 2, [0]),
    },
    path: 'flows',
    companions: [
      ['passt/skip-marker', 'flows[0].ext.tcpi_state'],
      ['passt/trailing-bytes', ''],
    ],
    notAlone: 'the record says "skip", and the queue is left over',
  },
  {
    rule: 'passt/addr6-ll',
    on: [...MERGED, 'skeleton-addresses'],
    plan: addressed({ addr6_ll: '2001:db8::2' }),
    path: 'addresses.addr6_ll',
  },
  {
    rule: 'passt/mac-multicast',
    on: [...MERGED, 'skeleton-addresses'],
    plan: addressed({ mac: '01:00:5e:00:00:01' }),
    path: 'addresses.mac',
  },
  { rule: 'passt/pif-zero', on: MERGED, plan: one({ pif: [0, 2] }), path: 'flows[0].pif[0]', loads: false },
  {
    rule: 'passt/duplicate-host',
    on: WHOLE,
    plan: { spec: { flows: [INBOUND, { ...INBOUND, guest: '192.0.2.3:22' }] } },
    path: 'flows[1].side[0]',
  },
  {
    rule: 'passt/duplicate-tap',
    on: WHOLE,
    plan: {
      spec: {
        flows: variants([{}, {}], OUTBOUND).map((flow, i) => ({
          ...flow,
          local: `192.0.2.9:4100${i}`,
          remote: OUTBOUND.remote,
        })),
      },
    },
    path: 'flows[1].side[0]',
  },
  {
    rule: 'passt/port-order',
    on: BY_PORTS,
    plan: { spec: { flows: [{ local: '192.0.2.2:34952', remote: '192.0.2.1:34952' }] } },
    path: 'flows[0].side[0].oport',
  },
  {
    rule: 'passt/port-order-forced',
    on: BY_PORTS,
    plan: { ...one({}), forcedABI: 's390x' },
    path: 'flows[0].side[0].oport',
  },
  {
    rule: 'passt/placeholder-mismatch',
    on: ['placeholder'],
    plan: { spec: {}, as: 'passt@placeholder', edit: (stream) => patched(stream, 4, [0x58]) },
    path: 'magic',
  },
];

/** Offset of the first byte of a draft's header that nothing is written into. */
const UNUSED = 28;
const draft = (rule: string, plan: StreamPlan, path: string): PasstFault => ({
  rule: `passt/${rule}`,
  on: DRAFTS,
  plan,
  path,
});
const word = (at: number, value: number): StreamPlan => ({
  spec: {},
  edit: (stream) => patched(stream, at, be32(value)),
});

const OF_DRAFTS: readonly PasstFault[] = [
  {
    rule: 'passt/draft-truncated',
    on: DRAFTS,
    plan: { spec: {}, edit: (stream) => stream.slice(0, -1) },
    path: 'header',
    companions: [['decode/truncated', 'header.unused']],
    notAlone: 'the field in which the stream ends is told as well',
  },
  draft('draft-version', { spec: { version: 2 } }, 'header.version'),
  draft('draft-magic', { spec: {}, edit: (stream) => patched(stream, 0, [0xb1]) }, 'header.magic'),
  draft('draft-voidp-size', word(12, 16), 'header.voidp_size'),
  draft('draft-time-size', word(16, 2), 'header.time_t_size'),
  draft('draft-flow-size', { spec: { flow_size: 124 } }, 'header.flow_size'),
  draft('draft-sidx-size', { spec: { flow_sidx_size: 8 } }, 'header.flow_sidx_size'),
  draft('draft-unused', word(UNUSED, 1), 'header.unused'),
  draft('draft-trailing', { spec: { trailing: 'x' } }, ''),
  { rule: 'passt/draft-typo', on: ['draft-typo'], plan: { spec: {} }, path: 'header.magic' },
  {
    rule: 'passt/passty-header',
    on: ['passty'],
    plan: word(20, 2),
    path: 'header.time_t_size',
    companions: [['decode/derived-mismatch', 'header.time_t_size']],
    notAlone: 'no machine has that size, so it is not that of the machine either',
  },
];

const FAULTS: readonly PasstFault[] = [...SHAPES, ...NUMBERS, ...OF_DRAFTS];

/** For each rule that a generation can break, an instance that does. */
export function* passtViolations(generation: PasstBuild): Iterable<Violation> {
  for (const fault of FAULTS) if (fault.on.includes(generation)) yield violationOf(fault, generation);
}

function violationOf(fault: PasstFault, generation: PasstBuild): Violation {
  const { rule, path, plan, companions = [], notAlone, abi = 'x86_64', loads } = fault;
  const expected = [[rule, path] as const, ...companions].map(([name, where]) => passtFinding(name, where));
  const inherent = inherentOf(generation, plan.spec.flows?.length ?? 0, loads).filter(
    (finding) => !expected.some((each) => each.rule === finding.rule),
  );
  const about = { name: rule.replace('/', '-'), covers: titleOf(RULES, rule) };
  return {
    ...caseOf(generation, abi, about, inherent, () => plan),
    rule,
    expected,
    ...(notAlone === undefined ? {} : { notAlone }),
  };
}
