/** The unit in which physical and I/O addresses are counted. */

/** Page frames are of 4 KiB whatever the granule; numbers of them are exact up to 2^53. */
export const FRAME = 4096;
