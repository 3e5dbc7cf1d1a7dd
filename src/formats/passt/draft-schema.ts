/**
 * The drafts of January 2025: a header of 64 KiB that lets the reader find out the writer's byte order, word
 * size and `time_t`, and the structs whose images in memory were meant to follow it. Nothing of this was
 * ever released; the structs are as the source was then (commit 2c174f1).
 */
import {
  array,
  be32,
  bits,
  byField,
  byMagic,
  bytes,
  enumeration,
  flags,
  hex,
  i32,
  magic,
  negotiated,
  reserved,
  type Schema,
  struct,
  time_t,
  u8,
  u16,
  u32,
  u64,
  union,
} from '../../codec/index.js';
import { inany, ipv4 } from '../text-forms.js';
import { MAGIC, Pif, TcpEvents, TcpFlags } from './schema.js';

export const DRAFT_SIZE = 65536;
/** Where the fields of the header end; all after it is unused. */
export const DRAFT_FIELDS_SIZE = 28;
/** What two later revisions wrote for the byte-reversed magic number: the fourth byte is b0, not 0b. */
export const MAGIC_SWAPPED_TYPO = 0xb0d1b1b01b1dbbb1n;

const draftFields = {
  magic: hex(u64),
  version: be32,
  voidp_size: be32,
  time_t_size: be32,
  flow_size: be32,
  flow_sidx_size: be32,
} as const;

/** 65536 bytes on every ABI: a union of the fields and of `unused[65536]`, in C. */
export const DraftHeader = negotiated(
  struct('migrate_header', { ...draftFields, unused: reserved(bytes(DRAFT_SIZE - DRAFT_FIELDS_SIZE)) }),
  {
    endian: byMagic('magic', MAGIC),
    pointerSize: byField('voidp_size', [4, 8]),
    timeSize: byField('time_t_size', [4, 8]),
  },
);
/** The draft's stream. The seed draft ends with the header; what later ones sent after it is not known. */
export const DraftStream = struct('passt_draft', { header: DraftHeader });

/** A revision of February 2025: a header for all versions, then one for version 1. 36 bytes. */
export const PasstyHeader = negotiated(
  struct(
    'migrate_header',
    {
      magic: magic(
        bytes(8),
        Uint8Array.from('{passty}', (char) => char.charCodeAt(0)),
      ),
      version: be32,
      compat_version: be32,
      endian: hex(u32),
      time_t_size: be32,
      flow_size: be32,
      flow_sidx_size: be32,
      voidp_size: be32,
    },
    { packed: true },
  ),
  {
    endian: byMagic('endian', 0x12345678),
    pointerSize: byField('voidp_size', [4, 8]),
    timeSize: byField('time_t_size', [4, 8]),
  },
);
export const PasstyStream = struct('passt_passty', { header: PasstyHeader }, { packed: true });

// --- the structs that were to follow -----------------------------------------------------------------------

