/**
 * Generators of fixtures: what each format has to say so that valid instances, and instances that break one rule,
 * can be made of it. A format is added by one file that exports a {@link Generator} and one line in `index.ts`.
 */
import type { Finding, Generation, Rule } from '../../formats/format.js';
import type { MemoryContents, WritableContainer } from '../../memory/index.js';

/** What an instance is: memory, written as a dump, or the bytes of a stream or a file. */
export type Made =
  | {
      readonly kind: 'memory';
      readonly memory: MemoryContents;
      /** Physical address of the root, where nothing in the memory leads to it any more. */
      readonly khoFdt?: bigint;
    }
  | {
      readonly kind: 'bytes';
      readonly bytes: Uint8Array;
      /** `FORMAT@GENERATION` as which it has to be opened, where the bytes do not tell, or tell another. */
      readonly as?: string;
      /** The ABI that has to be given when it is opened, where the bytes do not tell. */
      readonly forcedABI?: string;
    };

export interface Case {
  /** Unique among the cases of its format, and part of the name of its file: `v4-x86_64-4k-sessions-51`. */
  readonly name: string;
  /** What it covers, in half a sentence. */
  readonly covers: string;
  readonly generation: string;
  /** By its name: `x86_64`; undefined where the bytes are the same on every machine. */
  readonly abi?: string;
  /** In bytes; undefined where the format knows no pages. */
  readonly pageSize?: number;
  /** What is found in it by nature, sound as it is: of a generation that no release takes, that it is one. */
  readonly inherent?: readonly ExpectedFinding[];
  /** Makes it anew, the same every time. */
  make(): Made;
}

/** A finding that an instance has to give: no others may come with it. */
export interface ExpectedFinding {
  readonly rule: string;
  readonly severity: Finding['severity'];
  /** As `carryover check` shows it. */
  readonly path: string;
}

/** An instance that breaks a rule. */
export interface Violation extends Case {
  readonly rule: string;
  /**
   * The rule itself first; others only where it cannot be broken alone, which `notAlone` explains. What is found by
   * nature comes on top.
   */
  readonly expected: readonly ExpectedFinding[];
  /** Why other findings come with it. */
  readonly notAlone?: string;
  /** The containers in which it can be told, where not all of them can. */
  readonly containers?: readonly WritableContainer[];
}

/** All of a format that can be generated. */
export interface Generator {
  readonly format: string;
  readonly makes: Made['kind'];
  /** From the oldest on. */
  readonly generations: readonly Pick<Generation, 'name' | 'title'>[];
  readonly rules: readonly Rule[];
  /** Valid instances at the edges of a generation, in an order that does not change: new ones come last. */
  boundaries(generation: string): Iterable<Case>;
  /** A valid instance that follows from the seed and its number alone. */
  random(generation: string, seed: number, index: number): Case;
  /** By the names of the rules, those of {@link Generator.rules}; of each generation where it can be broken one. */
  violations(generation: string): Iterable<Violation>;
  /** Rules that no instance breaks, and why. */
  readonly unbroken: Readonly<Record<string, string>>;
  /** What is found in an instance, opened as anybody would open it. */
  check(made: Made): readonly Finding[];
}
