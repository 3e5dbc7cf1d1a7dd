/**
 * What passt puts on the wire when it migrates: the merged format of its releases, versions 1 and 2, and the
 * placeholder and skeletons that came before it. Field names are those of passt's own structs.
 *
 * Everything is packed and big-endian, but for what passt copies from memory as it is: the ports of a flow,
 * in every version, and the MSS of version 1. Those are in the byte order of the machine that sent them.
 */
import {
  array,
  be16,
  be32,
  be64,
  bytes,
  countedBy,
  countOf,
  derived,
  enumeration,
  field,
  flags,
  hex,
  magic,
  optional,
  rest,
  type Schema,
  struct,
  u8,
  u16,
  u32,
  type ValueOf,
  versioned,
} from '../../codec/index.js';
import { inany, ipv4, ipv6, mac } from '../text-forms.js';

/** The magic number of all generations but two: the placeholder and the one that begins with {passty}. */
export const MAGIC = 0xb1bb1d1b0bb1d1b0n;
/** The magic number as a machine of the other byte order reads it. */
export const MAGIC_SWAPPED = 0xb0d1b10b1b1dbbb1n;

/** Most flows that a passt has room for. */
export const FLOW_MAX = 131071;
/** Most bytes that a target takes as one queue. */
export const QUEUE_MAX = 64 * 1024 * 1024;

/** Sizes in bytes of the parts of a merged stream. */
export const HEADER_SIZE = 16;
export const ADDRESSES_SIZE = 42;
export const COUNT_OFFSET = HEADER_SIZE + ADDRESSES_SIZE;
export const RECORDS_OFFSET = COUNT_OFFSET + 4;
export const RECORD_SIZE = 112;
export const EXT_SIZE = Object.freeze({ 1: 48, 2: 52 });

export const Pif = enumeration('pif_type', u8, { PIF_NONE: 0, PIF_HOST: 1, PIF_TAP: 2, PIF_SPLICE: 3 });
export const TcpEvents = flags('tcp_events', hex(u8), {
  SOCK_ACCEPTED: 0x01,
  TAP_SYN_RCVD: 0x02,
  ESTABLISHED: 0x04,
  SOCK_FIN_RCVD: 0x08,
  SOCK_FIN_SENT: 0x10,
  TAP_FIN_RCVD: 0x20,
  TAP_FIN_SENT: 0x40,
  TAP_FIN_ACKED: 0x80,
});
export const TcpFlags = flags('tcp_flags', hex(u8), {
  STALLED: 0x01,
  LOCAL: 0x02,
  ACTIVE_CLOSE: 0x04,
  ACK_TO_TAP_DUE: 0x08,
  ACK_FROM_TAP_DUE: 0x10,
  ACK_FROM_TAP_BLOCKS: 0x20,
  // Since December 2025, without another version number.
  SYN_RETRIED: 0x40,
});
/** Linux's TCP states. 0 is none of them: it marks a flow that the source could not dump. */
export const TcpState = enumeration('tcpi_state', u8, {
  SKIP: 0,
  TCP_ESTABLISHED: 1,
  TCP_SYN_SENT: 2,
  TCP_SYN_RECV: 3,
  TCP_FIN_WAIT1: 4,
  TCP_FIN_WAIT2: 5,
  TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7,
  TCP_CLOSE_WAIT: 8,
  TCP_LAST_ACK: 9,
  TCP_LISTEN: 10,
  TCP_CLOSING: 11,
  TCP_NEW_SYN_RECV: 12,
});
export const TcpOptions = flags('tcpi_options', hex(u8), {
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_ECN: 8,
  TCPI_OPT_ECN_SEEN: 16,
  TCPI_OPT_SYN_DATA: 32,
  TCPI_OPT_USEC_TS: 64,
  TCPI_OPT_TFO_CHILD: 128,
});

/** 16 bytes. `compat_version` is the lowest version that a reader may implement. */
export const MigrateHeader = struct(
  'migrate_header',
  { magic: magic(hex(be64), MAGIC), version: be32, compat_version: be32 },
  { packed: true },
);
/** 42 bytes: the guest's addresses as passt last saw them. */
export const SeenAddrs = struct(
  'migrate_seen_addrs_v1',
  { addr6: bytes(16, ipv6), addr6_ll: bytes(16, ipv6), addr4: bytes(4, ipv4), mac: bytes(6, mac) },
  { packed: true },
);
/** 36 bytes: one side of a flow. The ports are in the order of the machine that wrote them. */
export const FlowSide = struct(
  'flowside',
  { oaddr: bytes(16, inany), eaddr: bytes(16, inany), oport: u16, eport: u16 },
  { packed: true },
);
/** 112 bytes per flow, the same in versions 1 and 2. `sndbuf` is in units of 256 bytes. */
export const TcpTapTransfer = struct(
  'tcp_tap_transfer',
  {
    pif: array(Pif, 2),
    side: array(FlowSide, 2),
    retries: u8,
    ws_from_tap: u8,
    ws_to_tap: u8,
    events: TcpEvents,
    tap_mss: be32,
    sndbuf: be32,
    flags: TcpFlags,
    seq_dup_ack_approx: u8,
    wnd_from_tap: be16,
    wnd_to_tap: be16,
    seq_to_tap: be32,
    seq_ack_from_tap: be32,
    seq_from_tap: be32,
    seq_ack_to_tap: be32,
    seq_init_from_tap: be32,
  },
  { packed: true },
);

