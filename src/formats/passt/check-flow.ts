/** The rules of a single flow: its record, its extended record, and what ties them together. */
import { isV4Mapped } from '../text-forms.js';
import type { Findings } from './findings.js';
import type { RuleName } from './rules.js';
import type { FlowRecord, Transfer } from './schema.js';
import { type WindowFault, windowFaults } from './target.js';

const HOST = 1;
const TAP = 2;
/** Bits of `events`. */
const EVENT = { established: 0x04, sockFinRcvd: 0x08, sockFinSent: 0x10, tapFinRcvd: 0x20 } as const;
const TAP_FIN_SENT = 0x40;
const TAP_FIN_ACKED = 0x80;
/** The states of a connection that is not closed; the three lowest bits of `events` exclude each other. */
const STATE_BITS = 0x07;
/** Bits of `tcpi_options`. */
const OPT_TIMESTAMPS = 1;
const OPT_SACK = 2;
/** Socket states that sources have, or may have. */
const STATES: ReadonlySet<number> = new Set([1, 4, 5, 7, 8, 9, 11]);
const PEER_FIN_STATES: ReadonlySet<number> = new Set([8, 9]);
const OWN_FIN_STATES: ReadonlySet<number> = new Set([4, 5, 9, 11]);

/** Where a flow's parts are in the input, and how to name them. */
export interface FlowPlace {
  readonly index: number;
  /** Offset in the input of a field of the record. */
  readonly record: (field: string) => number | undefined;
  /** Offset in the input of a field of the extended record. */
  readonly ext: (field: string) => number | undefined;
}

type Say = (rule: RuleName, field: string, message: string) => void;

/** Checks the record of a flow. `swapped`: HOST and TAP seem to be confused. */
export function checkRecord(
  record: FlowRecord,
  place: FlowPlace,
  swapped: boolean,
  findings: Findings,
): void {
  const say: Say = (rule, field, message) =>
    findings.add(rule, `flows[${place.index}].${field}`, place.record(field), message);
  checkSides(record, swapped, say);
  checkTcp(record, say);
}

function checkSides(record: FlowRecord, swapped: boolean, say: Say): void {
  const [first = 0, second = 0] = record.pif;
  if (first === 0 || second === 0) {
    say(
      'pif-zero',
      `pif[${first === 0 ? 0 : 1}]`,
      'The flow has no interface on one side: the target asserts and is killed.',
    );
    return;
  }
  const paired = (first === HOST && second === TAP) || (first === TAP && second === HOST);
  if (!paired)
    say(
      'pif-pair',
      'pif',
      `The flow goes between interfaces ${first} and ${second}, not between HOST (1) and TAP (2). The target takes side ${second === HOST ? 1 : 0} for HOST and side ${second === TAP ? 1 : 0} for TAP.`,
    );
  if (swapped)
    say(
      'sides-swapped',
      'pif',
      'The peer on the HOST side is the guest: the target binds to an address that is not its own (EADDRNOTAVAIL) and resets the flow.',
    );
  const host = record.side[second === HOST ? 1 : 0];
  const tap = record.side[second === TAP ? 1 : 0];
  const hostAt = second === HOST ? 1 : 0;
  const tapAt = second === TAP ? 1 : 0;
  if (host === undefined || tap === undefined) return;
  if (isV4Mapped(host.oaddr) !== isV4Mapped(tap.oaddr))
    say(
      'address-family',
      `side[${hostAt}].oaddr`,
      'HOST and TAP side are of different address families: bind() fails with EAFNOSUPPORT, and the target resets the flow.',
    );
  else if (
    isV4Mapped(host.eaddr) !== isV4Mapped(host.oaddr) ||
    isV4Mapped(tap.eaddr) !== isV4Mapped(tap.oaddr)
  )
    say(
      'address-family',
      `side[${isV4Mapped(host.eaddr) === isV4Mapped(host.oaddr) ? tapAt : hostAt}].eaddr`,
      'The two addresses of a side are of different families. No source sends that; the target uses them as they are.',
    );
  if (!isUnicast(host.eaddr))
    say(
      'address-not-unicast',
      `side[${hostAt}].eaddr`,
      'The peer has no unicast address; the target tries to connect to it.',
    );
  if (paired && !isUnicast(tap.eaddr))
    say(
      'address-not-unicast',
      `side[${tapAt}].eaddr`,
      'The guest has no unicast address on the TAP side; the target takes it over.',
    );
  for (const [i, side] of record.side.entries())
    for (const port of ['oport', 'eport'] as const)
      if (side[port] === 0)
        say(
          'port-zero',
          `side[${i}].${port}`,
          i === hostAt
            ? port === 'oport'
              ? 'The port is 0: bind() picks any, and the flow goes on from another port than the peer knows.'
              : 'The port is 0: in repair mode connect() takes it, and the flow goes on to a port that no peer has.'
            : 'The port is 0: the target takes it over, and what the guest sends meets no flow.',
        );
}

