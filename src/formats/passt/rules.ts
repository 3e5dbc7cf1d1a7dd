/** What must hold of a stream, rule by rule, and what a passt does where it does not. */
import type { Rule, Severity } from '../format.js';

const table = {
  truncated: rule(
    'error',
    'The stream ends too early',
    'A target reads the header (16 bytes), the addresses (42), the number of flows (4), every flow record (112) and then every extended record with its queues. Where one of these reads comes up short the target answers ENODATA (0x3d), and the migration fails. Flows that it created until then stay in its table with half-built sockets. A source that fails to write after the first flow record exits, which is how such streams come about.',
  ),
  magic: rule(
    'error',
    'The magic number is wrong',
    'Merged streams begin with b1bb1d1b0bb1d1b0 in that order on every machine. A target that finds anything else, also the same bytes reversed, answers EINVAL (0x16).',
  ),
  'version-zero': rule(
    'error',
    'A version is 0',
    'Neither version nor compat_version can be 0. A target answers EINVAL (0x16).',
  ),
  'version-unsupported': rule(
    'error',
    'No known passt takes this version',
    'A target takes a stream if the version that it implements lies between compat_version and version, both included. Release 2025_02_17 implements version 1, all later ones version 2. Otherwise the target answers ENOTSUP (0x5f).',
  ),
  'newer-version': rule(
    'note',
    'The version is newer than any known one',
    'compat_version allows a target of version 2 to read the stream, so it does, as version 2. That is right only if the newer source kept to what compat_version promises.',
  ),
  'v1-only': rule(
    'note',
    'Only release 2025_02_17 takes this stream',
    'Version 1 was in one release. Every release from 2025_03_20 on implements version 2 only and answers ENOTSUP (0x5f).',
  ),
  'never-released': rule(
    'note',
    'No release of passt ever sent this',
    'The placeholder was in release 2025_01_21; drafts and skeletons were in none. Released targets refuse them: ENODATA (0x3d) if they are shorter than 16 bytes or end within what the target reads, EINVAL (0x16) if the magic number is another, ENOTSUP (0x5f) if it is right and the words after it are no version that they implement.',
  ),
  'count-over-flow-max': rule(
    'error',
    'There are more flows than a flow table has room for',
    'A target has room for 131071 flows. Of more it does not read the surplus records, takes them for extended records, and writes beyond its table.',
  ),
  'open-files': rule(
    'note',
    'There are more flows than the usual limit of open files',
    'Every flow takes a socket. A target with a lower RLIMIT_NOFILE drops those flows, one by one, for which it gets none; the migration goes on.',
  ),
  'queue-over-limit': rule(
    'error',
    'A queue is longer than 64 MiB',
    'A target takes at most 67108864 bytes as sndq and as rcvq. For more it answers EINVAL (0x16) and gives up the whole load.',
  ),
  'notsent-over-sndq': rule(
    'error',
    'More of the send queue is unsent than there is',
    'notsent is the tail of sndq that was never sent. If it is larger, a target answers EINVAL (0x16) and gives up the whole load.',
  ),
  'trailing-bytes': rule(
    'warning',
    'Bytes follow the end of the stream',
    'A target stops after the last queue (after the number of flows, if that is 0) and does not look for the end of the stream. What follows is ignored; the sender may get EPIPE. No source writes anything there.',
  ),
  'ext-of-other-version': rule(
    'error',
    'The extended records are those of another version',
    'Extended records have 48 bytes in version 1 and 52 in version 2. Read with the other size the stream ends exactly where the input does, read with this one it does not. A target goes by the version alone and reads every record after the first from the wrong place.',
  ),
  'skip-marker': rule(
    'warning',
    'The source could not dump this flow',
    'An extended record with tcpi_state 0 tells the target to skip the flow; its other fields mean nothing and no queues follow. The target resets the flow, and the migration goes on.',
  ),
  'skip-with-queue': rule(
    'error',
    'Queue bytes seem to follow a record that says "skip"',
    'A target reads no queues after a record with tcpi_state 0, so it takes such bytes for the next extended record, and everything after it is shifted. Here the stream fits the input only if the bytes are counted.',
  ),
  'addr6-ll': rule(
    'warning',
    'The link-local address is not one',
    'addr6_ll is all zero, or in fe80::/10. A target takes over any address without a check.',
  ),
  'mac-multicast': rule(
    'warning',
    'The MAC address is a group address',
    'The guest has a MAC address of its own, or ff:ff:ff:ff:ff:ff as long as passt has not learnt it. A target takes over any without a check and sends its frames there.',
  ),
  'pif-zero': rule(
    'error',
    'A flow has no interface',
    'Both sides of a flow have an interface. If one is 0, an assertion fails in the target as it reads the record; seccomp kills the process as it aborts, and the guest loses its network.',
  ),
  'pif-pair': rule(
    'error',
    'A flow does not go between HOST and TAP',
    'A source sends only flows between the host and the guest: HOST and TAP, in either order. A target takes the second side for HOST or TAP if it says so, and the first side otherwise, whatever it is; if that mixes up the sides, it binds to the address of the peer and resets the flow.',
  ),
  'sides-swapped': rule(
    'error',
    'HOST and TAP seem to be confused',
    'The peer on the HOST side is the guest, by the addresses at the front of the stream, and the TAP side does not lead to the guest. The target asks for a socket at the address of the peer, gets EADDRNOTAVAIL and resets the flow.',
  ),
  'not-established': rule(
    'error',
    'The flow is not established',
    'A source sends flows in the state ESTABLISHED only: of the three lowest bits of events it is the only one set. A target takes over any events as they are, and treats the connection accordingly.',
  ),
  'window-scale': rule(
    'error',
    'A window scale is over 14',
    'TCP has window scales up to 14 (RFC 7323). The kernel answers EFBIG to TCP_REPAIR_OPTIONS, and the target resets the flow.',
  ),
  'window-max': rule(
    'error',
    'The largest window seen is smaller than the window',
    'max_window is at least snd_wnd. The kernel answers EINVAL to TCP_REPAIR_WINDOW otherwise, and the target resets the flow.',
  ),
  'window-wl1': rule(
    'error',
    'snd_wl1 is beyond the receive window',
    'The segment that last updated the window lies before the end of the receive window: snd_wl1 is not after seq_rcv + rcvq + rcv_wnd, modulo 2^32. The kernel answers EINVAL to TCP_REPAIR_WINDOW otherwise, and the target resets the flow.',
  ),
  'window-wup': rule(
    'error',
    'rcv_wup is beyond what was received',
    'The window was last advertised for data that had come: rcv_wup is not after seq_rcv + rcvq, modulo 2^32. The kernel answers EINVAL to TCP_REPAIR_WINDOW otherwise, and the target resets the flow.',
  ),
  'address-family': rule(
    'error',
    'One side is IPv4 and the other IPv6',
    'The target makes a socket of the address family of the TAP side and binds it to the address of the HOST side. The kernel answers EAFNOSUPPORT, and the flow is reset.',
  ),
  'address-not-unicast': rule(
    'error',
    'An endpoint is not a single machine',
    'The peer on the HOST side and the guest on the TAP side have unicast addresses. No source sends others. A target tries to connect to the peer as it is given, and resets the flow if the kernel refuses.',
  ),
  'port-zero': rule(
    'error',
    'A port is 0',
    'TCP connections have no port 0. A target accepts it: bind() picks some port instead, and connect() takes 0 in repair mode, so that the flow goes on as another connection than it was.',
  ),
  retries: rule('warning', 'retries is over 7', 'A target keeps the lowest 3 bits of retries.'),
  'tap-window-scale': rule(
    'warning',
    'A window scale towards the guest is over 14',
    'TCP has window scales up to 14. A target keeps the lowest 4 bits of ws_from_tap and ws_to_tap.',
  ),
  'tap-mss': rule(
    'warning',
    'tap_mss is none that a source would send',
    'tap_mss comes from a field of 14 bits in units of 4 bytes: it is a multiple of 4 and at most 65532, and a connection has one above 0. A target keeps 14 bits of the value divided by 4.',
  ),
  sndbuf: rule(
    'warning',
    'sndbuf has more than 24 bits',
    'sndbuf counts units of 256 bytes in 24 bits. A target keeps the lowest 24 bits.',
  ),
  'flags-unused': rule(
    'warning',
    'An unused flag is set',
    'Bit 7 of flags has no meaning in any passt. A target keeps it.',
  ),
  'flags-syn-retried': rule(
    'note',
    'SYN_RETRIED is set',
    'Only sources since December 2025 have this flag, bit 6; the version did not change for it. An older target keeps the bit and does nothing with it.',
  ),
  mss: rule(
    'warning',
    'mss is none that TCP can have',
    'TCP_MAXSEG is from 1 to 65535. A value with its bytes reversed points at another byte order. A target hands it to TCP_REPAIR_OPTIONS, and the kernel has been seen to take 0 and reversed values.',
  ),
  'timestamp-unused': rule(
    'warning',
    'There is a timestamp, but timestamps are off',
    'timestamp is 0 if bit 0 of tcpi_options (TCPI_OPT_TIMESTAMPS) is clear. A target uses it only if the bit is set.',
  ),
  'timestamps-without-sack': rule(
    'warning',
    'Timestamps are on and SACK is off',
    'A target gives the kernel the first entries of a fixed list (window scale, MSS, SACK, timestamps), as many as there are options. Without SACK that list ends one entry early: SACK is switched on by mistake, and timestamps are not.',
  ),
  'tcpi-state': rule(
    'warning',
    'A socket in this state is not met',
    'Sources have been seen with sockets in ESTABLISHED, FIN_WAIT2, CLOSE and CLOSE_WAIT, and may have them in FIN_WAIT1, LAST_ACK and CLOSING. A target has special handling for FIN_WAIT1 and FIN_WAIT2 and treats every other state, known or not, as ESTABLISHED.',
  ),
  'fin-pending': rule(
    'note',
    'The kernel saw a FIN that passt has not dealt with',
    'With the socket in CLOSE_WAIT or LAST_ACK, events normally has SOCK_FIN_RCVD; with FIN_WAIT1, FIN_WAIT2, LAST_ACK or CLOSING it has SOCK_FIN_SENT. It does not where the FIN came just before the migration. A target takes both over as they are.',
  ),
  'fin-acked-unsent': rule(
    'warning',
    'The guest acknowledged a FIN that was not sent',
    'TAP_FIN_ACKED comes after TAP_FIN_SENT. A target takes over any events as they are.',
  ),
  'fin-sent-early': rule(
    'warning',
    'A FIN went to the peer without one from the guest',
    'SOCK_FIN_SENT comes after TAP_FIN_RCVD: passt passes a FIN on, it makes none. A target takes over any events as they are.',
  ),
  'unacked-over-queue': rule(
    'warning',
    'More is unacknowledged by the guest than the queue has',
    'What was sent to the guest and not acknowledged still lies in the receive queue of the socket: seq_to_tap - seq_ack_from_tap is from 0 to rcvq + 2, modulo 2^32 (2, for a FIN and for the byte that passt leaves out of the queue after one). A target begins to peek that far into the queue (SO_PEEK_OFF), whatever the queue holds.',
  ),
  'acked-over-received': rule(
    'warning',
    'The guest was sent an acknowledgement of data that did not come',
    'seq_ack_to_tap is not after seq_from_tap, modulo 2^32. A target takes both over as they are.',
  ),
  'duplicate-host': rule(
    'warning',
    'Two flows have the same addresses and ports on the HOST side',
    'A connection is known by its two addresses and ports, so a source has each only once. A target restores both, and the kernel has been seen to take that; which of them gets the packets of the peer is not said.',
  ),
  'duplicate-tap': rule(
    'warning',
    'Two flows have the same addresses and ports on the TAP side',
    'The guest tells its connections apart by addresses and ports, so a source has each only once. A target restores both; only one of them can get the packets of the guest.',
  ),
  'port-order': rule(
    'note',
    'The byte order of the ports is a guess',
    'Ports are in the byte order of the source, which the stream does not tell, and here neither the MSS nor the ports themselves speak for one. A target takes them for its own order. Force it with the ABI: --abi x86_64 or --abi s390x.',
  ),
  'port-order-forced': rule(
    'note',
    'The ports look like those of the other byte order',
    'The byte order was forced, and the stream has evidence for the other one. A target of the wrong order restores the flows on wrong ports without a word.',
  ),
  'placeholder-mismatch': rule(
    'error',
    'These are not the six bytes of the placeholder',
    'Release 2025_01_21 reads up to six bytes and compares them with "PASST" as text. If they differ or are fewer, it answers -1 (0xffffffffffffffff).',
  ),
  'draft-truncated': rule(
    'error',
    'The draft header is cut off',
    'A target of the draft reads 65536 bytes. If there are fewer, the result is ENODATA (61).',
  ),
  'draft-version': rule(
    'error',
    'The draft has version 1 only',
    'The version is looked up before the magic number is compared. An unknown one is meant to give ENOTSUP (95); but the search through the table stops at its end only for version 0, and runs on beyond it for any other.',
  ),
  'draft-magic': rule(
    'error',
    'The magic number is right in neither byte order',
    'A target of the draft compares with the number in its own byte order and with the reversed one. Otherwise the result is ENOTSUP (95).',
  ),
  'draft-voidp-size': rule(
    'error',
    'A pointer has neither 4 nor 8 bytes',
    'A target of the draft goes on with 32 or with 64 bits. For any other voidp_size the result is ENOTSUP (95).',
  ),
  'draft-time-size': rule(
    'error',
    'A time_t has neither 4 nor 8 bytes',
    'A target of the draft takes 4 and 8. For any other time_t_size the result is ENOTSUP (95).',
  ),
  'draft-flow-size': rule(
    'warning',
    'union flow never had this size',
    'union flow had 120 bytes, and 128 with the padding that the draft added. A target of the draft stores flow_size without looking at it.',
  ),
  'draft-sidx-size': rule(
    'warning',
    'struct flow_sidx never had this size',
    'struct flow_sidx has 4 bytes (3 with the bit-fields of m68k). A target of the draft stores flow_sidx_size without looking at it.',
  ),
  'draft-unused': rule(
    'warning',
    'Unused bytes of the header are not zero',
    'The source never writes bytes 28 to 65535 of a static object, so they are zero. A target of the draft does not look at them.',
  ),
  'draft-trailing': rule(
    'warning',
    'Bytes follow the header',
    'The seed draft sends nothing but the header, and its target leaves the rest unread. What later drafts sent there is not known.',
  ),
  'draft-typo': rule(
    'note',
    'Targets of these revisions refuse the other byte order',
    'Revisions 148cd660 and b7e5431 compare with 0xb0d1b1b01b1dbbb1 for the byte-reversed magic number, of which one byte is wrong. A target of the other byte order than the source answers ENOTSUP (95).',
  ),
  'passty-header': rule(
    'warning',
    'A field of the {passty} header is none that a source sends',
    'That revision sends an endianness tag 0x12345678 in the order of its machine, and sizes of 4 or 8 for pointers and time_t. What its target did with anything else is not known.',
  ),
} as const satisfies Record<string, Omit<Rule, 'name'>>;

export type RuleName = keyof typeof table;

function rule(severity: Severity, title: string, text: string): Omit<Rule, 'name'> {
  return Object.freeze({ severity, title, text });
}

export const RULES: readonly Rule[] = Object.freeze(
  Object.entries(table).map(([name, rule]) => Object.freeze({ name: `passt/${name}`, ...rule })),
);

export function severityOf(name: RuleName): Severity {
  return table[name].severity;
}
