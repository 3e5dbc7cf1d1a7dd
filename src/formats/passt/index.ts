/** passt's migration stream: every generation of it, what it says, and what a target does with it. */
import {
  ABI,
  type ABI as ABIType,
  CarryoverError,
  isCarryoverError,
  negotiate,
  type Params,
  type ProbeStep,
  planOf,
  withParts,
} from '../../codec/index.js';
import type { Format, FormatOptions, Reading } from '../format.js';
import { check, draftText, receiverOf } from './check.js';
import { outcomeText } from './describe.js';
import { DRAFT_TYPES, FlowSidx } from './draft-schema.js';
import { draftVerdict } from './draft-target.js';
import { deviceStateText } from './errno.js';
import { findGeneration, GENERATIONS, generationOf, type PasstGeneration } from './generations.js';
import { PASST_MEANING } from './meaning.js';
import { findPortOrder } from './port-order.js';
import { absent, present, presentPath, wirePath } from './present.js';
import { MAGIC_BYTES, recognise } from './recognise.js';
import { RULES } from './rules.js';
import { EXT_SIZE, LAYOUT, MERGED_TYPES } from './schema.js';
import { load, loadPlaceholder, NEWEST_RELEASE, RELEASES } from './target.js';

export * from './draft-schema.js';
export { type DraftStep, type DraftTarget, type DraftVerdict, draftVerdict } from './draft-target.js';
export { deviceStateText, ERRNO, type Errno } from './errno.js';
export type { GenerationName, PasstGeneration } from './generations.js';
export { findPortOrder, type PortOrder } from './port-order.js';
export * from './schema.js';
export {
  type Fate,
  type FlowFate,
  type LoadVerdict,
  load,
  loadPlaceholder,
  NEWEST_RELEASE,
  RELEASES,
  releaseOf,
  type TargetRelease,
  type TargetSurroundings,
  V1_RELEASE,
} from './target.js';

export const passt: Format = Object.freeze({
  name: 'passt',
  title: "passt's migration stream (state of the TCP connections of a guest)",
  generations: GENERATIONS,
  rules: RULES,
  types: Object.freeze({ ...MERGED_TYPES, ...DRAFT_TYPES }),
  meaning: PASST_MEANING,
  recognise,
  reading,
  present,
  absent,
  presentPath,
  wirePath,
  check,
  verdict,
});

/** Chooses the generation by the first bytes, then the ABI by what that generation tells of it. */
function reading(bytes: Uint8Array, options: FormatOptions): Reading {
  const because: string[] = [];
  let generation: PasstGeneration;
  if (options.generation === undefined) {
    const recognised = recognise(bytes);
    generation = (recognised && findGeneration(recognised.generation)) ?? generationOf('v2');
    because.push(
      ...(recognised?.because ?? ['nothing in the bytes is of passt; they are read as its newest version']),
    );
  } else {
    const forced = findGeneration(options.generation);
    if (forced === undefined)
      throw new CarryoverError('generation-unknown', `passt has no generation ${options.generation}`, {
        expected: `one of ${GENERATIONS.map(({ name }) => name).join(', ')}`,
        found: options.generation,
      });
    generation = forced;
    because.push(`the generation ${generation.name} was asked for`);
  }
  const found = findABI(bytes, generation, options.abi);
  const params: Params = generation.layout === undefined ? {} : { layout: generation.layout };
  return {
    format: 'passt',
    generation: generation.name,
    schema: generation.schema,
    abi: found.abi,
    params,
    because: [...because, ...found.because],
    probes: found.probes,
  };
}

interface FoundABI {
  readonly abi: ABIType | undefined;
  readonly because: readonly string[];
  readonly probes: readonly ProbeStep[];
}

function findABI(bytes: Uint8Array, generation: PasstGeneration, forced: ABIType | undefined): FoundABI {
  switch (generation.family) {
    case 'placeholder':
      return { abi: undefined, because: [], probes: [] };
    case 'merged':
      return generation.layout === undefined
        ? { abi: undefined, because: [], probes: [] }
        : portABI(bytes, generation.layout, forced);
    case 'draft':
    case 'passty':
      return negotiatedABI(bytes, generation, forced);
  }
}

/** Of a merged stream the ABI decides the byte order of ports (and of version 1's MSS) and nothing else. */
function portABI(bytes: Uint8Array, layout: number, forced: ABIType | undefined): FoundABI {
  if (forced !== undefined)
    return {
      abi: forced,
      because: [`ports are ${forced.endian}-endian, because the ABI ${forced.name} was asked for`],
      probes: [],
    };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = findPortOrder(view, layout === LAYOUT.v1 ? EXT_SIZE[1] : undefined);
  return { abi: order.endian === 'big' ? ABI.s390x : ABI.x86_64, because: order.because, probes: [] };
}

