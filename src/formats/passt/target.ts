/**
 * What passt's releases do with a merged stream, as the target of a migration: a model that reads the bytes
 * in the order in which the source reads them and stops where it stops.
 *
 * The outcome of a migration is the u64 that passt answers to vhost-user's CHECK_DEVICE_STATE. A flow that
 * cannot be restored is reset (RST to the guest and to the peer) and does not make the migration fail.
 * Observed on 2025_02_17, 2025_05_03 and 2026_07_28 with malformed streams; see `fixtures/passt/README.md`.
 */
import { isV4Mapped } from '../text-forms.js';
import { deviceState, ERRNO, type Errno } from './errno.js';
import {
  COUNT_OFFSET,
  EXT_SIZE,
  FLOW_MAX,
  HEADER_SIZE,
  MAGIC,
  QUEUE_MAX,
  RECORD_SIZE,
  RECORDS_OFFSET,
} from './schema.js';
import { type ExtSize, type ExtSteps, otherSizeFits, stepsAt } from './walk.js';

/** A class of releases that treat streams alike, named by the first of them. */
export interface TargetRelease {
  readonly name: string;
  /** Which releases these are, as the subject of a sentence. */
  readonly title: string;
  /** The one version that it implements. */
  readonly version: 1 | 2;
  readonly extSize: ExtSize;
  /** Whether a missing passt-repair makes the migration fail; else every flow is reset. */
  readonly helperFailureFatal: boolean;
  /**
   * Whether sockets are bound as flow records are read, and a flow whose socket fails then is taken out of the
   * table, so that later extended records meet the wrong flow (mended by 52419a6).
   */
  readonly cancelsFlows: boolean;
}

export const RELEASES: readonly TargetRelease[] = Object.freeze([
  {
    name: '2025_02_17',
    title: 'passt 2025_02_17',
    version: 1,
    extSize: EXT_SIZE[1],
    helperFailureFatal: false,
    cancelsFlows: true,
  },
  {
    name: '2025_03_20',
    title: 'passt 2025_03_20 and later, before 2025_06_04',
    version: 2,
    extSize: EXT_SIZE[2],
    helperFailureFatal: false,
    cancelsFlows: false,
  },
  {
    name: '2025_06_04',
    title: 'passt 2025_06_04 and later',
    version: 2,
    extSize: EXT_SIZE[2],
    helperFailureFatal: true,
    cancelsFlows: false,
  },
]);

/** The release whose behaviour holds for a date such as `2025_05_03`: the last class that began by then. */
export function releaseOf(date: string): TargetRelease {
  const found = [...RELEASES].reverse().find((release) => release.name <= date);
  return found ?? V1_RELEASE;
}
export const V1_RELEASE: TargetRelease = releaseAt(0);
export const NEWEST_RELEASE: TargetRelease = releaseAt(RELEASES.length - 1);
function releaseAt(index: number): TargetRelease {
  const release = RELEASES[index];
  if (release === undefined) throw new RangeError(`there is no release ${index}`);
  return release;
}

/** What the bytes do not say about the machine that they come to. */
export interface TargetSurroundings {
  /** passt-repair is connected (the default), did not connect, or was ruled out with `--repair-path none`. */
  readonly helper?: 'connected' | 'missing' | 'none';
  /** Whether an address (16 bytes) is one of the machine's own. Left out: all are, but for obvious mistakes. */
  readonly isLocal?: (address: Uint8Array) => boolean;
  /** Sockets that it may open for flows (RLIMIT_NOFILE). Left out: enough. */
  readonly sockets?: number;
}

export type Fate =
  /** Restored and going on. */
  | 'resumed'
  /** RST to guest and peer; the migration goes on. */
  | 'reset'
  /** No socket could be had. */
  | 'dropped'
  /** Created, but the migration failed before its extended record was dealt with. */
  | 'half-built'
  /** Given the extended record of another flow. */
  | 'misattached';

