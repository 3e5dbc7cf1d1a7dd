/** Random streams of passt that a source could have sent. */
import { ABI_NAMES } from '../../codec/index.js';
import type { FlowSpec, PasstBuild, PasstSpec } from '../passt/spec.js';
import { Choices } from './handover-generator.js';
import { caseOf, DRAFTS, inherentOf, MERGED } from './passt-case.js';
import type { Case } from './types.js';

/** A valid stream that follows from the seed and its number alone. */
export function randomStream(generation: PasstBuild, seed: number, index: number): Case {
  const choices = new Choices(seed, index);
  const abi = abiFor(generation, choices);
  const spec = specFor(generation, choices);
  return caseOf(
    generation,
    abi,
    { name: `random-${index}`, covers: 'a random valid stream' },
    inherentOf(generation, spec.flows?.length ?? 0),
    () => ({ spec }),
  );
}

function abiFor(generation: PasstBuild, choices: Choices): string {
  if (MERGED.includes(generation)) return choices.one(['x86_64', 's390x']);
  if (!DRAFTS.includes(generation) && generation !== 'passty') return 'x86_64';
  const abi = choices.one(ABI_NAMES);
  const narrow = abi === 'i386' || abi === 'arm' || abi === 'm68k';
  return narrow && choices.chance(0.5) ? `${abi},timeSize=8` : abi;
}

function specFor(generation: PasstBuild, choices: Choices): PasstSpec {
  switch (generation) {
    case 'placeholder':
    case 'skeleton-header':
      return {};
    case 'skeleton-addresses':
      return { addresses: addresses(choices) };
    case 'draft':
    case 'draft-typo':
      return { flow_size: choices.one([120, 128]) };
    case 'passty':
      return {
        version: choices.between(1, 9),
        compat_version: 1,
        flow_size: choices.one([120, 128]),
      };
    case 'newer':
      return { version: choices.between(3, 12), ...merged(choices, 6) };
    case 'v1-cfb3740':
      // The release that knows its version reads no more than one flow of it.
      return merged(choices, 1);
    case 'v1':
    case 'v1-28772ee':
    case 'v2':
      return merged(choices, 6);
  }
}

function merged(choices: Choices, most: number): PasstSpec {
  const known = choices.chance(0.3) ? { addresses: addresses(choices) } : {};
  return { ...known, flows: Array.from({ length: choices.between(0, most) }, (_, i) => flow(choices, i)) };
}

const hex = (choices: Choices, digits: number): string => choices.below(16 ** digits).toString(16);
const byte = (choices: Choices): string => choices.below(256).toString(16).padStart(2, '0');

/** Of a guest of which any may be unknown; none is an address of one of the peers. */
function addresses(choices: Choices): NonNullable<PasstSpec['addresses']> {
  return {
    ...(choices.chance(0.8) ? { addr4: `192.0.2.${choices.between(1, 254)}` } : {}),
    ...(choices.chance(0.8) ? { addr6: `2001:db8::${hex(choices, 4)}` } : {}),
    ...(choices.chance(0.5) ? { addr6_ll: `fe80::${hex(choices, 4)}:${hex(choices, 4)}` } : {}),
    mac: `52:54:00:${byte(choices)}:${byte(choices)}:${byte(choices)}`,
  };
}

/** Ports that are read as those of services in one byte order only. */
const SERVICES = [22, 25, 53, 80, 443, 993, 3306, 5432, 6379, 8080];
/** TAP_FIN_RCVD, TAP_FIN_SENT, and the latter with TAP_FIN_ACKED; SOCK_FIN_RCVD. */
const MORE_EVENTS = [0, 0x20, 0x40, 0xc0, 0x08];
const STATE_EVENTS: Readonly<Record<string, number>> = {
  ESTABLISHED: 0x04,
  FIN_WAIT1: 0x34,
  FIN_WAIT2: 0x34,
  CLOSE: 0x7c,
  CLOSE_WAIT: 0x0c,
  LAST_ACK: 0x7c,
  CLOSING: 0x7c,
};
/** Those without timestamps first; timestamps take SACK. */
const OPTIONS = [0, 2, 4, 6, 3, 7, 7, 7, 15, 0x17, 0x47];

function flow(choices: Choices, index: number): FlowSpec {
  const outbound = choices.chance(0.4);
  const six = choices.chance(0.4);
  const end = (host: number, guest: boolean, port: number): string => {
    const last = host.toString(16);
    if (six) return `[2001:db8:${guest ? '0' : '1'}::${last}]:${port}`;
    return `${guest ? '192.0.2' : '198.51.100'}.${host}:${port}`;
  };
  const service = choices.one(SERVICES);
  // No two flows have the same one.
  const ephemeral = 32768 + 4096 * index + choices.below(4096);
  const peer = choices.between(1, 254);
  const guest = choices.between(1, 254);
  const state = choices.one(Object.keys(STATE_EVENTS));
  const events = (STATE_EVENTS[state] ?? 4) | choices.one(MORE_EVENTS);
  const sent = queue(choices);
  const received = queue(choices);
  const snd_wnd = choices.below(2 ** choices.between(1, 31));
  const tcpi_options = choices.one(OPTIONS);
  const scaled = (tcpi_options & 4) !== 0;
  return {
    ...(outbound ? { direction: 'outbound' } : {}),
    remote: end(peer, false, outbound ? service : ephemeral),
    guest: end(guest, true, outbound ? ephemeral : service),
    tcpi_state: state,
    tcpi_options,
    events,
    flags: choices.below(0x40),
    retries: choices.below(8),
    ws_from_tap: choices.below(15),
    ws_to_tap: choices.below(15),
    tap_mss: 4 * choices.between(1, 16383),
    sndbuf: choices.below(2 ** 24),
    seq_dup_ack_approx: choices.below(256),
    wnd_from_tap: choices.below(65536),
    wnd_to_tap: choices.below(65536),
    seq_ack_from_tap: choices.below(2 ** 32),
    seq_init_from_tap: choices.below(2 ** 32),
    seq_snd: choices.below(2 ** 32),
    seq_rcv: choices.below(2 ** 32),
    ...(sent === undefined
      ? {}
      : { send_queue: [{ hex: sent }], notsent: choices.between(0, sent.length / 2) }),
    ...(received === undefined ? {} : { receive_queue: [{ hex: received }] }),
    mss: choices.between(88, 65483),
    snd_wnd,
    max_window: snd_wnd + choices.below(65536),
    rcv_wnd: choices.below(2 ** 20),
    snd_ws: scaled ? choices.below(15) : 0,
    rcv_ws: scaled ? choices.below(15) : 0,
  };
}

/** Hex digits of up to 200 bytes; often none. */
function queue(choices: Choices): string | undefined {
  if (choices.chance(0.5)) return undefined;
  return Array.from({ length: choices.between(1, choices.one([1, 16, 200])) }, () => byte(choices)).join('');
}