function negotiatedABI(
  bytes: Uint8Array,
  generation: PasstGeneration,
  forced: ABIType | undefined,
): FoundABI {
  if (forced !== undefined)
    return { abi: forced, because: [`the ABI ${forced.name} was asked for`], probes: [] };
  try {
    const { abi, steps, candidates } = negotiate(generation.schema, bytes);
    const because = steps.map((step) => step.because);
    const chosen = bySidx(bytes, generation, abi, candidates) ?? abi;
    if (chosen !== abi) because.push(`${chosen.name}, because only there struct flow_sidx has 3 bytes`);
    else if (candidates.length > 1)
      because.push(
        `taken for ${abi.name}; ${candidates.filter((name) => name !== abi.name).join(', ')} would fit as well`,
      );
    return { abi: chosen, because, probes: steps };
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    const abi = guessABI(bytes, generation);
    return {
      abi,
      because: [`the ABI cannot be found, and ${abi.name} is taken: ${error.reason}`],
      probes: [],
    };
  }
}

/** A header that decides not everything is shown all the same, with what it does decide. */
function guessABI(bytes: Uint8Array, generation: PasstGeneration): ABIType {
  const passty = generation.family === 'passty';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizeAt = (at: number): number | undefined => {
    const size = at + 4 <= bytes.length ? view.getUint32(at) : undefined;
    return size === 4 || size === 8 ? size : undefined;
  };
  // The magic number, or the endianness tag: in the order in which it is less damaged.
  const big = passty
    ? closerForwards(bytes.subarray(16, 20), ENDIAN_TAG_BYTES)
    : closerForwards(bytes.subarray(0, 8), MAGIC_BYTES);
  const narrow = sizeAt(passty ? 32 : 12) === 4;
  const abi = big ? (narrow ? ABI.powerpc : ABI.s390x) : narrow ? ABI.i386 : ABI.x86_64;
  const timeSize = sizeAt(passty ? 20 : 16);
  return timeSize === undefined || timeSize === abi.timeSize
    ? abi
    : withParts(abi, { timeSize: timeSize === 4 ? 4 : 8 });
}

/** Whether more bytes are those of a number in big-endian order than in little-endian order. */
function closerForwards(bytes: Uint8Array, wanted: Uint8Array): boolean {
  let more = 0;
  for (let i = 0; i < wanted.length; i++)
    more += Number(bytes[i] === wanted[i]) - Number(bytes[i] === wanted[wanted.length - 1 - i]);
  return more > 0;
}
const ENDIAN_TAG_BYTES = Uint8Array.of(0x12, 0x34, 0x56, 0x78);

/** The size of flow_sidx gives m68k away, where bit-fields do not align their struct. */
function bySidx(
  bytes: Uint8Array,
  generation: PasstGeneration,
  abi: ABIType,
  candidates: readonly string[],
): ABIType | undefined {
  const at = generation.family === 'draft' ? 24 : 28;
  if (bytes.length < at + 4) return undefined;
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
  if (planOf(FlowSidx, abi).size === size || !candidates.includes(ABI.m68k.name)) return undefined;
  if (size !== planOf(FlowSidx, ABI.m68k).size) return undefined;
  return abi.timeSize === ABI.m68k.timeSize ? ABI.m68k : withParts(ABI.m68k, { timeSize: abi.timeSize });
}

/** What targets make of it, a line for each that matters. */
function verdict(_value: unknown, reading: Reading, bytes: Uint8Array): readonly string[] {
  const generation = findGeneration(reading.generation);
  if (generation === undefined) return [];
  switch (generation.family) {
    case 'placeholder':
      return [`passt 2025_01_21 answers ${deviceStateText(loadPlaceholder(bytes))}`, newest(bytes)];
    case 'draft': {
      const typo = generation.name === 'draft-typo';
      const own = reading.abi?.endian ?? 'little';
      const other = own === 'little' ? 'big' : 'little';
      return [
        `a target of the draft on a ${own}-endian machine ${draftText(draftVerdict(bytes, { endian: own, typo }))}`,
        `a target of the draft on a ${other}-endian machine ${draftText(draftVerdict(bytes, { endian: other, typo }))}`,
        newest(bytes),
      ];
    }
    case 'passty':
      return ['what a target of that revision does is not known', newest(bytes)];
    case 'merged': {
      const receiver = receiverOf(generation);
      const own = load(bytes, receiver);
      const told = outcomeText(own);
      const lines = [`${receiver.title} ${told}`];
      if (own.desynchronised !== undefined) lines.push(`it is out of step: ${own.desynchronised}`);
      for (const release of RELEASES) {
        if (release === receiver || (release !== NEWEST_RELEASE && receiver !== NEWEST_RELEASE)) continue;
        const outcome = outcomeText(load(bytes, release));
        if (outcome !== told) lines.push(`${release.title} ${outcome}`);
      }
      return lines;
    }
  }
}
function newest(bytes: Uint8Array): string {
  return `${NEWEST_RELEASE.title} ${outcomeText(load(bytes))}`;
}