function checkTcp(record: FlowRecord, say: Say): void {
  const { events } = record;
  if ((events & STATE_BITS) !== EVENT.established)
    say(
      'not-established',
      'events',
      `The state bits of events are ${events & STATE_BITS}, not 4 (ESTABLISHED). The target takes them over as they are.`,
    );
  if (record.retries > 7)
    say(
      'retries',
      'retries',
      `${record.retries} retries do not fit in 3 bits: the target keeps ${record.retries & 7}.`,
    );
  for (const field of ['ws_from_tap', 'ws_to_tap'] as const)
    if (record[field] > 14)
      say(
        'tap-window-scale',
        field,
        `The scale ${record[field]} is over 14. The target keeps four bits of it, ${record[field] & 15}.`,
      );
  const { tap_mss } = record;
  if (tap_mss === 0 || tap_mss > 65532 || tap_mss % 4 !== 0)
    say(
      'tap-mss',
      'tap_mss',
      `${tap_mss} is not a multiple of 4 from 4 to 65532: the target makes ${((tap_mss >>> 2) & 0x3fff) * 4} of it.`,
    );
  if (record.sndbuf >= 2 ** 24)
    say(
      'sndbuf',
      'sndbuf',
      `${record.sndbuf} units of 256 bytes do not fit in 24 bits: the target keeps ${record.sndbuf & 0xffffff}.`,
    );
  if ((record.flags & 0x80) !== 0)
    say('flags-unused', 'flags', 'Bit 7 is set, for which no release has a use. The target keeps it.');
  if ((record.flags & 0x40) !== 0)
    say('flags-syn-retried', 'flags', 'SYN_RETRIED is set, so the source is of December 2025 or later.');
  if ((events & TAP_FIN_ACKED) !== 0 && (events & TAP_FIN_SENT) === 0)
    say(
      'fin-acked-unsent',
      'events',
      'TAP_FIN_ACKED is set without TAP_FIN_SENT. The target takes both over.',
    );
  if ((events & EVENT.sockFinSent) !== 0 && (events & EVENT.tapFinRcvd) === 0)
    say('fin-sent-early', 'events', 'SOCK_FIN_SENT is set without TAP_FIN_RCVD. The target takes both over.');
  if (((record.seq_from_tap - record.seq_ack_to_tap) | 0) < 0)
    say(
      'acked-over-received',
      'seq_ack_to_tap',
      `${record.seq_ack_to_tap} is after seq_from_tap, ${record.seq_from_tap}. The target takes both over.`,
    );
}

const WINDOW: Record<WindowFault, RuleName> = {
  max_window: 'window-max',
  snd_wl1: 'window-wl1',
  rcv_wup: 'window-wup',
};

