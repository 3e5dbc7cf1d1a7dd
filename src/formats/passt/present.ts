/**
 * How people want to see a stream: a merged one as a list of flows, each with its record, its extended record
 * and its queues together. On the wire all records come first.
 */
import { isObject } from '../../codec/slack.js';
import type { PathPart } from '../format.js';

const QUEUES: ReadonlySet<PathPart> = new Set(['send_queue', 'receive_queue']);

/**
 * The wire value as people see it. Takes what a lenient decode gives, so anything may be missing, and the JSON
 * of a value as well: parts are only moved.
 */
export function present(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { records, transfers, ...shown } = value;
  if (Array.isArray(records) || Array.isArray(transfers))
    shown.flows = flowsOf(Array.isArray(records) ? records : [], Array.isArray(transfers) ? transfers : []);
  return shown;
}

function flowsOf(records: readonly unknown[], transfers: readonly unknown[]): unknown[] {
  return Array.from({ length: Math.max(records.length, transfers.length) }, (_, i) => {
    const flow: Record<string, unknown> = {};
    if (isObject(records[i])) Object.assign(flow, records[i]);
    const transfer = transfers[i];
    if (!isObject(transfer)) return flow;
    const { send_queue, receive_queue, ...ext } = transfer;
    flow.ext = ext;
    if (send_queue !== undefined) flow.send_queue = send_queue;
    if (receive_queue !== undefined) flow.receive_queue = receive_queue;
    return flow;
  });
}

/**
 * The wire value of a presented one. What does not belong there is passed on for the encoder to refuse with
 * its place. A queue that is empty may be left out, and is when the record says "skip".
 */
export function absent(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { flows, ...wire } = value;
  if (flows === undefined) return wire;
  wire.records = Array.isArray(flows) ? flows.map(recordOf) : flows;
  wire.transfers = Array.isArray(flows) ? flows.map(transferOf) : flows;
  return wire;
}

function recordOf(flow: unknown): unknown {
  if (!isObject(flow)) return flow;
  const { ext: _ext, send_queue: _sent, receive_queue: _received, ...record } = flow;
  return record;
}
function transferOf(flow: unknown): unknown {
  if (!isObject(flow)) return flow;
  const { ext } = flow;
  if (ext === undefined) return {};
  if (!isObject(ext)) return ext;
  const transfer: Record<string, unknown> = { ...ext };
  const skipped = ext.tcpi_state === 'SKIP' || Number(ext.tcpi_state) === 0;
  for (const name of ['send_queue', 'receive_queue']) {
    const queue = flow[name] ?? emptyLike(flow);
    if (!skipped || !isEmpty(queue)) transfer[name] = queue;
  }
  return transfer;
}

/** No bytes, as this value has bytes: in an array, or in JSON as hex digits. */
function emptyLike(flow: Record<string, unknown>): unknown {
  const side: unknown = Array.isArray(flow.side) ? flow.side[0] : undefined;
  return isObject(side) && typeof side.oaddr === 'string' ? '' : new Uint8Array(0);
}
function isEmpty(queue: unknown): boolean {
  return (queue instanceof Uint8Array || typeof queue === 'string') && queue.length === 0;
}

/** Where a part of the wire value is in the presented one. */
export function presentPath(path: readonly PathPart[]): readonly PathPart[] {
  const [first, index, name, ...others] = path;
  if (first === 'records') return ['flows', ...path.slice(1)];
  if (first !== 'transfers') return path;
  if (index === undefined) return ['flows'];
  if (name === undefined) return ['flows', index, 'ext'];
  return QUEUES.has(name) ? ['flows', index, name, ...others] : ['flows', index, 'ext', name, ...others];
}

/** Where a part of the presented value is in the wire value. */
export function wirePath(path: readonly PathPart[]): readonly PathPart[] {
  const [first, index, name, ...others] = path;
  if (first !== 'flows') return path;
  if (index !== undefined && name === 'ext') return ['transfers', index, ...others];
  if (index !== undefined && name !== undefined && QUEUES.has(name))
    return ['transfers', index, name, ...others];
  return ['records', ...path.slice(1)];
}
