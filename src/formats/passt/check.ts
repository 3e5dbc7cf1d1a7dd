/** Everything that must hold of a stream, and what its receiver does where it does not. */
import { firstNonZero } from '../../codec/bytes.js';
import {
  ABI,
  type ABI as ABIType,
  type Path,
  type Plan,
  pathText,
  planOf,
  type Schema,
} from '../../codec/index.js';
import { isObject } from '../../codec/slack.js';
import type { Finding, Reading } from '../format.js';
import { checkExt, checkRecord, type FlowPlace } from './check-flow.js';
import { flowCount, outcomeText } from './describe.js';
import { DRAFT_FIELDS_SIZE, DRAFT_SIZE } from './draft-schema.js';
import { type DraftStep, type DraftVerdict, draftVerdict } from './draft-target.js';
import { deviceStateText, ERRNO } from './errno.js';
import { Findings } from './findings.js';
import { findGeneration, type PasstGeneration } from './generations.js';
import { findPortOrder } from './port-order.js';
import type { RuleName } from './rules.js';
import {
  COUNT_OFFSET,
  EXT_SIZE,
  FLOW_MAX,
  type FlowRecord,
  HEADER_SIZE,
  LAYOUT,
  RECORD_SIZE,
  RECORDS_OFFSET,
  TcpTapTransfer,
  TcpTapTransferExtV1,
  TcpTapTransferExtV2,
  type Transfer,
} from './schema.js';
import {
  type LoadVerdict,
  load,
  loadPlaceholder,
  NEWEST_RELEASE,
  sidesSwapped,
  type TargetRelease,
  V1_RELEASE,
} from './target.js';
import { type ExtSize, otherSize, otherSizeFits, skippedSeemToHaveQueues } from './walk.js';

/** More flows than this meet the usual limit of open files. */
const USUAL_OPEN_FILES = 1024;

/** Findings about a wire value; it may have holes. */
export function check(value: unknown, reading: Reading, bytes: Uint8Array): Finding[] {
  const findings = new Findings();
  const generation = findGeneration(reading.generation);
  if (generation !== undefined) checkers[generation.family](value, reading, generation, bytes, findings);
  return findings.done();
}

type Checker = (
  value: unknown,
  reading: Reading,
  generation: PasstGeneration,
  bytes: Uint8Array,
  findings: Findings,
) => void;

const checkers: Record<PasstGeneration['family'], Checker> = {
  placeholder: (_value, _reading, _generation, bytes, findings) => {
    const result = loadPlaceholder(bytes);
    if (result !== 0n)
      findings.add(
        'placeholder-mismatch',
        'magic',
        0,
        `Release 2025_01_21 answers ${deviceStateText(result)}: it reads six bytes and wants "PASST".`,
      );
    else if (bytes.length > 6)
      findings.add(
        'trailing-bytes',
        '',
        6,
        `The target does not read the ${bytes.length - 6} bytes after the first six.`,
      );
    addNeverReleased(bytes, findings);
  },
  draft: (_value, reading, generation, bytes, findings) => {
    checkDraft(reading.abi, generation.name === 'draft-typo', bytes, findings);
    addNeverReleased(bytes, findings);
  },
  passty: (value, _reading, _generation, bytes, findings) => {
    checkPassty(value, findings);
    addNeverReleased(bytes, findings);
  },
  merged: (value, reading, generation, bytes, findings) => {
    if (generation.name.startsWith('skeleton')) {
      addNeverReleased(bytes, findings);
      if (isObject(value)) checkAddresses(value.addresses, findings);
    } else checkMerged(value, reading, generation, bytes, findings);
  },
};

function addNeverReleased(bytes: Uint8Array, findings: Findings): void {
  findings.add('never-released', '', undefined, `${NEWEST_RELEASE.title} ${outcomeText(load(bytes))}.`);
}

// --- merged ------------------------------------------------------------------------------------------------

/** The release that a generation is meant for. */
export function receiverOf(generation: PasstGeneration): TargetRelease {
  return generation.name.startsWith('v1') ? V1_RELEASE : NEWEST_RELEASE;
}

