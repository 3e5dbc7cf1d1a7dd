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
      /**
       * No folio was preserved; or one that was never written, whose memory is stale; or the dump holds its
       * memory as zeros that it does not store, which some writers also do with pages that they left out.
       */
      readonly because: 'no folio' | 'not up to date' | 'zero in the dump';
    }
  /** The dump does not have it, or it is not known where. */
  | {
      readonly kind: 'absent';
      readonly offset: bigint;
      readonly length: bigint;
      /** `limit`: the dump may have it; the file is in more pieces than are kept. */
      readonly reason: AbsenceReason | 'limit';
      readonly detail: string;
      /** Where it would be, if that is known. */
      readonly address: bigint | undefined;
    };
