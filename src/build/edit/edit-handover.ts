/** Edits of a dump: applied to an image over the dump, with what follows from them, and nothing written yet. */
import type { JSONValue } from '../../codec/index.js';
import { isCarryoverError } from '../../codec/index.js';
import { type HandoverFinding, openHandover } from '../../formats/kho/index.js';
import type { Edit, HandoverState } from '../../state/index.js';
import { impossible } from './errors.js';
import { bytesOf, type Extent, type Field } from './field.js';
import { chunkOwner, pagesInChunks } from './folio-field.js';
import { locateField } from './locate.js';
import { memberField } from './member.js';
import { type Change, OverlayImage } from './overlay-image.js';

/** One field that was changed: the old and the new value, and where they stand. */
export interface Step {
  readonly path: string;
  readonly type: string;
  /** Whether it followed from another edit. */
  readonly derived: boolean;
  readonly before: string;
  readonly after: string;
  readonly extents: readonly Extent[];
  readonly bits: Field['bits'];
  /** The bytes of the first extent. */
  readonly oldBytes: Uint8Array;
  readonly newBytes: Uint8Array;
}

export interface Edited {
  readonly steps: readonly Step[];
  /** The memory as it would be. */
  readonly image: OverlayImage;
  /** What differs, by ascending address. */
  readonly changes: readonly Change[];
}

export interface EditOptions {
  /** Leaves counts and lengths as they are, also where they do not fit any more. */
  readonly keepDerived?: boolean;
}

/**
 * Applies edits to a dump. Paths are those of the dump as it is, whatever an edit before changes; counts and
 * lengths that follow from what is set are recomputed, except those that are themselves set.
 *
 * @throws `path-unknown`, `edit-impossible`, `memory-absent`, and those of the values.
 */
export function editHandover(
  state: HandoverState,
  edits: readonly Edit[],
  { keepDerived = false }: EditOptions = {},
): Edited {
  const image = overlayOf(state);
  const steps: Step[] = [];
  for (const { path, value } of edits)
    steps.push(applied(image, locateField(state, path, value), value, keepDerived));
  if (!keepDerived) {
    const given = new Set(steps.map(({ path }) => path));
    for (const { field, value } of derivedOf(state, image, steps))
      if (!given.has(field.path)) steps.push({ ...applied(image, field, value, true), derived: true });
  }
  return { steps, image, changes: image.changes() };
}

/**
 * Writes bytes as they are, at a physical address or over what a path leads to.
 *
 * @throws `path-unknown`, `edit-impossible` where the bytes are more than the field has, `memory-absent`.
 */
export function patchHandover(state: HandoverState, at: bigint | string, bytes: Uint8Array): Edited {
  const image = overlayOf(state);
  if (bytes.length === 0) throw impossible('there are no bytes to be written');
  const place =
    typeof at === 'bigint' ? { address: at, size: bytes.length } : placeOf(state, at, bytes.length);
  const path = typeof at === 'bigint' ? `0x${at.toString(16)}` : at;
  const extent = { address: place.address, size: bytes.length };
  const oldBytes = bytesOf(image, extent, path);
  image.write(extent.address, bytes, path);
  const step: Step = {
    path,
    type: 'bytes',
    derived: false,
    before: '',
    after: '',
    extents: [extent],
    bits: undefined,
    oldBytes,
    newBytes: bytes,
  };
  return { steps: [step], image, changes: image.changes() };
}

function placeOf(state: HandoverState, path: string, length: number): Extent {
  const object = state.objects.find((candidate) => candidate.path === path);
  const extent = object ?? locateField(state, path).extents[0];
  if (extent === undefined) throw impossible(`${path} does not lie in one place`);
  if (length > extent.size)
    throw impossible(`${path} has ${extent.size} bytes, and ${length} were given; an address has no end`);
  return extent;
}

function overlayOf(state: HandoverState): OverlayImage {
  // Without memory the path is refused with the reason, by whoever locates it.
  if (state.memory === undefined) locateField(state, '');
  const base = state.memory?.image;
  if (base === undefined) throw impossible('there is no memory');
  return new OverlayImage(base);
}

function applied(image: OverlayImage, field: Field, value: JSONValue, keepDerived: boolean): Step {
  const { path, type, extents, bits } = field;
  const [first] = extents;
  if (first === undefined) throw impossible(`${path} stands nowhere`);
  const before = field.text(image);
  const oldBytes = bytesOf(image, first, path);
  field.set(image, value, { keepDerived });
  return {
    path,
    type,
    derived: false,
    before,
    after: field.text(image),
    extents,
    bits,
    oldBytes,
    newBytes: bytesOf(image, first, path),
  };
}

interface Derived {
  readonly field: Field;
  readonly value: JSONValue;
}

/** The counts that follow from what was set. */
function derivedOf(state: HandoverState, image: OverlayImage, steps: readonly Step[]): Derived[] {
  const derived = new Map<string, Derived>();
  const add = (path: string, value: JSONValue | undefined): void => {
    const field = memberField(state, path);
    if (field !== undefined && value !== undefined) derived.set(path, { field, value });
  };
  for (const { path } of steps) {
    const area = chunkOwner(path);
    if (area !== undefined) add(`${area}.total_pages`, pagesInChunks(state, image, area));
    const [, files, session] = /^((.*\.sessions\[\d+\])\.files)\.blocks\[\d+\]\.count$/.exec(path) ?? [];
    if (files !== undefined && session !== undefined)
      add(`${session}.file_set.count`, filesInBlocks(state, image, files));
  }
  return [...derived.values()];
}

/** What the blocks of a session say together. */
function filesInBlocks(state: HandoverState, image: OverlayImage, files: string): string {
  let sum = 0n;
  for (const { path, address } of state.objects) {
    if (!path.startsWith(`${files}.blocks[`)) continue;
    const count = bytesOf(image, { address: address + 8n, size: 8 }, path);
    sum += new DataView(count.buffer, count.byteOffset).getBigUint64(0, state.abi?.endian !== 'big');
  }
  return `${sum}`;
}

/** What decode finds in the edited memory and did not find before, and the other way round. */
export function findingsChanged(
  state: HandoverState,
  { image }: Edited,
): {
  readonly added: readonly HandoverFinding[];
  readonly removed: readonly HandoverFinding[];
  readonly broken?: string;
} {
  const handover = state.memory?.handover;
  if (handover === undefined) return { added: [], removed: [] };
  const { root, abi, generation, value, walk } = handover;
  try {
    const after = openHandover(image, {
      khoFdt: root.address,
      pageSize: abi.pageSize,
      forced: walk.forced,
      // Bitmaps of kho-v1 tell their size by where they are; all else says itself what it is.
      ...(generation?.map === 'radix' || generation === undefined ? {} : { generation: generation.name }),
      ...(value.scratch === undefined ? {} : { scratch: value.scratch }),
    }).findings;
    const keyOf = ({ rule, path, message }: HandoverFinding): string => `${rule}\n${path}\n${message}`;
    const old = new Set(handover.findings.map(keyOf));
    const now = new Set(after.map(keyOf));
    return {
      added: after.filter((finding) => !old.has(keyOf(finding))),
      removed: handover.findings.filter((finding) => !now.has(keyOf(finding))),
    };
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    return { added: [], removed: [], broken: error.reason };
  }
}