function checkMerged(
  value: unknown,
  reading: Reading,
  generation: PasstGeneration,
  bytes: Uint8Array,
  findings: Findings,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const receiver = receiverOf(generation);
  const verdict = load(bytes, receiver);
  addVerdict(verdict, findings);
  if (generation.name === 'v1' && verdict.end === 'loaded')
    findings.add(
      'v1-only',
      'header.version',
      8,
      `${V1_RELEASE.title} ${outcomeText(verdict)}. Every later one ${outcomeText(load(bytes))}.`,
    );
  if (generation.name === 'newer')
    findings.add(
      'newer-version',
      'header.version',
      8,
      `The version is ${bytes.length >= 12 ? view.getUint32(8) : 'not there'}: a target reads the stream as version 2.`,
    );
  if (generation.layout === undefined) return;
  const extSize = generation.layout === LAYOUT.v2 ? EXT_SIZE[2] : EXT_SIZE[1];
  checkStructure(view, verdict, extSize, findings);
  if (!isObject(value)) return;
  checkAddresses(value.addresses, findings);
  checkFlows(value, bytes, extSize, findings);
  checkPortOrder(reading, generation, view, findings);
}

/** What the target stopped at, if it did. */
function addVerdict(verdict: LoadVerdict, findings: Findings): void {
  const rule = ruleOfVerdict(verdict);
  if (rule !== undefined)
    findings.add(rule, verdict.path, verdict.offset, `${verdict.release.title} ${outcomeText(verdict)}.`);
  if (verdict.end === 'loaded' && verdict.unread > 0)
    findings.add(
      'trailing-bytes',
      '',
      verdict.offset,
      `The target does not read the last ${verdict.unread === 1 ? 'byte' : `${verdict.unread} bytes`} and answers 0x0 all the same.`,
    );
}

function ruleOfVerdict({ end, errno, path }: LoadVerdict): RuleName | undefined {
  if (end !== 'failed') return undefined;
  if (errno === 'ENODATA') return 'truncated';
  if (errno === 'ENOTSUP') return 'version-unsupported';
  if (path === 'header.magic') return 'magic';
  if (path.startsWith('header.')) return 'version-zero';
  return path.endsWith('.notsent') ? 'notsent-over-sndq' : 'queue-over-limit';
}

function checkStructure(view: DataView, verdict: LoadVerdict, extSize: ExtSize, findings: Findings): void {
  if (view.byteLength < RECORDS_OFFSET) return;
  const count = view.getUint32(COUNT_OFFSET);
  if (count > FLOW_MAX)
    findings.add(
      'count-over-flow-max',
      'flow_count',
      COUNT_OFFSET,
      verdict.end === 'out-of-bounds'
        ? `${verdict.release.title} ${outcomeText(verdict)}.`
        : `A target has room for ${FLOW_MAX} flows, not for ${count}. It fails before it gets there, or writes beyond its table.`,
    );
  else if (count > USUAL_OPEN_FILES)
    findings.add(
      'open-files',
      'flow_count',
      COUNT_OFFSET,
      `${flowCount(count)} take as many sockets. A target that may not open so many drops the rest.`,
    );
  if (otherSizeFits(view, extSize))
    findings.add(
      'ext-of-other-version',
      'flows[0].ext',
      RECORDS_OFFSET + count * RECORD_SIZE,
      `The stream ends where the input does only if extended records have ${otherSize(extSize)} bytes, not ${extSize}. A target goes by the version and reads each record ${Math.abs(otherSize(extSize) - extSize)} bytes further off.`,
    );
  else if (skippedSeemToHaveQueues(view, extSize))
    findings.add(
      'skip-with-queue',
      'flows',
      RECORDS_OFFSET + count * RECORD_SIZE,
      'The stream ends where the input does only if a record that says "skip" (state 0) has queue bytes after it. A target reads the next record from them.',
    );
}

function checkAddresses(addresses: unknown, findings: Findings): void {
  if (!isObject(addresses)) return;
  const { addr6_ll, mac } = addresses;
  if (addr6_ll instanceof Uint8Array && addr6_ll.some((byte) => byte !== 0)) {
    const [first = 0, second = 0] = addr6_ll;
    if (first !== 0xfe || (second & 0xc0) !== 0x80)
      findings.add(
        'addr6-ll',
        'addresses.addr6_ll',
        HEADER_SIZE + 16,
        'The address is not in fe80::/10. The target takes it over.',
      );
  }
  if (mac instanceof Uint8Array && ((mac[0] ?? 0) & 1) !== 0 && mac.some((byte) => byte !== 0xff))
    findings.add(
      'mac-multicast',
      'addresses.mac',
      HEADER_SIZE + 36,
      'The guest cannot have a group address. The target takes it over and sends frames there.',
    );
}

