/** From a stream that was read back to the spec that would build it. */
import { type ABI, CarryoverError } from '../../codec/index.js';
import { isObject } from '../../codec/slack.js';
import { type FlowRecord, TcpState, type Transfer } from '../../formats/passt/index.js';
import { ipv4, ipv6, mac } from '../../formats/text-forms.js';
import { abiToJSON, type State } from '../../state/index.js';
import type { BuildCode } from '../codes.js';
import { piecesOfBytes } from '../handover/contents-of.js';
import type { ContentsSpec } from '../handover/spec.js';
import { buildPasst, usualAddresses, usualPif, usualSizes, usualVersions } from './build.js';
import { endpointText } from './endpoints.js';
import { type FlowFacts, type Numbers, unusual } from './numbers.js';
import { type FlowSpec, type GuestAddresses, PASST_BUILDS, type PasstBuild, type PasstSpec } from './spec.js';

export interface PasstSpecOf {
  readonly spec: PasstSpec;
  /** What the spec does not say, in sentences; empty if it gives the very bytes. */
  readonly omitted: readonly string[];
}

export interface PasstSpecOptions {
  /** Bytes of each queue that are written out; 64 KiB if not given. */
  readonly inline?: number;
}
const INLINE = 64 << 10;

/**
 * The spec of a stream: built, it gives the bytes again, or `omitted` says why not.
 *
 * @throws `spec-impossible` for what is no stream of passt, and for a layout that nobody knows.
 */
export function specOfPasst(state: State, { inline = INLINE }: PasstSpecOptions = {}): PasstSpecOf {
  const { reading, wire } = state;
  const generation = PASST_BUILDS.find((name) => name === reading.generation);
  if (reading.format !== 'passt' || generation === undefined || !isObject(wire.value))
    throw new CarryoverError(
      'spec-impossible' satisfies BuildCode,
      reading.format === 'passt'
        ? `a stream of ${reading.generation} cannot be described: what it holds is not known`
        : `what can be described is a memory dump, or a stream of passt; this is ${reading.format}`,
    );
  const omitted: string[] = [];
  const { incomplete, bytes } = state;
  const { header } = wire.value;
  const flows = flowsOf(wire.value, omitted, inline);
  if (incomplete !== undefined)
    omitted.push(`what is cut off or damaged: ${incomplete.reason}; whole flows: ${flows.length}`);
  const trailing = incomplete === undefined ? bytes.subarray(wire.understood) : bytes.subarray(bytes.length);
  const spec: PasstSpec = {
    ...(generation === 'v2' ? {} : { generation }),
    ...abiOf(reading.abi),
    ...(isObject(header) ? headerOf(header, generation, reading.abi) : {}),
    ...addressesOf(wire.value.addresses, flows),
    ...(flows.length === 0 ? {} : { flows: flows.map(({ spec }) => spec) }),
    ...(trailing.length === 0 ? {} : { trailing: contentsOf(trailing, 'trailing', omitted, inline) }),
  };
  if (omitted.length === 0) noteDifference(spec, bytes, omitted);
  return { spec, omitted };
}

/** Bytes that no key tells, such as those that a header has no use for. */
function noteDifference(spec: PasstSpec, bytes: Uint8Array, omitted: string[]): void {
  const again = buildPasst(spec);
  const length = Math.max(again.length, bytes.length);
  let first: number | undefined;
  let count = 0;
  for (let i = 0; i < length; i++)
    if (again[i] !== bytes[i]) {
      first ??= i;
      count++;
    }
  if (first !== undefined)
    omitted.push(
      `${count === 1 ? 'a byte that no spec can say' : `${count} bytes that no spec can say, the first`} at offset ${first}`,
    );
}

function abiOf(abi: ABI | undefined): Pick<PasstSpec, 'abi'> {
  const json = abiToJSON(abi);
  if (typeof json === 'string') return json === 'x86_64' ? {} : { abi: json };
  if (!isObject(json)) return {};
  const { like, ...parts } = json;
  const list = Object.entries(parts).flatMap(([part, value]) =>
    typeof value === 'object' ? [] : [`${part}=${String(value)}`],
  );
  return { abi: [String(like), ...list].join(',') };
}

function headerOf(
  header: Readonly<Record<string, unknown>>,
  generation: PasstBuild,
  abi: ABI | undefined,
): PasstSpec {
  const usual = usualVersions(generation);
  const sizes = abi === undefined ? undefined : usualSizes(abi);
  const { version, compat_version, flow_size, flow_sidx_size } = header;
  const unless = <K extends keyof PasstSpec>(key: K, value: unknown, usually: number | undefined) =>
    typeof value !== 'number' || value === usually ? {} : { [key]: value };
  return {
    ...unless('version', version, usual.version),
    ...unless('compat_version', compat_version, usual.compat),
    ...unless('flow_size', flow_size, sizes?.flow),
    ...unless('flow_sidx_size', flow_sidx_size, sizes?.sidx),
  };
}

function addressesOf(addresses: unknown, flows: readonly FlowOf[]): Pick<PasstSpec, 'addresses'> {
  if (!isObject(addresses)) return {};
  const usual = usualAddresses(flows.map(({ guest }) => guest));
  const forms = { addr4: ipv4, addr6: ipv6, addr6_ll: ipv6, mac } as const;
  const given: { -readonly [K in keyof GuestAddresses]: string } = {};
  for (const name of ['addr4', 'addr6', 'addr6_ll', 'mac'] as const) {
    const bytes = addresses[name];
    const text = bytes instanceof Uint8Array ? forms[name].print(bytes) : undefined;
    if (text !== undefined && text !== usual[name]) given[name] = text;
  }
  return Object.keys(given).length === 0 ? {} : { addresses: given };
}