export interface FlowFate {
  readonly fate: Fate;
  /** What the kernel said, where it was the kernel. */
  readonly errno: Errno | undefined;
  readonly because: string | undefined;
}

export interface LoadVerdict {
  readonly release: TargetRelease;
  readonly end: 'loaded' | 'failed' | 'killed' | 'out-of-bounds';
  /** Answer to CHECK_DEVICE_STATE; undefined where passt does not live to answer, or what it does is undefined. */
  readonly result: bigint | undefined;
  readonly errno: Errno | undefined;
  readonly because: string;
  /** Where reading ended, and in the middle of what: a path in the presented value. */
  readonly offset: number;
  readonly path: string;
  /** Flows that were created, in the order of the stream. */
  readonly flows: readonly FlowFate[];
  /** Why what was read is not what was meant; undefined where nothing speaks for that. */
  readonly desynchronised: string | undefined;
  /** Bytes that were never read. */
  readonly unread: number;
}

const RESUMED: FlowFate = Object.freeze({ fate: 'resumed', errno: undefined, because: undefined });
const HALF_BUILT: FlowFate = Object.freeze({
  fate: 'half-built',
  errno: undefined,
  because: 'the migration failed before its turn',
});
const SKIPPED: FlowFate = Object.freeze({
  fate: 'reset',
  errno: undefined,
  because: 'the source could not dump it and said so (state 0)',
});

/** Loads a merged stream as that release does. Takes any bytes. */
export function load(
  bytes: Uint8Array,
  release: TargetRelease = NEWEST_RELEASE,
  surroundings: TargetSurroundings = {},
): LoadVerdict {
  return new Load(bytes, release, surroundings).run();
}

type Stop = Pick<LoadVerdict, 'end' | 'result' | 'errno' | 'because' | 'offset' | 'path'>;

class Load {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly release: TargetRelease;
  readonly surroundings: TargetSurroundings;
  readonly flows: FlowFate[] = [];
  /** Bytes read so far. */
  at = 0;
  desynchronised: string | undefined;