function checkFlows(
  value: Record<string, unknown>,
  bytes: Uint8Array,
  extSize: ExtSize,
  findings: Findings,
): void {
  const records = Array.isArray(value.records) ? (value.records as readonly unknown[]) : [];
  const transfers = Array.isArray(value.transfers) ? (value.transfers as readonly unknown[]) : [];
  const offsets = fieldOffsets();
  const tuples = new Map<string, number>();
  let ext = RECORDS_OFFSET + records.length * RECORD_SIZE;
  for (let i = 0; i < Math.max(records.length, transfers.length); i++) {
    const at = RECORDS_OFFSET + i * RECORD_SIZE;
    const extAt = ext;
    const place: FlowPlace = {
      index: i,
      record: (field) => offsetIn(offsets.record, field, at),
      ext: (field) => offsetIn(offsets.ext[extSize], field, extAt),
    };
    const record = completeRecord(records[i]);
    if (record !== undefined) {
      checkRecord(record, place, sidesSwapped(bytes, at), findings);
      checkTuples(bytes, at, record.pif, i, tuples, findings);
    }
    const transfer = completeTransfer(transfers[i]);
    if (transfer === undefined) continue;
    checkExt(transfer, record, place, findings);
    ext += extSize + (transfer.send_queue?.length ?? 0) + (transfer.receive_queue?.length ?? 0);
  }
}

/** A record of which all fields were decoded: the last one is there. */
function completeRecord(record: unknown): FlowRecord | undefined {
  // Records are decoded with the schema whose value FlowRecord is; a lenient decode only leaves fields out.
  return isObject(record) && record.seq_init_from_tap !== undefined ? (record as FlowRecord) : undefined;
}
function completeTransfer(transfer: unknown): Transfer | undefined {
  // As above, for the extended record, whose last field is tcpi_options.
  return isObject(transfer) && transfer.tcpi_options !== undefined ? (transfer as Transfer) : undefined;
}

/** No two flows have the same addresses and ports on the HOST side, nor on the TAP side. */
function checkTuples(
  bytes: Uint8Array,
  record: number,
  pif: readonly number[],
  index: number,
  seen: Map<string, number>,
  findings: Findings,
): void {
  for (const [i, side] of pif.entries()) {
    if (side !== 1 && side !== 2) continue;
    const at = record + 2 + 36 * i;
    const key = `${side}${Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + 36))}`;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, index);
    else if (before !== index)
      findings.add(
        side === 1 ? 'duplicate-host' : 'duplicate-tap',
        `flows[${index}].side[${i}]`,
        at,
        `Flow ${before} has the same addresses and ports on the ${side === 1 ? 'HOST' : 'TAP'} side. The target restores both.`,
      );
  }
}

function checkPortOrder(
  reading: Reading,
  generation: PasstGeneration,
  view: DataView,
  findings: Findings,
): void {
  if (view.byteLength < RECORDS_OFFSET + RECORD_SIZE || view.getUint32(COUNT_OFFSET) === 0) return;
  const found = findPortOrder(view, generation.layout === LAYOUT.v1 ? EXT_SIZE[1] : undefined);
  const at = RECORDS_OFFSET + 34;
  if (found.by === 'default')
    findings.add(
      'port-order',
      'flows[0].side[0].oport',
      at,
      `Nothing tells the byte order; they are read as ${reading.abi?.endian ?? 'little'}-endian. A target takes its own.`,
    );
  else if (reading.abi !== undefined && reading.abi.endian !== found.endian)
    findings.add(
      'port-order-forced',
      'flows[0].side[0].oport',
      at,
      `The ports are read as ${reading.abi.endian}-endian, against the evidence: ${found.because.join('; ')}.`,
    );
}

/** Offsets in a packed struct of everything in it, by paths: `side[1].oport`. */
function offsetsOf(schema: Schema): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  const walk = (plan: Plan, path: Path, at: number): void => {
    offsets.set(pathText(path), at);
    if (plan.kind === 'struct')
      for (const item of plan.segments[0]?.items ?? [])
        if (item.item === 'field') walk(item.plan, [...path, item.key], at + item.offset);
    if (plan.kind === 'array' && plan.length.length === 'fixed')
      for (let i = 0; i < plan.length.count; i++)
        walk(plan.element, [...path, i], at + i * (plan.element.size ?? 0));
  };
  walk(planOf(schema, ABI.x86_64), [], 0);
  return offsets;
}
function offsetIn(offsets: ReadonlyMap<string, number>, field: string, base: number): number | undefined {
  const offset = offsets.get(field);
  return offset === undefined ? undefined : base + offset;
}

