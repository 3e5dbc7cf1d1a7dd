/** Streams at the edges of what passt's generations can say. */
import { ABI_NAMES } from '../../codec/index.js';
import { FLOW_MAX, QUEUE_MAX } from '../../formats/passt/index.js';
import type { FlowSpec, PasstBuild, PasstSpec } from '../passt/spec.js';
import {
  INBOUND,
  INBOUND_V6,
  inherentOf,
  MERGED,
  multiplied,
  OUTBOUND,
  OUTBOUND_V6,
  passtFinding,
  type StreamPlan,
  variants,
} from './passt-case.js';
import type { ExpectedFinding } from './types.js';

export interface PasstBoundary {
  readonly name: string;
  readonly covers: string;
  readonly on: readonly PasstBuild[];
  /** The machines that send; x86_64 alone if not given. */
  readonly abis?: readonly string[];
  readonly inherent: readonly ExpectedFinding[];
  readonly plan: StreamPlan;
}

/** Of either byte order one. */
const ORDERS = ['x86_64', 's390x'];
/** Those of which several flows can be read by the one release that knows the version. */
const WHOLE = MERGED.filter((generation) => generation !== 'v1-cfb3740');
const LARGEST = 0xffffffff;

interface FlowBoundary {
  readonly name: string;
  readonly covers: string;
  readonly on?: readonly PasstBuild[];
  readonly flows: readonly FlowSpec[];
  readonly more?: PasstSpec;
  readonly inherent?: readonly ExpectedFinding[];
}

const TCP_STATES: readonly (readonly [name: string, covers: string])[] = [
  ['ESTABLISHED', 'a socket in ESTABLISHED'],
  ['FIN_WAIT1', 'a socket whose own FIN is not acknowledged'],
  ['FIN_WAIT2', 'a socket whose own FIN is acknowledged'],
  ['CLOSE', 'a socket that is closed'],
  ['CLOSE_WAIT', 'a socket whose peer sent a FIN'],
  ['LAST_ACK', 'a socket that sent a FIN after its peer did'],
  ['CLOSING', 'a socket that sent a FIN at the same time as its peer'],
];
const QUEUED: Partial<FlowSpec> = { send_queue: '0123456789', receive_queue: 'abcdefghij' };

