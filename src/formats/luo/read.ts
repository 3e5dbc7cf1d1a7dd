/** Text of fixed length as the kernel reads it. */

/** What is odd about a `char[N]` that is meant to be a name. */
export interface NameProblems {
  readonly unterminated: boolean;
  readonly empty: boolean;
  /** Characters that are not printable ASCII. */
  readonly unprintable: boolean;
  /** Something behind the NUL. */
  readonly tail: boolean;
}

export function nameProblems(bytes: Uint8Array): NameProblems {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  return {
    unterminated: end < 0,
    empty: end === 0,
    unprintable: text.some((byte) => byte < 0x20 || byte > 0x7e),
    tail: end >= 0 && bytes.subarray(end).some((byte) => byte !== 0),
  };
}
