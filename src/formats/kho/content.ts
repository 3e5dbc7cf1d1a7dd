/** The content of a preserved file, piece by piece. */
import type { AbsenceReason } from '../../memory/index.js';

/** Pieces follow each other without gaps, from offset 0 to the size of the file. */
export type Content =
  /** `bytes` are valid until the next piece is asked for. */
  | { readonly kind: 'data'; readonly offset: bigint; readonly length: bigint; readonly bytes: Uint8Array }
  /** Reads as zeros. */
  | {
      readonly kind: 'hole';
      readonly offset: bigint;
      readonly length: bigint;
      /** No folio was preserved, or one that was never written, whose memory is stale. */
      readonly because: 'no folio' | 'not up to date';
    }
  /** The dump does not have it. */
  | {
      readonly kind: 'absent';
      readonly offset: bigint;
      readonly length: bigint;
      readonly reason: AbsenceReason;
      readonly detail: string;
      readonly address: bigint;
    };
