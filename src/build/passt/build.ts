/** Builds streams of passt: from addresses, states and queues to the bytes that a source would send. */
import { ABI, type ABI as ABIType, encode, type InputOf, planOf } from '../../codec/index.js';
import {
  DraftStream,
  FLOW_MAX,
  type FlowRecord,
  FlowSidx,
  LAYOUT,
  MAGIC,
  MergedStream,
  PasstyStream,
  Placeholder,
  QUEUE_MAX,
  SkeletonAddresses,
  SkeletonHeader,
  TcpState,
  type Transfer,
} from '../../formats/passt/index.js';
import { inany, ipv4, ipv6, isV4Mapped, mac } from '../../formats/text-forms.js';
import { contentSize, readContent } from '../../memory/segments.js';
import { parseABI } from '../../state/index.js';
import { buildError } from '../build-error.js';
import { contentsOf, type FileReader } from '../handover/contents.js';
import type { ContentsSpec } from '../handover/spec.js';
import { type Endpoint, endpointOf } from './endpoints.js';
import { completed, LARGEST, NUMBER_NAMES, type Numbers } from './numbers.js';
import type { FlowSpec, GuestAddresses, PasstBuild, PasstSpec } from './spec.js';

export interface PasstOptions {
  /** Gives the content of files for `file:`. */
  readonly readFile?: FileReader;
}

/** The path of a stream in a spec. */
const ROOT = 'passt';
/** All queues of a stream together. */
const MAX_QUEUES = 2 ** 30;
const HOST = 1;
const TAP = 2;

/**
 * The bytes of a stream.
 *
 * @throws `build-value`, `build-full`, with the path in the spec (`passt.flows[0].local`).
 * @example
 * const bytes = buildPasst({ flows: [{ local: '192.0.2.2:22', remote: '192.0.2.1:40000' }] });
 * bytes.length // => 226
 */
export function buildPasst(spec: PasstSpec, options: PasstOptions = {}): Uint8Array {
  const { generation = 'v2' } = spec;
  refuseForeign(spec, generation);
  const stream = builders[generation](spec, abiOf(spec), options);
  const trailing = bytesOf(spec.trailing, `${ROOT}.trailing`, options);
  if (trailing.length === 0) return stream;
  const all = new Uint8Array(stream.length + trailing.length);
  all.set(stream);
  all.set(trailing, stream.length);
  return all;
}

type Builder = (spec: PasstSpec, abi: ABIType, options: PasstOptions) => Uint8Array;

const builders: Readonly<Record<PasstBuild, Builder>> = {
  placeholder: () => encode(Placeholder, {}),
  draft,
  'draft-typo': draft,
  passty: (spec, abi) => encode(PasstyStream, { header: passtyHeader(spec, abi) }, { abi }),
  'skeleton-header': (spec, abi) => encode(SkeletonHeader, { header: headerOf(spec, 1) }, { abi }),
  'skeleton-addresses': (spec, abi) =>
    encode(
      SkeletonAddresses,
      { header: headerOf(spec, 1), addresses: addressesOf(spec.addresses, []) },
      { abi },
    ),
  v1: (spec, abi, options) => merged(spec, abi, options, LAYOUT.v1),
  'v1-28772ee': (spec, abi, options) => merged(spec, abi, options, LAYOUT['v1-28772ee']),
  'v1-cfb3740': (spec, abi, options) => merged(spec, abi, options, LAYOUT.v2),
  v2: (spec, abi, options) => merged(spec, abi, options, LAYOUT.v2),
  newer: (spec, abi, options) => merged(spec, abi, options, LAYOUT.v2),
};

/** Keys of a stream that not every generation has room for. */
type Part = 'abi' | 'version' | 'compat_version' | 'flow_size' | 'flow_sidx_size' | 'addresses' | 'flows';
const DRAFT_PARTS: readonly Part[] = ['abi', 'version', 'flow_size', 'flow_sidx_size'];
const MERGED_PARTS: readonly Part[] = ['abi', 'version', 'compat_version', 'addresses', 'flows'];
const PARTS: Readonly<Record<PasstBuild, readonly Part[]>> = {
  placeholder: [],
  draft: DRAFT_PARTS,
  'draft-typo': DRAFT_PARTS,
  passty: [...DRAFT_PARTS, 'compat_version'],
  'skeleton-header': ['version', 'compat_version'],
  'skeleton-addresses': ['version', 'compat_version', 'addresses'],
  v1: MERGED_PARTS,
  'v1-28772ee': MERGED_PARTS,
  'v1-cfb3740': MERGED_PARTS,
  v2: MERGED_PARTS,
  newer: MERGED_PARTS,
};
const ALL_PARTS: readonly Part[] = [...new Set(Object.values(PARTS).flat())];

