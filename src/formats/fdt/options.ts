/** How a device tree is to be read. */

export interface ParseOptions {
  /** List problems instead of throwing the first, and read as much as there is. */
  readonly lenient?: boolean;
  /**
   * A strings block to take names from where the input was cut off before its own. Offsets are those of the
   * block that is missing.
   */
  readonly strings?: Uint8Array;
  /** Nodes nested deeper are an error, or left out of a lenient parse; 1024 if not given. The root is 1. */
  readonly maxDepth?: number;
  /** Read as this version, whatever the header says. */
  readonly version?: number;
}