const sequences = { seq_snd: be32, seq_rcv: be32 } as const;
const window = {
  snd_wl1: be32,
  snd_wnd: be32,
  max_window: be32,
  rcv_wnd: be32,
  rcv_wup: be32,
  snd_ws: u8,
  rcv_ws: u8,
  tcpi_state: TcpState,
  tcpi_options: TcpOptions,
} as const;
const plainQueues = { sndq: be32, notsent: be32, rcvq: be32 } as const;

/** 48 bytes. `mss` is in the order of the machine that wrote it. */
export const TcpTapTransferExtV1 = struct(
  'tcp_tap_transfer_ext_v1',
  { ...sequences, ...plainQueues, mss: u32, ...window },
  { packed: true },
);
/** 48 bytes: as commit 28772ee had it for a day, with `mss` big-endian. */
export const TcpTapTransferExtV1BigMss = struct(
  'tcp_tap_transfer_ext_v1',
  { ...sequences, ...plainQueues, mss: be32, ...window },
  { packed: true },
);
/** 52 bytes: `mss` is big-endian, and there is a timestamp. */
export const TcpTapTransferExtV2 = struct(
  'tcp_tap_transfer_ext',
  { ...sequences, ...plainQueues, mss: be32, timestamp: be32, ...window },
  { packed: true },
);

// On the wire the queues follow their record, so that `sndq` and `rcvq` follow from them. A record that says
// "skip" (state 0) has no queues, and what its fields hold was never meant to be read.
const countedQueues = {
  sndq: derived(be32, countOf('send_queue')),
  notsent: be32,
  rcvq: derived(be32, countOf('receive_queue')),
} as const;
const notSkipped = { ref: 'tcpi_state', is: 'different', value: 0 } as const;
const queues = {
  send_queue: optional(bytes(field('sndq')), notSkipped),
  receive_queue: optional(bytes(field('rcvq')), notSkipped),
} as const;
const TransferV1 = struct(
  'tcp_tap_transfer_ext_v1',
  { ...sequences, ...countedQueues, mss: u32, ...window, ...queues },
  { packed: true },
);
const TransferV1BigMss = struct(
  'tcp_tap_transfer_ext_v1',
  { ...sequences, ...countedQueues, mss: be32, ...window, ...queues },
  { packed: true },
);
const TransferV2 = struct(
  'tcp_tap_transfer_ext',
  { ...sequences, ...countedQueues, mss: be32, timestamp: be32, ...window, ...queues },
  { packed: true },
);

/** Layouts of the extended record, as the parameter `layout` of {@link MergedStream} names them. */
export const LAYOUT = Object.freeze({ v1: 1, v2: 2, 'v1-28772ee': 3 });

/**
 * A whole stream; bytes after it are no part of it. All flow records, then for each flow its extended record
 * and queues. The parameter `layout` says which extended record; the version in the header does not, because
 * a stream of a newer version that allows older readers is read with the layout that the reader has.
 */
export const MergedStream = struct(
  'passt_stream',
  {
    header: MigrateHeader,
    addresses: SeenAddrs,
    flow_count: derived(be32, countOf('records')),
    records: array(TcpTapTransfer, countedBy('flow_count')),
    transfers: array(
      versioned('tcp_tap_transfer_ext', field('layout'), {
        1: TransferV1,
        2: TransferV2,
        3: TransferV1BigMss,
      }),
      countedBy('flow_count'),
    ),
  },
  { packed: true },
);
/** A header whose version says nothing about what follows. */
export const UnknownStream = struct(
  'passt_stream',
  { header: MigrateHeader, body: bytes(rest) },
  { packed: true },
);
/** Commit 5911e08: a header and no more. */
export const SkeletonHeader = struct('passt_stream', { header: MigrateHeader }, { packed: true });
/** Commit 155cd0c: header and addresses. */
export const SkeletonAddresses = struct(
  'passt_stream',
  { header: MigrateHeader, addresses: SeenAddrs },
  { packed: true },
);
/** The placeholder: "PASST" and a NUL. */
export const Placeholder = struct(
  'passt_placeholder',
  { magic: magic(bytes(6), Uint8Array.of(0x50, 0x41, 0x53, 0x53, 0x54, 0)) },
  { packed: true },
);

export type FlowRecord = ValueOf<typeof TcpTapTransfer>;
export type Transfer = ValueOf<typeof TransferV1> & Partial<Pick<ValueOf<typeof TransferV2>, 'timestamp'>>;
export type MergedValue = ValueOf<typeof MergedStream>;

export const MERGED_TYPES: Readonly<Record<string, Schema>> = Object.freeze({
  migrate_header: MigrateHeader,
  migrate_seen_addrs_v1: SeenAddrs,
  flowside_packed: FlowSide,
  tcp_tap_transfer: TcpTapTransfer,
  tcp_tap_transfer_ext: TcpTapTransferExtV2,
  tcp_tap_transfer_ext_v1: TcpTapTransferExtV1,
});