  constructor(bytes: Uint8Array, release: TargetRelease, surroundings: TargetSurroundings) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.release = release;
    this.surroundings = surroundings;
  }

  run(): LoadVerdict {
    const stop = this.header() ?? this.body();
    return {
      release: this.release,
      ...stop,
      flows: this.flows,
      desynchronised: this.desynchronised,
      unread: Math.max(0, this.bytes.length - this.at),
    };
  }

  stop(end: LoadVerdict['end'], errno: Errno | undefined, path: string, because: string, sign = 1): Stop {
    const number = errno === undefined ? 0 : ERRNO[errno] * sign;
    const result = end === 'loaded' || end === 'failed' ? deviceState(number) : undefined;
    return { end, result, errno, because, offset: Math.min(this.at, this.bytes.length), path };
  }
  /** Reads on; a stop where the stream ends before. */
  take(size: number, path: string, among = ''): Stop | undefined {
    if (this.at + size > this.bytes.length)
      return this.stop(
        'failed',
        'ENODATA',
        path,
        `the stream ends ${byteCount(this.at + size - this.bytes.length)} before the end of ${path}${among}`,
      );
    this.at += size;
    return undefined;
  }

  header(): Stop | undefined {
    const short = this.take(HEADER_SIZE, 'header');
    if (short !== undefined) return short;
    const version = this.view.getUint32(8);
    const compat = this.view.getUint32(12);
    const magic = this.view.getBigUint64(0);
    if (magic !== MAGIC) {
      this.at = 0;
      return this.stop(
        'failed',
        'EINVAL',
        'header.magic',
        `the magic number is 0x${magic.toString(16).padStart(16, '0')}, not 0x${MAGIC.toString(16)}`,
      );
    }
    if (version === 0 || compat === 0) {
      this.at = version === 0 ? 8 : 12;
      return this.stop(
        'failed',
        'EINVAL',
        version === 0 ? 'header.version' : 'header.compat_version',
        `${version === 0 ? 'version' : 'compat_version'} is 0, which is invalid`,
      );
    }
    const own = this.release.version;
    if (compat > own || own > version) {
      this.at = compat > own ? 12 : 8;
      return this.stop(
        'failed',
        'ENOTSUP',
        compat > own ? 'header.compat_version' : 'header.version',
        `it implements version ${own} only, and the header has version ${version}, compat_version ${compat}`,
      );
    }
    return undefined;
  }

  body(): Stop {
    const cut = this.take(COUNT_OFFSET - HEADER_SIZE, 'addresses') ?? this.take(4, 'flow_count');
    if (cut !== undefined) return cut;
    const count = this.view.getUint32(COUNT_OFFSET);
    if (count === 0) return this.stop('loaded', undefined, '', 'there are no flows');
    const helper = this.surroundings.helper ?? 'connected';
    if (helper !== 'connected' && this.release.helperFailureFatal)
      return this.stop(
        'failed',
        helper === 'missing' ? 'EAGAIN' : 'ENOENT',
        'flows',
        helper === 'missing'
          ? 'passt-repair did not connect, and there are flows'
          : 'passt-repair is ruled out, and there are flows',
        // The source returns the errno with the wrong sign.
        -1,
      );
    return this.records(count) ?? this.transfers(count);
  }

  /** First all flow records: for each, an entry in the table and a socket. */
  records(count: number): Stop | undefined {
    for (let i = 0; i < Math.min(count, FLOW_MAX); i++) {
      const record = this.at;
      const cut = this.take(RECORD_SIZE, `flows[${i}]`, ` (flow_count is ${count})`);
      if (cut !== undefined) return cut;
      if (this.bytes[record] === 0 || this.bytes[record + 1] === 0) {
        this.at = record;
        return this.stop(
          'killed',
          undefined,
          `flows[${i}].pif`,
          'an assertion fails (a flow without an interface), and seccomp kills passt as it aborts',
        );
      }
      this.flows.push(this.socketFate(record, i));
    }
    return undefined;
  }

  /** What becomes of a flow before its extended record is read. */
  socketFate(record: number, index: number): FlowFate {
    const { helper, sockets } = this.surroundings;
    if (sockets !== undefined && index >= sockets)
      return { fate: 'dropped', errno: undefined, because: 'no more sockets can be opened (RLIMIT_NOFILE)' };
    if (helper === 'missing' || helper === 'none')
      return {
        fate: 'reset',
        errno: undefined,
        because: 'its socket cannot be put in repair mode without passt-repair',
      };
    return (this.release.cancelsFlows ? this.bindFate(record) : undefined) ?? HALF_BUILT;
  }

  /** bind() of the HOST side's address; undefined if it works. */
  bindFate(record: number): FlowFate | undefined {
    const sides = sidesOf(this.bytes, record);
    if (isV4Mapped(sides.host.oaddr) !== isV4Mapped(sides.tap.oaddr))
      return {
        fate: 'reset',
        errno: 'EAFNOSUPPORT',
        because: 'its socket has the address family of the TAP side, and the HOST side has the other',
      };
    const { isLocal } = this.surroundings;
    if (isLocal === undefined ? sidesSwapped(this.bytes, record) : !isLocal(sides.host.oaddr))
      return {
        fate: 'reset',
        errno: 'EADDRNOTAVAIL',
        because: 'the address of the HOST side is not one of the machine',
      };
    return undefined;
  }

  /** Then all extended records, each with its queues. */
  transfers(count: number): Stop {
    const { extSize } = this.release;
    if (otherSizeFits(this.view, extSize))
      this.desynchronised = `it takes extended records to have ${extSize} bytes, and these seem to have ${extSize === 48 ? 52 : 48}`;
    if (count > FLOW_MAX) {
      this.desynchronised = `records beyond the ${FLOW_MAX}th are not read, and taken for extended records`;
      return this.stop(
        'out-of-bounds',
        undefined,
        'flow_count',
        `it has room for ${FLOW_MAX} flows, and goes on beyond its table for ${count}`,
      );
    }
    // In the release that cancels flows the following ones move up, each to the place of the one before.
    let cancelled = 0;
    const places: number[] = [];
    for (let i = 0; i < this.flows.length; i++)
      if (this.release.cancelsFlows && this.flows[i]?.fate === 'reset' && this.flows[i]?.errno !== undefined)
        cancelled++;
      else places.push(i);
    for (let i = 0; i < count; i++) {
      const ext = this.at;
      const cut = this.take(extSize, `flows[${i}].ext`, ` (flow_count is ${count})`);
      if (cut !== undefined) return cut;
      const steps = stepsAt(this.view, ext, extSize);
      const failed = steps.state === 0 ? undefined : this.queues(steps, i);
      if (failed !== undefined) return failed;
      const place = places[i];
      if (place === undefined) continue;
      const before = this.flows[place];
      if (before === undefined || before !== HALF_BUILT) continue;
      this.flows[place] =
        place === i
          ? this.fateOf(i, steps)
          : {
              fate: 'misattached',
              errno: undefined,
              because: `it is given the extended record of flow ${i}`,
            };
    }
    if (cancelled > 0)
      this.desynchronised = `${cancelled} flows whose sockets failed are taken out of the table, and the extended records of later flows meet the wrong ones`;
    return this.stop('loaded', undefined, '', 'all records were read');
  }

  /** What becomes of a flow whose extended record and queues were read. */
  fateOf(index: number, steps: ExtSteps): FlowFate {
    if (steps.state === 0) return SKIPPED;
    const bound = this.release.cancelsFlows ? undefined : this.bindFate(RECORDS_OFFSET + index * RECORD_SIZE);
    return bound ?? extFate(this.view, steps, this.release.extSize);
  }

  queues(steps: ExtSteps, i: number): Stop | undefined {
    const invalid = (name: string, offset: number, because: string): Stop => {
      this.at = steps.at + offset;
      return this.stop('failed', 'EINVAL', `flows[${i}].ext.${name}`, because);
    };
    const limit = `a queue has at most ${QUEUE_MAX} bytes`;
    if (steps.sndq > QUEUE_MAX) return invalid('sndq', 8, `${limit}, not ${steps.sndq}`);
    if (steps.notsent > steps.sndq)
      return invalid(
        'notsent',
        12,
        `notsent is ${steps.notsent}, more than the ${byteCount(steps.sndq)} of the send queue (sndq)`,
      );
    if (steps.rcvq > QUEUE_MAX) return invalid('rcvq', 16, `${limit}, not ${steps.rcvq}`);
    return (
      this.take(steps.sndq, `flows[${i}].send_queue`) ?? this.take(steps.rcvq, `flows[${i}].receive_queue`)
    );
  }
}

