/** What a spec of a stream of passt may say. */
import { TcpEvents, TcpFlags, TcpOptions } from '../../formats/passt/index.js';
import { STATE_NAMES } from '../passt/build.js';
import { LARGEST, type NumberName } from '../passt/numbers.js';
import { PASST_BUILDS } from '../passt/spec.js';
import { contentsShape } from './handover-shape.js';
import { choice, either, type Field, field, flags, list, needed, number, object, text } from './shape.js';

function bitsOf(members: Readonly<Record<string, number | bigint>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(members).map(([name, bit]) => [name, Number(bit)]));
}
/** Options without what all their names begin with. */
const OPTIONS = Object.fromEntries(
  Object.entries(bitsOf(TcpOptions.members)).map(([name, bit]) => [name.replace(/^TCPI_OPT_/, ''), bit]),
);

function one(name: NumberName, doc: string) {
  return field(number(LARGEST[name]), doc);
}

const flow = object('a flow', 'A TCP connection of the guest; what is not given follows from the rest', {
  direction: field(choice(['inbound', 'outbound']), 'who began: a peer, or the guest; inbound if not given'),
  remote: needed(text, 'the peer: `192.0.2.1:80`, or `"[2001:db8::1]:80"`'),
  local: field(text, "the address of passt's own socket; `guest` if not given"),
  guest: field(text, "the guest's end; `local` if not given"),
  seen: field(text, 'the peer as the guest sees it; `remote` if not given'),
  pif: field(list(number(0xff)), 'interfaces of who began and of the other: 1 HOST, 2 TAP'),
  send_queue: field(contentsShape, 'what the guest sent and the peer has not acknowledged'),
  receive_queue: field(contentsShape, 'what the peer sent and the guest has not acknowledged'),
  notsent: one('notsent', 'bytes at the end of the send queue that were never sent; 0 if not given'),
  tcpi_state: field(
    either(choice(STATE_NAMES), number(0xff)),
    'state of the socket; ESTABLISHED if not given. SKIP: the source could not dump it',
  ),
  tcpi_options: field(flags(OPTIONS), 'TIMESTAMPS, SACK and WSCALE if not given'),
  events: field(flags(bitsOf(TcpEvents.members)), 'ESTABLISHED, and those of FINs that the state tells of'),
  flags: field(flags(bitsOf(TcpFlags.members)), 'none if not given'),
  retries: one('retries', '0 if not given'),
  ws_from_tap: one('ws_from_tap', 'window scale of the guest; 7 if not given'),
  ws_to_tap: one('ws_to_tap', 'window scale towards the guest; 7 if not given'),
  tap_mss: one('tap_mss', 'MSS towards the guest; 1460, or 1440 for IPv6'),
  sndbuf: one('sndbuf', 'size of the send buffer in units of 256 bytes; 270 if not given'),
  seq_dup_ack_approx: one('seq_dup_ack_approx', '0 if not given'),
  wnd_from_tap: one('wnd_from_tap', 'window of the guest, not scaled; 502 if not given'),
  wnd_to_tap: one('wnd_to_tap', 'window towards the guest, not scaled; 512 if not given'),
  seq_ack_from_tap: one('seq_ack_from_tap', 'last number that the guest acknowledged; 1000001 if not given'),
  seq_to_tap: one('seq_to_tap', 'next number to send to the guest; behind the receive queue if not given'),
  seq_init_from_tap: one('seq_init_from_tap', 'where the guest began; 2000000, inbound 2000001'),
  seq_from_tap: one('seq_from_tap', 'next number from the guest; behind the send queue if not given'),
  seq_ack_to_tap: one('seq_ack_to_tap', 'last number acknowledged to the guest; `seq_from_tap`'),
  seq_snd: one('seq_snd', 'number of the first byte of the send queue; 3000001 if not given'),
  seq_rcv: one('seq_rcv', 'number of the first byte of the receive queue; 4000001 if not given'),
  sndq: one('sndq', 'length of the send queue, only of a flow that is skipped'),
  rcvq: one('rcvq', 'length of the receive queue, only of a flow that is skipped'),
  mss: one('mss', 'MSS of the socket; 1460, or 1440 for IPv6'),
  timestamp: one('timestamp', 'from v2 on; 1000000 if there are timestamps'),
  snd_wl1: one('snd_wl1', '`seq_rcv` if not given'),
  snd_wnd: one('snd_wnd', '65536 if not given'),
  max_window: one('max_window', '65536, or `snd_wnd` if that is larger'),
  rcv_wnd: one('rcv_wnd', '65536 if not given'),
  rcv_wup: one('rcv_wup', 'behind the receive queue if not given'),
  snd_ws: one('snd_ws', 'window scale of the peer; 7, or 0 without WSCALE'),
  rcv_ws: one('rcv_ws', 'window scale of the socket; 7, or 0 without WSCALE'),
} satisfies Readonly<Record<NumberName, Field>> & Readonly<Record<string, Field>>);

const word32 = number(0xffffffff);

export const passtShape = object('a document of passt', 'A stream of passt', {
  passt: needed(
    object('a stream', 'What passt sends when a guest migrates', {
      generation: field(choice(PASST_BUILDS), 'the layout; v2 if not given'),
      abi: field(text, 'the machine that sends, for the order of ports; x86_64, or `i386,timeSize=8`'),
      version: field(word32, 'that of the generation if not given'),
      compat_version: field(word32, 'the lowest version that a reader may implement'),
      flow_size: field(word32, 'of drafts; 128 if not given'),
      flow_sidx_size: field(word32, 'of drafts; that of the machine if not given'),
      addresses: field(
        object('addresses', 'Addresses of the guest as passt last saw them', {
          addr4: field(text, 'that of the first flow with IPv4'),
          addr6: field(text, 'that of the first flow with IPv6'),
          addr6_ll: field(text, 'that of the first flow with a link-local address'),
          mac: field(text, '52:54:00:12:34:56; without flows ff:ff:ff:ff:ff:ff'),
        }),
        "the guest's addresses; those of the flows if not given",
      ),
      flows: field(list(flow), 'its TCP connections'),
      trailing: field(contentsShape, 'what stands behind the stream'),
    }),
    'the stream',
  ),
});