function refuseForeign(spec: PasstSpec, generation: PasstBuild): void {
  for (const part of ALL_PARTS)
    if (spec[part] !== undefined && !PARTS[generation].includes(part))
      throw buildError('build-value', `${ROOT}.${part}`, `a stream of ${generation} has no ${part}`);
}

function abiOf({ abi }: PasstSpec): ABIType {
  if (abi === undefined) return ABI.x86_64;
  try {
    return parseABI(abi);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const reason = 'reason' in cause && typeof cause.reason === 'string' ? cause.reason : cause.message;
    throw buildError('build-value', `${ROOT}.abi`, reason);
  }
}

// --- headers -----------------------------------------------------------------------------------------------

/** Versions of a header that a source of the generation writes. */
export function usualVersions(generation: PasstBuild): { readonly version: number; readonly compat: number } {
  if (generation === 'v2') return { version: 2, compat: 2 };
  return generation === 'newer' ? { version: 3, compat: 2 } : { version: 1, compat: 1 };
}
/** Sizes of structs as the drafts' header has them. */
export function usualSizes(abi: ABIType): { readonly flow: number; readonly sidx: number } {
  return { flow: 128, sidx: planOf(FlowSidx, abi).size ?? 4 };
}

function headerOf(spec: PasstSpec, usual: number, compat = usual) {
  return { magic: MAGIC, version: spec.version ?? usual, compat_version: spec.compat_version ?? compat };
}

function draft(spec: PasstSpec, abi: ABIType): Uint8Array {
  return encode(DraftStream, { header: { magic: MAGIC, ...sizesOf(spec, abi) } }, { abi });
}
function passtyHeader(spec: PasstSpec, abi: ABIType) {
  return { ...sizesOf(spec, abi), compat_version: spec.compat_version ?? 1, endian: 0x12345678 };
}
function sizesOf(spec: PasstSpec, abi: ABIType) {
  const { flow, sidx } = usualSizes(abi);
  return {
    version: spec.version ?? 1,
    voidp_size: abi.pointerSize,
    time_t_size: abi.timeSize,
    flow_size: spec.flow_size ?? flow,
    flow_sidx_size: spec.flow_sidx_size ?? sidx,
  };
}

// --- addresses ---------------------------------------------------------------------------------------------

/** What a guest that was never heard of has, and what one that was. */
const NO_MAC = 'ff:ff:ff:ff:ff:ff';
const USUAL_MAC = '52:54:00:12:34:56';

/** The addresses of the guest, by default those that its flows have. */
export function usualAddresses(guests: readonly Uint8Array[]): Required<GuestAddresses> {
  const four = guests.find(isV4Mapped);
  const local = guests.find(isLinkLocal);
  const six = guests.find((address) => !isV4Mapped(address) && !isLinkLocal(address));
  return {
    addr4: four === undefined ? '0.0.0.0' : (inany.print(four) ?? ''),
    addr6: six === undefined ? '::' : (ipv6.print(six) ?? ''),
    addr6_ll: local === undefined ? '::' : (ipv6.print(local) ?? ''),
    mac: guests.length === 0 ? NO_MAC : USUAL_MAC,
  };
}
function isLinkLocal(address: Uint8Array): boolean {
  return address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80;
}

function addressesOf(given: GuestAddresses = {}, guests: readonly Uint8Array[]) {
  const usual = usualAddresses(guests);
  const parse = (name: keyof GuestAddresses, form: typeof ipv4): Uint8Array => {
    const text = given[name] ?? usual[name];
    const bytes = form.parse(text);
    if (bytes === undefined)
      throw buildError(
        'build-value',
        `${ROOT}.addresses.${name}`,
        `${JSON.stringify(text)} is no ${form.name}`,
      );
    return bytes;
  };
  return {
    addr6: parse('addr6', ipv6),
    addr6_ll: parse('addr6_ll', ipv6),
    addr4: parse('addr4', ipv4),
    mac: parse('mac', mac),
  };
}

