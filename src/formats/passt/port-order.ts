/**
 * In which byte order a merged stream has its ports. passt copies them from memory, and nothing in the stream
 * says what machine that was: a target restores whatever it reads, on wrong ports if need be. So the order is
 * chosen by evidence, and the choice says what it rests on.
 */
import type { Endian } from '../../codec/index.js';
import { RECORD_SIZE, RECORDS_OFFSET } from './schema.js';
import { bodyEnd, type ExtSize, stepsAt } from './walk.js';

export interface PortOrder {
  readonly endian: Endian;
  /** What decided: the MSS of version 1, the ports themselves, or nothing. */
  readonly by: 'mss' | 'ports' | 'default';
  readonly because: readonly string[];
}

/** So many flows are looked at; more would not make it clearer. */
const SAMPLE = 1024;
/** Offsets in a flow record of the ports that whoever opened the connection was given by its system. */
const EPHEMERAL_PORTS = [36, 70] as const;
/** Offsets of the ports that were connected to. */
const SERVICE_PORTS = [34, 72] as const;
/** Services above the privileged range that are met often. */
const SERVICES: ReadonlySet<number> = new Set([
  1433, 1521, 1883, 2049, 3000, 3128, 3306, 3389, 5000, 5201, 5432, 5672, 5900, 6379, 6443, 7777, 8000, 8080,
  8443, 8888, 9000, 9090, 9092, 9200, 10000, 10001, 11211, 27017,
]);

/** Finds the order. `hostMss` is the size of extended records whose MSS is in host order, if they are such. */
export function findPortOrder(view: DataView, hostMss: ExtSize | undefined): PortOrder {
  return (
    (hostMss === undefined ? undefined : byMss(view, hostMss)) ??
    byPorts(view) ?? {
      endian: 'little',
      by: 'default',
      because: [
        view.byteLength >= RECORDS_OFFSET && view.getUint32(RECORDS_OFFSET - 4) === 0
          ? 'there are no flows, so the byte order of ports does not matter'
          : 'ports are taken to be little-endian: nothing in the stream tells',
      ],
    }
  );
}

/** Version 1 has its MSS in host order: one of the two readings is no MSS that TCP could have. */
function byMss(view: DataView, extSize: ExtSize): PortOrder | undefined {
  if (bodyEnd(view, extSize) === undefined) return undefined;
  const count = view.getUint32(RECORDS_OFFSET - 4);
  const votes = { little: 0, big: 0 };
  let example: number | undefined;
  let at = RECORDS_OFFSET + count * RECORD_SIZE;
  for (let i = 0; i < Math.min(count, SAMPLE); i++) {
    const steps = stepsAt(view, at, extSize);
    if (steps.state !== 0) {
      const little = view.getUint32(at + 20, true);
      const big = view.getUint32(at + 20, false);
      if (isMss(little) !== isMss(big)) {
        votes[isMss(little) ? 'little' : 'big']++;
        example ??= isMss(little) ? little : big;
      }
    }
    at = steps.end;
  }
  if (votes.little === votes.big || example === undefined) return undefined;
  const endian = votes.little > votes.big ? 'little' : 'big';
  return {
    endian,
    by: 'mss',
    because: [
      `ports are ${endian}-endian, because the MSS of version 1, which has the same order, is only then a possible one (${example})`,
    ],
  };
}
function isMss(value: number): boolean {
  return value >= 1 && value <= 65535;
}

/** Who opens a connection has a port from the ephemeral range; what it connects to mostly has a lower one. */
function byPorts(view: DataView): PortOrder | undefined {
  const room = Math.floor((view.byteLength - RECORDS_OFFSET) / RECORD_SIZE);
  if (room < 1) return undefined;
  const flows = Math.min(view.getUint32(RECORDS_OFFSET - 4), room, SAMPLE);
  const score = { little: 0, big: 0 };
  const sample: string[] = [];
  for (let i = 0; i < flows; i++) {
    const record = RECORDS_OFFSET + i * RECORD_SIZE;
    for (const endian of ['little', 'big'] as const) {
      const port = (at: number): number => view.getUint16(record + at, endian === 'little');
      for (const at of EPHEMERAL_PORTS) score[endian] += ephemeral(port(at));
      for (const at of SERVICE_PORTS) score[endian] += service(port(at));
      if (i === 0) sample.push(`${port(36)} to ${port(34)} read as ${endian}-endian`);
    }
  }
  if (score.little === score.big) return undefined;
  const endian = score.little > score.big ? 'little' : 'big';
  const sure = Math.abs(score.little - score.big) >= 3 * flows ? 'clearly' : 'slightly';
  return {
    endian,
    by: 'ports',
    because: [
      `ports are taken to be ${endian}-endian, because so they are ${sure} more like the ports of clients and services (first flow: ${sample.join(', ')}); the stream itself does not say`,
    ],
  };
}
function ephemeral(port: number): number {
  if (port >= 32768 && port <= 60999) return 3;
  if (port > 60999) return 2;
  return port >= 1024 ? 1 : -1;
}
function service(port: number): number {
  if (port === 0) return -1;
  if (port < 1024 || SERVICES.has(port)) return 3;
  return port < 32768 ? 1 : 0;
}