const FLOWS: readonly FlowBoundary[] = [
  { name: 'inbound', covers: 'one IPv4 flow that a peer began', flows: [INBOUND] },
  { name: 'outbound', covers: 'one IPv4 flow that the guest began', flows: [OUTBOUND] },
  { name: 'inbound-v6', covers: 'one IPv6 flow that a peer began', flows: [INBOUND_V6] },
  { name: 'outbound-v6', covers: 'one IPv6 flow that the guest began', flows: [OUTBOUND_V6] },
  {
    name: 'link-local',
    covers: 'one flow between link-local addresses',
    flows: [{ local: '[fe80::2]:22', remote: '[fe80::1]:40000' }],
  },
  {
    name: 'translated',
    covers: 'a guest with another address than its host, which sees its peer as another one too',
    flows: [
      {
        local: '198.51.100.7:22',
        guest: '192.0.2.2:8022',
        remote: '203.0.113.1:40000',
        seen: '192.0.2.1:40001',
      },
    ],
  },
  ...TCP_STATES.map(
    ([state, covers]): FlowBoundary => ({
      name: `state-${state.toLowerCase().replace('_', '-')}`,
      covers,
      flows: [{ ...INBOUND, tcpi_state: state }],
    }),
  ),
  {
    name: 'state-skip',
    covers: 'a flow that the source could not dump',
    flows: [{ ...INBOUND, tcpi_state: 'SKIP' }],
    inherent: [passtFinding('passt/skip-marker', 'flows[0].ext.tcpi_state')],
  },
  {
    name: 'events',
    covers: 'each FIN that was sent, received and acknowledged, and all of them',
    on: WHOLE,
    flows: variants([0x04, 0x0c, 0x24, 0x34, 0x44, 0xc4, 0xfc].map((events) => ({ events }))),
  },
  {
    name: 'flags',
    covers: 'each flag of a flow, and all of them',
    on: WHOLE,
    flows: variants([0, 1, 2, 4, 8, 0x10, 0x20, 0x3f].map((flags) => ({ flags }))),
  },
  {
    name: 'options',
    covers: 'no option of TCP, each that can be alone, and all of them',
    on: WHOLE,
    flows: variants([0, 2, 3, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff].map((tcpi_options) => ({ tcpi_options }))),
  },
  {
    name: 'two',
    covers: 'an IPv4 flow that a peer began and an IPv6 flow that the guest began',
    flows: [INBOUND, OUTBOUND_V6],
  },
  {
    name: 'queue-1-byte',
    covers: 'queues of one byte',
    flows: [{ ...INBOUND, send_queue: 's', receive_queue: 'r' }],
  },
  {
    name: 'queue-send',
    covers: 'a send queue, and nothing to receive',
    flows: [{ ...INBOUND, send_queue: '0123456789' }],
  },
  {
    name: 'queue-receive',
    covers: 'a receive queue, and nothing to send',
    flows: [{ ...INBOUND, receive_queue: 'abcdefghij' }],
  },
  {
    name: 'queue-unsent',
    covers: 'a send queue of which nothing was sent yet',
    flows: [{ ...INBOUND, send_queue: '0123456789', notsent: 10 }],
  },
  {
    name: 'queue-chunk',
    covers: 'a send queue of 1 MiB and a receive queue of one byte more',
    flows: [
      {
        ...INBOUND,
        send_queue: [{ fill: 'offsets', size: 2 ** 20 }],
        receive_queue: [{ fill: 'offsets', size: 2 ** 20 + 1 }],
      },
    ],
  },
  {
    name: 'queue-magic',
    covers: 'queues that hold the beginning of a stream',
    flows: [
      {
        ...INBOUND,
        send_queue: [{ hex: 'b1bb1d1b0bb1d1b00000000200000002' }],
        receive_queue: [{ hex: '504153535400' }],
      },
    ],
  },
  {
    name: 'queues-in-turn',
    covers: 'flows with both queues, with one of them, and with none',
    on: WHOLE,
    flows: variants([QUEUED, { send_queue: 'only' }, {}, { receive_queue: 'only' }, QUEUED]),
  },
  {
    name: 'sequences-wrap',
    covers: 'sequence numbers that are at their end, and go on from 0 within the queues',
    flows: [
      {
        ...INBOUND,
        ...QUEUED,
        seq_ack_from_tap: LARGEST,
        seq_init_from_tap: LARGEST,
        seq_snd: LARGEST,
        seq_rcv: LARGEST,
        seq_dup_ack_approx: 255,
      },
    ],
  },
  {
    name: 'sequences-edges',
    covers: 'sequence numbers 0, 1, 2^31 - 1, 2^31 and 2^32 - 1, on all four sides',
    on: WHOLE,
    flows: variants(
      [0, 1, 2 ** 31 - 1, 2 ** 31, LARGEST].map((number) => ({
        seq_ack_from_tap: number,
        seq_init_from_tap: number,
        seq_snd: number,
        seq_rcv: number,
      })),
    ),
  },
  {
    name: 'unacked-most',
    covers: 'a FIN and a byte unacknowledged beyond the receive queue, the most that is possible',
    flows: [{ ...INBOUND, receive_queue: 'abcdefghij', seq_ack_from_tap: 100, seq_to_tap: 112 }],
  },
  {
    name: 'windows-smallest',
    covers: 'windows of 0, and no scale',
    flows: [
      {
        ...INBOUND,
        wnd_from_tap: 0,
        wnd_to_tap: 0,
        ws_from_tap: 0,
        ws_to_tap: 0,
        snd_wnd: 0,
        max_window: 0,
        rcv_wnd: 0,
        snd_ws: 0,
        rcv_ws: 0,
      },
    ],
  },
  {
    name: 'windows-largest',
    covers: 'the largest windows and scales, updated at the very end of the receive window',
    flows: [
      {
        ...INBOUND,
        wnd_from_tap: 0xffff,
        wnd_to_tap: 0xffff,
        ws_from_tap: 14,
        ws_to_tap: 14,
        seq_rcv: 5000,
        snd_wl1: 5000 + 2 ** 30,
        snd_wnd: LARGEST,
        max_window: LARGEST,
        rcv_wnd: 2 ** 30,
        snd_ws: 14,
        rcv_ws: 14,
      },
    ],
  },
  {
    name: 'numbers-smallest',
    covers: 'the smallest segment, and no buffer',
    flows: [{ ...INBOUND, tap_mss: 4, sndbuf: 0, mss: 1 }],
  },
  {
    name: 'numbers-largest',
    covers: 'the largest segment and buffer, seven retries',
    flows: [{ ...INBOUND, retries: 7, tap_mss: 65532, sndbuf: 2 ** 24 - 1, mss: 65535 }],
  },
  {
    name: 'addresses-edges',
    covers: 'peers at the edges of the unicast addresses, and the loopback ones',
    on: WHOLE,
    flows: [
      ...['1.0.0.0', '127.0.0.1', '223.255.255.255', '240.0.0.0', '255.255.255.254'].map((address) => ({
        ...INBOUND,
        remote: `${address}:40000`,
      })),
      ...['::1', '::2', 'fc00::1', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::fffe:192.0.2.1'].map(
        (address) => ({ ...INBOUND_V6, remote: `[${address}]:40000` }),
      ),
    ],
  },
  {
    name: 'ports-edges',
    covers: 'ports 1 and 65535, beside a flow whose ports tell the byte order',
    on: WHOLE,
    flows: [
      INBOUND,
      { local: '192.0.2.2:1', remote: '192.0.2.1:65535' },
      { local: '192.0.2.2:65535', remote: '192.0.2.1:1' },
    ],
  },
  {
    name: 'guest-addresses',
    covers: 'all addresses of a guest, the link-local one at the end of its range',
    flows: [INBOUND],
    more: {
      addresses: {
        addr4: '192.0.2.2',
        addr6: '2001:db8::2',
        addr6_ll: 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
        mac: 'fe:ff:ff:ff:ff:ff',
      },
    },
  },
];