// --- flows -------------------------------------------------------------------------------------------------

function merged(spec: PasstSpec, abi: ABIType, options: PasstOptions, layout: number): Uint8Array {
  const specs = spec.flows ?? [];
  if (specs.length > FLOW_MAX)
    throw buildError(
      'build-value',
      `${ROOT}.flows`,
      `a passt has room for ${FLOW_MAX} flows, not for ${specs.length}`,
    );
  const room = { left: MAX_QUEUES };
  const flows = specs.map((flow, i) => flowOf(flow, `${ROOT}.flows[${i}]`, layout, options, room));
  const { version, compat } = usualVersions(spec.generation ?? 'v2');
  const value: InputOf<typeof MergedStream> = {
    header: headerOf(spec, version, compat),
    addresses: addressesOf(
      spec.addresses,
      flows.map(({ guest }) => guest),
    ),
    records: flows.map(({ record }) => record),
    transfers: flows.map(({ transfer }) => transfer),
  };
  return encode(MergedStream, value, { abi, params: { layout }, derived: 'keep' });
}

interface BuiltFlow {
  readonly guest: Uint8Array;
  readonly record: FlowRecord;
  readonly transfer: Transfer;
}

function flowOf(
  spec: FlowSpec,
  path: string,
  layout: number,
  options: PasstOptions,
  room: { left: number },
): BuiltFlow {
  const end = (name: 'remote' | 'local' | 'guest' | 'seen', text: string): Endpoint =>
    endpointOf(text, `${path}.${name}`);
  const remote = end('remote', spec.remote);
  const ours = spec.local ?? spec.guest;
  if (ours === undefined)
    throw buildError('build-value', path, 'nothing says whose connection it is: give local, or guest');
  const local = end(spec.local === undefined ? 'guest' : 'local', ours);
  const guest = spec.guest === undefined ? local : end('guest', spec.guest);
  const seen = spec.seen === undefined ? remote : end('seen', spec.seen);
  const outbound = spec.direction === 'outbound';
  const given = givenNumbers(spec, path);
  const skipped = given.tcpi_state === 0;
  const queue = (name: 'send_queue' | 'receive_queue', count: 'sndq' | 'rcvq'): Uint8Array => {
    const bytes = bytesOf(spec[name], `${path}.${name}`, options, QUEUE_MAX);
    if (skipped && spec[name] !== undefined)
      throw buildError('build-value', `${path}.${name}`, 'a flow that is skipped has no queues');
    if (!skipped && given[count] !== undefined)
      throw buildError(
        'build-value',
        `${path}.${count}`,
        `${count} is the length of ${name}; only a flow that is skipped can say another`,
      );
    room.left -= bytes.length;
    if (room.left < 0)
      throw buildError('build-full', `${path}.${name}`, `the queues have more than ${MAX_QUEUES} bytes`);
    return bytes;
  };
  const sent = queue('send_queue', 'sndq');
  const received = queue('receive_queue', 'rcvq');
  if (layout !== LAYOUT.v2 && spec.timestamp !== undefined)
    throw buildError('build-value', `${path}.timestamp`, 'there are no timestamps before version 2');
  const numbers = completed(given, {
    outbound,
    guest: guest.address,
    sent: sent.length,
    received: received.length,
  });
  if (!skipped && numbers.notsent > sent.length)
    throw buildError(
      'build-value',
      `${path}.notsent`,
      `${numbers.notsent} bytes are more than the send queue has, ${sent.length}`,
    );
  const host = {
    oaddr: local.address,
    oport: local.port,
    eaddr: remote.address,
    eport: remote.port,
  };
  const tap = { oaddr: seen.address, oport: seen.port, eaddr: guest.address, eport: guest.port };
  const record: FlowRecord = {
    pif: pifOf(spec, path),
    side: outbound ? [tap, host] : [host, tap],
    ...recordNumbers(numbers),
  };
  return { guest: guest.address, record, transfer: transferOf(numbers, layout, sent, received) };
}