/** Made when first asked for: importing a module computes nothing. */
interface Offsets {
  readonly record: ReadonlyMap<string, number>;
  readonly ext: Readonly<Record<ExtSize, ReadonlyMap<string, number>>>;
}
let known: Offsets | undefined;
function fieldOffsets(): Offsets {
  known ??= {
    record: offsetsOf(TcpTapTransfer),
    ext: { 48: offsetsOf(TcpTapTransferExtV1), 52: offsetsOf(TcpTapTransferExtV2) },
  };
  return known;
}

// --- drafts ------------------------------------------------------------------------------------------------

const DRAFT_RULES: Record<DraftStep, { rule: RuleName; path: string; offset: number }> = {
  read: { rule: 'draft-truncated', path: 'header', offset: 0 },
  version: { rule: 'draft-version', path: 'header.version', offset: 8 },
  magic: { rule: 'draft-magic', path: 'header.magic', offset: 0 },
  voidp_size: { rule: 'draft-voidp-size', path: 'header.voidp_size', offset: 12 },
  time_t_size: { rule: 'draft-time-size', path: 'header.time_t_size', offset: 16 },
};

/** A draft has no release to be its receiver: its own target is asked, on a machine of the same byte order. */
function checkDraft(abi: ABIType | undefined, typo: boolean, bytes: Uint8Array, findings: Findings): void {
  const endian = abi?.endian ?? 'little';
  const verdict = draftVerdict(bytes, { endian, typo });
  if (verdict.step !== undefined) {
    const { rule, path, offset } = DRAFT_RULES[verdict.step];
    findings.add(
      rule,
      path,
      verdict.step === 'read' ? bytes.length : offset,
      `A target of the draft ${draftText(verdict)}.`,
    );
  }
  if (typo)
    findings.add(
      'draft-typo',
      'header.magic',
      0,
      `A target of the other byte order ${draftText(draftVerdict(bytes, { endian: endian === 'little' ? 'big' : 'little', typo }))}.`,
    );
  if (bytes.length < DRAFT_FIELDS_SIZE) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flow = view.getUint32(20);
  if (flow !== 120 && flow !== 128)
    findings.add(
      'draft-flow-size',
      'header.flow_size',
      20,
      `union flow is said to have ${flow} bytes, not 120 or 128. A target stores that unchecked.`,
    );
  const sidx = view.getUint32(24);
  if (sidx !== 3 && sidx !== 4)
    findings.add(
      'draft-sidx-size',
      'header.flow_sidx_size',
      24,
      `struct flow_sidx is said to have ${sidx} bytes, not 4. A target stores that unchecked.`,
    );
  const dirty = firstNonZero(bytes, DRAFT_FIELDS_SIZE, Math.min(bytes.length, DRAFT_SIZE));
  if (dirty >= 0)
    findings.add(
      'draft-unused',
      'header.unused',
      dirty,
      `Unused bytes of the header are not zero, the first at 0x${dirty.toString(16)}. A target does not look at them.`,
    );
  if (bytes.length > DRAFT_SIZE)
    findings.add(
      'draft-trailing',
      '',
      DRAFT_SIZE,
      `A target of the seed draft leaves the last ${bytes.length - DRAFT_SIZE} bytes unread.`,
    );
}

/** `accepts the header`, or `answers ENOTSUP (95): …`. */
export function draftText(verdict: DraftVerdict): string {
  if (verdict.errno === 0) return `accepts the header: ${verdict.because}`;
  return `answers ${verdict.errno === ERRNO.ENODATA ? 'ENODATA' : 'ENOTSUP'} (${verdict.errno}): ${verdict.because}${
    verdict.undefinedBehaviour ? ', so that what it really does is undefined' : ''
  }`;
}

function checkPassty(value: unknown, findings: Findings): void {
  const header = isObject(value) ? value.header : undefined;
  if (!isObject(header)) return;
  const wrong = (field: string, offset: number, what: string): void =>
    findings.add(
      'passty-header',
      `header.${field}`,
      offset,
      `${what}. What the target of that revision did is not known.`,
    );
  if (header.endian !== undefined && header.endian !== 0x12345678)
    wrong('endian', 16, 'The endianness tag is 0x12345678 in neither byte order');
  for (const [field, offset] of [
    ['time_t_size', 20],
    ['voidp_size', 32],
  ] as const)
    if (header[field] !== undefined && header[field] !== 4 && header[field] !== 8)
      wrong(field, offset, `${field} is ${String(header[field])}, neither 4 nor 8`);
}