function flowsBoundary({ name, covers, on = MERGED, flows, more, inherent }: FlowBoundary): PasstBoundary {
  return { name, covers, on, abis: ORDERS, inherent: inherent ?? [], plan: { spec: { ...more, flows } } };
}

const OPEN_FILES = passtFinding('passt/open-files', 'flow_count');
function many(name: string, covers: string, count: number, on: readonly PasstBuild[]): PasstBoundary {
  return {
    name,
    covers,
    on,
    inherent: count > 1024 ? [OPEN_FILES] : [],
    plan: { spec: { flows: [INBOUND] }, edit: (stream) => multiplied(stream, count) },
  };
}

/** Of 32 bits with a `time_t` of 64 too, as all of these machines can have it. */
const DRAFT_ABIS: readonly string[] = [...ABI_NAMES, 'i386,timeSize=8', 'arm,timeSize=8', 'm68k,timeSize=8'];

/** In their order, which stays: new ones come last. */
export const PASST_BOUNDARIES: readonly PasstBoundary[] = [
  {
    name: 'whole',
    covers: 'all that there is of it',
    on: ['placeholder', 'skeleton-header'],
    inherent: [],
    plan: { spec: {} },
  },
  {
    name: 'empty',
    covers: 'no flows, and a guest that was never heard of',
    on: [...MERGED, 'skeleton-addresses'],
    inherent: [],
    plan: { spec: {} },
  },
  {
    name: 'empty-addresses',
    covers: 'no flows, and a guest of which all addresses are known',
    on: [...MERGED, 'skeleton-addresses'],
    inherent: [],
    plan: {
      spec: {
        addresses: { addr4: '192.0.2.2', addr6: '2001:db8::2', addr6_ll: 'fe80::', mac: '52:54:00:12:34:56' },
      },
    },
  },
  ...FLOWS.map(flowsBoundary),
  many('flows-1024', '1024 flows, as many as the usual limit of open files', 1024, WHOLE),
  many('flows-1025', '1025 flows, one more than the usual limit of open files', 1025, WHOLE),
  many('flows-most', `${FLOW_MAX} flows, all that a passt has room for`, FLOW_MAX, ['v2']),
  {
    name: 'queue-longest',
    covers: 'a send queue of 64 MiB, the longest that a target takes',
    on: ['v2'],
    inherent: [],
    plan: { spec: { flows: [{ ...INBOUND, send_queue: [{ fill: 'offsets', size: QUEUE_MAX }] }] } },
  },
  {
    name: 'compatible-with-1',
    covers: 'a version 2 that says readers of version 1 could read it',
    on: ['v2'],
    inherent: [],
    plan: { spec: { compat_version: 1, flows: [INBOUND] } },
  },
  {
    name: 'version-largest',
    covers: 'the largest version that a header can have',
    on: ['newer'],
    inherent: [],
    plan: { spec: { version: LARGEST, flows: [INBOUND] } },
  },
  {
    name: 'header',
    covers: 'the header as the machine sends it',
    on: ['draft', 'draft-typo', 'passty'],
    abis: DRAFT_ABIS,
    inherent: [],
    plan: { spec: {} },
  },
  {
    name: 'flow-120',
    covers: 'union flow without the padding of the draft',
    on: ['draft', 'draft-typo', 'passty'],
    inherent: [],
    plan: { spec: { flow_size: 120 } },
  },
  {
    name: 'numbers-largest',
    covers: 'the largest versions and sizes of structs',
    on: ['passty'],
    inherent: [],
    plan: {
      spec: { version: LARGEST, compat_version: LARGEST, flow_size: LARGEST, flow_sidx_size: LARGEST },
    },
  },
];

/** What is found in a boundary of a generation. */
export function inherentOfBoundary(
  boundary: PasstBoundary,
  generation: PasstBuild,
): readonly ExpectedFinding[] {
  return [...inherentOf(generation, boundary.plan.spec.flows?.length ?? 0), ...boundary.inherent];
}
