/**
 * What the parts of a value mean when two states are compared: which of them say where something lies rather
 * than what it is, how the elements of lists are told apart, and where the bytes behind a value are. A format
 * declares it beside its values, with the same shape; what is not declared is a value like any other, and
 * pointers are known from the schemas.
 */

/** What a scalar, or all of a part, says. */
export type Sense =
  /** It is the matter itself. */
  | 'value'
  /** Where something lies. That it is there is compared, not where. */
  | 'address'
  /** How it was stored, which an allocator or a generation decides: order, pieces, counts of these. */
  | 'layout'
  /** It follows from other parts, and is told only where these do not differ. */
  | 'derived'
  /** Which generation it is: two of them may say the same in different ways. */
  | 'generation'
  /** What kind of machine wrote it. */
  | 'machine'
  /** A total, told for orientation. */
  | 'summary'
  /** A word of somebody who is not known: an address or a value. */
  | 'word'
  /** It says nothing that could be compared. */
  | 'unknown';

/** A stretch of something, for lists of runs that may be cut at different places. */
export interface Stretch {
  /** From here up to there, in units of the list's own. */
  readonly from: number;
  readonly to: number;
  /** What holds all along it, by names. */
  readonly says: Readonly<Record<string, number>>;
  /** Address of the unit at `at`; compared only where addresses are. */
  place(at: number): number;
}

export interface Meaning {
  readonly is?: Sense;
  /** Of an object, by the names of its members. */
  readonly fields?: Readonly<Record<string, MeaningOf>>;
  /** Of each element of a list, or of each member of a map that `fields` does not name. */
  readonly each?: MeaningOf;
  /** The members of the object are things with names, not fields: no generation has or lacks them. */
  readonly map?: true;
  /**
   * What tells the elements of a list apart, whatever their order: a field of theirs, or several that make it
   * together; dots lead further in (`side.0.oaddr`). Lists without it are aligned by what is equal.
   */
  readonly key?: string | readonly string[];
  /** The key of an element as people read it. */
  readonly keyText?: (element: unknown) => string;
  /** The list is compared as what holds along it, however it is cut. */
  readonly stretches?: (element: unknown) => Stretch | undefined;
  /**
   * The object stands for bytes: those that a handler knows of (`file`), or a piece of memory whose address
   * and size are in fields of it. `head` is where its first bytes are, for those who have no memory.
   */
  readonly content?: 'file' | { readonly address: string; readonly size: string; readonly head?: string };
  /** What there is of it is only known where there is memory to look into. */
  readonly needs?: 'memory';
  /** The field beside the list that says that there is more of it than could be read. */
  readonly incomplete?: string;
  /** Some inputs do not say it. Where one does not, there is nothing to compare. */
  readonly maybe?: true;
}

/** A meaning, or what decides it from the value. */
export type MeaningOf = Meaning | ((value: unknown) => Meaning);
