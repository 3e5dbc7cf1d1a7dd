/**
 * The numbers of a flow, each with a default that follows from what stands before it in the table. So a flow of
 * which only the addresses are given is one that a target resumes, and a description leaves out what follows.
 */
import { isV4Mapped } from '../../formats/text-forms.js';
import type { FlowSpec } from './spec.js';

/** What defaults follow from beside other numbers. */
export interface FlowFacts {
  readonly outbound: boolean;
  /** The address of the guest's side, which decides over the family of the socket. */
  readonly guest: Uint8Array;
  readonly sent: number;
  readonly received: number;
}

export const NUMBER_NAMES = [
  'tcpi_state',
  'tcpi_options',
  'events',
  'flags',
  'retries',
  'ws_from_tap',
  'ws_to_tap',
  'tap_mss',
  'sndbuf',
  'seq_dup_ack_approx',
  'wnd_from_tap',
  'wnd_to_tap',
  'seq_ack_from_tap',
  'seq_to_tap',
  'seq_init_from_tap',
  'seq_from_tap',
  'seq_ack_to_tap',
  'seq_snd',
  'seq_rcv',
  'sndq',
  'rcvq',
  'notsent',
  'mss',
  'timestamp',
  'snd_wl1',
  'snd_wnd',
  'max_window',
  'rcv_wnd',
  'rcv_wup',
  'snd_ws',
  'rcv_ws',
] as const satisfies readonly (keyof FlowSpec)[];
export type NumberName = (typeof NUMBER_NAMES)[number];
export type Numbers = Record<NumberName, number>;

/** Largest values: those of the fields on the wire. */
export const LARGEST: Numbers = {
  tcpi_state: 0xff,
  tcpi_options: 0xff,
  events: 0xff,
  flags: 0xff,
  retries: 0xff,
  ws_from_tap: 0xff,
  ws_to_tap: 0xff,
  tap_mss: 0xffffffff,
  sndbuf: 0xffffffff,
  seq_dup_ack_approx: 0xff,
  wnd_from_tap: 0xffff,
  wnd_to_tap: 0xffff,
  seq_ack_from_tap: 0xffffffff,
  seq_to_tap: 0xffffffff,
  seq_init_from_tap: 0xffffffff,
  seq_from_tap: 0xffffffff,
  seq_ack_to_tap: 0xffffffff,
  seq_snd: 0xffffffff,
  seq_rcv: 0xffffffff,
  sndq: 0xffffffff,
  rcvq: 0xffffffff,
  notsent: 0xffffffff,
  mss: 0xffffffff,
  timestamp: 0xffffffff,
  snd_wl1: 0xffffffff,
  snd_wnd: 0xffffffff,
  max_window: 0xffffffff,
  rcv_wnd: 0xffffffff,
  rcv_wup: 0xffffffff,
  snd_ws: 0xff,
  rcv_ws: 0xff,
};

/** Bits of `events` that a socket in these states has; all others have been neither closed nor shut down. */
const EVENTS: Readonly<Record<number, number>> = {
  // SOCK_FIN_SENT with the TAP_FIN_RCVD that it follows from.
  4: 0x34,
  5: 0x34,
  // Both, and the guest was told.
  7: 0x7c,
  9: 0x7c,
  11: 0x7c,
  // SOCK_FIN_RCVD.
  8: 0x0c,
};
const ESTABLISHED = 0x04;
const OPTION = { timestamps: 1, wscale: 4 } as const;
/** TIMESTAMPS, SACK, WSCALE: what Linux agrees on with Linux. */
const OPTIONS = 7;

type Default = (so: Readonly<Numbers>, facts: FlowFacts) => number;
const always =
  (value: number): Default =>
  () =>
    value;
/** A flow that is skipped has an extended record of zeros. */
const unlessSkipped =
  (value: Default): Default =>
  (so, facts) =>
    so.tcpi_state === 0 ? 0 : value(so, facts);
/** What a segment has room for behind headers of 20 + 20 bytes, or 40 + 20, in an Ethernet frame. */
const segment: Default = (_so, { guest }) => (isV4Mapped(guest) ? 1460 : 1440);

/** In the order of {@link NUMBER_NAMES}: a default only looks at what stands before it. */
const DEFAULTS: Readonly<Record<NumberName, Default>> = {
  tcpi_state: always(1),
  tcpi_options: unlessSkipped(always(OPTIONS)),
  events: (so) => EVENTS[so.tcpi_state] ?? ESTABLISHED,
  flags: always(0),
  retries: always(0),
  ws_from_tap: always(7),
  ws_to_tap: always(7),
  tap_mss: segment,
  // 270 units of 256 bytes.
  sndbuf: always(270),
  seq_dup_ack_approx: always(0),
  wnd_from_tap: always(502),
  wnd_to_tap: always(512),
  seq_ack_from_tap: always(1_000_001),
  // What waits in the receive queue was sent to the guest, which has not acknowledged it.
  seq_to_tap: (so, { received }) => sum(so.seq_ack_from_tap, received),
  // Where the guest began, its SYN is the first number; where a peer did, the first byte is.
  seq_init_from_tap: (_so, { outbound }) => (outbound ? 2_000_000 : 2_000_001),
  seq_from_tap: (so, { outbound, sent }) => sum(so.seq_init_from_tap, (outbound ? 1 : 0) + sent),
  seq_ack_to_tap: (so) => so.seq_from_tap,
  seq_snd: unlessSkipped(always(3_000_001)),
  seq_rcv: unlessSkipped(always(4_000_001)),
  sndq: (_so, { sent }) => sent,
  rcvq: (_so, { received }) => received,
  notsent: always(0),
  mss: unlessSkipped(segment),
  timestamp: unlessSkipped((so) => ((so.tcpi_options & OPTION.timestamps) === 0 ? 0 : 1_000_000)),
  snd_wl1: unlessSkipped((so) => so.seq_rcv),
  snd_wnd: unlessSkipped(always(65536)),
  max_window: unlessSkipped((so) => Math.max(65536, so.snd_wnd)),
  rcv_wnd: unlessSkipped(always(65536)),
  // All that was received has been acknowledged to the peer.
  rcv_wup: unlessSkipped((so) => sum(so.seq_rcv, so.rcvq)),
  snd_ws: unlessSkipped(scale),
  rcv_ws: unlessSkipped(scale),
};
function scale({ tcpi_options }: Readonly<Numbers>): number {
  return (tcpi_options & OPTION.wscale) === 0 ? 0 : 7;
}
/** Sequence numbers wrap. */
function sum(from: number, by: number): number {
  return (from + by) >>> 0;
}

const NOTHING: Numbers = Object.freeze({
  ...LARGEST,
  ...Object.fromEntries(NUMBER_NAMES.map((name) => [name, 0])),
});

/** All numbers of a flow: those that are given, and for the others their defaults. */
export function completed(given: Partial<Numbers>, facts: FlowFacts): Numbers {
  const numbers: Numbers = { ...NOTHING };
  for (const name of NUMBER_NAMES) numbers[name] = given[name] ?? DEFAULTS[name](numbers, facts);
  return numbers;
}

/** Those that are not what they would be by default. */
export function unusual(numbers: Numbers, facts: FlowFacts): Partial<Numbers> {
  const given: Partial<Numbers> = {};
  for (const name of NUMBER_NAMES)
    if (numbers[name] !== DEFAULTS[name](numbers, facts)) given[name] = numbers[name];
  return given;
}
