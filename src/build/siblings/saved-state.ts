/** Builds what the RFC of VFIO kept of a device: its configuration space, and the state that the PCI core saved. */
import { encode, fromHex, toHex } from '../../codec/index.js';
import {
  PciCapSavedData,
  PciSavedState,
  type SavedState,
  type VfioValue,
} from '../../formats/vfio-pci/index.js';
import { contentSize, readContent } from '../../memory/segments.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import { contentsOf } from '../handover/contents.js';
import { PieceWriter } from '../handover/contents-of.js';
import type { Describer } from '../handover/describer.js';
import type { ContentsSpec, Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { contentsShape } from '../spec/handover-shape.js';
import { boolean, field, list, needed, number, object, text, word } from '../spec/shape.js';
import { smallOf, wordOf } from '../words.js';
import { withoutZeros } from './block.js';

export interface CapabilitySpec {
  readonly cap_nr: number;
  /** Whether it is an extended one; not if not given. */
  readonly cap_extended?: boolean;
  /** Its bytes in hexadecimal, at least one. */
  readonly hex: string;
}
export interface SavedStateSpec {
  /** The first 16 words of configuration space; zeros behind those that are given. */
  readonly config_space?: readonly number[];
  readonly caps?: readonly CapabilitySpec[];
  /** Physical address. */
  readonly at?: Word;
}
export interface ConfigSpec {
  /** 256 or 4096 bytes of configuration space; 256 if not given. */
  readonly cfg_size?: number;
  readonly pci_config_map?: ContentsSpec;
  readonly vconfig?: ContentsSpec;
  /** The base addresses; zeros behind those that are given. */
  readonly rbar?: readonly number[];
  readonly saved_state?: SavedStateSpec;
}

export const configShape = object('a configuration space', 'What the RFC kept of a device', {
  cfg_size: field(number(4096), '256 or 4096 bytes; 256 if not given'),
  pci_config_map: field(contentsShape, 'which capability each byte belongs to; zeros behind it'),
  vconfig: field(contentsShape, 'the configuration space as the guest sees it; zeros behind it'),
  rbar: field(list(number(0xffffffff)), 'up to 7 base addresses'),
  saved_state: field(
    object('saved state', 'What the PCI core saved of the device', {
      config_space: field(list(number(0xffffffff)), 'up to 16 words'),
      caps: field(
        list(
          object('a saved capability', 'A capability of the device', {
            cap_nr: needed(number(0xffff), 'its number, below 0x100 unless it is extended'),
            cap_extended: field(boolean, 'false if not given'),
            hex: needed(text, 'its bytes in hexadecimal'),
          }),
        ),
        'none if not given',
      ),
      at: field(word, 'physical address'),
    }),
    'none if not given',
  ),
});

/** Bytes of the arrays that keep a configuration space. */
const MAP = 4096;
const RBARS = 7;
const WORDS = 16;
const CAP_HEADER = 7;

/** The fields of the struct that a configuration space fills. */
export interface BuiltConfig {
  readonly cfg_size: number;
  readonly pci_config_map: Uint8Array;
  readonly vconfig: Uint8Array;
  readonly rbar: readonly number[];
  /** Undefined where nothing was saved. */
  readonly state: Region | undefined;
}

export function buildConfig(spec: ConfigSpec, builder: HandoverBuilder, path: string): BuiltConfig {
  const { cfg_size = 256, saved_state } = spec;
  if (cfg_size !== 256 && cfg_size !== MAP)
    throw buildError('build-value', `${path}.cfg_size`, `a configuration space has 256 or ${MAP} bytes`);
  const bytes = (key: 'pci_config_map' | 'vconfig'): Uint8Array => {
    const where = `${path}.${key}`;
    const contents = contentsOf(spec[key], where, builder.readFile);
    if (contents.size > cfg_size)
      throw buildError('build-value', where, `it has ${contents.size} bytes, more than ${cfg_size}`);
    const out = new Uint8Array(MAP);
    for (const { offset, content } of contents.pieces)
      if (content !== undefined) {
        const from = Number(offset);
        readContent(content, 0n, out.subarray(from, from + Number(contentSize(content))));
      }
    return out;
  };
  return {
    cfg_size,
    pci_config_map: bytes('pci_config_map'),
    vconfig: bytes('vconfig'),
    rbar: wordsOf(spec.rbar, RBARS, `${path}.rbar`),
    state: saved_state === undefined ? undefined : buildState(saved_state, builder, `${path}.saved_state`),
  };
}

function wordsOf(list: readonly number[] = [], count: number, path: string): number[] {
  if (list.length > count)
    throw buildError('build-value', path, `there are ${count} of them, and ${list.length} are given`);
  return Array.from({ length: count }, (_, i) => smallOf(list[i] ?? 0, 32, `${path}[${i}]`));
}

function buildState(
  { config_space, caps = [], at }: SavedStateSpec,
  builder: HandoverBuilder,
  path: string,
): Region {
  const { abi } = builder;
  const head = encode(
    PciSavedState,
    { config_space: wordsOf(config_space, WORDS, `${path}.config_space`) },
    { abi },
  );
  const parts = caps.map(({ cap_nr, cap_extended = false, hex }, i) => {
    const where = `${path}.caps[${i}]`;
    const data = fromHex(hex.replace(/\s+/g, ''));
    // A capability of no bytes is the end of the list.
    if (data === undefined || data.length === 0)
      throw buildError('build-value', `${where}.hex`, 'this is not one or more pairs of hexadecimal digits');
    const header = {
      cap_nr: smallOf(cap_nr, cap_extended ? 16 : 8, `${where}.cap_nr`),
      cap_extended: cap_extended ? 1 : 0,
      size: data.length,
    };
    return [encode(PciCapSavedData, header, { abi }), data];
  });
  const all = [head, ...parts.flat()];
  const length = all.reduce((sum, part) => sum + part.length, 0);
  const region = builder.allocate(path, {
    // The list ends with a capability of zeros.
    size: length + CAP_HEADER,
    at: at === undefined ? undefined : wordOf(at, `${path}.at`),
  });
  builder.memory.fill(region, (bytes) => {
    let offset = 0;
    for (const part of all) {
      bytes.set(part, offset);
      offset += part.length;
    }
  });
  return region;
}

/** The configuration space of a device that was decoded; undefined where its layout has none. */
export function describeConfig(
  { cfg_size, pci_config_map, vconfig, rbar = [], pci_saved_state, pci_saved_state_phys }: VfioValue,
  describer: Describer,
  path: string,
): ConfigSpec | undefined {
  if (cfg_size === undefined) return undefined;
  const bars = withoutLast(rbar);
  const map = bytesOf(pci_config_map, describer, `${path}.pci_config_map`);
  const virtual = bytesOf(vconfig, describer, `${path}.vconfig`);
  return {
    ...(cfg_size === MAP ? { cfg_size } : {}),
    ...(map === undefined ? {} : { pci_config_map: map }),
    ...(virtual === undefined ? {} : { vconfig: virtual }),
    ...(bars.length === 0 ? {} : { rbar: bars }),
    ...(pci_saved_state === undefined
      ? {}
      : { saved_state: stateOf(pci_saved_state, pci_saved_state_phys, describer) }),
  };
}

function bytesOf(
  bytes: Uint8Array | undefined,
  describer: Describer,
  path: string,
): ContentsSpec | undefined {
  const writer = new PieceWriter(describer.inline);
  writer.add(0n, bytes ?? new Uint8Array());
  const { pieces, omitted } = writer.done();
  return describer.contents(path, { pieces: withoutZeros(pieces), omitted }).contents;
}

function stateOf(
  { config_space, caps }: SavedState,
  address: bigint | undefined,
  describer: Describer,
): SavedStateSpec {
  const words = withoutLast(config_space);
  return {
    ...(words.length === 0 ? {} : { config_space: words }),
    ...(caps.length === 0
      ? {}
      : {
          caps: caps.map(({ cap_nr, cap_extended, data }) => ({
            cap_nr,
            ...(cap_extended === 0 ? {} : { cap_extended: true }),
            hex: toHex(data),
          })),
        }),
    ...describer.at(address),
  };
}

/** Without the zeros at its end. */
function withoutLast(list: readonly number[]): readonly number[] {
  let end = list.length;
  while (end > 0 && list[end - 1] === 0) end--;
  return list.slice(0, end);
}