function byteCount(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}

/** A side of a flow record in the bytes. */
interface Side {
  readonly oaddr: Uint8Array;
  readonly eaddr: Uint8Array;
}

/**
 * Which side passt takes for which, as it does: the second one if its interface says so, else the first. Both
 * can be the same side.
 */
export function sidesOf(bytes: Uint8Array, record: number): { host: Side; tap: Side } {
  const side = (index: number): Side => {
    const at = record + 2 + 36 * index;
    return { oaddr: bytes.subarray(at, at + 16), eaddr: bytes.subarray(at + 16, at + 32) };
  };
  const second = bytes[record + 1];
  return { host: side(second === 1 ? 1 : 0), tap: side(second === 2 ? 1 : 0) };
}

/**
 * Whether HOST and TAP seem to be confused: the HOST side's peer is the guest, as the addresses at the front of
 * the stream have it, and the TAP side's is not. bind() then asks for the peer's address.
 */
export function sidesSwapped(bytes: Uint8Array, record: number): boolean {
  const { host, tap } = sidesOf(bytes, record);
  return isGuest(bytes, host.eaddr) && !isGuest(bytes, tap.eaddr);
}
function isGuest(stream: Uint8Array, address: Uint8Array): boolean {
  const same = (from: number, size: number): boolean => {
    let any = 0;
    for (let i = 0; i < size; i++) {
      const byte = stream[from + i] ?? 0;
      if (byte !== address[16 - size + i]) return false;
      any |= byte;
    }
    return any !== 0;
  };
  return isV4Mapped(address)
    ? same(HEADER_SIZE + 32, 4)
    : same(HEADER_SIZE, 16) || same(HEADER_SIZE + 16, 16);
}