/** The interfaces of a flow's two sides. */
export function usualPif(outbound: boolean): readonly [number, number] {
  return outbound ? [TAP, HOST] : [HOST, TAP];
}
function pifOf({ pif, direction }: FlowSpec, path: string): number[] {
  if (pif === undefined) return [...usualPif(direction === 'outbound')];
  if (pif.length !== 2)
    throw buildError('build-value', `${path}.pif`, `a flow has two sides, not ${pif.length}`);
  return [...pif];
}

const STATES: ReadonlyMap<string, number> = new Map(
  Object.entries(TcpState.members).map(([name, value]) => [name.replace(/^TCP_/, ''), Number(value)]),
);
/** Names of TCP states as specs have them. */
export const STATE_NAMES: readonly string[] = [...STATES.keys()];

/** Numbers that the spec gives, in range. */
function givenNumbers(spec: FlowSpec, path: string): Partial<Numbers> {
  const given: Partial<Numbers> = {};
  for (const name of NUMBER_NAMES) {
    const value = spec[name];
    if (value === undefined) continue;
    const number = typeof value === 'string' ? STATES.get(value) : value;
    if (number === undefined)
      throw buildError('build-value', `${path}.${name}`, `there is no state ${JSON.stringify(value)}`);
    if (!Number.isInteger(number) || number < 0 || number > LARGEST[name])
      throw buildError(
        'build-value',
        `${path}.${name}`,
        `${number} is no whole number from 0 to ${LARGEST[name]}`,
      );
    given[name] = number;
  }
  return given;
}

function recordNumbers(numbers: Numbers) {
  const {
    retries,
    ws_from_tap,
    ws_to_tap,
    events,
    tap_mss,
    sndbuf,
    flags,
    seq_dup_ack_approx,
    wnd_from_tap,
    wnd_to_tap,
    seq_to_tap,
    seq_ack_from_tap,
    seq_from_tap,
    seq_ack_to_tap,
    seq_init_from_tap,
  } = numbers;
  return {
    retries,
    ws_from_tap,
    ws_to_tap,
    events,
    tap_mss,
    sndbuf,
    flags,
    seq_dup_ack_approx,
    wnd_from_tap,
    wnd_to_tap,
    seq_to_tap,
    seq_ack_from_tap,
    seq_from_tap,
    seq_ack_to_tap,
    seq_init_from_tap,
  };
}

function transferOf(numbers: Numbers, layout: number, sent: Uint8Array, received: Uint8Array): Transfer {
  const {
    seq_snd,
    seq_rcv,
    sndq,
    notsent,
    rcvq,
    mss,
    timestamp,
    snd_wl1,
    snd_wnd,
    max_window,
    rcv_wnd,
    rcv_wup,
    snd_ws,
    rcv_ws,
    tcpi_state,
    tcpi_options,
  } = numbers;
  return {
    seq_snd,
    seq_rcv,
    sndq,
    notsent,
    rcvq,
    mss,
    ...(layout === LAYOUT.v2 ? { timestamp } : {}),
    snd_wl1,
    snd_wnd,
    max_window,
    rcv_wnd,
    rcv_wup,
    snd_ws,
    rcv_ws,
    tcpi_state,
    tcpi_options,
    ...(tcpi_state === 0 ? {} : { send_queue: sent, receive_queue: received }),
  };
}

/** Contents as bytes: a stream has no holes, they are zeros. */
function bytesOf(
  spec: ContentsSpec | undefined,
  path: string,
  { readFile }: PasstOptions,
  most = MAX_QUEUES,
): Uint8Array {
  const { size, pieces } = contentsOf(spec, path, readFile);
  if (size > BigInt(most))
    throw buildError('build-value', path, `there are at most ${most} bytes, not ${size}`);
  const bytes = new Uint8Array(Number(size));
  for (const { offset, content } of pieces) {
    if (content === undefined)
      throw buildError('build-value', path, 'a stream has all its bytes: none of them can be absent');
    const from = Number(offset);
    readContent(content, 0n, bytes.subarray(from, from + Number(contentSize(content))));
  }
  return bytes;
}
