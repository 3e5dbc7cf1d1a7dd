/** Preserved blocks of which it is only known that something points at them, and what they hold. */
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import { contentsOf, slice } from '../handover/contents.js';
import { piecesOfMemory } from '../handover/contents-of.js';
import type { Describer } from '../handover/describer.js';
import type { ContentsSpec, PieceSpec, Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { contentsShape } from '../spec/handover-shape.js';
import { field, object, word } from '../spec/shape.js';
import { wordOf } from '../words.js';

export interface BlockSpec {
  /** In bytes; as long as the contents if not given, at least a page. */
  readonly size?: Word;
  /** Physical address. */
  readonly at?: Word;
  /** Zeros behind them. */
  readonly contents?: ContentsSpec;
}
export const blockShape = object('a block', 'Preserved pages, a power of two of them', {
  size: field(word, 'in bytes; as long as the contents if not given, at least a page'),
  at: field(word, 'physical address'),
  contents: field(contentsShape, 'what they hold; zeros behind it'),
});

export function buildBlock(spec: BlockSpec, builder: HandoverBuilder, path: string): Region {
  const contents = contentsOf(spec.contents, `${path}.contents`, builder.readFile);
  const size = spec.size === undefined ? contents.size : wordOf(spec.size, `${path}.size`);
  if (size < contents.size)
    throw buildError(
      'build-value',
      `${path}.size`,
      `the contents have ${contents.size} bytes, more than ${size}`,
    );
  return builder.memory.region({
    label: path,
    size,
    at: spec.at === undefined ? undefined : wordOf(spec.at, `${path}.at`),
    preserve: 'block',
    parts: [...slice(contents, 0n, size)],
  });
}

/** The preserved block at an address. */
export function describeBlock(address: bigint, describer: Describer, path: string): BlockSpec {
  const { walk } = describer.handover;
  const order = (walk.isAligned(address) ? walk.map.blockAt(walk.pfn(address)) : undefined) ?? 0;
  const size = BigInt(walk.pageSize) << BigInt(order);
  const { pieces, omitted } = piecesOfMemory(walk.image, address, size, describer.inline);
  const kept = withoutZeros(pieces);
  return {
    ...(order === 0 ? {} : { size }),
    ...describer.at(address),
    ...describer.contents(path, { pieces: kept, omitted }),
  };
}

/** Without zeros at the end, which are there anyway. */
export function withoutZeros(pieces: readonly PieceSpec[]): readonly PieceSpec[] {
  const last = pieces[pieces.length - 1];
  if (last === undefined) return pieces;
  const before = pieces.slice(0, -1);
  if ('fill' in last) return last.fill === 'zeros' ? withoutZeros(before) : pieces;
  if ('text' in last || 'hex' in last) {
    const { size: _, ...rest } = last;
    return [...before, rest];
  }
  return pieces;
}