export const FlowState = enumeration('flow_state', u32, {
  FLOW_STATE_FREE: 0,
  FLOW_STATE_NEW: 1,
  FLOW_STATE_INI: 2,
  FLOW_STATE_TGT: 3,
  FLOW_STATE_TYPED: 4,
  FLOW_STATE_ACTIVE: 5,
});
export const FlowType = enumeration('flow_type', u32, {
  FLOW_TYPE_NONE: 0,
  FLOW_TCP: 1,
  FLOW_TCP_SPLICE: 2,
  FLOW_PING4: 3,
  FLOW_PING6: 4,
  FLOW_UDP: 5,
});
const InanyV4 = struct('v4mapped', { zero: bytes(10), one: bytes(2), a4: bytes(4, ipv4) });
/** 16 bytes. `words` is there for the alignment that struct in6_addr has. */
export const InanyAddr = union('inany_addr', {
  a6: bytes(16, inany),
  v4mapped: InanyV4,
  words: array(hex(u32), 4),
});
/** 36 bytes; ports in the machine's order, addresses in the network's. */
export const DraftFlowSide = struct('flowside', {
  oaddr: InanyAddr,
  eaddr: InanyAddr,
  oport: u16,
  eport: u16,
});
/** 76 bytes. */
export const FlowCommon = struct('flow_common', {
  state: bits(FlowState, 8),
  type: bits(FlowType, 8),
  pif: array(Pif, 2),
  side: array(DraftFlowSide, 2),
});
/** 116 bytes. `sndbuf` is in units of 256 bytes. */
export const TcpTapConn = struct('tcp_tap_conn', {
  f: FlowCommon,
  in_epoll: bits(u8, 1),
  retrans: bits(u32, 3),
  ws_from_tap: bits(u32, 4),
  ws_to_tap: bits(u32, 4),
  tap_mss: bits(u32, 14),
  sock: bits(i32, 24),
  events: TcpEvents,
  timer: bits(i32, 24),
  flags: TcpFlags,
  sndbuf: bits(u32, 24),
  seq_dup_ack_approx: u8,
  wnd_from_tap: u16,
  wnd_to_tap: u16,
  seq_to_tap: u32,
  seq_ack_from_tap: u32,
  seq_from_tap: u32,
  seq_ack_to_tap: u32,
  seq_init_from_tap: u32,
});
const hexByte = hex(u8);
/** 120 bytes. */
export const TcpSpliceConn = struct('tcp_splice_conn', {
  f: FlowCommon,
  s: array(i32, 2),
  pipe: array(array(i32, 2), 2),
  read: array(u32, 2),
  written: array(u32, 2),
  events: flags('tcp_splice_events', hexByte, {}),
  flags: flags('tcp_splice_flags', hexByte, {}),
  in_epoll: bits(u8, 1),
});
/** 96 bytes, or 92 where `time_t` has 4. */
export const UdpFlow = struct('udp_flow', {
  f: FlowCommon,
  closed: bits(u8, 1),
  ts: time_t,
  s: array(i32, 2),
});
/** 96, 92 or 88 bytes. Its layout does not follow from word size and `time_t` alone: i386 and arm differ. */
export const IcmpPingFlow = struct('icmp_ping_flow', { f: FlowCommon, seq: i32, sock: i32, ts: time_t });
/** 84 bytes: what stands in a free entry that begins a run of them. */
export const FlowFreeCluster = struct('flow_free_cluster', { f: FlowCommon, n: u32, next: u32 });

const flowMembers = {
  f: FlowCommon,
  free: FlowFreeCluster,
  tcp: TcpTapConn,
  tcp_splice: TcpSpliceConn,
  ping: IcmpPingFlow,
  udp: UdpFlow,
} as const;
/** 120 bytes: an entry of the flow table, as in the releases of the time. */
export const Flow = union('flow', flowMembers);
/** 128 bytes: the same with the draft's padding. How that was declared is not known, only its size. */
export const FlowPadded = union('flow', { ...flowMembers, padding: bytes(128) });
/** 4 bytes (3 on m68k): a side of a flow. An empty slot of the hash table has flowi 131071, sidei 0. */
export const FlowSidx = struct('flow_sidx', { sidei: bits(u32, 1), flowi: bits(u32, 17) });

export const DRAFT_TYPES: Readonly<Record<string, Schema>> = Object.freeze({
  draft_migrate_header: DraftHeader,
  passty_migrate_header: PasstyHeader,
  inany_addr: InanyAddr,
  flowside: DraftFlowSide,
  flow_common: FlowCommon,
  tcp_tap_conn: TcpTapConn,
  tcp_splice_conn: TcpSpliceConn,
  udp_flow: UdpFlow,
  icmp_ping_flow: IcmpPingFlow,
  flow_free_cluster: FlowFreeCluster,
  flow: Flow,
  flow_padded: FlowPadded,
  flow_sidx: FlowSidx,
});
