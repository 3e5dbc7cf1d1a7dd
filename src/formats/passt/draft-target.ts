/**
 * What a target of the January 2025 draft does with a header, step by step in the order of its source. The
 * version is looked up before the magic number is compared, and sizes of structs are stored unchecked.
 */
import type { Endian } from '../../codec/index.js';
import { DRAFT_SIZE, MAGIC_SWAPPED_TYPO } from './draft-schema.js';
import { ERRNO } from './errno.js';
import { MAGIC, MAGIC_SWAPPED } from './schema.js';

export interface DraftTarget {
  /** Byte order of the machine that the target runs on. */
  readonly endian: Endian;
  /** The two later revisions, which had a mistake in the byte-reversed magic number. */
  readonly typo?: boolean;
}

export type DraftStep = 'read' | 'version' | 'magic' | 'voidp_size' | 'time_t_size';

export interface DraftVerdict {
  /** Positive, as passt stores it; 0 where the header is accepted. */
  readonly errno: 0 | typeof ERRNO.ENODATA | typeof ERRNO.ENOTSUP;
  /** The step that failed. */
  readonly step: DraftStep | undefined;
  readonly because: string;
  /** Whether the source's byte order is the other one; known once the magic number was compared. */
  readonly swapped: boolean | undefined;
  /**
   * The errno is the intended one. The search in the table of versions ends at its terminator only for
   * version 0; for any other unknown version it runs on beyond the table.
   */
  readonly undefinedBehaviour: boolean;
  /** What the target goes on with, if it accepts the header. */
  readonly accepted:
    | {
        readonly pointerSize: number;
        readonly timeSize: number;
        readonly flow_size: number;
        readonly flow_sidx_size: number;
      }
    | undefined;
}

/** The verdict of a draft's target on these bytes. */
export function draftVerdict(bytes: Uint8Array, target: DraftTarget): DraftVerdict {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let swapped: boolean | undefined;
  const refuse = (
    step: DraftStep,
    because: string,
    errno: DraftVerdict['errno'] = ERRNO.ENOTSUP,
    undefinedBehaviour = false,
  ): DraftVerdict => ({ errno, step, because, swapped, undefinedBehaviour, accepted: undefined });

  if (view.byteLength < DRAFT_SIZE)
    return refuse('read', `it reads ${DRAFT_SIZE} bytes, and there are ${view.byteLength}`, ERRNO.ENODATA);
  const version = view.getUint32(8);
  if (version !== 1)
    return refuse(
      'version',
      version === 0
        ? 'version 0 meets the end of the table of versions'
        : `version ${version} is not in the table of versions, and the search runs on beyond it`,
      ERRNO.ENOTSUP,
      version !== 0,
    );
  const magic = view.getBigUint64(0, target.endian === 'little');
  if (magic === MAGIC) swapped = false;
  else if (magic === (target.typo === true ? MAGIC_SWAPPED_TYPO : MAGIC_SWAPPED)) swapped = true;
  else
    return refuse(
      'magic',
      `the magic number reads 0x${magic.toString(16).padStart(16, '0')} on a ${target.endian}-endian machine`,
    );
  const pointerSize = view.getUint32(12);
  if (pointerSize !== 4 && pointerSize !== 8)
    return refuse('voidp_size', `a pointer of ${pointerSize} bytes is neither 32 nor 64 bits wide`);
  const timeSize = view.getUint32(16);
  if (timeSize !== 4 && timeSize !== 8)
    return refuse('time_t_size', `a time_t of ${timeSize} bytes is neither 32 nor 64 bits wide`);
  return {
    errno: 0,
    step: undefined,
    because: swapped ? 'all probes hold; the source has the other byte order' : 'all probes hold',
    swapped,
    undefinedBehaviour: false,
    accepted: { pointerSize, timeSize, flow_size: view.getUint32(20), flow_sidx_size: view.getUint32(24) },
  };
}