/** Which numbers of a window contradict each other. */
function windowFaultText(fault: WindowFault, ext: Transfer, rcv_nxt: number): string {
  switch (fault) {
    case 'max_window':
      return `max_window ${ext.max_window} is below snd_wnd ${ext.snd_wnd}`;
    case 'snd_wl1':
      return `snd_wl1 ${ext.snd_wl1} is after the end of the receive window, ${(rcv_nxt + ext.rcv_wnd) >>> 0} (seq_rcv + rcvq + rcv_wnd)`;
    case 'rcv_wup':
      return `rcv_wup ${ext.rcv_wup} is after the next byte expected, ${rcv_nxt} (seq_rcv + rcvq)`;
  }
}

/** Checks the extended record of a flow, and what it has to do with the record. */
export function checkExt(
  ext: Transfer,
  record: FlowRecord | undefined,
  place: FlowPlace,
  findings: Findings,
): void {
  const say: Say = (rule, field, message) =>
    findings.add(rule, `flows[${place.index}].ext.${field}`, place.ext(field), message);
  const { tcpi_state: state, tcpi_options: options } = ext;
  if (state === 0) {
    // Whatever the other fields hold was never meant to be read.
    say(
      'skip-marker',
      'tcpi_state',
      'The source could not dump this flow. The target resets it and goes on.',
    );
    return;
  }
  for (const field of ['snd_ws', 'rcv_ws'] as const)
    if (ext[field] > 14)
      say(
        'window-scale',
        field,
        `The scale ${ext[field]} is over 14: the kernel answers EFBIG, and the target resets the flow.`,
      );
  const rcv_nxt = (ext.seq_rcv + ext.rcvq) >>> 0;
  for (const fault of windowFaults({ ...ext, rcv_nxt }))
    say(
      WINDOW[fault],
      fault,
      `${windowFaultText(fault, ext, rcv_nxt)}: the kernel answers EINVAL to TCP_REPAIR_WINDOW, and the target resets the flow.`,
    );
  if (ext.mss === 0 || ext.mss > 65535)
    say(
      'mss',
      'mss',
      `${ext.mss} (0x${ext.mss.toString(16).padStart(8, '0')}) is not between 1 and 65535. The target passes it on to the kernel as the MSS.`,
    );
  if (ext.timestamp !== undefined && ext.timestamp !== 0 && (options & OPT_TIMESTAMPS) === 0)
    say(
      'timestamp-unused',
      'timestamp',
      `The timestamp is ${ext.timestamp}, but timestamps are off in tcpi_options: the target does not use it.`,
    );
  if ((options & OPT_TIMESTAMPS) !== 0 && (options & OPT_SACK) === 0)
    say(
      'timestamps-without-sack',
      'tcpi_options',
      'The target switches SACK on, which the connection does not have, and leaves timestamps off.',
    );
  if (!STATES.has(state))
    say(
      'tcpi-state',
      'tcpi_state',
      `No source is known to send state ${state}. The target treats it as ESTABLISHED.`,
    );
  if (record === undefined) return;
  const { events } = record;
  if (
    (PEER_FIN_STATES.has(state) && (events & EVENT.sockFinRcvd) === 0) ||
    (OWN_FIN_STATES.has(state) && (events & EVENT.sockFinSent) === 0)
  )
    say(
      'fin-pending',
      'tcpi_state',
      `State ${state} comes from a FIN that events (0x${events.toString(16)}) does not have.`,
    );
  const unacked = (record.seq_to_tap - record.seq_ack_from_tap) >>> 0;
  if (unacked > ext.rcvq + 2)
    findings.add(
      'unacked-over-queue',
      `flows[${place.index}].seq_to_tap`,
      place.record('seq_to_tap'),
      `${unacked} bytes are not acknowledged by the guest, and the receive queue has ${ext.rcvq}. The target begins to peek at offset ${unacked}.`,
    );
}

function isUnicast(address: Uint8Array): boolean {
  if (isV4Mapped(address)) {
    const first = address[12] ?? 0;
    return (
      first !== 0 && (first < 224 || (first >= 240 && address.subarray(12).some((byte) => byte !== 255)))
    );
  }
  return address[0] !== 0xff && address.some((byte) => byte !== 0);
}