/** What becomes of a flow whose socket is bound: what the kernel takes in repair mode. */
function extFate(view: DataView, steps: ExtSteps, extSize: ExtSize): FlowFate {
  const { at } = steps;
  const tail = at + extSize;
  const snd_ws = view.getUint8(tail - 4);
  const rcv_ws = view.getUint8(tail - 3);
  if (snd_ws > 14 || rcv_ws > 14)
    return {
      fate: 'reset',
      errno: 'EFBIG',
      because: 'TCP_REPAIR_OPTIONS takes window scales up to 14',
    };
  const broken = windowFault({
    rcv_nxt: (view.getUint32(at + 4) + steps.rcvq) >>> 0,
    snd_wl1: view.getUint32(tail - 24),
    snd_wnd: view.getUint32(tail - 20),
    max_window: view.getUint32(tail - 16),
    rcv_wnd: view.getUint32(tail - 12),
    rcv_wup: view.getUint32(tail - 8),
  });
  return broken === undefined
    ? RESUMED
    : { fate: 'reset', errno: 'EINVAL', because: `TCP_REPAIR_WINDOW refuses ${WINDOW_FAULTS[broken]}` };
}

/** What the kernel compares when TCP_REPAIR_WINDOW is set. */
export interface RepairWindow {
  /** The next sequence number expected, after the receive queue was put back. */
  readonly rcv_nxt: number;
  readonly snd_wl1: number;
  readonly snd_wnd: number;
  readonly max_window: number;
  readonly rcv_wnd: number;
  readonly rcv_wup: number;
}
export type WindowFault = 'max_window' | 'snd_wl1' | 'rcv_wup';
const WINDOW_FAULTS: Record<WindowFault, string> = {
  max_window: 'a max_window below snd_wnd',
  snd_wl1: 'a snd_wl1 after the receive window',
  rcv_wup: 'a rcv_wup after the next sequence number expected',
};
/** The first thing that the kernel refuses about a window, in its order; undefined if it takes it. */
export function windowFault(window: RepairWindow): WindowFault | undefined {
  return windowFaults(window)[0];
}
/** All that is wrong with a window. */
export function windowFaults(window: RepairWindow): WindowFault[] {
  const { rcv_nxt, snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup } = window;
  const faults: WindowFault[] = [];
  if (max_window < snd_wnd) faults.push('max_window');
  if (after(snd_wl1, (rcv_nxt + rcv_wnd) >>> 0)) faults.push('snd_wl1');
  if (after(rcv_wup, rcv_nxt)) faults.push('rcv_wup');
  return faults;
}
/** Whether a sequence number is after another, modulo 2^32. */
export function after(a: number, b: number): boolean {
  return ((b - a) | 0) < 0;
}

/** What the release with the placeholder (2025_01_21) answers: it reads six bytes once and compares text. */
export function loadPlaceholder(bytes: Uint8Array): bigint {
  const text = 'PASST';
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return deviceState(-1);
  return bytes[5] === 0 ? 0n : deviceState(-1);
}