interface FlowOf {
  readonly spec: FlowSpec;
  readonly guest: Uint8Array;
}

/** The flows that are there as a whole. */
function flowsOf(
  { records, transfers }: Readonly<Record<string, unknown>>,
  omitted: string[],
  inline: number,
): FlowOf[] {
  if (!Array.isArray(records) || !Array.isArray(transfers)) return [];
  const flows: FlowOf[] = [];
  for (const [i, record] of records.entries()) {
    const transfer: unknown = transfers[i];
    if (!isRecord(record) || !isTransfer(transfer)) break;
    flows.push(flowOf(record, transfer, `flows[${i}]`, omitted, inline));
  }
  return flows;
}
function isRecord(value: unknown): value is FlowRecord {
  // A lenient decode leaves out what is not there; this is the last field.
  return isObject(value) && value.seq_init_from_tap !== undefined;
}
function isTransfer(value: unknown): value is Transfer {
  if (!isObject(value) || value.tcpi_options === undefined) return false;
  const { tcpi_state, send_queue, sndq, receive_queue, rcvq } = value;
  return tcpi_state === 0 || (isQueue(send_queue, sndq) && isQueue(receive_queue, rcvq));
}

function isQueue(queue: unknown, length: unknown): boolean {
  return queue instanceof Uint8Array && queue.length === length;
}

function flowOf(
  record: FlowRecord,
  transfer: Transfer,
  path: string,
  omitted: string[],
  inline: number,
): FlowOf {
  const [first, second] = record.side;
  const [p0 = 0, p1 = 0] = record.pif;
  if (first === undefined || second === undefined) throw new TypeError('a flow has two sides');
  // What interfaces say nothing of is taken for what peers began, and its interfaces are given.
  const outbound = p0 === 2;
  const [host, tap] = outbound ? [second, first] : [first, second];
  const usual = usualPif(outbound);
  const { send_queue = NONE, receive_queue = NONE } = transfer;
  const facts: FlowFacts = {
    outbound,
    guest: tap.eaddr,
    sent: send_queue.length,
    received: receive_queue.length,
  };
  const { side: _side, pif: _pif, ...recordNumbers } = record;
  const { send_queue: _sent, receive_queue: _received, ...transferNumbers } = transfer;
  // Both together have all the numbers of a flow, but for the timestamp that version 1 has not.
  const numbers = numbersOf({ ...recordNumbers, ...transferNumbers }, facts);
  const remote = endpointText({ address: host.eaddr, port: host.eport });
  const local = endpointText({ address: host.oaddr, port: host.oport });
  const guest = endpointText({ address: tap.eaddr, port: tap.eport });
  const seen = endpointText({ address: tap.oaddr, port: tap.oport });
  const { tcpi_state, ...others } = numbers;
  const spec: FlowSpec = {
    ...(outbound ? { direction: 'outbound' } : {}),
    local,
    remote,
    ...(guest === local ? {} : { guest }),
    ...(seen === remote ? {} : { seen }),
    ...(p0 === usual[0] && p1 === usual[1] ? {} : { pif: [p0, p1] }),
    ...(tcpi_state === undefined ? {} : { tcpi_state: stateText(tcpi_state) }),
    ...others,
    ...(send_queue.length === 0
      ? {}
      : { send_queue: contentsOf(send_queue, `${path}.send_queue`, omitted, inline) }),
    ...(receive_queue.length === 0
      ? {}
      : { receive_queue: contentsOf(receive_queue, `${path}.receive_queue`, omitted, inline) }),
  };
  return { spec, guest: tap.eaddr };
}
const NONE = new Uint8Array();

function numbersOf(
  fields: Omit<Numbers, 'timestamp'> & { readonly timestamp?: number },
  facts: FlowFacts,
): Partial<Numbers> {
  const { timestamp } = fields;
  const { timestamp: _unused, ...given } = unusual({ ...fields, timestamp: timestamp ?? 0 }, facts);
  if (timestamp === undefined) return given;
  return unusual({ ...fields, timestamp }, facts);
}

const STATES: ReadonlyMap<number, string> = new Map(
  Object.entries(TcpState.members).map(([name, value]) => [Number(value), name.replace(/^TCP_/, '')]),
);
function stateText(state: number): string | number {
  return STATES.get(state) ?? state;
}

function contentsOf(bytes: Uint8Array, path: string, omitted: string[], inline: number): ContentsSpec {
  const told = piecesOfBytes(bytes, inline);
  if (told.omitted > 0n)
    omitted.push(`${told.omitted} bytes of ${path}: there is too much of it for a spec; they become zeros`);
  const pieces = told.pieces.map((piece) =>
    'absent' in piece
      ? { ...(piece.at === undefined ? {} : { at: piece.at }), size: piece.size ?? 0n, fill: 'zeros' }
      : piece,
  );
  const [first] = pieces;
  // A text alone needs no list.
  if (pieces.length === 1 && first !== undefined && 'text' in first && first.size === undefined)
    return first.text;
  return pieces;
}
