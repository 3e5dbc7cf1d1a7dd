/** From specs of streams to cases: what all of passt's generations share. */
import { RULES } from '../../formats/passt/rules.js';
import { buildPasst } from '../passt/build.js';
import type { FlowSpec, PasstBuild, PasstSpec } from '../passt/spec.js';
import { findingOf } from './stream.js';
import type { Case, ExpectedFinding, Made } from './types.js';

/** Generations that begin as others do and say nothing about themselves. */
export const SAID: ReadonlySet<PasstBuild> = new Set<PasstBuild>([
  'draft-typo',
  'skeleton-header',
  'skeleton-addresses',
  'v1-28772ee',
  'v1-cfb3740',
]);

/** Those that carry flows. */
export const MERGED: readonly PasstBuild[] = ['v1', 'v1-28772ee', 'v1-cfb3740', 'v2', 'newer'];
export const DRAFTS: readonly PasstBuild[] = ['draft', 'draft-typo'];
/** Those of which no release was. A day's version 1 with other records looks like a released one. */
export const UNRELEASED: readonly PasstBuild[] = [
  'placeholder',
  'draft',
  'draft-typo',
  'passty',
  'skeleton-header',
  'skeleton-addresses',
];

/** A stream: a spec, and perhaps a change to what is built of it. */
export interface StreamPlan {
  readonly spec: PasstSpec;
  readonly edit?: (bytes: Uint8Array) => Uint8Array;
  /** As which it has to be opened, where that is not what its generation takes; null for as nothing. */
  readonly as?: string | null;
  readonly forcedABI?: string;
}

export function streamOf(generation: PasstBuild, { spec, edit, as, forcedABI }: StreamPlan): Made {
  const built = buildPasst({ generation, ...spec });
  const said = as === undefined ? (SAID.has(generation) ? `passt@${generation}` : null) : as;
  return {
    kind: 'bytes',
    bytes: edit === undefined ? built : edit(built),
    ...(said === null ? {} : { as: said }),
    ...(forcedABI === undefined ? {} : { forcedABI }),
  };
}

/** The name of an ABI as part of a name: `i386-timeSize-8`. */
export function abiWord(abi: string): string {
  return abi.replace(/[^A-Za-z0-9_]+/g, '-');
}

export function caseOf(
  generation: PasstBuild,
  abi: string,
  about: { readonly name: string; readonly covers: string },
  inherent: readonly ExpectedFinding[],
  plan: () => StreamPlan,
): Case {
  return {
    name: `${generation}-${abiWord(abi)}-${about.name}`,
    covers: about.covers,
    generation,
    abi,
    ...(inherent.length === 0 ? {} : { inherent }),
    make: () => {
      const planned = plan();
      const spec = abi === 'x86_64' ? planned.spec : { abi, ...planned.spec };
      return streamOf(generation, { ...planned, spec });
    },
  };
}

export function passtFinding(rule: string, path: string): ExpectedFinding {
  return findingOf(RULES, rule, path);
}

const NEVER_RELEASED = passtFinding('passt/never-released', '');
const TYPO = passtFinding('passt/draft-typo', 'header.magic');
const V1_ONLY = passtFinding('passt/v1-only', 'header.version');
const NEWER = passtFinding('passt/newer-version', 'header.version');
const TRAILING = passtFinding('passt/trailing-bytes', '');

/**
 * What is found in every sound stream of a generation. Version 1 with the records of version 2 ends too late for
 * the one release of version 1, as soon as it has flows. `loads`: whether a target takes the stream.
 */
export function inherentOf(generation: PasstBuild, flows: number, loads = true): readonly ExpectedFinding[] {
  if (UNRELEASED.includes(generation))
    return generation === 'draft-typo' ? [NEVER_RELEASED, TYPO] : [NEVER_RELEASED];
  if (generation === 'newer') return [NEWER];
  if (generation === 'v1' && loads) return [V1_ONLY];
  return generation === 'v1-cfb3740' && flows > 0 && loads ? [TRAILING] : [];
}

/** The shortest inbound flow: an SSH server in the guest. */
export const INBOUND: FlowSpec = { local: '192.0.2.2:22', remote: '192.0.2.1:40000' };
/** The shortest outbound flow: the guest asks a web server. */
export const OUTBOUND: FlowSpec = {
  direction: 'outbound',
  guest: '192.0.2.2:40000',
  remote: '198.51.100.9:443',
};
export const INBOUND_V6: FlowSpec = { local: '[2001:db8::2]:22', remote: '[2001:db8::1]:40000' };
export const OUTBOUND_V6: FlowSpec = {
  direction: 'outbound',
  guest: '[2001:db8::2]:40000',
  remote: '[2001:db8:1::9]:443',
};

/** The same flow many times over, each from another port of the peer. */
export function variants(numbers: readonly Partial<FlowSpec>[], base: FlowSpec = INBOUND): FlowSpec[] {
  return numbers.map((given, i) => ({
    ...base,
    remote: base.remote.replace(/\d+$/, String(40000 + i)),
    ...given,
  }));
}

const HEADER = 62;
const RECORD = 112;
/** Offsets in a record of the last bytes of an inbound IPv4 flow's peer: as HOST's endpoint, and as TAP's own. */
const PEERS = [2 + 16 + 12, 38 + 12];

/** A stream of many inbound flows from one of a flow without queues; each has a peer of its own. */
export function multiplied(stream: Uint8Array, count: number): Uint8Array {
  const record = stream.subarray(HEADER, HEADER + RECORD);
  const ext = stream.subarray(HEADER + RECORD);
  const all = new Uint8Array(HEADER + count * (RECORD + ext.length));
  const view = new DataView(all.buffer);
  all.set(stream.subarray(0, HEADER));
  view.setUint32(HEADER - 4, count);
  for (let i = 0; i < count; i++) {
    const at = HEADER + i * RECORD;
    all.set(record, at);
    // 10.0.0.0/8 has room for all of them.
    for (const peer of PEERS) view.setUint32(at + peer, 0x0a000001 + i);
    all.set(ext, HEADER + count * RECORD + i * ext.length);
  }
  return all;
}
